//! The migration pages: a module of their own, fetched when they are first visited.

#![expect(clippy::unnecessary_wraps, reason = "a module that is fetched may not come")]

mod place;
mod second_person;
mod overview;
mod connections;
mod plans;
mod plan;
mod assessment;
mod start_run;
mod completed_run;
mod runs;
mod run;
mod rehearsals;
mod quarantine;
mod rollback;
mod verification;
mod checking;
mod sign_off;
mod approvals;
mod alerts;
mod audit;
mod duplicates;

use futures::future::{FutureExt, LocalBoxFuture};
use leptos::prelude::*;

use super::listed;
use super::module::{Module, NotLoaded, ShowPages};
use place::Pages;

#[component]
pub fn Migration() -> impl IntoView {
    view! { <Module what="the migration pages" load/> }
}

fn load() -> LocalBoxFuture<'static, Result<ShowPages, NotLoaded>> {
    #[cfg(feature = "split")]
    return module().boxed_local();
    #[cfg(not(feature = "split"))]
    futures::future::ready(module()).boxed_local()
}

#[cfg_attr(
    feature = "split",
    leptos::wasm_split::wasm_split(migration, wasm_split_path = leptos::wasm_split, fallible)
)]
fn module() -> Result<ShowPages, NotLoaded> {
    Ok(|| view! { <Pages/> }.into_any())
}
