//! Which column says what, recognised by its name.

use shared::duplicate::Attribute;

/// Where each attribute of a person stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Sorted by attribute, then by position.
    at: Vec<(Attribute, usize)>,
    starts: [usize; Attribute::ALL.len() + 1],
}

/// A table whose columns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    #[error("no column is a record's id; name one in the policy under `columns: record_id:`")]
    NoRecordId,
    #[error("the policy names a column `{0}` that the table does not have")]
    Unknown(String),
    #[error("no column says anything about a person by which two records could be compared")]
    NothingToCompare,
}

impl Columns {
    /// Recognises columns by their names. `named` comes first: pairs of attribute and column name,
    /// as a policy has them; an attribute that is named is not looked for elsewhere.
    pub fn recognise<S: AsRef<str>>(
        headers: &[S],
        named: &[(Attribute, String)],
    ) -> Result<Self, ColumnError> {
        let position =
            |name: &str| headers.iter().position(|header| header.as_ref().trim() == name.trim());
        let mut found = Vec::new();
        for (attribute, name) in named {
            let at = position(name).ok_or_else(|| ColumnError::Unknown(name.clone()))?;
            found.push((*attribute, at));
        }
        let taken: Vec<(Attribute, usize)> = found.clone();
        let is_free = |attribute: Attribute, at: usize| {
            taken.iter().all(|(other, place)| *other != attribute && *place != at)
        };
        // Names are tried in their order, so that `rec_id` is preferred to `id` wherever it stands.
        for (attribute, names) in NAMES {
            let mut places: Vec<usize> = Vec::new();
            for name in *names {
                for (at, header) in headers.iter().enumerate() {
                    if plain(header.as_ref()) == *name && !places.contains(&at) {
                        places.push(at);
                    }
                }
            }
            if !matches!(attribute, Attribute::Phone | Attribute::Email) {
                places.truncate(1);
            }
            found.extend(
                places.into_iter().filter(|at| is_free(*attribute, *at)).map(|at| (*attribute, at)),
            );
        }
        Self::of_pairs(found)
    }

    /// The same without columns that are not to be looked at.
    pub fn without(self, ignored: &[Attribute]) -> Result<Self, ColumnError> {
        let kept = self.at.into_iter().filter(|(attribute, _)| !ignored.contains(attribute));
        Self::of_pairs(kept.collect())
    }

    /// The columns of an attribute, the preferred one first.
    pub fn of(&self, attribute: Attribute) -> impl Iterator<Item = usize> + '_ {
        let at = attribute as usize;
        self.at[self.starts[at]..self.starts[at + 1]].iter().map(|(_, position)| *position)
    }

    /// What each column is taken for, in the order of the attributes.
    pub fn recognised(&self) -> impl Iterator<Item = (Attribute, usize)> + '_ {
        self.at.iter().copied()
    }

    fn of_pairs(mut at: Vec<(Attribute, usize)>) -> Result<Self, ColumnError> {
        at.sort_by_key(|(attribute, _)| *attribute);
        let has = |attribute| at.iter().any(|(other, _)| *other == attribute);
        if !has(Attribute::RecordId) {
            return Err(ColumnError::NoRecordId);
        }
        let says_something = at.iter().any(|(attribute, _)| attribute.tells_people_apart());
        if !says_something {
            return Err(ColumnError::NothingToCompare);
        }
        let mut starts = [0; Attribute::ALL.len() + 1];
        for (index, start) in starts.iter_mut().enumerate() {
            *start = at.iter().take_while(|(attribute, _)| (*attribute as usize) < index).count();
        }
        Ok(Self { at, starts })
    }
}

