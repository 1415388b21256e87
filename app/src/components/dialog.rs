use leptos::{html, prelude::*};

use super::{Icon, Shape};

/// A window over the page. Escape closes it, and focus goes back to where it was.
#[component]
pub fn Dialog(
    /// An id that no other dialog of the page has.
    name: &'static str,
    #[prop(into)] title: Signal<String>,
    open: RwSignal<bool>,
    /// Made anew each time the dialog opens.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let children = StoredValue::new(children);
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            id=name
            aria-labelledby=format!("{name}-title")
            on:close=move |_| open.set(false)
        >
            <div class="dialog-head">
                <h2 id=format!("{name}-title")>{title}</h2>
                <button
                    type="button"
                    class="button icon-only quiet"
                    on:click=move |_| open.set(false)
                >
                    <Icon shape=Shape::Close/>
                    <span class="visually-hidden">"Close"</span>
                </button>
            </div>
            <Show when=move || open.get()>
                <div class="dialog-body">{children.with_value(|children| children())}</div>
            </Show>
        </dialog>
    }
}
