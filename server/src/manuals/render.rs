//! From Markdown to elements of text.
//!
//! Sanitised by what is let through: markup that stands in a manual as it is, pictures and links
//! to anywhere but the portal and the web are left out, so that nothing has to be cleaned after.

use std::collections::HashMap;
use std::fmt::Write as _;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use shared::manual::{Manual, ManualSummary, Section};

use super::{Book, Part, address};

/// How much of a manual's beginning stands in the list.
const ABOUT: usize = 180;

pub(super) fn read(name: &str, markdown: &str) -> Book {
    let mut reader = Reader::default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let parser = Parser::new_ext(markdown, options);
    let mut events = Vec::new();
    for event in parser {
        reader.take(event, &mut events);
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut html, events.into_iter());
    // A heading without words is none: a screen reader would announce it.
    let html = html.replace("<th></th>", "<td></td>");
    let Reader { title, sections, parts, .. } = reader;
    let about = parts.iter().map(|part| part.text.trim()).find(|text| !text.is_empty());
    let about = shortened(about.unwrap_or_default(), ABOUT);
    let summary = ManualSummary { name: name.to_owned(), title: title.clone(), about };
    let manual = Manual { name: name.to_owned(), title, html, sections };
    Book { summary, manual, parts }
}

#[derive(Default)]
struct Reader {
    title: String,
    sections: Vec<Section>,
    parts: Vec<Part>,
    /// The heading that is being read, with its events.
    heading: Option<(HeadingLevel, String, Vec<Event<'static>>)>,
    /// Links and pictures within each other, and whether each is let through.
    links: Vec<bool>,
    anchors: HashMap<String, u32>,
    /// What a cell of the table is: of its head, or of its body.
    cell: &'static str,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, events: &mut Vec<Event<'static>>) {
        self.collect(&event);
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some((level, String::new(), Vec::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, text, inner)) = self.heading.take() {
                    self.end_heading(level, &text, inner, events);
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let target = target_of(&dest_url);
                self.links.push(target.is_some());
                if let Some(target) = target {
                    self.push(opening(&target), events);
                }
            }
            Event::End(TagEnd::Link) => {
                if self.links.pop() == Some(true) {
                    self.push(raw("</a>"), events);
                }
            }
            // Scrolls by itself, with the keyboard too.
            Event::Start(Tag::Table(_)) => {
                self.push(
                    raw("<div class=\"table-frame\" tabindex=\"0\"><table class=\"table\">"),
                    events,
                );
            }
            Event::End(TagEnd::Table) => self.push(raw("</tbody></table></div>"), events),
            Event::Start(Tag::TableHead) => {
                self.cell = "th";
                self.push(raw("<thead><tr>"), events);
            }
            Event::End(TagEnd::TableHead) => {
                self.cell = "td";
                self.push(raw("</tr></thead><tbody>"), events);
            }
            Event::Start(Tag::TableRow) => self.push(raw("<tr>"), events),
            Event::End(TagEnd::TableRow) => self.push(raw("</tr>"), events),
            Event::Start(Tag::TableCell) => {
                self.push(raw(&format!("<{}>", self.cell)), events);
            }
            Event::End(TagEnd::TableCell) => {
                self.push(raw(&format!("</{}>", self.cell)), events);
            }
            Event::Start(Tag::CodeBlock(_)) => self.push(raw("<pre tabindex=\"0\"><code>"), events),
            Event::End(TagEnd::CodeBlock) => self.push(raw("</code></pre>"), events),
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::HtmlBlock | Tag::Image { .. })
            | Event::End(TagEnd::HtmlBlock | TagEnd::Image) => {}
            other => self.push(other.into_static(), events),
        }
    }

    fn push(&mut self, event: Event<'static>, events: &mut Vec<Event<'static>>) {
        match &mut self.heading {
            Some((_, _, inner)) => inner.push(event),
            None => events.push(event),
        }
    }

    /// The words, for whoever looks for them.
    fn collect(&mut self, event: &Event<'_>) {
        let words = match event {
            Event::Text(text) | Event::Code(text) => text.as_ref(),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => " ",
            _ => return,
        };
        if let Some((_, text, _)) = &mut self.heading {
            text.push_str(words);
            return;
        }
        if self.parts.is_empty() {
            let (title, anchor) = (String::new(), String::new());
            self.parts.push(Part { title, anchor, text: String::new() });
        }
        if let Some(part) = self.parts.last_mut()
            && !(words == " " && part.text.ends_with(' '))
        {
            part.text.push_str(words);
        }
    }

    fn end_heading(
        &mut self,
        level: HeadingLevel,
        text: &str,
        inner: Vec<Event<'static>>,
        events: &mut Vec<Event<'static>>,
    ) {
        let title = text.trim().to_owned();
        if level == HeadingLevel::H1 && self.title.is_empty() {
            self.title = title;
            return;
        }
        let anchor = self.anchor(&title);
        // The page has the manual's title as its second level.
        let shown = (level as usize + 1).min(6);
        events.push(raw(&format!("<h{shown} id=\"{anchor}\">")));
        events.extend(inner);
        events.push(raw(&format!("</h{shown}>\n")));
        self.parts.push(Part { title: title.clone(), anchor: anchor.clone(), text: String::new() });
        let level = u8::try_from(level as usize).unwrap_or(6);
        self.sections.push(Section { anchor, title, level });
    }

    /// As everybody makes anchors of headings: lower case, words joined by hyphens.
    fn anchor(&mut self, title: &str) -> String {
        let mut anchor: String = title
            .to_lowercase()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                _ => None,
            })
            .collect();
        let count = self.anchors.entry(anchor.clone()).or_default();
        if *count > 0 {
            // Writing to a String does not fail.
            let _ = write!(anchor, "-{count}");
        }
        *count += 1;
        anchor
    }
}

