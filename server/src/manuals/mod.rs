//! The manuals inside the binary: as text elements for the portal, and by their words.

mod render;
mod search;

use std::sync::LazyLock;

use shared::manual::{Manual, ManualHit, ManualSummary};

pub use search::{Found, words_of};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../docs/migration"]
struct Files;

/// A manual that was read.
pub struct Book {
    pub summary: ManualSummary,
    pub manual: Manual,
    pub parts: Vec<Part>,
}

/// The text between two headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Empty before the first heading.
    pub title: String,
    pub anchor: String,
    pub text: String,
}

/// All manuals, in the order of their titles.
pub fn all() -> &'static [Book] {
    static BOOKS: LazyLock<Vec<Book>> = LazyLock::new(|| {
        let mut books: Vec<_> = Files::iter()
            .filter_map(|path| {
                let name = path.strip_suffix(".md")?;
                let text = String::from_utf8(Files::get(&path)?.data.into_owned()).ok()?;
                Some(render::read(name, &text))
            })
            .collect();
        books.sort_by(|one, other| one.summary.title.cmp(&other.summary.title));
        books
    });
    &BOOKS
}

pub fn find(name: &str) -> Option<&'static Book> {
    all().iter().find(|book| book.summary.name == name)
}

/// Parts of manuals in which all the words are, the best first.
pub fn search(words: &str, limit: usize) -> Vec<ManualHit> {
    let found = search::strict(all(), words);
    found.into_iter().take(limit).map(|found| found.hit()).collect()
}

/// Parts of manuals that say most about a question, the best first.
pub fn about(question: &str, limit: usize) -> Vec<Found<'static>> {
    let mut found = search::loose(all(), question);
    found.truncate(limit);
    found
}

/// The catalogue of errors, which the portal shows by its codes.
const CATALOGUE: &str = "error-handling";

/// The portal's address of a manual, or of a part of it.
pub fn address(name: &str, anchor: &str) -> String {
    let anchor = match name {
        CATALOGUE => anchor.split('-').take(2).collect::<Vec<_>>().join("-"),
        _ => anchor.to_owned(),
    };
    let hash = if anchor.is_empty() { "" } else { "#" };
    format!("/portal/library/{name}{hash}{anchor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manual_has_a_title_and_a_beginning() {
        assert!(all().len() > 5);
        for Book { summary, manual, .. } in all() {
            assert!(!summary.title.is_empty() && !summary.about.is_empty(), "{}", summary.name);
            assert!(!manual.html.contains("<script") && !manual.html.contains("style="));
        }
        assert_eq!(find("quarantine").unwrap().summary.name, "quarantine");
        assert!(find("../../README").is_none());
    }

    #[test]
    fn every_link_between_manuals_leads_somewhere() {
        for Book { summary, manual, .. } in all() {
            for piece in manual.html.split("href=\"/portal/library/").skip(1) {
                let target = piece.split('"').next().unwrap_or_default();
                let (name, anchor) = target.split_once('#').unwrap_or((target, ""));
                let book = find(name).unwrap_or_else(|| panic!("{}: {target}", summary.name));
                let has =
                    book.manual.sections.iter().any(|section| section.anchor.starts_with(anchor));
                assert!(anchor.is_empty() || has, "{}: {target}", summary.name);
            }
        }
    }

    #[test]
    fn what_is_looked_for_is_found_where_it_is_said() {
        let hits = search("waive", 5);
        assert!(hits.iter().any(|hit| hit.manual == "quarantine"), "{hits:?}");
        assert!(search("zeppelin", 5).is_empty());
    }
}
