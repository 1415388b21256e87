//! How the portal looks on this machine and, for administrators, the whole installation.

mod appearance;
mod installation;
mod sections;
mod users;
mod user;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::user::Permission;

use crate::stores::Session;
use appearance::Appearance;
use installation::Installation;
use users::Users;

#[component]
pub fn Settings() -> impl IntoView {
    let session = Session::expect();
    view! {
        <Title text="Settings"/>
        <Appearance/>
        <Show when=move || session.may(Permission::ManageUsers)>
            <Users/>
        </Show>
        <Show when=move || session.may(Permission::ManageSettings)>
            <Installation/>
        </Show>
    }
}
