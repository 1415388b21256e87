//! Who is signed in, where, and how.

mod name;
mod password;
mod second_factor;
mod sessions;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::user::{Permission, User};

use crate::components::{Fact, Facts, Icon, Shape};
use crate::format;
use crate::stores::Session;
use name::NameForm;
use password::PasswordForm;
use second_factor::SecondFactorCard;
use sessions::Sessions;

#[component]
pub fn Profile() -> impl IntoView {
    let session = Session::expect();
    view! {
        <Title text="Profile"/>
        {move || session.user().map(|user| view! { <UserCard user/> })}
        <div class="card-grid profile-cards">
            <PasswordForm/>
            <SecondFactorCard/>
        </div>
        <Sessions/>
    }
}

#[component]
fn UserCard(user: User) -> impl IntoView {
    let role = user.role;
    view! {
        <section class="card profile">
            <span class="avatar large" aria-hidden="true">
                {format::initials(&user.name)}
            </span>
            <div>
                <h2>{user.name}</h2>
                <Facts>
                    <Fact name="E-mail">{user.email}</Fact>
                    <Fact name="Role">{role.label()}</Fact>
                    <Fact name="Member since">{format::date(user.created_at)}</Fact>
                </Facts>
                <h3>"What you may do"</h3>
                <ul class="permissions">
                    {PERMISSIONS
                        .iter()
                        .map(|&(permission, text)| {
                            let (shape, granted) = if role.may(permission) {
                                (Shape::Done, "yes")
                            } else {
                                (Shape::Close, "no")
                            };
                            view! {
                                <li data-granted=granted>
                                    <Icon shape/>
                                    {text}
                                    <span class="visually-hidden">": " {granted}</span>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
                <NameForm/>
                <p class="quiet-text">
                    "Address and role are an administrator's to change."
                </p>
            </div>
        </section>
    }
}

const PERMISSIONS: &[(Permission, &str)] = &[
    (Permission::Read, "See connections, plans, runs and quarantine"),
    (Permission::ManageConnections, "Add, test and remove connections"),
    (Permission::EditPlans, "Draft and change plans"),
    (Permission::ControlRuns, "Start, pause and resume runs and verifications"),
    (Permission::RollBackRuns, "Take back what a run did"),
    (Permission::RepairTargets, "Repair what a verification found"),
    (Permission::WorkQuarantine, "Fix, waive and replay quarantined rows"),
    (Permission::ReadUnmasked, "Look at a row's values, with a reason"),
    (Permission::ReviewDuplicates, "Look at duplicates side by side, and merge them"),
    (Permission::HandleAlerts, "Acknowledge alerts and change their rules"),
    (Permission::Approve, "Say yes or no to what somebody else asked for"),
    (Permission::ReadAudit, "Read who did what"),
    (Permission::ManageUsers, "Manage users"),
    (Permission::ManageSettings, "Change the settings"),
];
