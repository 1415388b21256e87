use leptos::prelude::*;

/// What stands in the place of what is on its way.
#[component]
pub fn Skeleton(
    /// How many lines to leave room for.
    #[prop(default = 3)]
    lines: usize,
) -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">"Loading…"</span>
            {(0..lines).map(|_| view! { <span class="skeleton-line"></span> }).collect_view()}
        </div>
    }
}

/// What stands in the place of a whole page that is on its way.
#[component]
pub fn PageSkeleton() -> impl IntoView {
    view! {
        <div class="page-skeleton" role="status">
            <span class="spinner"></span>
            <p>"Loading…"</p>
        </div>
    }
}
