//! What nobody may do alone: asked for, answered by somebody else, and used once for exactly what
//! was asked.

use chrono::{DateTime, TimeDelta, Utc};
use engine::clock::Clock;
use shared::approval::{Act, Approval, ApprovalState, Person};
use shared::audit::{Action, Reason};
use shared::id::ApprovalId;
use shared::user::User;

use crate::audit::{self, Actor, Deed};
use crate::auth::{Caller, sha256_hex};
use crate::settings::Current;
use crate::store::approvals::{self, Said};
use crate::store::{self, Store, StoreError, Transaction};

/// Why a request, an answer or an act was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such request")]
    NotFound,
    /// Nobody answers what they asked for.
    #[error("the request is of the same person")]
    OwnRequest,
    #[error("the request is {}", .state.as_str())]
    WrongState { state: ApprovalState },
    /// The act needs an approval and none was named.
    #[error("nobody may do this alone")]
    Required,
    /// The approval that was named is for something else, of somebody else, or no longer counts.
    #[error("the approval does not count for this")]
    DoesNotCount,
}

/// Proof that an act may begin: it needs nobody else, or somebody else agreed. Whatever destroys
/// something takes one.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// Whoever owns the machine needs nobody else.
    pub const fn of_the_command_line() -> Self {
        Self(())
    }
}

/// What binds an approval to the act that was asked for.
pub fn hash_of(act: &Act) -> String {
    // One way to write each act: the fields in the order of the type.
    sha256_hex(serde_json::to_vec(act).unwrap_or_default())
}

/// Lets an act begin, in the transaction that begins it. Where the settings ask for a second
/// person, `approval` names what they agreed to; it is used up.
pub async fn permit(
    tx: &mut Transaction,
    settings: &Current,
    caller: &Caller,
    act: &Act,
    approval: Option<&ApprovalId>,
    now: DateTime<Utc>,
) -> Result<Permit, ApprovalError> {
    let saved = settings.get().await?;
    if !saved.settings.approvals.second_person.contains(&act.kind()) {
        return Ok(Permit(()));
    }
    let id = approval.ok_or(ApprovalError::Required)?;
    if !approvals::take(&mut **tx, id, &hash_of(act), caller.id.as_str(), now).await? {
        return Err(ApprovalError::DoesNotCount);
    }
    let detail = Some(format!("{} {}", act.kind().as_str(), act.object()));
    audit::record(tx, now, caller, Action::ApprovalUsed, id.as_str(), detail).await?;
    Ok(Permit(()))
}

/// Asks a second person.
pub async fn request(
    store: &Store,
    settings: &Current,
    clock: &dyn Clock,
    caller: &Caller,
    act: Act,
    reason: &Reason,
) -> Result<Approval, ApprovalError> {
    let now = clock.now();
    let minutes = settings.get().await?.settings.approvals.expire_minutes;
    let approval = Approval {
        id: ApprovalId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
        summary: act.summary(),
        act_hash: hash_of(&act),
        act,
        state: ApprovalState::Requested,
        reason: reason.as_str().to_owned(),
        requested_by: person(caller),
        requested_at: at_micros(now),
        expires_at: at_micros(now + TimeDelta::minutes(minutes.into())),
        answered_by: None,
        answered_at: None,
        answer: None,
    };
    let mut tx = store.begin().await?;
    approvals::insert(&mut *tx, &approval).await?;
    let detail = Some(format!("{} {}", approval.act.kind().as_str(), approval.act.object()));
    let deed = Deed {
        actor: caller.into(),
        action: Action::ApprovalRequested,
        subject: approval.id.as_str(),
        detail,
        outcome: shared::audit::Outcome::Success,
        reason: Some(reason.as_str()),
    };
    audit::write(&mut tx, now, deed).await?;
    store::commit(tx).await?;
    Ok(approval)
}

/// The second person says yes or no.
pub async fn answer(
    store: &Store,
    clock: &dyn Clock,
    caller: &Caller,
    id: &ApprovalId,
    state: ApprovalState,
    reason: &Reason,
) -> Result<Approval, ApprovalError> {
    let now = clock.now();
    expire(store, now).await?;
    let mut tx = store.begin().await?;
    let by = person(caller);
    let said = Said { state, by: &by, answer: reason.as_str() };
    if !approvals::answer(&mut *tx, id, said, now).await? {
        let found = approvals::find(&mut *tx, id).await?.ok_or(ApprovalError::NotFound)?;
        return Err(if found.requested_by.id == by.id {
            ApprovalError::OwnRequest
        } else {
            ApprovalError::WrongState { state: found.state }
        });
    }
    let action = match state {
        ApprovalState::Approved => Action::ApprovalGiven,
        _ => Action::ApprovalRefused,
    };
    audit::record_with_reason(&mut tx, now, caller, action, id.as_str(), reason).await?;
    let approval = approvals::find(&mut *tx, id).await?.ok_or(ApprovalError::NotFound)?;
    store::commit(tx).await?;
    Ok(approval)
}

