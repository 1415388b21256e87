//! Plans for source systems that are known.

pub mod mdw;

use shared::assessment::Catalog;
use shared::plan::Plan;

/// A plan for every database of one kind.
pub struct Template {
    /// The name by which a draft asks for it.
    pub name: &'static str,
    /// One sentence for people who choose.
    pub description: &'static str,
    fits: fn(&Catalog) -> bool,
    plan: fn(&str, &str, &Catalog) -> Plan,
}

/// All templates.
pub const TEMPLATES: &[Template] = &[Template {
    name: mdw::NAME,
    description: "The legacy clinical system MDW, to profiles, clinics, patients, cases and orders.",
    fits: mdw::fits,
    plan: mdw::plan,
}];

impl Template {
    pub fn named(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// The template whose tables the source has.
    pub fn fitting(source: &Catalog) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.fits(source))
    }

    /// Whether the source has every table and column that the template reads.
    pub fn fits(&self, source: &Catalog) -> bool {
        (self.fits)(source)
    }

    /// The whole plan, for a source that the template fits.
    pub fn plan(&self, source_url: &str, target_url: &str, source: &Catalog) -> Plan {
        (self.plan)(source_url, target_url, source)
    }
}