fn raw(html: &str) -> Event<'static> {
    Event::Html(CowStr::from(html.to_owned()))
}

fn opening(target: &str) -> Event<'static> {
    let outside =
        if target.starts_with('/') || target.starts_with('#') { "" } else { " rel=\"noreferrer\"" };
    let href = target
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    raw(&format!("<a href=\"{href}\"{outside}>"))
}

/// Where a link leads in the portal; none where it leads nowhere that readers of it can go.
fn target_of(link: &str) -> Option<String> {
    if link.starts_with('#') || link.starts_with("https://") {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let name = path.strip_suffix(".md")?;
    (!name.contains(['/', '\\', ':'])).then(|| address(name, anchor))
}

/// The first words of a text, with a sign that there are more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\nFirst *words* of it.\n\n## A part, `code` too\n\n\
        See [rules](rules.md#map), [decisions](../decisions/0001.md) and \
        [the web](https://example.org/?a=1&b=2).\n\n## A part, `code` too\n\n| a | b |\n| - | -: |\n\
        | 1 | 2 |\n\n```sh\nls <x>\n```\n";

    #[test]
    fn a_manual_is_taken_apart_into_its_parts() {
        let book = read("it", TEXT);
        assert_eq!(book.summary.title, "Title");
        assert_eq!(book.summary.about, "First words of it.");
        let anchors: Vec<_> =
            book.manual.sections.iter().map(|section| section.anchor.as_str()).collect();
        assert_eq!(anchors, ["a-part-code-too", "a-part-code-too-1"]);
        assert_eq!(book.parts.len(), 3);
        assert!(book.parts[2].text.contains("ls <x>"));
    }

    #[test]
    fn links_lead_into_the_portal_or_to_the_web_or_nowhere() {
        let html = read("it", TEXT).manual.html;
        assert!(html.contains("<a href=\"/portal/library/rules#map\">rules</a>"), "{html}");
        assert!(html.contains(", decisions and"), "{html}");
        assert!(html.contains("https://example.org/?a=1&amp;b=2\" rel=\"noreferrer\""), "{html}");
    }

    #[test]
    fn markup_of_a_manual_is_left_out() {
        let text = "# T\n\n<!-- note -->\n\n<script>alert(1)</script>\n\n\
            a <b onclick='x'>bold</b> [x](javascript:alert(1)) ![p](https://example.org/p.png)\n";
        let html = read("it", text).manual.html;
        for trace in ["<script", "onclick", "javascript", "<img", "<!--"] {
            assert!(!html.contains(trace), "{trace}: {html}");
        }
    }

    #[test]
    fn code_is_escaped_and_tables_have_no_style() {
        let html = read("it", TEXT).manual.html;
        assert!(html.contains("ls &lt;x&gt;"), "{html}");
        assert!(html.contains("<thead><tr>") && !html.contains("style"), "{html}");
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(shortened("one two  three", 9), "one two…");
        assert_eq!(shortened("one", 9), "one");
    }
}