/// A header without case, punctuation and the word that says whose it is.
fn plain(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let mut previous = ' ';
    for c in header.trim().trim_start_matches('\u{feff}').chars() {
        // `birthDate` is birth_date.
        if c.is_uppercase() && previous.is_lowercase() {
            out.push('_');
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        previous = c;
    }
    let out = out.trim_end_matches('_');
    for whose in ["patient_", "person_", "pat_", "client_", "member_", "legal_"] {
        if let Some(rest) = out.strip_prefix(whose)
            && !matches!(rest, "id" | "number" | "no" | "key" | "uid")
        {
            return rest.to_owned();
        }
    }
    out.to_owned()
}

/// The names by which columns are known, the preferred first.
const NAMES: &[(Attribute, &[&str])] = &[
    (
        Attribute::RecordId,
        &[
            "rec_id",
            "record_id",
            "id",
            "patient_id",
            "person_id",
            "unique_id",
            "uid",
            "uuid",
            "pid",
            "row_id",
            "legacy_id",
            "key",
            "patient_key",
            "patient_number",
            "patient_no",
            "client_id",
            "member_id",
            "recid",
            "mrn",
        ],
    ),
    (
        Attribute::Source,
        &["source", "source_system", "source_dataset", "system", "facility", "dataset"],
    ),
    (
        Attribute::UpdatedAt,
        &[
            "updated_at",
            "updated",
            "modified_at",
            "modified",
            "last_updated",
            "last_modified",
            "changed_at",
            "created_at",
        ],
    ),
    (Attribute::FullName, &["full_name", "name", "fullname", "display_name", "complete_name"]),
    (
        Attribute::GivenName,
        &[
            "given_name",
            "first_name",
            "firstname",
            "first",
            "given",
            "fname",
            "fname_c1",
            "forename",
            "vorname",
            "nombre",
            "prenom",
            "givenname",
        ],
    ),
    (
        Attribute::MiddleName,
        &[
            "middle_name",
            "middlename",
            "middle",
            "mname",
            "fname_c2",
            "second_name",
            "middle_initial",
            "mi",
        ],
    ),
    (
        Attribute::Surname,
        &[
            "surname",
            "last_name",
            "lastname",
            "last",
            "family_name",
            "lname",
            "lname_c1",
            "family",
            "nachname",
            "apellido",
            "apellidos",
            "nom",
            "familyname",
        ],
    ),
    (
        Attribute::SecondSurname,
        &["second_surname", "lname_c2", "segundo_apellido", "apellido2", "mothers_surname"],
    ),
    (
        Attribute::PreviousSurname,
        &[
            "previous_surname",
            "maiden_name",
            "maiden",
            "former_name",
            "birth_name",
            "previous_name",
            "geburtsname",
            "maidenname",
            "other_name",
        ],
    ),
    (Attribute::Suffix, &["suffix", "name_suffix", "generation"]),
    (
        Attribute::BirthDate,
        &[
            "birth_date",
            "date_of_birth",
            "dob",
            "birthdate",
            "birthday",
            "born",
            "geburtsdatum",
            "fecha_nacimiento",
            "dateofbirth",
        ],
    ),
    (Attribute::BirthYear, &["birth_year", "by", "year_of_birth", "yob", "dob_year"]),
    (Attribute::BirthMonth, &["birth_month", "bm", "month_of_birth", "mob", "dob_month"]),
    (Attribute::BirthDay, &["birth_day", "bd", "day_of_birth", "dob_day"]),
    (Attribute::Sex, &["sex", "gender", "geschlecht", "sexo", "administrative_gender"]),
    (
        Attribute::Identifier,
        &[
            "identifier",
            "ssn",
            "soc_sec_id",
            "social_security_number",
            "social_security",
            "national_id",
            "nhs_number",
            "tax_id",
            "cpf",
            "personnummer",
            "ssn_number",
            "national_identifier",
        ],
    ),
    (
        Attribute::OtherIdentifier,
        &[
            "other_identifier",
            "insurance_id",
            "passport",
            "drivers",
            "drivers_license",
            "driver_license",
            "policy_number",
            "mrn",
            "medical_record_number",
            "insurance_number",
            "medicare_number",
            "medicaid_id",
        ],
    ),
    (
        Attribute::Phone,
        &[
            "phone",
            "phone_number",
            "mobile",
            "mobile_phone",
            "cell",
            "cell_phone",
            "home_phone",
            "phone_home",
            "work_phone",
            "phone_work",
            "telephone",
            "tel",
            "phone1",
            "phone_1",
            "phone2",
            "phone_2",
            "mobile_number",
            "phonenumber",
        ],
    ),
    (Attribute::Email, &["email", "e_mail", "email_address", "mail", "email1", "email_1"]),
    (
        Attribute::HouseNumber,
        &["house_number", "street_number", "house_no", "hausnummer", "street_no"],
    ),
    (
        Attribute::Street,
        &[
            "street",
            "address",
            "address_1",
            "address1",
            "address_line_1",
            "street_address",
            "addr",
            "address_line1",
            "home_address",
            "strasse",
            "street_name",
            "addr1",
        ],
    ),
    (
        Attribute::Unit,
        &[
            "unit",
            "address_2",
            "address2",
            "address_line_2",
            "address_line2",
            "apartment",
            "apt",
            "addr2",
        ],
    ),
    (
        Attribute::City,
        &["city", "suburb", "town", "locality", "ort", "ciudad", "municipality", "place"],
    ),
    (
        Attribute::Postcode,
        &[
            "postcode",
            "zip",
            "zip_code",
            "postal_code",
            "zipcode",
            "plz",
            "post_code",
            "postalcode",
        ],
    ),
    (Attribute::State, &["state", "province", "region", "bundesland", "state_code"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &str, expected: &[(Attribute, usize)]) {
        let headers: Vec<&str> = headers.split(',').collect();
        let columns = Columns::recognise(&headers, &[]).unwrap();
        assert_eq!(columns.recognised().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_columns_of_known_layouts_are_recognised() {
        use Attribute::*;
        check(
            "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id",
            &[
                (RecordId, 0),
                (GivenName, 1),
                (Surname, 2),
                (BirthDate, 9),
                (Identifier, 10),
                (HouseNumber, 3),
                (Street, 4),
                (Unit, 5),
                (City, 6),
                (Postcode, 7),
                (State, 8),
            ],
        );
        check(
            "fname_c1,fname_c2,lname_c1,lname_c2,by,bm,bd,rec_id,ent_id",
            &[
                (RecordId, 7),
                (GivenName, 0),
                (MiddleName, 1),
                (Surname, 2),
                (SecondSurname, 3),
                (BirthYear, 4),
                (BirthMonth, 5),
                (BirthDay, 6),
            ],
        );
        check(
            "\u{feff}Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST,LAST,SUFFIX,MAIDEN,GENDER,ADDRESS,CITY,STATE,ZIP",
            &[
                (RecordId, 0),
                (GivenName, 7),
                (Surname, 8),
                (PreviousSurname, 10),
                (Suffix, 9),
                (BirthDate, 1),
                (Sex, 11),
                (Identifier, 3),
                (OtherIdentifier, 5),
                (Street, 12),
                (City, 13),
                (Postcode, 15),
                (State, 14),
            ],
        );
        check(
            "patientId,Patient First Name,patient_last_name,birthDate,mobile,phone",
            &[(RecordId, 0), (GivenName, 1), (Surname, 2), (BirthDate, 3), (Phone, 5), (Phone, 4)],
        );
    }

    #[test]
    fn a_policy_names_what_is_not_recognised() {
        let headers = ["nummer", "rufname", "name"];
        let named =
            [(Attribute::RecordId, "nummer".into()), (Attribute::GivenName, "rufname".into())];
        let columns = Columns::recognise(&headers, &named).unwrap();
        assert_eq!(columns.of(Attribute::GivenName).collect::<Vec<_>>(), [1]);

        let wrong = [(Attribute::RecordId, "nr".into())];
        assert_eq!(Columns::recognise(&headers, &wrong), Err(ColumnError::Unknown("nr".into())));
    }

    #[test]
    fn a_table_without_an_id_or_without_people_is_refused() {
        assert_eq!(Columns::recognise(&["name"], &[]), Err(ColumnError::NoRecordId));
        assert_eq!(Columns::recognise(&["id", "sex"], &[]), Err(ColumnError::NothingToCompare));
    }
}
