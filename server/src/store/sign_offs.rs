//! People drawn from runs, who looked at them, and what was said of them.

use chrono::{DateTime, Utc};
use shared::assessment::TableName;
use shared::id::{RunId, SignOffId};
use shared::run::Failure;
use shared::sign_off::{Judgement, SampledPerson, SignOffState, StrataBy, Stratum, StratumResult};
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, column, document};

/// A sign-off with how many were judged how.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSignOff {
    pub id: SignOffId,
    pub run_id: RunId,
    pub plan_name: String,
    pub people: TableName,
    pub size: u32,
    pub seed: u64,
    pub strata_by: StrataBy,
    pub state: SignOffState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    /// Without the intervals.
    pub strata: Vec<StratumResult>,
    pub signed_by: Option<String>,
    pub signed_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
}

/// A sign-off for which people are being drawn.
#[derive(Debug, Clone)]
pub struct BegunSignOff<'a> {
    pub id: &'a SignOffId,
    pub run_id: &'a RunId,
    pub people: &'a TableName,
    pub size: u32,
    pub seed: u64,
    pub strata_by: StrataBy,
    /// The column with the birth date, where strata are by age.
    pub born: Option<&'a str>,
    pub requested_by: &'a str,
    pub owner: &'a str,
}

/// Somebody of a sample, with what only the server may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPerson {
    pub person: SampledPerson,
    pub sealed_handle: String,
    pub sealed_reason: Option<String>,
}

