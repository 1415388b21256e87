//! Lookups that stand in the plan, and tables of the source that values are looked up in.

use std::collections::BTreeMap;

use shared::plan::{LookupCsv, LookupFrom};

/// The values of a lookup by their keys; none where the source is asked for them.
pub(crate) fn entries(from: &LookupFrom) -> Result<Option<BTreeMap<String, String>>, String> {
    match from {
        LookupFrom::Table(_) => Ok(None),
        LookupFrom::Entries(entries) => Ok(Some(entries.clone())),
        LookupFrom::Csv(csv) => read(csv).map(Some),
    }
}

/// The name of the column in which a row brings what its source looked up for it.
pub(crate) fn column_name(lookup: &str, key: &str) -> String {
    format!("lookup {lookup} of {key}")
}

/// An empty value is none: its key counts as not listed. Values are not shown.
fn read(csv: &LookupCsv) -> Result<BTreeMap<String, String>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(csv.text.as_bytes());
    let header = reader.headers().map_err(|_| "its text is not CSV".to_owned())?.clone();
    let place = |name: &str| {
        let mut places = (0..header.len()).filter(|place| &header[*place] == name);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(format!("its text has no column `{name}`")),
            (Some(_), Some(_)) => Err(format!("its text has the column `{name}` twice")),
        }
    };
    let (key, value) = (place(&csv.key)?, place(&csv.value)?);
    let mut entries = BTreeMap::new();
    for (index, record) in reader.records().enumerate() {
        let number = index + 1;
        let record = record.map_err(|_| format!("its row {number} has other fields"))?;
        let (key, value) = (&record[key], &record[value]);
        if value.is_empty() {
            continue;
        }
        if entries.insert(key.to_owned(), value.to_owned()).is_some_and(|other| other != value) {
            return Err(format!("its row {number} has a key that is there before, otherwise"));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let csv = LookupCsv { text: text.to_owned(), key: "code".into(), value: "unit".into() };
        let found = entries(&LookupFrom::Csv(csv));
        match expected {
            Ok(expected) => {
                let expected = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
                assert_eq!(found, Ok(Some(expected.collect())));
            }
            Err(why) => {
                assert!(found.as_ref().is_err_and(|found| found.contains(why)), "{found:?}");
            }
        }
    }

    #[test]
    fn a_text_of_csv_is_read_by_the_names_of_its_columns() {
        check(
            "unit,more,code\nmg/dl,x,1\n\"g, dry\",,2\n,none,3\n",
            Ok(&[("1", "mg/dl"), ("2", "g, dry")]),
        );
        check("code,unit\n1,a\n1,a\n", Ok(&[("1", "a")]));
        check("code,unit\n", Ok(&[]));
    }

    #[test]
    fn a_text_that_cannot_be_meant_is_refused_without_its_values() {
        check("code,units\n1,a\n", Err("no column `unit`"));
        check("code,unit,unit\n1,a,b\n", Err("`unit` twice"));
        check("code,unit\n1,a,b\n", Err("row 1"));
        check("code,unit\n1,a\n1,secret\n", Err("row 2"));
        let csv = "code,unit\n1,a\n1,secret\n";
        let csv = LookupCsv { text: csv.into(), key: "code".into(), value: "unit".into() };
        assert!(!entries(&LookupFrom::Csv(csv)).unwrap_err().contains("secret"));
    }
}
