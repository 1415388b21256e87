//! Short messages about what was just done.

use leptos::prelude::*;

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Neutral,
    Info,
    Good,
    Warning,
    Bad,
}

impl Tone {
    /// The class that colours it.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "tone-neutral",
            Self::Info => "tone-info",
            Self::Good => "tone-good",
            Self::Warning => "tone-warning",
            Self::Bad => "tone-bad",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) number: u32,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

#[derive(Clone, Copy)]
pub(crate) struct Notices {
    shown: RwSignal<Vec<Notice>>,
    given: StoredValue<u32>,
}

impl Notices {
    /// More would hide the page.
    const AT_MOST: usize = 4;

    pub(crate) fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), given: StoredValue::new(0) }
    }

    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn good(self, text: impl Into<String>) {
        self.give(Tone::Good, text.into());
    }

    pub(crate) fn bad(self, text: impl Into<String>) {
        self.give(Tone::Bad, text.into());
    }

    /// Something that was not done here.
    pub(crate) fn tell(self, tone: Tone, text: impl Into<String>) {
        self.give(tone, text.into());
    }

    pub(crate) fn dismiss(self, number: u32) {
        self.shown.update(|notices| notices.retain(|notice| notice.number != number));
    }

    pub(crate) fn shown(self) -> Vec<Notice> {
        self.shown.get()
    }

    fn give(self, tone: Tone, text: String) {
        self.given.update_value(|given| *given += 1);
        let number = self.given.get_value();
        self.shown.update(|notices| {
            notices.retain(|notice| notice.text != text);
            notices.push(Notice { number, tone, text });
            let surplus = notices.len().saturating_sub(Self::AT_MOST);
            notices.drain(..surplus);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(notices: Notices) -> Vec<String> {
        notices.shown().into_iter().map(|notice| notice.text).collect()
    }

    #[test]
    fn what_is_said_twice_is_shown_once() {
        Owner::new().with(|| {
            let notices = Notices::new();
            notices.bad("no answer");
            notices.good("saved");
            notices.bad("no answer");
            assert_eq!(texts(notices), ["saved", "no answer"]);
        });
    }

    #[test]
    fn old_notices_give_way() {
        Owner::new().with(|| {
            let notices = Notices::new();
            for number in 0..6 {
                notices.good(number.to_string());
            }
            assert_eq!(texts(notices), ["2", "3", "4", "5"]);
            notices.dismiss(notices.shown()[0].number);
            assert_eq!(texts(notices), ["3", "4", "5"]);
        });
    }
}
