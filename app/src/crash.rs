//! What people see when the portal itself fails.
//!
//! A panic ends a WebAssembly module for good: nothing of it can be shown any more. So the
//! message is written into the page by hand, with a way to start again.

use std::panic;

use leptos::prelude::document;
use wasm_bindgen::{JsCast, closure::Closure};

use crate::{browser, routes};

/// From here on a panic is written to the console and explained on the page.
pub(crate) fn explain_panics() {
    console_error_panic_hook::set_once();
    let to_console = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        to_console(panic);
        explain(&browser::incident_id(), &panic.to_string());
    }));
}

fn explain(incident: &str, panic: &str) -> Option<()> {
    const ID: &str = "crash";
    if document().get_element_by_id(ID).is_some() {
        return None;
    }
    let element = |name: &str, text: &str| {
        let element = document().create_element(name).ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let panel = element("div", "")?;
    panel.set_id(ID);
    panel.set_class_name("crash");
    panel.set_attribute("role", "alert").ok()?;
    let card = element("div", "")?;
    card.set_class_name("card crash-card");
    let button = |label: &str, class: &str, act: Box<dyn Fn()>| {
        let button = element("button", label)?;
        button.set_class_name(class);
        let act = Closure::<dyn Fn()>::wrap(act);
        button.add_event_listener_with_callback("click", act.as_ref().unchecked_ref()).ok()?;
        act.forget();
        Some(button)
    };
    let details = format!("{incident}\n{}\n{panic}", browser::current_path());
    let lines = [
        element("h1", "The portal stopped")?,
        element(
            "p",
            "Something went wrong in this page. Runs go on: they live on the server, not here.",
        )?,
        element("p", &format!("Error ID: {incident}"))?,
        button("Start again", "button primary", Box::new(browser::reload))?,
        button("Go home", "button", Box::new(|| browser::reload_at(routes::HOME)))?,
        button("Copy details", "button", Box::new(move || browser::copy_at_once(&details)))?,
    ];
    for line in &lines {
        card.append_child(line).ok()?;
    }
    panel.append_child(&card).ok()?;
    document().body()?.append_child(&panel).ok()?;
    Some(())
}
