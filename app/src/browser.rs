//! The few things that the portal asks of the browser itself.

use chrono::{DateTime, Utc};
use futures::channel::oneshot;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlAnchorElement, Response, Url};

/// A short text that outlives the page: a preference, never a secret.
pub(crate) fn remembered(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Storage may be full or forbidden; then the preference lasts as long as the page.
pub(crate) fn remember(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

pub(crate) fn forget(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
    let milliseconds = js_sys::Date::now() as i64;
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// An id for something that happened here, to be read out to whoever helps.
pub(crate) fn incident_id() -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "six hexadecimal digits of it are all that is wanted"
    )]
    let random = (js_sys::Math::random() * f64::from(1 << 24)) as u32;
    format!("error_{}_{random:06x}", now().timestamp())
}

/// Leaves the portal and everything it holds in memory, and enters it again at `path`.
pub(crate) fn reload_at(path: &str) {
    let _ = window().location().set_href(path);
}

pub(crate) fn reload() {
    let _ = window().location().reload();
}

/// Asks the visitor where to print the page.
pub(crate) fn print() {
    let _ = window().print();
}

/// Where this site is: `https://transfuse.clinic.example`.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The page's address within this site, with its query.
pub(crate) fn current_path() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// Puts a text on the clipboard. False when the browser does not let us.
pub(crate) async fn copy(text: &str) -> bool {
    // There is no clipboard in a page that came over plain HTTP from another machine.
    if !window().is_secure_context() {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// Puts a text on the clipboard without waiting for it: what waits no longer runs after a panic.
pub(crate) fn copy_at_once(text: &str) {
    if window().is_secure_context() {
        let _ = window().navigator().clipboard().write_text(text);
    }
}

/// Gives the body of an answer to the browser to keep as a file. None when it broke off.
pub(crate) async fn save(response: Response, name: &str) -> Option<()> {
    // Not text: a file is kept as it came, whatever its size.
    let blob = JsFuture::from(response.blob().ok()?).await.ok()?;
    let url = Reflect::get(&window(), &"URL".into()).ok()?;
    let create = Reflect::get(&url, &"createObjectURL".into()).ok()?.dyn_into::<Function>().ok()?;
    let address = create.call1(&url, &blob).ok()?.as_string()?;
    let link = document().create_element("a").ok()?.dyn_into::<HtmlAnchorElement>().ok()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    let _ = Url::revoke_object_url(&address);
    Some(())
}

/// Works while no other page of this site works under the same name.
pub(crate) async fn alone<T>(name: &str, work: impl Future<Output = T>) -> T {
    // A browser without locks, or a page that came over plain HTTP, works without.
    let lock = PageLock::acquire(name).await;
    let result = work.await;
    drop(lock);
    result
}

/// A lock among the pages of this site, until this is dropped.
struct PageLock {
    release: Function,
}

impl PageLock {
    async fn acquire(name: &str) -> Option<Self> {
        // web-sys counts this interface as unstable; every browser has it.
        let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
        let request = Reflect::get(&locks, &"request".into()).ok()?.dyn_into::<Function>().ok()?;
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let (granted, is_granted) = oneshot::channel();
        let grant = Closure::once_into_js(move || {
            let _ = granted.send(());
            JsValue::from(held)
        });
        request.call2(&locks, &name.into(), &grant).ok()?;
        is_granted.await.ok()?;
        Some(Self { release: release? })
    }
}

impl Drop for PageLock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::NULL);
    }
}

pub(crate) fn remove_element(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.remove();
    }
}

/// Whether what a media query asks for is the case.
pub(crate) fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|media| media.matches())
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}
