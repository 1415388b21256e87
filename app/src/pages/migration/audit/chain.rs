//! Whether the trail is as it was written.

use leptos::prelude::*;
use shared::audit::ChainState;

use crate::api;
use crate::components::{CopyButton, Icon, Loaded, Moment, Shape};
use crate::format;

#[component]
pub(super) fn Chain() -> impl IntoView {
    let chain = LocalResource::new(api::audit::chain);
    view! {
        <section class="card" aria-labelledby="chain">
            <div class="card-head">
                <h3 id="chain">"The chain"</h3>
                <button type="button" class="button" on:click=move |_| chain.refetch()>
                    <Icon shape=Shape::Shield/>
                    "Verify again"
                </button>
            </div>
            <div role="status">
                <Loaded resource=chain lines=2 let:state>
                    <Verdict state/>
                </Loaded>
            </div>
        </section>
    }
}

#[component]
fn Verdict(state: ChainState) -> impl IntoView {
    let entries = format::counted(state.entries, "entry", "entries");
    let (class, shape, title, text) = if state.intact {
        let text = format!("{entries}, each as it was written and none missing.");
        ("verdict good", Shape::Done, "The chain holds.", text)
    } else {
        let text = format!(
            "{entries} are as they were written. Entry {} is not: {}.",
            state.broken_at.map(format::count).unwrap_or_default(),
            state.damage.unwrap_or_else(|| "it was changed".to_owned()),
        );
        ("verdict bad", Shape::Warning, "The chain is broken.", text)
    };
    let hash = state.last_hash.clone();
    view! {
        <p class=class>
            <Icon shape/>
            <span>
                <strong>{title}</strong>
                " "
                {text}
            </span>
        </p>
        <p class="quiet-text">
            "Checked "
            <Moment time=state.checked_at/>
            ". The last hash, noted elsewhere, proves later that nothing was cut off: "
            <code>{state.last_hash}</code>
        </p>
        <div class="actions">
            <CopyButton label="Copy the hash" text=move |()| hash.clone()/>
        </div>
    }
}
