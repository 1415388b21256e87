//! Which rules go with which types, so that a rule that can never work is refused before a row
//! is read.

use super::{Otherwise, Plan, Transform};
use crate::data_type::DataType;

impl Plan {
    /// The type of the value that comes out of the rules, for a value of the type `from`; none
    /// where it cannot be foretold. Says why when it can never be of the type `to`.
    pub fn outcome(
        &self,
        rules: &[Transform],
        from: Option<&DataType>,
        to: &DataType,
    ) -> Result<Option<DataType>, String> {
        let mut known = from.cloned();
        for rule in rules {
            known = self.outcome_of(rule, known, to)?;
        }
        match known.as_ref().and_then(|from| from.never_becomes(to)) {
            Some(why) => Err(why.to_owned()),
            None => Ok(known),
        }
    }

    fn outcome_of(
        &self,
        rule: &Transform,
        from: Option<DataType>,
        to: &DataType,
    ) -> Result<Option<DataType>, String> {
        if let Some(from) = &from
            && !takes(rule, from, to)
        {
            return Err(format!("the rule {} does not work on {from}", rule.name()));
        }
        Ok(match rule {
            Transform::EmptyToNull { .. }
            | Transform::ZeroDateToNull
            | Transform::Default { .. } => from,
            Transform::Trim { .. }
            | Transform::Case { .. }
            | Transform::Nfc
            | Transform::ReplaceNul { .. }
            | Transform::Truncate { .. }
            | Transform::Constant { .. }
            | Transform::Concat { .. }
            | Transform::Split { .. }
            | Transform::Prefix { .. }
            | Transform::Pad { .. }
            | Transform::Hash
            | Transform::Mask { .. } => Some(DataType::Text),
            Transform::ParseDate { .. } => Some(DataType::Date),
            Transform::ParseTimestamp { format, zone } => {
                Some(if zone.is_some() || gives_zone(format) {
                    DataType::TimestampTz
                } else {
                    DataType::Timestamp
                })
            }
            // Of a value that is not foretold, it makes what is wanted.
            Transform::AssumeZone { .. } => match (from, to) {
                (Some(DataType::TimestampTz), _) | (None, DataType::Timestamp) => {
                    Some(DataType::Timestamp)
                }
                _ => Some(DataType::TimestampTz),
            },
            Transform::Boolean { .. } => Some(DataType::Boolean),
            Transform::PercentToFraction | Transform::Round { .. } => Some(DataType::Numeric(None)),
            Transform::UuidV5 { .. } => Some(DataType::Uuid),
            Transform::Json { .. } => Some(DataType::Json),
            Transform::Expression { .. } => None,
            Transform::Map { otherwise, .. }
            | Transform::Lookup { otherwise, .. }
            | Transform::Phone { otherwise, .. }
            | Transform::Email { otherwise } => text_unless_kept(otherwise, from),
            Transform::CodeTable { table } => match self.code_tables.get(table) {
                Some(table) => text_unless_kept(&table.otherwise, from),
                None => None,
            },
        })
    }
}

impl Transform {
    /// The name under which a plan writes the rule.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Trim { .. } => "trim",
            Self::Case { .. } => "case",
            Self::Nfc => "nfc",
            Self::EmptyToNull { .. } => "empty_to_null",
            Self::ReplaceNul { .. } => "replace_nul",
            Self::ZeroDateToNull => "zero_date_to_null",
            Self::ParseDate { .. } => "parse_date",
            Self::ParseTimestamp { .. } => "parse_timestamp",
            Self::AssumeZone { .. } => "assume_zone",
            Self::Boolean { .. } => "boolean",
            Self::PercentToFraction => "percent_to_fraction",
            Self::Round { .. } => "round",
            Self::Truncate { .. } => "truncate",
            Self::Map { .. } => "map",
            Self::CodeTable { .. } => "code_table",
            Self::Lookup { .. } => "lookup",
            Self::Expression { .. } => "expression",
            Self::UuidV5 { .. } => "uuid_v5",
            Self::Constant { .. } => "constant",
            Self::Default { .. } => "default",
            Self::Concat { .. } => "concat",
            Self::Split { .. } => "split",
            Self::Prefix { .. } => "prefix",
            Self::Pad { .. } => "pad",
            Self::Json { .. } => "json",
            Self::Phone { .. } => "phone",
            Self::Email { .. } => "email",
            Self::Hash => "hash",
            Self::Mask { .. } => "mask",
        }
    }
}

