//! What is kept in this browser.

use leptos::prelude::*;

use crate::stores::{Shortcuts, Sidebar, Theme, ThemeChoice};

#[component]
pub(super) fn Appearance() -> impl IntoView {
    let theme = Theme::expect();
    let sidebar = Sidebar::expect();
    let shortcuts = Shortcuts::expect();
    view! {
        <section class="card settings" aria-labelledby="appearance">
            <h2 id="appearance">"Appearance"</h2>
            <p class="quiet-text">"Kept in this browser; nothing of it is sent anywhere."</p>
            <fieldset class="choices">
                <legend>"Theme"</legend>
                {ThemeChoice::ALL
                    .into_iter()
                    .map(|choice| {
                        view! {
                            <label class="choice">
                                <input
                                    type="radio"
                                    name="theme"
                                    value=choice.as_str()
                                    prop:checked=move || theme.choice() == choice
                                    on:change=move |_| theme.choose(choice)
                                />
                                {choice.label()}
                            </label>
                        }
                    })
                    .collect_view()}
            </fieldset>
            <label class="checkbox">
                <input
                    type="checkbox"
                    prop:checked=move || !sidebar.is_open()
                    on:change=move |_| sidebar.toggle()
                />
                "Show only icons in the sidebar (Ctrl+B)"
            </label>
            <label class="checkbox">
                <input
                    type="checkbox"
                    prop:checked=move || shortcuts.has_single_keys()
                    on:change=move |event| {
                        shortcuts.use_single_keys(event_target_checked(&event));
                    }
                />
                "Shortcuts of a single key, such as ? and /"
            </label>
        </section>
    }
}
