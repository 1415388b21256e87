//! The rules of a plan in words.

use shared::plan::{Case, Orphans, Otherwise, Transform};

/// What a rule does, as a short phrase.
pub(super) fn in_words(rule: &Transform) -> String {
    match rule {
        Transform::Trim { inner: false } => "trim white space".to_owned(),
        Transform::Trim { inner: true } => "trim white space, inside too".to_owned(),
        Transform::Case { to: Case::Lower } => "to lower case".to_owned(),
        Transform::Case { to: Case::Upper } => "to upper case".to_owned(),
        Transform::Nfc => "to Unicode form C".to_owned(),
        Transform::EmptyToNull { also } if also.is_empty() => "empty becomes null".to_owned(),
        Transform::EmptyToNull { also } => format!("empty and {} become null", listed(also)),
        Transform::ReplaceNul { with } => format!("0x00 becomes {}", quoted(with)),
        Transform::ZeroDateToNull => "a date of zeros becomes null".to_owned(),
        Transform::ParseDate { format } => format!("read as a date, {format}"),
        Transform::ParseTimestamp { format, zone: None } => format!("read as a time, {format}"),
        Transform::ParseTimestamp { format, zone: Some(zone) } => {
            format!("read as a time, {format}, in {zone}")
        }
        Transform::AssumeZone { zone } => format!("a local time in {zone}"),
        Transform::Boolean { yes, no } => {
            format!("true for {}, false for {}", listed(yes), listed(no))
        }
        Transform::PercentToFraction => "percent becomes a fraction".to_owned(),
        Transform::Round { scale } => format!("round to {scale} decimals"),
        Transform::Truncate { length } => format!("cut to {length} characters"),
        Transform::Map { entries, otherwise } => {
            format!("{} mapped; {}", values(entries.len()), otherwise_in_words(otherwise))
        }
        Transform::CodeTable { table } => format!("by the code table {table}"),
        Transform::Lookup { from, otherwise } => {
            format!("looked up in {from}; {}", otherwise_in_words(otherwise))
        }
        Transform::Expression { cel, .. } => format!("computed: {cel}"),
        Transform::UuidV5 { entity } => format!("UUID of the {entity}"),
        Transform::Constant { value } => format!("always {}", quoted(value)),
        Transform::Default { value } => format!("null becomes {}", quoted(value)),
        Transform::Concat { columns, separator } if separator.is_empty() => {
            format!("{} joined", columns.join(", "))
        }
        Transform::Concat { columns, separator } => {
            format!("{} joined with {}", columns.join(", "), quoted(separator))
        }
        Transform::Split { separator, index } => {
            format!("part {} between {}", index + 1, quoted(separator))
        }
        Transform::Prefix { text } => format!("with {} before it", quoted(text)),
        Transform::Pad { length, with } => {
            format!("filled up to {length} with {}", quoted(&with.to_string()))
        }
        Transform::Json { repair: false } => "read as JSON".to_owned(),
        Transform::Json { repair: true } => "read as JSON, repaired".to_owned(),
        Transform::Phone { region, otherwise } => {
            let local = region.as_ref().map(|region| format!(" ({region})")).unwrap_or_default();
            format!("phone number{local}; {}", otherwise_in_words(otherwise))
        }
        Transform::Email { otherwise } => {
            format!("e-mail address; {}", otherwise_in_words(otherwise))
        }
        Transform::Hash => "hashed".to_owned(),
        Transform::Mask { keep_last: 0 } => "masked".to_owned(),
        Transform::Mask { keep_last } => format!("masked but for the last {keep_last}"),
    }
}

/// What becomes of what a rule or a code table does not know.
pub(super) fn otherwise_in_words(otherwise: &Otherwise) -> String {
    match otherwise {
        Otherwise::Quarantine => "else to the quarantine".to_owned(),
        Otherwise::Keep => "else as it is".to_owned(),
        Otherwise::Null => "else null".to_owned(),
        Otherwise::Value(value) => format!("else {}", quoted(value)),
    }
}

/// What becomes of a row whose parent did not arrive.
pub(super) fn orphans_in_words(orphans: &Orphans) -> String {
    match orphans {
        Orphans::Quarantine => "rows without their parent go to the quarantine".to_owned(),
        Orphans::Park => "rows without their parent wait in quarantine for it".to_owned(),
        Orphans::KeepIn(column) => {
            format!("rows without their parent stay, its key is kept in {column}")
        }
    }
}

fn quoted(text: &str) -> String {
    format!("“{text}”")
}

fn listed(texts: &[String]) -> String {
    texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

fn values(count: usize) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{count} values") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, words: &str) {
        let rule: Transform = serde_json::from_str(rule).unwrap();
        assert_eq!(in_words(&rule), words);
    }

    #[test]
    fn a_rule_says_what_becomes_of_what_it_does_not_know() {
        check(
            r#"{"rule": "map", "entries": {"a": "b"}, "otherwise": "keep"}"#,
            "1 value mapped; else as it is",
        );
        check(r#"{"rule": "email"}"#, "e-mail address; else to the quarantine");
        check(
            r#"{"rule": "phone", "region": "US", "otherwise": {"value": "?"}}"#,
            "phone number (US); else “?”",
        );
    }

    #[test]
    fn a_rule_names_what_it_looks_for() {
        check(
            r#"{"rule": "empty_to_null", "also": ["N/A", "-"]}"#,
            "empty and “N/A”, “-” become null",
        );
        check(r#"{"rule": "split", "separator": ",", "index": 0}"#, "part 1 between “,”");
        check(r#"{"rule": "boolean", "yes": ["Y"], "no": ["N"]}"#, "true for “Y”, false for “N”");
    }
}
