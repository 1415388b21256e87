//! Who may sign in.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::user::{NewUser, PasswordLink, UserAccount, UserRole, email_problem, name_problem};

use super::user::UserForm;
use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{
    Badge, Choice, CopyButton, Dialog, Icon, Loaded, Moment, Refusal, SelectField, Shape,
    TableFrame, TextField,
};
use crate::format;
use crate::stores::Tone;

#[component]
pub(super) fn Users() -> impl IntoView {
    let users = LocalResource::new(api::users::list);
    let is_adding = RwSignal::new(false);
    let edited = RwSignal::new(None::<UserAccount>);
    let is_editing = RwSignal::new(false);
    // Shown once, to whoever made it.
    let link = RwSignal::new(None::<(String, PasswordLink)>);
    let changed = Callback::new(move |new_link: Option<(String, PasswordLink)>| {
        is_adding.set(false);
        is_editing.set(false);
        link.set(new_link);
        users.refetch();
    });
    let edit = Callback::new(move |account| {
        edited.set(Some(account));
        is_editing.set(true);
    });
    let title = Signal::derive(move || {
        edited.with(|user| user.as_ref().map(|it| it.user.name.clone())).unwrap_or_default()
    });
    view! {
        <section class="card settings wide" aria-labelledby="users">
            <div class="card-head">
                <h2 id="users">"Users"</h2>
                <button type="button" class="button" on:click=move |_| is_adding.set(true)>
                    <Icon shape=Shape::Plus/>
                    "Add a user"
                </button>
            </div>
            <div role="status">
                {move || link.get().map(|(name, link)| view! { <LinkToGive name link/> })}
            </div>
            <Loaded resource=users lines=4 let:page>
                <UserTable users=page.items edit/>
            </Loaded>
        </section>
        <Dialog name="add-user" title="Add a user".to_owned() open=is_adding>
            <AddUser changed/>
        </Dialog>
        <Dialog name="edit-user" title open=is_editing>
            {move || edited.get().map(|account| view! { <UserForm account changed/> })}
        </Dialog>
    }
}

/// A link by which somebody sets their password.
#[component]
fn LinkToGive(name: String, link: PasswordLink) -> impl IntoView {
    let address = format!("{}{}", browser::origin(), link.path);
    let copied = address.clone();
    view! {
        <div class="alert tone-info">
            <Icon shape=Shape::Key/>
            <div>
                <p class="alert-title">{format!("{name} sets a password by this link")}</p>
                <p>
                    {format!(
                        "It is shown this once, is good once, and until {}.",
                        format::date_and_time(link.expires_at),
                    )}
                </p>
                <p>
                    <code>{address}</code>
                </p>
                <CopyButton label="Copy the link" text=move |()| copied.clone()/>
            </div>
        </div>
    }
}

#[component]
fn UserTable(users: Vec<UserAccount>, edit: Callback<UserAccount>) -> impl IntoView {
    view! {
        <TableFrame label="Who has an account">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"E-mail"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Second factor"</th>
                        <th scope="col">"Last here"</th>
                    </tr>
                </thead>
                <tbody>
                    {users
                        .into_iter()
                        .map(|account| view! { <UserRow account edit/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn UserRow(account: UserAccount, edit: Callback<UserAccount>) -> impl IntoView {
    let whole = account.clone();
    let word = match (&account.disabled_at, account.has_password, account.external) {
        (Some(_), ..) => Some((Tone::Bad, "disabled")),
        (None, false, false) => Some((Tone::Warning, "invited")),
        (None, _, true) => Some((Tone::Neutral, "identity provider")),
        (None, true, false) => None,
    };
    view! {
        <tr>
            <th scope="row">
                <button
                    type="button"
                    class="link-button"
                    on:click=move |_| edit.run(whole.clone())
                >
                    {account.user.name}
                </button>
                {word.map(|(tone, text)| view! { " " <Badge tone text=text.to_owned()/> })}
            </th>
            <td>{account.user.email}</td>
            <td>{account.user.role.label()}</td>
            <td>{if account.second_factor { "on" } else { "off" }}</td>
            <td>{account.last_active_at.map(|time| view! { <Moment time/> })}</td>
        </tr>
    }
}

pub(super) fn role_choices() -> Vec<Choice> {
    [
        (UserRole::Viewer, "Viewer: reads, and changes nothing"),
        (UserRole::Member, "Member: all pages of the migration"),
        (UserRole::Admin, "Administrator: users and settings too"),
    ]
    .into_iter()
    .map(|(role, label)| Choice::new(role.as_str(), label))
    .collect()
}

#[component]
fn AddUser(changed: Callback<Option<(String, PasswordLink)>>) -> impl IntoView {
    let email = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let role = RwSignal::new(UserRole::Viewer.as_str().to_owned());
    let is_sent = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        is_sent.set(true);
        refusal.set(None);
        let new = NewUser {
            email: email.read_untracked().trim().to_owned(),
            name: name.read_untracked().trim().to_owned(),
            role: UserRole::from_name(&role.read_untracked()).unwrap_or(UserRole::Viewer),
        };
        if email_problem(&new.email).or(name_problem(&new.name)).is_some() {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            match api::users::create(&new).await {
                Ok(invited) => changed.run(Some((new.name, invited.link))),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let about = move |text: RwSignal<String>, problem: fn(&str) -> Option<&'static str>| {
        Signal::derive(move || {
            is_sent.get().then(|| problem(&text.read())).flatten().map(str::to_owned)
        })
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <TextField
                name="user-email"
                label="E-mail"
                kind="email"
                value=email
                problem=about(email, email_problem)
            />
            <TextField name="user-name" label="Name" value=name problem=about(name, name_problem)/>
            <SelectField name="user-role" label="Role" value=role choices=role_choices()/>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Add the user"
                </button>
            </div>
        </form>
    }
}
