//! Words in the manuals: those that somebody looks for, and those that a question is about.

use shared::manual::ManualHit;

use super::render::shortened;
use super::{Book, Part, address};

/// Characters around the first word that is found.
const AROUND: usize = 200;

/// A part of a manual in which something was found.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub book: &'a Book,
    pub part: &'a Part,
    /// Higher is better.
    pub score: u32,
    /// Where the first of the words is.
    at: usize,
}

impl Found<'_> {
    pub fn address(&self) -> String {
        address(&self.book.summary.name, &self.part.anchor)
    }

    /// What stands around the first word that was found.
    pub fn excerpt(&self) -> String {
        let text = &self.part.text;
        let from = text[..self.at].char_indices().rev().take(AROUND / 4).last();
        let from = from.map_or(self.at, |(index, _)| index);
        // From the beginning of a sentence, where one is near.
        let from = text[from..self.at].find(". ").map_or(from, |end| from + end + 2);
        let before = if text[..from].trim().is_empty() { "" } else { "… " };
        format!("{before}{}", shortened(&text[from..], AROUND))
    }

    pub fn hit(&self) -> ManualHit {
        ManualHit {
            manual: self.book.summary.name.clone(),
            title: self.book.summary.title.clone(),
            section: self.part.title.clone(),
            address: self.address(),
            excerpt: self.excerpt(),
        }
    }
}

/// Parts that have all the words, the best first.
pub(super) fn strict<'a>(books: &'a [Book], words: &str) -> Vec<Found<'a>> {
    let words: Vec<_> = words.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let weighed = words.iter().map(|word| (word.clone(), 1)).collect::<Vec<_>>();
    sorted(parts_of(books).filter_map(|(book, part)| {
        let text = lowered(book, part);
        words.iter().all(|word| text.contains(word)).then(|| rate(book, part, &weighed))?
    }))
}

/// Parts that have some of a question's words; rare words say more.
pub(super) fn loose<'a>(books: &'a [Book], question: &str) -> Vec<Found<'a>> {
    let weighed: Vec<_> = words_of(question)
        .filter(|word| !STOP.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
        .map(|word| {
            let with = parts_of(books).filter(|(b, p)| lowered(b, p).contains(&word)).count();
            let weight = match with {
                0 => 0,
                1..=4 => 8,
                5..=15 => 4,
                16..=40 => 2,
                _ => 1,
            };
            (word, weight)
        })
        .filter(|(_, weight)| *weight > 0)
        .collect();
    sorted(parts_of(books).filter_map(|(book, part)| rate(book, part, &weighed)))
}

/// The words of a text, in lower case.
pub fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Words that are in every question.
const STOP: &[&str] = &[
    "a", "about", "after", "again", "all", "an", "and", "any", "are", "as", "at", "be", "but",
    "by", "can", "could", "did", "do", "does", "for", "from", "get", "has", "have", "how", "i",
    "if", "in", "is", "it", "its", "me", "mean", "means", "my", "not", "of", "on", "or", "our",
    "please", "should", "so", "that", "the", "them", "there", "they", "this", "to", "was", "we",
    "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];

/// The word without the ending that makes it many or past.
fn stem(word: &str) -> &str {
    ["ing", "ed", "es", "s"]
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|stem| stem.len() > 3)
        .unwrap_or(word)
}

fn parts_of(books: &[Book]) -> impl Iterator<Item = (&Book, &Part)> {
    books.iter().flat_map(|book| book.parts.iter().map(move |part| (book, part)))
}

fn lowered(book: &Book, part: &Part) -> String {
    format!("{} {} {}", book.summary.title, part.title, part.text).to_lowercase()
}

/// How much a part says of the words; nothing when it has none of them.
fn rate<'a>(book: &'a Book, part: &'a Part, words: &[(String, u32)]) -> Option<Found<'a>> {
    let text = part.text.to_lowercase();
    let titles = format!("{} {}", book.summary.title, part.title).to_lowercase();
    let mut score = 0;
    let mut first = None::<usize>;
    for (word, weight) in words {
        let times = u32::try_from(text.matches(word.as_str()).count()).unwrap_or(u32::MAX);
        score += weight * times.min(3);
        if titles.contains(word.as_str()) {
            score += weight * 4;
        }
        if let Some(at) = text.find(word.as_str()) {
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    // In lower case a few letters are longer: then the beginning is as good.
    let at = first.filter(|at| part.text.is_char_boundary(*at)).unwrap_or_default();
    (score > 0).then_some(Found { book, part, score, at })
}

fn sorted<'a>(found: impl Iterator<Item = Found<'a>>) -> Vec<Found<'a>> {
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.score));
    found
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    fn books() -> Vec<Book> {
        let rules = "# Rules\n\nHow values change.\n\n## Maps\n\nA map gives each code its meaning. \
            Codes that are missing go to quarantine.\n";
        let backups = "# Backups\n\nTables are kept in a folder.\n\n## Restoring\n\nA backup is put \
            back into an empty target.\n";
        vec![render::read("rules", rules), render::read("backups", backups)]
    }

    #[test]
    fn all_the_words_have_to_be_there() {
        let books = books();
        let found = strict(&books, "code MISSING");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].address(), "/portal/library/rules#maps");
        assert!(found[0].excerpt().contains("each code its meaning"), "{}", found[0].excerpt());
        assert!(strict(&books, "code folder").is_empty());
        assert!(strict(&books, "  ").is_empty());
    }

    #[test]
    fn a_question_finds_what_it_is_about() {
        let books = books();
        let best = |question| loose(&books, question)[0].part.title.clone();
        assert_eq!(best("How do I restore a backup?"), "Restoring");
        assert_eq!(best("why are codes missing"), "Maps");
        assert!(loose(&books, "what is it").is_empty());
    }

    #[test]
    fn an_excerpt_never_cuts_a_letter() {
        let text = format!("# Ü\n\n{} wörd {}\n", "äöü ".repeat(100), "ß ".repeat(200));
        let books = vec![render::read("u", &text)];
        assert!(strict(&books, "wörd")[0].excerpt().contains("wörd"));
    }
}