/// Sign-offs with the plans of their runs: which of them, and in which order. A row for each stratum of
/// which somebody was drawn says how many were judged how.
macro_rules! sign_offs {
    ($which:literal, $order:literal) => {
        concat!(
            "select page.*, judged_stratum, accepted, rejected
             from (
                 select sign_offs.id, run_id, plan_versions.name as plan_name, people, size, seed,
                     strata_by, sign_offs.state, requested_by, requested_at, strata, signed_by, signed_at,
                     sign_offs.failure_code, sign_offs.failure_message
                 from sign_offs
                 join runs on runs.id = run_id
                 join plan_versions
                     on plan_versions.plan_id = runs.plan_id
                     and plan_versions.version = runs.plan_version ",
            $which,
            ") as page
             left join (
                 select sign_off_id, stratum as judged_stratum,
                     cast(sum(case when judgement = 'accepted' then 1 else 0 end) as bigint)
                         as accepted,
                     cast(sum(case when judgement = 'rejected' then 1 else 0 end) as bigint)
                         as rejected
                 from sign_off_people
                 where sign_off_id in (select sign_offs.id from sign_offs ",
            $which,
            ")
                 group by sign_off_id, stratum
             ) as judged on sign_off_id = page.id
             order by requested_at ",
            $order,
            ", page.id ",
            $order
        )
    };
}

pub async fn insert(
    executor: impl Executor<'_>,
    new: &BegunSignOff<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let doing = "adding a sign-off";
    sqlx::query(
        "insert into sign_offs
             (id, run_id, people, size, seed, strata_by, born, state, requested_by, requested_at,
              strata, owner)
         values ($1, $2, $3, $4, $5, $6, $7, 'drawing', $8, $9, '[]', $10)",
    )
    .bind(new.id.as_str())
    .bind(new.run_id.as_str())
    .bind(new.people.to_string())
    .bind(i64::from(new.size))
    .bind(new.seed.cast_signed())
    .bind(new.strata_by.as_str())
    .bind(new.born)
    .bind(new.requested_by)
    .bind(now.timestamp_micros())
    .bind(new.owner)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

/// Ends the drawing. False when it was over already.
pub async fn end_drawing(
    executor: impl Executor<'_>,
    id: &SignOffId,
    drawn: Result<&[StratumResult], &Failure>,
) -> Result<bool, StoreError> {
    let doing = "keeping who was drawn";
    let state = if drawn.is_ok() { SignOffState::Open } else { SignOffState::Failed };
    let failure = drawn.err();
    sqlx::query(
        "update sign_offs
         set state = $1, strata = $2, failure_code = $3, failure_message = $4, owner = null
         where id = $5 and state = 'drawing'",
    )
    .bind(state.as_str())
    .bind(document(&drawn.unwrap_or_default(), doing)?)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Adds somebody who was drawn.
pub async fn insert_person(
    executor: impl Executor<'_>,
    id: &SignOffId,
    number: u32,
    stratum: Stratum,
    sealed_handle: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sign_off_people (sign_off_id, number, stratum, sealed_handle)
         values ($1, $2, $3, $4)",
    )
    .bind(id.as_str())
    .bind(i64::from(number))
    .bind(stratum.as_str())
    .bind(sealed_handle)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("keeping who was drawn"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &SignOffId,
) -> Result<Option<StoredSignOff>, StoreError> {
    sqlx::query(sign_offs!("where sign_offs.id = $1", "desc"))
        .bind(id.as_str())
        .fetch_all(executor)
        .await
        .and_then(|rows| Ok(sign_offs_of(&rows)?.pop()))
        .map_err(StoreError::while_doing("finding a sign-off"))
}

/// The newest first; those of one run where one is named.
pub async fn list(
    executor: impl Executor<'_>,
    run: Option<&RunId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<StoredSignOff>, StoreError> {
    let (requested_at, id) = Place::bounds(after);
    sqlx::query(sign_offs!(
        "where (requested_at < $1 or (requested_at = $1 and sign_offs.id < $2))
             and ($3 = '' or run_id = $3)
         order by requested_at desc, sign_offs.id desc
         limit $4",
        "desc"
    ))
    .bind(requested_at)
    .bind(id)
    .bind(run.map_or("", RunId::as_str))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| sign_offs_of(&rows))
    .map_err(StoreError::while_doing("listing sign-offs"))
}

/// Those of one run, the oldest first.
pub async fn list_of_run(
    executor: impl Executor<'_>,
    run: &RunId,
) -> Result<Vec<StoredSignOff>, StoreError> {
    sqlx::query(sign_offs!("where run_id = $1", "asc"))
        .bind(run.as_str())
        .fetch_all(executor)
        .await
        .and_then(|rows| sign_offs_of(&rows))
        .map_err(StoreError::while_doing("listing the sign-offs of a run"))
}

/// People of a sample in the order of their numbers.
pub async fn people(
    executor: impl Executor<'_>,
    id: &SignOffId,
) -> Result<Vec<SampledPerson>, StoreError> {
    sqlx::query(
        "select number, stratum, judgement, judged_by, judged_at
         from sign_off_people
         where sign_off_id = $1
         order by number",
    )
    .bind(id.as_str())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(person_of).collect())
    .map_err(StoreError::while_doing("listing who was drawn"))
}

pub async fn person(
    executor: impl Executor<'_>,
    id: &SignOffId,
    number: u32,
) -> Result<Option<StoredPerson>, StoreError> {
    sqlx::query(
        "select number, stratum, judgement, judged_by, judged_at, sealed_handle, sealed_reason
         from sign_off_people
         where sign_off_id = $1 and number = $2",
    )
    .bind(id.as_str())
    .bind(i64::from(number))
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(stored_person_of).transpose())
    .map_err(StoreError::while_doing("finding who was drawn"))
}

/// Keeps that somebody looked at somebody.
pub async fn keep_look(
    executor: impl Executor<'_>,
    id: &SignOffId,
    number: u32,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sign_off_looks (sign_off_id, number, user_id, looked_at)
         values ($1, $2, $3, $4)
         on conflict (sign_off_id, number, user_id) do update set looked_at = excluded.looked_at",
    )
    .bind(id.as_str())
    .bind(i64::from(number))
    .bind(by)
    .bind(now.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("keeping who looked"))
}

/// Keeps what somebody who looked says. False when they did not look, or the sign-off is not open.
pub async fn judge(
    executor: impl Executor<'_>,
    id: &SignOffId,
    number: u32,
    said: (Judgement, &str),
    by: (&str, &str),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update sign_off_people
         set judgement = $1, sealed_reason = $2, judged_by = $3, judged_at = $4
         where sign_off_id = $5 and number = $6
             and exists (select 1 from sign_offs where id = $5 and state = 'open')
             and exists (
                 select 1 from sign_off_looks as looks
                 where looks.sign_off_id = $5 and looks.number = $6 and looks.user_id = $7
             )",
    )
    .bind(said.0.as_str())
    .bind(said.1)
    .bind(by.1)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(i64::from(number))
    .bind(by.0)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("keeping a judgement"))
}

/// Signs what was judged. False when somebody is not judged yet, or the sign-off is not open.
pub async fn sign(
    executor: impl Executor<'_>,
    id: &SignOffId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update sign_offs
         set state = 'signed', signed_by = $1, signed_at = $2
         where id = $3 and state = 'open'
             and not exists (
                 select 1 from sign_off_people
                 where sign_off_id = sign_offs.id and judgement is null
             )",
    )
    .bind(by)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("signing"))
}

