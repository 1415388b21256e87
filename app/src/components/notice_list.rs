use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, Shape};
use crate::stores::{Notice, Notices, Tone};

/// Long enough to be read; what went wrong stays until it is dismissed.
const SHOWN_FOR: Duration = Duration::from_secs(6);

/// The notices, in a corner of the page.
#[component]
pub fn NoticeList() -> impl IntoView {
    let notices = Notices::expect();
    view! {
        <div class="notices" role="status">
            <For each=move || notices.shown() key=|notice| notice.number let:notice>
                <NoticeCard notice/>
            </For>
        </div>
    }
}

#[component]
fn NoticeCard(notice: Notice) -> impl IntoView {
    let notices = Notices::expect();
    let Notice { number, tone, text } = notice;
    let shape = match tone {
        Tone::Good => Shape::Done,
        Tone::Neutral | Tone::Info => Shape::Info,
        Tone::Warning | Tone::Bad => Shape::Warning,
    };
    if !matches!(tone, Tone::Bad) {
        set_timeout(move || notices.dismiss(number), SHOWN_FOR);
    }
    view! {
        <div class=format!("notice {}", tone.class())>
            <Icon shape/>
            <p>{text}</p>
            <button
                type="button"
                class="button icon-only quiet"
                on:click=move |_| notices.dismiss(number)
            >
                <Icon shape=Shape::Close/>
                <span class="visually-hidden">"Dismiss"</span>
            </button>
        </div>
    }
}