impl DataType {
    /// Why no value of this type can ever become one of the other without a rule; none when
    /// some can.
    pub fn never_becomes(&self, to: &Self) -> Option<&'static str> {
        match (self, to) {
            (Self::Timestamp, Self::TimestampTz) => Some(
                "a timestamp without zone needs the rule assume_zone to become one with a zone",
            ),
            (Self::TimestampTz, Self::Timestamp) => {
                Some("a timestamp with zone needs the rule assume_zone to become one without")
            }
            (Self::TimestampTz, Self::Date) => {
                Some("the day of a timestamp with zone depends on the zone")
            }
            _ if self.can_become(to) => None,
            _ => Some("no value of the source's type is one of the target's"),
        }
    }

    fn can_become(&self, to: &Self) -> bool {
        if self == to || self.is_textual() || to.is_textual() || matches!(to, Self::Array(_)) {
            return true;
        }
        let to_bits = matches!(to, Self::Bit(_) | Self::VarBit(_));
        let to_json = matches!(to, Self::Json | Self::Jsonb);
        match self {
            Self::Boolean => to.is_number() || to_bits || to_json,
            Self::SmallInt | Self::Integer | Self::BigInt | Self::Numeric(_) => {
                to.is_number() || to_bits || to_json || *to == Self::Boolean
            }
            Self::Real | Self::Double => to.is_number() || to_json || *to == Self::Boolean,
            Self::Bytea => to_json || matches!(to, Self::Uuid | Self::Boolean),
            Self::Date => *to == Self::Timestamp,
            Self::Time => *to == Self::Interval,
            Self::Interval => *to == Self::Time,
            Self::Timestamp => *to == Self::Date,
            Self::Uuid => *to == Self::Bytea,
            Self::Json | Self::Jsonb => to_json,
            Self::Bit(_) | Self::VarBit(_) => to.is_number() || to_bits || *to == Self::Boolean,
            _ => false,
        }
    }

    /// Texts, and types of other names, whose values are written as texts.
    pub const fn is_textual(&self) -> bool {
        matches!(self, Self::Text | Self::Varchar(_) | Self::Char(_) | Self::Named(_))
    }

    pub const fn is_number(&self) -> bool {
        self.is_integer() || matches!(self, Self::Real | Self::Double | Self::Numeric(_))
    }

    pub const fn is_integer(&self) -> bool {
        matches!(self, Self::SmallInt | Self::Integer | Self::BigInt)
    }
}

fn takes(rule: &Transform, from: &DataType, to: &DataType) -> bool {
    match rule {
        Transform::Trim { .. }
        | Transform::Case { .. }
        | Transform::Nfc
        | Transform::ReplaceNul { .. }
        | Transform::Truncate { .. }
        | Transform::Split { .. }
        | Transform::Email { .. } => from.is_textual(),
        Transform::ZeroDateToNull => {
            from.is_textual()
                || matches!(from, DataType::Date | DataType::Timestamp | DataType::TimestampTz)
        }
        Transform::ParseDate { .. }
        | Transform::ParseTimestamp { .. }
        | Transform::Phone { .. } => from.is_textual() || from.is_integer(),
        Transform::AssumeZone { .. } => match from {
            DataType::TimestampTz => *to == DataType::Timestamp,
            DataType::Timestamp => true,
            _ => from.is_textual(),
        },
        Transform::PercentToFraction | Transform::Round { .. } => {
            from.is_textual() || from.is_number()
        }
        Transform::Prefix { .. } | Transform::Pad { .. } => *from != DataType::Bytea,
        Transform::Json { .. } => {
            from.is_textual() || matches!(from, DataType::Json | DataType::Jsonb | DataType::Bytea)
        }
        Transform::EmptyToNull { .. }
        | Transform::Boolean { .. }
        | Transform::Map { .. }
        | Transform::CodeTable { .. }
        | Transform::Lookup { .. }
        | Transform::Expression { .. }
        | Transform::UuidV5 { .. }
        | Transform::Constant { .. }
        | Transform::Default { .. }
        | Transform::Concat { .. }
        | Transform::Hash
        | Transform::Mask { .. } => true,
    }
}

