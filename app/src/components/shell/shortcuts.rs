//! What keys do, and the window that says so.

use leptos::{ev, prelude::*};
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement, KeyboardEvent};

use super::destinations::{SIDEBAR, go_key};
use crate::components::Dialog;
use crate::stores::{Shortcuts, Sidebar};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Help,
    Sidebar,
    /// The next key says where to.
    Go,
    To(&'static str),
    /// The field in which the page is searched.
    Search,
    /// The button of the page that is marked so.
    Press(&'static str),
}

/// A key as it was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pressed<'a> {
    key: &'a str,
    with: Modifiers,
    /// Somebody writes into a field, or a window is open: single keys are theirs.
    is_elsewhere: bool,
    /// `g` was pressed just before.
    after_g: bool,
    /// Single keys do something at all.
    single_keys: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Modifiers {
    /// Control, or the command key of a Mac.
    command: bool,
    shift: bool,
    alt: bool,
}

fn act_of(pressed: Pressed<'_>) -> Option<Act> {
    let Pressed { key, with, is_elsewhere, after_g, single_keys } = pressed;
    let Modifiers { command, shift, alt } = with;
    let key = key.to_lowercase();
    if alt {
        return None;
    }
    if command {
        return Some(match (key.as_str(), shift) {
            ("b", false) => Act::Sidebar,
            ("enter", false) => Act::Press("start"),
            (" ", false) => Act::Press("pause"),
            ("s", true) => Act::Press("stop"),
            ("s", false) => Act::Press("save"),
            _ => return None,
        });
    }
    if is_elsewhere || !single_keys {
        return None;
    }
    match key.as_str() {
        "?" => Some(Act::Help),
        "/" => Some(Act::Search),
        "g" if !after_g => Some(Act::Go),
        key if after_g => SIDEBAR.iter().find(|to| go_key(**to) == key).map(|to| Act::To(to.path)),
        _ => None,
    }
}

/// What the window lists: keys, and what they do.
const LISTED: [(&str, &str); 8] = [
    ("?", "Show this window"),
    ("/", "Search the page"),
    ("Ctrl + B", "Fold the sidebar, or unfold it"),
    ("Ctrl + Enter", "Start a run"),
    ("Ctrl + Space", "Pause the run, or resume it"),
    ("Ctrl + Shift + S", "Stop the run at once"),
    ("Ctrl + S", "Save what is edited"),
    ("Esc", "Close a window"),
];

/// Listens to the keyboard, and shows the help when asked.
#[component]
pub(super) fn KeyboardShortcuts(
    /// Whether the help is shown.
    open: RwSignal<bool>,
) -> impl IntoView {
    let sidebar = Sidebar::expect();
    let shortcuts = Shortcuts::expect();
    let navigate = use_navigate();
    let after_g = StoredValue::new(false);
    let keys = window_event_listener(ev::keydown, move |event| {
        let key = event.key();
        let pressed = Pressed {
            key: &key,
            with: Modifiers {
                command: event.ctrl_key() || event.meta_key(),
                shift: event.shift_key(),
                alt: event.alt_key(),
            },
            is_elsewhere: is_elsewhere(&event),
            after_g: after_g.get_value(),
            single_keys: untrack(|| shortcuts.has_single_keys()),
        };
        let act = act_of(pressed);
        after_g.set_value(act == Some(Act::Go));
        let is_done = match act {
            None => false,
            Some(Act::Go) => true,
            Some(Act::Help) => {
                open.set(true);
                true
            }
            Some(Act::Sidebar) => {
                sidebar.toggle();
                true
            }
            Some(Act::To(path)) => {
                navigate(path, leptos_router::NavigateOptions::default());
                true
            }
            Some(Act::Search) => focus_search(),
            Some(Act::Press(name)) => press(name),
        };
        // What nothing on the page is for is the browser's.
        if is_done {
            event.prevent_default();
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <Dialog name="shortcuts" title="Keyboard shortcuts".to_owned() open>
            <table class="table shortcuts">
                <thead>
                    <tr>
                        <th scope="col">"Keys"</th>
                        <th scope="col">"What they do"</th>
                    </tr>
                </thead>
                <tbody>
                    {LISTED
                        .into_iter()
                        .map(|(keys, text)| row(keys.to_owned(), text.to_owned()))
                        .collect_view()}
                    {SIDEBAR
                        .into_iter()
                        .map(|to| row(format!("G, then {}", go_key(to).to_uppercase()), format!("Go to {}", to.label)))
                        .collect_view()}
                </tbody>
            </table>
            <p class="quiet-text">
                "Shortcuts of one key can be turned off in the settings. On a Mac, the command key \
                does what Ctrl does."
            </p>
        </Dialog>
    }
}

fn row(keys: String, text: String) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">
                <kbd>{keys}</kbd>
            </th>
            <td>{text}</td>
        </tr>
    }
}

/// Whether keys are for a field or for an open window.
fn is_elsewhere(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_field = target.is_some_and(|element| {
        let is_choice = element.dyn_ref::<HtmlInputElement>().is_some_and(|input| {
            matches!(input.type_().as_str(), "checkbox" | "radio" | "button" | "submit")
        });
        !is_choice && matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    });
    is_field || document().query_selector("dialog[open]").ok().flatten().is_some()
}

fn focus_search() -> bool {
    let field = find("main input[type=search]");
    field.is_some_and(|field| field.focus().is_ok())
}

/// Presses the button that is marked so, if it is there and can be pressed.
fn press(name: &str) -> bool {
    let button = find(&format!("[data-shortcut={name}]:not(:disabled)"));
    button.map(|button| button.click()).is_some()
}

fn find(selector: &str) -> Option<HtmlElement> {
    document().query_selector(selector).ok()??.dyn_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    const PLAIN: Pressed<'_> = Pressed {
        key: "",
        with: Modifiers { command: false, shift: false, alt: false },
        is_elsewhere: false,
        after_g: false,
        single_keys: true,
    };

    const COMMAND: Modifiers = Modifiers { command: true, shift: false, alt: false };

    #[test]
    fn g_and_a_letter_lead_to_a_place() {
        assert_eq!(act_of(Pressed { key: "g", ..PLAIN }), Some(Act::Go));
        let to = |key| act_of(Pressed { key, after_g: true, ..PLAIN });
        assert_eq!(to("h"), Some(Act::To(routes::HOME)));
        assert_eq!(to("M"), Some(Act::To(routes::MIGRATION)));
        assert_eq!(to("x"), None);
        assert_eq!(act_of(Pressed { key: "h", ..PLAIN }), None);
    }

    #[test]
    fn every_place_has_a_letter_of_its_own() {
        for (index, one) in SIDEBAR.iter().enumerate() {
            for other in &SIDEBAR[index + 1..] {
                assert_ne!(go_key(*one), go_key(*other));
            }
        }
    }

    #[test]
    fn who_writes_is_left_alone() {
        for key in ["?", "/", "g"] {
            assert!(act_of(Pressed { key, ..PLAIN }).is_some(), "{key}");
            assert_eq!(act_of(Pressed { key, is_elsewhere: true, ..PLAIN }), None, "{key}");
            assert_eq!(act_of(Pressed { key, single_keys: false, ..PLAIN }), None, "{key}");
        }
        let save = Pressed { key: "s", with: COMMAND, is_elsewhere: true, ..PLAIN };
        assert_eq!(act_of(save), Some(Act::Press("save")));
    }

    #[test]
    fn what_others_use_stays_theirs() {
        for key in ["r", "p", "h", "c"] {
            assert_eq!(act_of(Pressed { key, with: COMMAND, ..PLAIN }), None, "{key}");
        }
        let with = Modifiers { alt: true, ..COMMAND };
        assert_eq!(act_of(Pressed { key: "b", with, ..PLAIN }), None);
    }
}
