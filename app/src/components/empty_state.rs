use leptos::prelude::*;

use super::{Icon, Shape};

/// What stands where there is nothing yet: why, and what to do.
#[component]
pub fn EmptyState(
    icon: Shape,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    /// What to do.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state-icon">
                <Icon shape=icon/>
            </span>
            <p class="empty-state-title">{title}</p>
            <p class="empty-state-text">{text}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}