/// Sign-offs whose people are said to be drawn and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<(SignOffId, RunId)>, StoreError> {
    sqlx::query(
        "select id, run_id from sign_offs
         where state = 'drawing' and (owner = $1 or heartbeat_at < $2)
         order by requested_at, id",
    )
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(column::with_run).collect())
    .map_err(StoreError::while_doing("looking for abandoned sign-offs"))
}

/// One for all rows about it.
fn sign_offs_of(rows: &[AnyRow]) -> Result<Vec<StoredSignOff>, sqlx::Error> {
    let mut found: Vec<StoredSignOff> = Vec::new();
    for row in rows {
        let id = column::text(row, "id")?;
        if found.last().is_none_or(|last| last.id.as_str() != id) {
            found.push(sign_off_of(row)?);
        }
        let strata = found.last_mut().map(|last| last.strata.iter_mut()).into_iter().flatten();
        let judged = column::optional_named(row, "judged_stratum", Stratum::from_name)?;
        for stratum in strata.filter(|it| Some(it.stratum) == judged) {
            stratum.accepted = column::number(row, "accepted")?;
            stratum.rejected = column::number(row, "rejected")?;
        }
    }
    Ok(found)
}

fn sign_off_of(row: &AnyRow) -> Result<StoredSignOff, sqlx::Error> {
    Ok(StoredSignOff {
        id: column::parsed(row, "id")?,
        run_id: column::parsed(row, "run_id")?,
        plan_name: column::text(row, "plan_name")?,
        people: column::parsed(row, "people")?,
        size: column::number(row, "size")?,
        seed: column::number(row, "seed")?,
        strata_by: column::named(row, "strata_by", StrataBy::from_name)?,
        state: column::named(row, "state", SignOffState::from_name)?,
        requested_by: column::text(row, "requested_by")?,
        requested_at: column::time(row, "requested_at")?,
        strata: column::json(row, "strata")?,
        signed_by: column::optional_text(row, "signed_by")?,
        signed_at: column::optional_time(row, "signed_at")?,
        failure: column::failure(row)?,
    })
}

fn person_of(row: &AnyRow) -> Result<SampledPerson, sqlx::Error> {
    Ok(SampledPerson {
        number: column::number(row, "number")?,
        stratum: column::named(row, "stratum", Stratum::from_name)?,
        judgement: column::optional_named(row, "judgement", Judgement::from_name)?,
        judged_by: column::optional_text(row, "judged_by")?,
        judged_at: column::optional_time(row, "judged_at")?,
    })
}

