//! Contradictions that keep two records from being merged without somebody's look, whatever their
//! weight.

use shared::duplicate::{Agreement, Field, Veto};

use crate::compare::Pattern;
use crate::people::{Index, People};

/// The contradictions between two records. `are_two_names` tells whether their given names, which
/// are similar, are two names in use and not one and its misspelling.
pub(super) fn vetoes(
    people: &People,
    left: Index,
    right: Index,
    pattern: Pattern,
    are_two_names: impl Fn() -> bool,
) -> Vec<Veto> {
    let (a, b) = (people.row(left), people.row(right));
    let checks = [
        (Veto::IdentifierConflict, pattern.get(Field::Identifier) == Agreement::Different),
        (Veto::SuffixConflict, pattern.get(Field::Suffix) == Agreement::Different),
        (Veto::PossibleSiblings, may_be_siblings(pattern, are_two_names)),
        (Veto::PossibleParentAndChild, may_be_parent_and_child(pattern)),
        (Veto::Newborn, a.is_newborn() || b.is_newborn()),
        (Veto::SharedIdentifier, share_an_identifier_only(pattern)),
        (
            Veto::ThinEvidence,
            is_thin(pattern, people.reading().has_contacts) || a.is_nobodys() || b.is_nobodys(),
        ),
    ];
    checks.into_iter().filter(|(_, applies)| *applies).map(|(veto, _)| veto).collect()
}

/// Born on one day with two names or sexes; or of two similar names, or one initial, which brothers
/// and sisters have too.
fn may_be_siblings(pattern: Pattern, are_two_names: impl Fn() -> bool) -> bool {
    use Agreement::{Close, Different, Exact, Initial, Loose, Near, OneEdit, Part, TwoEdits};
    let born_together = pattern.get(Field::BirthDate) == Exact;
    let numbers_are_near = matches!(pattern.get(Field::Identifier), OneEdit | TwoEdits);
    matches!(pattern.get(Field::Surname), Exact | Near | Part)
        && pattern.get(Field::Identifier) != Exact
        && match pattern.get(Field::GivenName) {
            Exact => born_together && pattern.get(Field::Sex) == Different,
            // Numbers given out to twins at one counter follow each other.
            _ if born_together && numbers_are_near => true,
            Different | Loose => born_together,
            Near | Close => are_two_names(),
            Initial if !born_together => true,
            _ => born_together && pattern.get(Field::Sex) == Different,
        }
}

fn may_be_parent_and_child(pattern: Pattern) -> bool {
    use Agreement::{Different, Exact, Near, Nickname, Part};
    matches!(pattern.get(Field::GivenName), Exact | Nickname | Near)
        && matches!(pattern.get(Field::Surname), Exact | Near | Part)
        && pattern.get(Field::BirthDate) == Different
        && pattern.get(Field::Identifier) != Exact
}

/// Numbers get mixed up between the forms of a family, and are lent to relatives.
fn share_an_identifier_only(pattern: Pattern) -> bool {
    use Agreement::{Different, Exact, Loose, SmallPart, TwoEdits};
    pattern.get(Field::Identifier) == Exact
        && matches!(pattern.get(Field::GivenName), Different | Loose)
        && matches!(pattern.get(Field::BirthDate), Different | SmallPart | TwoEdits)
}