fn text_unless_kept(otherwise: &Otherwise, from: Option<DataType>) -> Option<DataType> {
    match otherwise {
        Otherwise::Keep => from.filter(DataType::is_textual).map(|_| DataType::Text),
        Otherwise::Quarantine | Otherwise::Null | Otherwise::Value(_) => Some(DataType::Text),
    }
}

/// Whether a format of strftime's letters reads a zone, or seconds since 1970 in UTC.
pub fn gives_zone(format: &str) -> bool {
    ["%z", "%:z", "%::z", "%#z", "%+", "%s"].iter().any(|letters| format.contains(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::from_yaml(
            "{format: 1, name: x, source: 'sqlite:a', target: 'postgres://b/c', tables: [], \
             code_tables: {sex: {entries: {'1': male}}}}",
        )
        .unwrap()
    }

    #[track_caller]
    fn check(from: &str, rules: &str, to: &str, expected: Result<&str, &str>) {
        let rules: Vec<Transform> = serde_norway::from_str(rules).unwrap();
        let outcome = plan().outcome(&rules, Some(&from.parse().unwrap()), &to.parse().unwrap());
        match (outcome, expected) {
            (Ok(Some(found)), Ok(expected)) => assert_eq!(found.to_string(), expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (outcome, _) => panic!("{outcome:?}"),
        }
    }

    #[test]
    fn the_type_that_comes_out_of_the_rules_is_known() {
        check("integer", "[]", "text", Ok("integer"));
        check("integer", "[{rule: uuid_v5, entity: x}]", "uuid", Ok("uuid"));
        check("varchar(3)", "[{rule: trim}, {rule: parse_date, format: '%Y'}]", "date", Ok("date"));
        check("timestamp", "[{rule: assume_zone, zone: UTC}]", "timestamptz", Ok("timestamptz"));
        check("timestamptz", "[{rule: assume_zone, zone: UTC}]", "timestamp", Ok("timestamp"));
        check("smallint", "[{rule: code_table, table: sex}]", "public.sex", Ok("text"));
        check("text", "[{rule: parse_timestamp, format: '%s'}]", "timestamptz", Ok("timestamptz"));
    }

    #[test]
    fn a_rule_that_can_never_work_is_named() {
        check("timestamp", "[]", "timestamptz", Err("assume_zone"));
        check("timestamptz", "[]", "timestamp", Err("assume_zone"));
        check("timestamptz", "[{rule: assume_zone, zone: UTC}]", "timestamptz", Err("assume_zone"));
        check("date", "[]", "integer", Err("no value"));
        check("integer", "[{rule: trim}]", "text", Err("trim"));
        check("boolean", "[{rule: percent_to_fraction}]", "numeric", Err("percent_to_fraction"));
    }

    /// The manual shows every rule as a plan writes it, and says which lose information.
    #[test]
    fn the_manual_knows_every_rule() {
        let manual = include_str!("../../../docs/migration/rules.md");
        let mut shown = std::collections::BTreeSet::new();
        for row in manual.lines().filter(|line| line.starts_with("| `{rule:")) {
            let loses = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap().trim();
            let first = row.trim_start_matches("| ").split(" | ").next().unwrap();
            for example in first.split("`, `") {
                let rule: Transform = serde_norway::from_str(example.trim_matches('`')).unwrap();
                shown.insert(rule.name());
                if loses == "yes" {
                    assert!(rule.loses_information(), "{example}");
                }
                if row.ends_with("| |") {
                    assert!(!rule.loses_information(), "{example}");
                }
            }
        }
        assert_eq!(shown.len(), 29, "{shown:?}");
    }
}