/// Whoever asked takes it back.
pub async fn withdraw(
    store: &Store,
    clock: &dyn Clock,
    caller: &Caller,
    id: &ApprovalId,
) -> Result<Approval, ApprovalError> {
    let now = clock.now();
    expire(store, now).await?;
    let mut tx = store.begin().await?;
    let withdrawn = approvals::withdraw(&mut *tx, id, caller.id.as_str()).await?;
    let approval = approvals::find(&mut *tx, id).await?.ok_or(ApprovalError::NotFound)?;
    if withdrawn {
        audit::record(&mut tx, now, caller, Action::ApprovalWithdrawn, id.as_str(), None).await?;
    }
    store::commit(tx).await?;
    match withdrawn {
        true => Ok(approval),
        // To others it is not theirs to take back.
        false if approval.requested_by.id != caller.id.as_str() => Err(ApprovalError::NotFound),
        false => Err(ApprovalError::WrongState { state: approval.state }),
    }
}

/// Ends what was not answered, or not used, in time.
pub async fn expire(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    let overdue = approvals::list_overdue(store.pool(), now).await?;
    if overdue.is_empty() {
        return Ok(());
    }
    let mut tx = store.begin().await?;
    for id in overdue {
        if approvals::expire(&mut *tx, &id).await? {
            let (actor, action) = (Actor::system(), Action::ApprovalExpired);
            audit::record(&mut tx, now, actor, action, id.as_str(), None).await?;
        }
    }
    store::commit(tx).await
}

fn person(user: &User) -> Person {
    Person { id: user.id.to_string(), name: user.name.clone() }
}

/// What the store keeps of a moment.
fn at_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Access;
    use crate::settings::Deployment;
    use crate::store::settings::Saved;
    use crate::store::testing::{at, on_both, user};
    use engine::clock::FixedClock;
    use shared::approval::ActKind;
    use shared::settings::Settings;

    #[tokio::test]
    async fn where_nobody_asks_for_a_second_person_nothing_is_needed() {
        on_both(async |store| {
            let settings = Current::new(store.clone(), Deployment::default());
            let mut tx = store.begin().await.unwrap();
            permit(&mut tx, &settings, &caller("ada"), &act("r1"), None, at(1)).await.unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn an_act_begins_once_somebody_else_agreed_to_exactly_it() {
        on_both(async |store| {
            let settings = with_second_person(&store).await;
            let clock = FixedClock::at(at(1));
            let (ada, bea) = (caller("ada"), caller("bea"));
            let reason = Reason::parse("it went wrong").unwrap();
            let begin = async |who: &Caller, act: Act, approval: Option<&ApprovalId>| {
                let mut tx = store.begin().await.unwrap();
                let permit = permit(&mut tx, &settings, who, &act, approval, at(2)).await;
                store::commit(tx).await.unwrap();
                permit
            };
            let refused = begin(&ada, act("r1"), None).await.unwrap_err();
            assert!(matches!(refused, ApprovalError::Required), "{refused}");

            let asked = request(&store, &settings, &clock, &ada, act("r1"), &reason).await.unwrap();
            let yes = ApprovalState::Approved;
            let own = answer(&store, &clock, &ada, &asked.id, yes, &reason).await.unwrap_err();
            assert!(matches!(own, ApprovalError::OwnRequest), "{own}");
            let early = begin(&ada, act("r1"), Some(&asked.id)).await.unwrap_err();
            assert!(matches!(early, ApprovalError::DoesNotCount), "{early}");
            answer(&store, &clock, &bea, &asked.id, yes, &reason).await.unwrap();

            for (who, what) in [(&ada, act("r2")), (&bea, act("r1"))] {
                let refused = begin(who, what, Some(&asked.id)).await.unwrap_err();
                assert!(matches!(refused, ApprovalError::DoesNotCount), "{refused}");
            }
            begin(&ada, act("r1"), Some(&asked.id)).await.unwrap();
            let again = begin(&ada, act("r1"), Some(&asked.id)).await.unwrap_err();
            assert!(matches!(again, ApprovalError::DoesNotCount), "{again}");
        })
        .await;
    }

    #[tokio::test]
    async fn an_act_that_does_not_begin_keeps_its_approval() {
        on_both(async |store| {
            let settings = with_second_person(&store).await;
            let clock = FixedClock::at(at(1));
            let (ada, bea) = (caller("ada"), caller("bea"));
            let reason = Reason::parse("it went wrong").unwrap();
            let asked = request(&store, &settings, &clock, &ada, act("r1"), &reason).await.unwrap();
            let yes = ApprovalState::Approved;
            answer(&store, &clock, &bea, &asked.id, yes, &reason).await.unwrap();

            let mut tx = store.begin().await.unwrap();
            permit(&mut tx, &settings, &ada, &act("r1"), Some(&asked.id), at(2)).await.unwrap();
            drop(tx);

            let found = approvals::find(store.pool(), &asked.id).await.unwrap().unwrap();
            assert_eq!(found.state, ApprovalState::Approved);
        })
        .await;
    }

    async fn with_second_person(store: &Store) -> Current {
        let mut settings = Settings::default();
        settings.approvals.second_person = vec![ActKind::RollBack];
        let saved = Saved { version: 1, settings, changed_at: at(0), changed_by: "Ada".to_owned() };
        store::settings::save(store.pool(), &saved).await.expect("settings");
        Current::new(store.clone(), Deployment::default())
    }

    fn caller(id: &str) -> Caller {
        Caller::new(user(id), Access::Local, "192.0.2.1")
    }

    fn act(run: &str) -> Act {
        Act::RollBack {
            run_id: run.parse().expect("an id"),
            scope: shared::rollback::Scope::Run,
            changed: shared::rollback::Changed::Leave,
        }
    }
}
