use leptos::prelude::*;

/// Lets a wide table scroll by itself, with the keyboard too.
#[component]
pub fn TableFrame(
    #[prop(into)] label: String,
    /// The table.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-frame" role="region" aria-label=label tabindex="0">
            {children()}
        </div>
    }
}
