//! Writes a complete plan that can run at once: by a template where one fits, by names and types
//! elsewhere.

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Checks, FORMAT, Options, Plan, TargetSql};

use super::probe::{self, Probe};
use super::templates::{TEMPLATES, Template};
use super::{catalog_of_target, order, shape};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};

/// A plan from one database to another, named after the source.
///
/// With the name of a template, by that one; without, by the one that fits, if any. The name
/// `none` stands for no template.
pub async fn draft(source_url: &str, target_url: &str, template: Option<&str>) -> Result<Plan> {
    let source = Source::open(source_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    let target_catalog = catalog_of_target(target_url).await?;
    if let Some(template) = chosen(template, &source_catalog)? {
        return Ok(template.plan(source_url, target_url, &source_catalog));
    }
    if source_catalog.tables.is_empty() {
        return Err(EngineError::new(
            ErrorCode::Map002,
            "drafting a plan: the source has no tables",
        ));
    }
    let probe = probe::probe(&source, &source_catalog, target_catalog.engine).await?;
    let plan = by_names(&source_catalog, &target_catalog, &probe);
    Ok(Plan {
        name: name_of(source_url),
        source: source_url.to_owned(),
        target: target_url.to_owned(),
        ..plan
    })
}

/// Every table of the source, mapped to the table of its name or to a new one. Pure.
pub(super) fn by_names(source: &Catalog, target: &Catalog, probe: &Probe) -> Plan {
    let shaped = shape::shape(source, target, probe);
    let mut plan = Plan {
        format: FORMAT,
        name: String::new(),
        description: Some(description(source, &shaped.notes)),
        source: String::new(),
        target: String::new(),
        options: Options::default(),
        code_tables: std::collections::BTreeMap::new(),
        lookups: std::collections::BTreeMap::new(),
        enums: shaped.enums,
        target_sql: TargetSql {
            after: shaped.comments.join(
                "
",
            ),
            ..TargetSql::default()
        },
        duplicates: None,
        checks: Checks::default(),
        tables: shaped.tables,
    };
    let places = order::order(&plan, target);
    let mut tables: Vec<_> = std::mem::take(&mut plan.tables).into_iter().map(Some).collect();
    plan.tables = places.into_iter().flatten().filter_map(|place| tables[place].take()).collect();
    plan
}

fn chosen(name: Option<&str>, source: &Catalog) -> Result<Option<&'static Template>> {
    let refused =
        |why: String| EngineError::new(ErrorCode::Map007, format!("drafting a plan: {why}"));
    match name {
        Some("none") => Ok(None),
        None => Ok(Template::fitting(source)),
        Some(name) => match Template::named(name) {
            Some(template) if template.fits(source) => Ok(Some(template)),
            Some(_) => Err(refused(format!("the source lacks tables of the template `{name}`"))),
            None => {
                let known: Vec<_> = TEMPLATES.iter().map(|template| template.name).collect();
                Err(refused(format!(
                    "there is no template `{name}`; there is: {}, none",
                    known.join(", ")
                )))
            }
        },
    }
}

fn description(source: &Catalog, notes: &[String]) -> String {
    let mut text = format!("Drafted from {}.", source.server);
    if !notes.is_empty() {
        text.push_str(" Worth a look before the first run:\n");
        for note in notes {
            text.push_str("- ");
            text.push_str(note);
            text.push('\n');
        }
    }
    text
}

/// The last part of the path, without what follows a point: a database, a file or a folder.
fn name_of(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = match Engine::of_url(url) {
        Some(Engine::Postgres | Engine::Mysql) => {
            path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, p)| p)
        }
        _ => path.split_once(':').map_or(path, |(_, rest)| rest),
    };
    let last = path.trim_end_matches(['/', '.']).rsplit('/').next().unwrap_or_default();
    let stem = last.split('.').next().unwrap_or_default();
    if stem.is_empty() { "migration".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_named_after_its_source() {
        for (url, name) in [
            ("postgres://ann:secret@db:5432/clinic?sslmode=require", "clinic"),
            ("mysql://db/legacy", "legacy"),
            ("postgres://db", "migration"),
            ("sqlite:folder/old.clinic.db", "old"),
            ("csv:../data/synthea/", "synthea"),
            ("csv:.", "migration"),
        ] {
            assert_eq!(name_of(url), name, "{url}");
        }
    }
}
