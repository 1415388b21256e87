use leptos::prelude::*;
use shared::connection::Role;
use shared::run::RunState;

use super::{Icon, Shape};
use crate::stores::Tone;

/// A word that says how something stands. Its colour only repeats the word.
#[component]
pub fn Badge(
    tone: Tone,
    #[prop(optional)] icon: Option<Shape>,
    #[prop(into)] text: Signal<String>,
) -> impl IntoView {
    view! {
        <span class=format!("badge {}", tone.class())>
            {icon.map(|shape| view! { <Icon shape/> })}
            {text}
        </span>
    }
}

#[component]
pub fn RunStateBadge(#[prop(into)] state: Signal<RunState>) -> impl IntoView {
    move || {
        let state = state.get();
        let (tone, icon) = match state {
            RunState::Planned => (Tone::Neutral, Shape::Clock),
            RunState::Running => (Tone::Info, Shape::Refresh),
            RunState::Paused => (Tone::Warning, Shape::Pause),
            RunState::Failed => (Tone::Bad, Shape::Failed),
            RunState::Completed => (Tone::Good, Shape::Done),
            RunState::RollingBack => (Tone::Warning, Shape::Refresh),
            RunState::RolledBack => (Tone::Neutral, Shape::Refresh),
        };
        view! { <Badge tone icon text=state.label().to_owned()/> }
    }
}

/// What a connection is for.
#[component]
pub fn RoleBadge(role: Role) -> impl IntoView {
    match role {
        Role::Source => view! { <Badge tone=Tone::Neutral text="Source, read only".to_owned()/> },
        Role::Target => view! { <Badge tone=Tone::Info text="Target".to_owned()/> },
    }
}
