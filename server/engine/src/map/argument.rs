//! What rules are given: formats, zones, regions. A rule that is given nonsense never works.

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use phonenumber::country;
use shared::plan::Transform;

use super::expression;

/// What is wrong with what the rule is given; none when it can work.
pub(crate) fn problem(rule: &Transform) -> Option<String> {
    match rule {
        Transform::ReplaceNul { with } if with.contains('\0') => {
            Some("replace_nul puts 0x00 in the place of 0x00".to_owned())
        }
        Transform::Split { separator, .. } if separator.is_empty() => {
            Some("split has no separator".to_owned())
        }
        Transform::Boolean { yes, no } => yes
            .iter()
            .find(|text| no.contains(text))
            .map(|text| format!("boolean has `{text}` among yes and among no")),
        Transform::ParseDate { format } => format_problem(format),
        Transform::ParseTimestamp { format, zone: name } => {
            format_problem(format).or_else(|| name.as_deref().and_then(|name| zone(name).err()))
        }
        Transform::AssumeZone { zone: name } => zone(name).err(),
        Transform::Phone { region: Some(name), .. } => region(name).err(),
        Transform::Expression { cel, columns } => expression::prepare(cel, columns).err(),
        _ => None,
    }
}

pub(crate) fn zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| format!("`{name}` is no zone of the IANA database"))
}

pub(crate) fn region(name: &str) -> Result<country::Id, String> {
    name.parse().map_err(|_| format!("`{name}` is no region of two letters"))
}

fn format_problem(format: &str) -> Option<String> {
    StrftimeItems::new(format)
        .any(|item| matches!(item, Item::Error))
        .then(|| format!("`{format}` has letters that strftime does not know"))
}
