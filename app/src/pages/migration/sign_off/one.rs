//! One sign-off: who was drawn, what was said of them, and signing for it.

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::id::SignOffId;
use shared::sign_off::{Acceptance, Judgement, SampledPerson, SignOff, SignOffState};
use shared::user::Permission;

use super::person::PersonPanel;
use super::{Place, StateBadge};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, Dialog, Fact, Facts, FailureCard, Icon, Loaded, Moment, Refusal, Shape, TableFrame,
};
use crate::format;
use crate::stores::{Session, Tone};

/// How long to wait between two looks while people are being drawn.
const BETWEEN_LOOKS: u32 = 1_000;

#[component]
pub fn SignOffPage(id: SignOffId) -> impl IntoView {
    let found = LocalResource::new(move || {
        let id = id.clone();
        async move { api::sign_offs::find(&id).await }
    });
    view! {
        <Title text="Sign-off"/>
        <Loaded resource=found lines=8 let:first>
            <SignOffView first/>
        </Loaded>
    }
}

#[component]
fn SignOffView(first: SignOff) -> impl IntoView {
    let (id, run) = (StoredValue::new(first.id.clone()), first.run_id.clone());
    let (plan, table, seed) = (first.plan_name.clone(), first.table.to_string(), first.seed);
    let strata = first.strata.label();
    let (drawn_by, drawn_at) = (first.requested_by.clone(), first.requested_at);
    let known = RwSignal::new(first);
    let look = move || {
        spawn_local(async move {
            // What could not be read now is read with the next look.
            if let Ok(now) = api::sign_offs::find(&id.get_value()).await
                && !known.is_disposed()
            {
                known.set(now);
            }
        });
    };
    spawn_local(async move {
        while let Some(SignOffState::Drawing) = known.try_with_untracked(|known| known.state) {
            TimeoutFuture::new(BETWEEN_LOOKS).await;
            if !known.is_disposed() {
                look();
            }
        }
    });
    let state = Memo::new(move |_| known.with(|known| known.state));
    let failure = Memo::new(move |_| known.with(|known| known.failure.clone()));
    let signed =
        Memo::new(move |_| known.with(|known| known.signed_by.clone().zip(known.signed_at)));
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::SignOffs.address()>"Sign-off"</a>
                    " / "
                    <a href=Place::Run(run).address()>"Run"</a>
                </p>
                <h2>"Sign-off of " {plan}</h2>
                <div class="badges">
                    <span role="status" aria-label="State of the sign-off">
                        <StateBadge state/>
                    </span>
                </div>
            </div>
            <Sign id known/>
        </div>
        {move || failure.get().map(|failure| view! { <FailureCard failure/> })}
        <section class="card" aria-labelledby="acceptance">
            <h3 id="acceptance">"What the judgements say"</h3>
            <Facts>
                <Fact name="People of">{table}</Fact>
                <Fact name="Kinds by">{strata}</Fact>
                <Fact name="Seed">{seed.to_string()}</Fact>
                <Fact name="Drawn by">{drawn_by} ", " <Moment time=drawn_at/></Fact>
                <Fact name="Signed by">
                    {move || {
                        signed
                            .get()
                            .map(|(by, at)| view! { {by} ", " <Moment time=at/> })
                    }}
                </Fact>
            </Facts>
            {move || view! { <AcceptanceView found=known.with(|known| known.acceptance.clone())/> }}
        </section>
        <Show when=move || matches!(state.get(), SignOffState::Open | SignOffState::Signed)>
            <People id state judged=Callback::new(move |()| look())/>
        </Show>
    }
}

