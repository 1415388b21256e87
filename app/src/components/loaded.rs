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
    /// Shows it.
    children: F,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
    F: Fn(T) -> V + Clone + Send + Sync + 'static,
{
    let retry = Callback::new(move |()| resource.refetch());
    let show = move || {
        let children = children.clone();
        Suspend::new(async move {
            match resource.await {
                Ok(loaded) => children(loaded).into_any(),
                Err(error) => view! { <ErrorPanel error retry/> }.into_any(),
            }
        })
    };
    view! { <Transition fallback=move || view! { <Skeleton lines/> }>{show}</Transition> }
}