fn stored_person_of(row: &AnyRow) -> Result<StoredPerson, sqlx::Error> {
    Ok(StoredPerson {
        person: person_of(row)?,
        sealed_handle: column::text(row, "sealed_handle")?,
        sealed_reason: column::optional_text(row, "sealed_reason")?,
    })
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;

    use super::*;
    use crate::store::Store;
    use crate::store::signs::Work;
    use crate::store::testing::{at, check_signs, on_both};
    use crate::store::verifications::tests::add_run;

    async fn begin(store: &Store, id: &str, run: &RunId, second: i64) -> SignOffId {
        let id = SignOffId::parse(id).expect("an id");
        let new = BegunSignOff {
            id: &id,
            run_id: run,
            people: &"public.patients".parse().expect("a name"),
            size: 2,
            seed: (1 << 53) - 1,
            strata_by: StrataBy::Age,
            born: Some("birth_date"),
            requested_by: "Ada Example",
            owner: "here",
        };
        insert(store.pool(), &new, at(second)).await.expect("a sign-off");
        id
    }

    fn drawn() -> [StratumResult; 1] {
        [StratumResult {
            stratum: Stratum::FewRecords,
            people: 40,
            is_counted: true,
            drawn: 2,
            accepted: 0,
            rejected: 0,
            share: None,
        }]
    }

    async fn drawn_for(store: &Store, id: &SignOffId) {
        for number in 1..=2 {
            let stratum = Stratum::FewRecords;
            insert_person(store.pool(), id, number, stratum, "sealed").await.unwrap();
        }
        assert!(end_drawing(store.pool(), id, Ok(&drawn())).await.unwrap());
    }

    #[tokio::test]
    async fn a_sign_off_reads_back_as_it_was_written() {
        on_both(async |store| {
            let (first, second) = (add_run(&store, "r1").await, add_run(&store, "r2").await);
            let one = begin(&store, "s1", &first, 1).await;
            let two = begin(&store, "s2", &second, 2).await;
            drawn_for(&store, &one).await;
            assert!(!end_drawing(store.pool(), &one, Ok(&drawn())).await.unwrap());
            let failure = Failure { code: ErrorCode::Sys006, message: "drawing".to_owned() };
            assert!(end_drawing(store.pool(), &two, Err(&failure)).await.unwrap());

            let stored = find(store.pool(), &one).await.unwrap().unwrap();
            assert_eq!((stored.state, stored.seed), (SignOffState::Open, (1 << 53) - 1));
            assert_eq!(stored.strata_by, StrataBy::Age);
            assert_eq!(stored.strata, drawn());
            let failed = find(store.pool(), &two).await.unwrap().unwrap();
            assert_eq!((failed.state, failed.failure), (SignOffState::Failed, Some(failure)));
            let all = list(store.pool(), None, None, 9).await.unwrap();
            assert_eq!(all.iter().map(|it| &it.id).collect::<Vec<_>>(), [&two, &one]);
            let of_one = list(store.pool(), Some(&first), None, 9).await.unwrap();
            assert_eq!(of_one, [stored]);
            assert_eq!(list_of_run(store.pool(), &first).await.unwrap(), of_one);
            let place = Place::of(at(2), two.as_str());
            assert_eq!(list(store.pool(), None, Some(&place), 9).await.unwrap(), of_one);
        })
        .await;
    }

    #[tokio::test]
    async fn nobody_judges_what_they_have_not_seen_nor_what_is_signed() {
        on_both(async |store| {
            let run = add_run(&store, "r1").await;
            let id = begin(&store, "s1", &run, 1).await;
            drawn_for(&store, &id).await;
            let ada = "ada";
            let say = async |number, judgement, second| {
                let (said, by) = ((judgement, "sealed why"), (ada, "Ada Example"));
                judge(store.pool(), &id, number, said, by, at(second)).await.unwrap()
            };
            assert!(!say(1, Judgement::Accepted, 2).await);
            for number in 1..=2 {
                keep_look(store.pool(), &id, number, ada, at(3)).await.unwrap();
                keep_look(store.pool(), &id, number, ada, at(4)).await.unwrap();
            }
            assert!(say(1, Judgement::Rejected, 5).await);
            assert!(!sign(store.pool(), &id, "Bea Example", at(6)).await.unwrap());
            assert!(say(1, Judgement::Accepted, 7).await && say(2, Judgement::Rejected, 7).await);

            let [mut judged] = drawn();
            (judged.accepted, judged.rejected) = (1, 1);
            let stored = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(stored.strata, [judged.clone()]);
            // Each in a list has its own.
            let other = begin(&store, "s2", &run, 7).await;
            drawn_for(&store, &other).await;
            let all = list(store.pool(), None, None, 9).await.unwrap();
            let strata: Vec<_> = all.into_iter().flat_map(|it| it.strata).collect();
            let [unjudged] = drawn();
            assert_eq!(strata, [unjudged, judged]);
            let seen = person(store.pool(), &id, 1).await.unwrap().unwrap();
            assert_eq!(seen.sealed_reason.as_deref(), Some("sealed why"));
            assert_eq!(people(store.pool(), &id).await.unwrap()[0], seen.person);
            assert_eq!(person(store.pool(), &id, 3).await.unwrap(), None);
            assert!(sign(store.pool(), &id, "Bea Example", at(8)).await.unwrap());
            assert!(!sign(store.pool(), &id, "Bea Example", at(9)).await.unwrap());
            assert!(!say(2, Judgement::Accepted, 9).await);
            let signed = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(signed.signed_by.as_deref(), Some("Bea Example"));
            assert_eq!(signed.signed_at, Some(at(8)));
        })
        .await;
    }

    #[tokio::test]
    async fn what_an_installation_was_drawing_is_found() {
        on_both(async |store| {
            let run = add_run(&store, "r1").await;
            let id = begin(&store, "s1", &run, 1).await;
            let abandoned =
                async |abandoned| list_abandoned(store.pool(), abandoned).await.unwrap().len();

            check_signs(&store, Work::SignOff, id.as_str(), abandoned).await;
            drawn_for(&store, &id).await;
            let own = Abandoned { owner: Some("here"), silent_since: at(999) };
            assert_eq!(abandoned(own).await, 0);
        })
        .await;
    }
}