#[component]
fn AcceptanceView(found: Acceptance) -> impl IntoView {
    let confidence = format::percent(found.confidence);
    let all = found.share.zip(found.interval).map(|(share, range)| {
        format!(
            "{} of everybody would be accepted; with {confidence} confidence between {} and {}.",
            format::percent(share),
            format::percent(range.low),
            format::percent(range.high)
        )
    });
    let all = all.unwrap_or_else(|| {
        "Nothing is said of everybody until somebody of every kind was judged.".to_owned()
    });
    let rows = found.strata.into_iter().map(|stratum| {
        let range = stratum.share.map(|range| {
            format!("{} to {}", format::percent(range.low), format::percent(range.high))
        });
        let about = if stratum.is_counted { "" } else { "about " };
        view! {
            <tr>
                <th scope="row">{stratum.stratum.label()}</th>
                <td class="number">{about} {format::count(stratum.people)}</td>
                <td class="number">{format::count(stratum.drawn.into())}</td>
                <td class="number">{format::count(stratum.accepted.into())}</td>
                <td class="number">{format::count(stratum.rejected.into())}</td>
                <td>{range}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <p role="status" aria-label="Acceptance">
            {all}
        </p>
        <TableFrame label="Kinds of people">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Kind"</th>
                        <th scope="col" class="number">
                            "People"
                        </th>
                        <th scope="col" class="number">
                            "Drawn"
                        </th>
                        <th scope="col" class="number">
                            "Accepted"
                        </th>
                        <th scope="col" class="number">
                            "Rejected"
                        </th>
                        <th scope="col">"Share accepted, " {confidence}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableFrame>
    }
}

/// Everybody who was drawn, and the one that is looked at.
#[component]
fn People(
    id: StoredValue<SignOffId>,
    state: Memo<SignOffState>,
    judged: Callback<()>,
) -> impl IntoView {
    let found =
        LocalResource::new(move || async move { api::sign_offs::people(&id.get_value()).await });
    view! {
        <Loaded resource=found lines=6 let:people>
            <PeopleView id people state judged/>
        </Loaded>
    }
}

#[component]
fn PeopleView(
    id: StoredValue<SignOffId>,
    people: Vec<SampledPerson>,
    state: Memo<SignOffState>,
    judged: Callback<()>,
) -> impl IntoView {
    let session = Session::expect();
    let may_see = session.may(Permission::ReadUnmasked);
    let people = RwSignal::new(people);
    let at = RwSignal::new(None::<u32>);
    // Asked for once, and sent with every look.
    let reason = RwSignal::new(String::new());
    let said = move |person: SampledPerson| {
        people.update(|people| {
            if let Some(known) = people.iter_mut().find(|known| known.number == person.number) {
                *known = person;
            }
        });
        judged.run(());
        let next = people.with_untracked(|people| {
            people.iter().find(|person| person.judgement.is_none()).map(|person| person.number)
        });
        at.set(next);
    };
    view! {
        <Show when=move || may_see>
            {move || {
                at.get()
                    .map(|number| {
                        view! {
                            <PersonPanel id number reason state said=Callback::new(said)/>
                        }
                    })
            }}
        </Show>
        <section class="card" aria-labelledby="sampled-people">
            <h3 id="sampled-people">"Who was drawn"</h3>
            <TableFrame label="People of the sample">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Person"</th>
                            <th scope="col">"Kind"</th>
                            <th scope="col">"Judgement"</th>
                            <th scope="col">"By"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For
                            each=move || people.get()
                            key=|person| (person.number, person.judgement, person.judged_at)
                            let:person
                        >
                            <PersonRow person may_see at/>
                        </For>
                    </tbody>
                </table>
            </TableFrame>
        </section>
    }
}

#[component]
fn PersonRow(person: SampledPerson, may_see: bool, at: RwSignal<Option<u32>>) -> impl IntoView {
    let number = person.number;
    let label = format!("Person {number}");
    let name = if may_see {
        view! {
            <button
                type="button"
                class="link-button"
                aria-pressed=move || (at.get() == Some(number)).to_string()
                on:click=move |_| at.set(Some(number))
            >
                {label}
            </button>
        }
        .into_any()
    } else {
        label.into_any()
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>{person.stratum.label()}</td>
            <td>
                <JudgementBadge judgement=person.judgement/>
            </td>
            <td>{person.judged_by}</td>
        </tr>
    }
}

#[component]
fn JudgementBadge(#[prop(optional_no_strip)] judgement: Option<Judgement>) -> impl IntoView {
    let (tone, icon, text) = match judgement {
        Some(Judgement::Accepted) => (Tone::Good, Shape::Done, Judgement::Accepted.label()),
        Some(Judgement::Rejected) => (Tone::Bad, Shape::Failed, Judgement::Rejected.label()),
        None => (Tone::Neutral, Shape::Clock, "Not judged"),
    };
    view! { <Badge tone icon text=text.to_owned()/> }
}

/// Signing, once everybody was judged.
#[component]
fn Sign(id: StoredValue<SignOffId>, known: RwSignal<SignOff>) -> impl IntoView {
    let session = Session::expect();
    let open = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let is_ready = Memo::new(move |_| {
        known.with(|known| {
            let found = &known.acceptance;
            known.state == SignOffState::Open
                && found.drawn > 0
                && found.drawn == found.accepted + found.rejected
        })
    });
    let told = move || {
        known.with(|known| {
            let Acceptance { drawn, accepted, rejected, .. } = &known.acceptance;
            format!("Of {drawn} people, {accepted} were accepted and {rejected} rejected.")
        })
    };
    let sign = move |_| {
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let answer = api::sign_offs::sign(&id.get_value()).await;
            if known.is_disposed() {
                return;
            }
            match answer {
                Ok(signed) => {
                    known.set(signed);
                    open.set(false);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    view! {
        <div class="actions">
            <Show when=move || is_ready.get() && session.may(Permission::SignOff)>
                <button
                    type="button"
                    class="button primary"
                    aria-haspopup="dialog"
                    on:click=move |_| open.set(true)
                >
                    <Icon shape=Shape::Approval/>
                    "Sign"
                </button>
            </Show>
            <Dialog name="sign-the-sample" title="Sign this sample off?".to_owned() open>
                <p>{told}</p>
                <p>
                    "With your name it goes into the run's report, and no judgement can be changed \
                    any more."
                </p>
                <Refusal error=refusal/>
                <div class="actions">
                    <button type="button" class="button primary" disabled=is_busy on:click=sign>
                        <Icon shape=Shape::Approval/>
                        "Sign it"
                    </button>
                    <button type="button" class="button" on:click=move |_| open.set(false)>
                        "Not yet"
                    </button>
                </div>
            </Dialog>
        </div>
    }
}
