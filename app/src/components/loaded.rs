use leptos::prelude::*;

use super::{ErrorPanel, Skeleton};
use crate::api::ApiError;

/// Shows what was loaded; until then that it is on its way, and otherwise why it is not there.
#[component]
pub fn Loaded<T, V, F>(
    resource: LocalResource<Result<T, ApiError>>,
    /// How many lines to leave room for.
    #[prop(default = 3)]
    lines: usize,
    /// The same loaded again leaves what is shown as it is, with what somebody types into it.
    #[prop(optional)]
    steady: bool,
    /// Shows it.
    children: F,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    V: IntoView + 'static,
    F: Fn(T) -> V + Clone + Send + Sync + 'static,
{
    let retry = Callback::new(move |()| resource.refetch());
    // Loading anew leaves what is there until the new is here.
    let is_new: fn(Option<&_>, Option<&_>) -> bool =
        if steady { |before, now| before != now } else { |_, _| true };
    let loaded = Memo::new_with_compare(move |_| resource.get(), is_new);
    move || match loaded.get() {
        None => view! { <Skeleton lines/> }.into_any(),
        Some(Ok(loaded)) => children(loaded).into_any(),
        Some(Err(error)) => view! { <ErrorPanel error retry/> }.into_any(),
    }
}
