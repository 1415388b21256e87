//! A list that is read page by page, as somebody asks for more of it.

use futures::future::{FutureExt, LocalBoxFuture};
use leptos::{prelude::*, task::spawn_local};
use shared::page::{Cursor, Page};

use crate::api::ApiError;
use crate::stores::Notices;

type Fetch<T> = Box<dyn Fn(Option<Cursor>) -> LocalBoxFuture<'static, Result<Page<T>, ApiError>>>;

/// What has been read of a list so far, and how the rest is fetched.
pub(super) struct Listed<T: 'static> {
    pub(super) items: RwSignal<Vec<T>>,
    /// Nothing else is to be begun now.
    pub(super) is_busy: RwSignal<bool>,
    next: RwSignal<Option<Cursor>>,
    fetch: StoredValue<Fetch<T>, LocalStorage>,
    notices: Notices,
}

impl<T> Clone for Listed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Listed<T> {}

impl<T: Send + Sync + 'static> Listed<T> {
    /// Begins with the first page; `fetch` gets the one that starts at a cursor.
    pub(super) fn new<F>(first: Page<T>, fetch: impl Fn(Option<Cursor>) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Page<T>, ApiError>> + 'static,
    {
        Self {
            items: RwSignal::new(first.items),
            is_busy: RwSignal::new(false),
            next: RwSignal::new(first.next),
            fetch: StoredValue::new_local(Box::new(move |after| fetch(after).boxed_local())),
            notices: Notices::expect(),
        }
    }

    fn read_on(self) {
        let page = self.fetch.with_value(|fetch| fetch(self.next.get_untracked()));
        self.is_busy.set(true);
        spawn_local(async move {
            match page.await {
                Ok(page) => {
                    self.items.update(|items| items.extend(page.items));
                    self.next.set(page.next);
                }
                Err(error) => self.notices.bad(error.sentence()),
            }
            self.is_busy.set(false);
        });
    }
}

/// Asks for the next page, while there is one.
#[component]
pub(super) fn ShowMore<T: Send + Sync + 'static>(
    list: Listed<T>,
    /// `Show older runs`
    text: &'static str,
) -> impl IntoView {
    view! {
        <Show when=move || list.next.with(Option::is_some)>
            <div class="actions centred">
                <button
                    type="button"
                    class="button"
                    disabled=list.is_busy
                    on:click=move |_| list.read_on()
                >
                    {text}
                </button>
            </div>
        </Show>
    }
}
