//! Where the module is cut off.
//!
//! By hand rather than by `#[lazy_route]`: that macro panics when the module cannot be fetched
//! (offline, or a newer build was installed), and the panic ends the whole portal.

use leptos::prelude::*;

use super::place::Pages;

/// What shows the module's pages.
pub(super) type ShowPages = fn() -> AnyView;

/// The module could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotLoaded;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// Fetches the module, unless it is there.
#[cfg(feature = "split")]
pub(super) async fn load() -> Result<ShowPages, NotLoaded> {
    migration().await
}

/// The module is part of a bundle that is not split.
#[cfg(not(feature = "split"))]
pub(super) async fn load() -> Result<ShowPages, NotLoaded> {
    Ok(show_pages)
}

#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(migration, wasm_split_path = leptos::wasm_split, fallible)]
fn migration() -> Result<ShowPages, NotLoaded> {
    Ok(show_pages)
}

fn show_pages() -> AnyView {
    view! { <Pages/> }.into_any()
}
