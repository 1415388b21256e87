//! One user, as administrators see them.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::id::UserId;
use shared::user::{PasswordLink, Session, UserAccount, UserChange, UserRole};

use super::users::role_choices;
use crate::api::{self, ApiError};
use crate::components::{
    CheckboxField, Icon, Loaded, Moment, Refusal, SelectField, Shape, TextField,
};
use crate::format;
use crate::stores::Notices;

/// Called when a user changed, with the link that was made for them if one was.
type Changed = Callback<Option<(String, PasswordLink)>>;

#[component]
pub(super) fn UserForm(account: UserAccount, changed: Changed) -> impl IntoView {
    let name = RwSignal::new(account.user.name.clone());
    let role = RwSignal::new(account.user.role.as_str().to_owned());
    let is_disabled = RwSignal::new(account.disabled_at.is_some());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(account.user.id.clone());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let change = UserChange {
            name: name.read_untracked().trim().to_owned(),
            role: UserRole::from_name(&role.read_untracked()).unwrap_or(UserRole::Viewer),
            disabled: is_disabled.get_untracked(),
        };
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::users::change(&id.get_value(), &change).await {
                Ok(_) => changed.run(None),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let problem = Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about("name")));
    view! {
        <form class="form" on:submit=submit novalidate>
            <p class="quiet-text">{account.user.email.clone()}</p>
            <TextField name="change-name" label="Name" value=name problem/>
            <SelectField name="change-role" label="Role" value=role choices=role_choices()/>
            <CheckboxField
                name="change-disabled"
                label="May not sign in; whoever is signed in is signed out at once"
                value=is_disabled
            />
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Save"
                </button>
            </div>
        </form>
        <Access account changed refusal/>
        <Sessions user=id.get_value()/>
    }
}

/// How they get in.
#[component]
fn Access(
    account: UserAccount,
    changed: Changed,
    refusal: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    let is_busy = RwSignal::new(false);
    let has_second_factor = account.second_factor;
    let user = StoredValue::new(account.user);
    let make_link = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            let user = user.get_value();
            match api::users::password_link(&user.id).await {
                Ok(link) => changed.run(Some((user.name, link))),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let remove_factor = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::users::remove_second_factor(&user.get_value().id).await {
                Ok(()) => changed.run(None),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <h3>"Getting in"</h3>
        <div class="actions">
            <button type="button" class="button" disabled=is_busy on:click=make_link>
                <Icon shape=Shape::Key/>
                "Make a password link"
            </button>
            <Show when=move || has_second_factor>
                <button type="button" class="button" disabled=is_busy on:click=remove_factor>
                    "Take the second factor away"
                </button>
            </Show>
        </div>
    }
}

#[component]
fn Sessions(user: UserId) -> impl IntoView {
    let notices = Notices::expect();
    let user = StoredValue::new(user);
    let sessions = LocalResource::new(move || {
        let user = user.get_value();
        async move { api::users::sessions(&user).await }
    });
    let end_all = move |_| {
        spawn_local(async move {
            match api::users::end_sessions(&user.get_value()).await {
                Ok(()) => {
                    notices.good("Signed out everywhere.");
                    sessions.refetch();
                }
                Err(error) => notices.bad(error.sentence()),
            }
        });
    };
    view! {
        <h3>"Where they are signed in"</h3>
        <Loaded resource=sessions lines=2 let:page>
            <SessionList sessions=page.items/>
        </Loaded>
        <div class="actions">
            <button type="button" class="button" on:click=end_all>
                "Sign out everywhere"
            </button>
        </div>
    }
}

#[component]
fn SessionList(sessions: Vec<Session>) -> impl IntoView {
    let count = format::counted(sessions.len() as u64, "session", "sessions");
    view! {
        <p class="quiet-text">{count}</p>
        <ul class="sessions">
            {sessions
                .into_iter()
                .map(|session| {
                    view! {
                        <li>
                            {session.address} ", last used " <Moment time=session.last_active_at/>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}
