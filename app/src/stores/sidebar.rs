//! Whether the sidebar shows words, or icons only.

use leptos::prelude::*;

#[derive(Clone, Copy)]
pub(crate) struct Sidebar {
    is_open: RwSignal<bool>,
}

impl Sidebar {
    pub(crate) fn new(is_open: bool) -> Self {
        Self { is_open: RwSignal::new(is_open) }
    }

    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn toggle(self) {
        self.is_open.update(|is_open| *is_open = !*is_open);
    }

    pub(crate) fn is_open(self) -> bool {
        self.is_open.get()
    }
}
