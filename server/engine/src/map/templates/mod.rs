//! Plans for legacy systems that are known by name, each a document like any other plan.

use shared::assessment::{Catalog, TableName};
use shared::error_code::ErrorCode;

use super::source_table;
use crate::error::{EngineError, Result};

/// A plan for a known system; its source and target are filled in by the draft.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    pub name: &'static str,
    /// The plan, in YAML.
    pub document: &'static str,
    /// Tables by which the system is recognised: all of them are there.
    pub tables: &'static [&'static str],
}

/// All templates, the most particular first.
pub const ALL: &[Template] = &[];

/// The template that somebody asked for. Fails when there is none of this name, or when it maps
/// tables that the source does not have.
pub fn named(name: &str, source: &Catalog) -> Result<Template> {
    let known = || ALL.iter().map(|template| template.name).collect::<Vec<_>>().join(", ");
    let template = ALL.iter().find(|template| template.name == name).ok_or_else(|| {
        EngineError::new(
            ErrorCode::Map007,
            format!("drafting by the template `{name}`; there is: {}", known()),
        )
    })?;
    match missing(template, source).next() {
        Some(table) => Err(EngineError::new(
            ErrorCode::Map007,
            format!("drafting by the template `{name}`: the source has no table {table}"),
        )),
        None => Ok(*template),
    }
}

/// The template of the system that the source is recognised as.
pub fn fitting(source: &Catalog) -> Option<Template> {
    ALL.iter().find(|template| missing(template, source).next().is_none()).copied()
}

fn missing(template: &Template, source: &Catalog) -> impl Iterator<Item = &'static str> {
    template
        .tables
        .iter()
        .copied()
        .filter(|name| source_table(source, &TableName::new(None, *name)).is_none())
}