/// A name alone is nobody's alone; nor is a name with a birthday in a large city, when nothing
/// agrees that could tell namesakes apart although there are columns for it.
fn is_thin(pattern: Pattern, has_contacts: bool) -> bool {
    const PERSONAL: [Field; 4] =
        [Field::GivenName, Field::BirthDate, Field::Identifier, Field::OtherIdentifier];
    use Agreement::{Exact, Missing, Near, OneEdit, Swapped, TwoEdits};
    let telling: [(Field, &[Agreement]); 6] = [
        (Field::Identifier, &[Exact, OneEdit, TwoEdits]),
        (Field::OtherIdentifier, &[Exact]),
        (Field::Phone, &[Exact]),
        (Field::Email, &[Exact]),
        (Field::Address, &[Exact, Near, Swapped]),
        // Where the address says nothing; a whole town shares the postcode of other addresses.
        (Field::Postcode, &[Exact, OneEdit]),
    ];
    let personal = PERSONAL.iter().filter(|field| pattern.get(**field) != Missing).count();
    let is_told = telling.iter().any(|(field, levels)| levels.contains(&pattern.get(*field)));
    personal < 2 || has_contacts && !is_told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;
    use crate::people::Builder;

    #[track_caller]
    fn check(levels: &[(Field, Agreement)], expected: &[Veto]) {
        check_in("", levels, expected);
    }

    #[track_caller]
    fn check_in(phone: &str, levels: &[(Field, Agreement)], expected: &[Veto]) {
        let columns = Columns::recognise(&["id", "first_name", "phone"], &[]).unwrap();
        let mut builder = Builder::new(columns);
        builder.extend(&[["a", "Ida", phone], ["b", "Ida", phone]], |row, at| row[at]);
        let people = builder.finish(None).unwrap();
        let pattern = levels
            .iter()
            .fold(Pattern::default(), |pattern, (field, level)| pattern.with(*field, *level));
        assert_eq!(vetoes(&people, 0, 1, pattern, || true), expected);
    }

    use Agreement::*;
    use Field::{Address, BirthDate, GivenName, Identifier, Phone, Sex, Suffix, Surname};

    #[test]
    fn what_one_person_has_is_not_vetoed() {
        check(&[(GivenName, Exact), (Surname, Exact), (BirthDate, Exact), (Address, Exact)], &[]);
        check(&[(GivenName, Exact), (Surname, Exact), (BirthDate, Exact)], &[]);
        check(
            &[(GivenName, Different), (BirthDate, Exact), (Surname, Exact), (Identifier, Exact)],
            &[],
        );
    }

    #[test]
    fn two_identifiers_are_two_people() {
        check(
            &[(GivenName, Exact), (BirthDate, Exact), (Identifier, Different), (Phone, Exact)],
            &[Veto::IdentifierConflict],
        );
        check(
            &[(GivenName, Exact), (BirthDate, Exact), (Identifier, TwoEdits), (Phone, Exact)],
            &[],
        );
    }

    #[test]
    fn siblings_are_told_by_name_or_sex() {
        let born = [(BirthDate, Exact), (Surname, Exact), (Address, Exact)];
        for given in [Different, Loose, Near, Close] {
            check(&[&born[..], &[(GivenName, given)]].concat(), &[Veto::PossibleSiblings]);
        }
        check(
            &[&born[..], &[(GivenName, Initial), (Sex, Different)]].concat(),
            &[Veto::PossibleSiblings],
        );
        check(&[&born[..], &[(GivenName, Nickname)]].concat(), &[]);
        check(&[&born[..], &[(GivenName, Initial)]].concat(), &[]);
        let numbered = [(GivenName, Nickname), (Identifier, OneEdit)];
        check(&[&born[..], &numbered].concat(), &[Veto::PossibleSiblings]);
        let year_apart = [(BirthDate, OneEdit), (Surname, Exact), (Address, Exact)];
        check(&[&year_apart[..], &[(GivenName, Initial)]].concat(), &[Veto::PossibleSiblings]);
    }

    #[test]
    fn parent_and_child_are_told_by_date_or_suffix() {
        let named = [(GivenName, Exact), (Surname, Exact), (Address, Exact)];
        check(&[&named[..], &[(BirthDate, Different)]].concat(), &[Veto::PossibleParentAndChild]);
        check(
            &[&named[..], &[(BirthDate, Exact), (Suffix, Different)]].concat(),
            &[Veto::SuffixConflict],
        );
        check(&[&named[..], &[(BirthDate, OneEdit)]].concat(), &[]);
    }

    #[test]
    fn an_identifier_alone_is_not_a_person() {
        check(
            &[(Identifier, Exact), (GivenName, Different), (BirthDate, Different)],
            &[Veto::SharedIdentifier],
        );
        check(&[(Identifier, Exact), (GivenName, Different), (BirthDate, Exact)], &[]);
    }

    #[test]
    fn namesakes_are_not_told_by_name_and_birthday() {
        const PHONE: &str = "617-555-0142";
        let namesakes = [(GivenName, Exact), (Surname, Exact), (BirthDate, Exact)];
        let differing = [(Phone, Different), (Address, Different)];
        check_in(PHONE, &[&namesakes[..], &differing].concat(), &[Veto::ThinEvidence]);
        check_in(PHONE, &namesakes, &[Veto::ThinEvidence]);
        check_in(PHONE, &[&namesakes[..], &[(Phone, Different), (Address, Near)]].concat(), &[]);
        check(&[(GivenName, Exact), (Surname, Exact), (Phone, Exact)], &[Veto::ThinEvidence]);
    }
}
