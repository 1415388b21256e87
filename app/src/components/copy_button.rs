use leptos::{prelude::*, task::spawn_local};

use super::{Icon, Shape};
use crate::{browser, stores::Notices};

/// Puts a text on the clipboard.
#[component]
pub fn CopyButton(
    #[prop(into)] label: String,
    /// The text at the time of the click.
    #[prop(into)]
    text: Callback<(), String>,
) -> impl IntoView {
    let notices = Notices::expect();
    let copy = move |_| {
        let text = text.run(());
        spawn_local(async move {
            if browser::copy(&text).await {
                notices.good("Copied.");
            } else {
                notices.bad("The browser does not let this page use the clipboard.");
            }
        });
    };
    view! {
        <button type="button" class="button" on:click=copy>
            <Icon shape=Shape::Copy/>
            {label}
        </button>
    }
}
