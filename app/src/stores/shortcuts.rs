//! Whether single keys do something: whoever speaks to their machine turns that off.

use leptos::prelude::*;

#[derive(Clone, Copy)]
pub(crate) struct Shortcuts(RwSignal<bool>);

impl Shortcuts {
    pub(crate) fn new(has_single_keys: bool) -> Self {
        Self(RwSignal::new(has_single_keys))
    }

    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn use_single_keys(self, are_wanted: bool) {
        self.0.set(are_wanted);
    }

    pub(crate) fn has_single_keys(self) -> bool {
        self.0.get()
    }
}
