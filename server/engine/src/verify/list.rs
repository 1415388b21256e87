//! What verifications found, as it may be shown, and whether it still holds.

use std::future::Future;

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::VerificationId;
use shared::page::{Cursor, Page};
use shared::plan::Plan;
use shared::verification::{
    Findings, Mismatch, MismatchFilter, MismatchKind, MismatchState, VerificationState,
};

use super::canonical::{self, split_field};
use super::freshness::{self, Marks};
use super::record::{self, Identities, Record, Which};
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::load::{Param, PostgresTarget, Session, SqliteTarget, Target, ledger};
use crate::run::work_hash;
use crate::seal::{self, Key};

/// A verification as its target knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub id: VerificationId,
    pub state: VerificationState,
    pub findings: Option<Findings>,
}

/// The latest verification of a plan version; none when it was never compared.
pub async fn latest(target_url: &str, plan: &Plan) -> Result<Option<Known>> {
    let plan_hash = work_hash(plan);
    in_target(target_url, Latest { plan_hash: &plan_hash }).await
}

/// One page of what a verification found, in the order of the tables.
pub async fn mismatches(
    target_url: &str,
    verification: &VerificationId,
    filter: &MismatchFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Mismatch>> {
    in_target(target_url, List { verification, filter, after, limit }).await
}

/// The key of the row that a mismatch is about, by its columns. That somebody asked for it is to
/// be written down.
pub async fn key_of(
    target_url: &str,
    verification: &VerificationId,
    digest: &str,
    key: &Key,
) -> Result<Option<Vec<(String, String)>>> {
    in_target(target_url, KeyOf { verification, digest, key }).await
}

/// The tables of the target of which a side is no longer known to be what it was when the
/// verification began. While there is none, the verification is fresh.
pub async fn stale_tables(
    plan: &Plan,
    source_url: &str,
    target_url: &str,
    verification: &VerificationId,
) -> Result<Vec<TableName>> {
    let found = in_target(target_url, ById { verification }).await?;
    let Some(record) = found.filter(|record| record.plan_hash == work_hash(plan)) else {
        return Ok(plan.tables.iter().map(|mapping| mapping.target.clone()).collect());
    };
    let (source, target) = (Source::open(source_url).await?, Source::open(target_url).await?);
    let now = freshness::marks(plan, &source, &target).await?;
    let before: Marks = serde_json::from_str(&record.marks).map_err(|_| unreadable())?;
    let mut stale: Vec<TableName> = plan
        .tables
        .iter()
        .filter(|mapping| {
            !before.hold(&now, &mapping.source.to_string(), &mapping.target.to_string())
        })
        .map(|mapping| mapping.target.clone())
        .collect();
    stale.dedup();
    Ok(stale)
}

/// A question that is put to a target of either kind.
trait Question {
    type Answer;

    fn ask<S: Session>(self, session: &mut S) -> impl Future<Output = Result<Self::Answer>> + Send;
}

async fn in_target<Q: Question>(target_url: &str, question: Q) -> Result<Q::Answer> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => {
            question.ask(&mut PostgresTarget::new(target_url).session().await?).await
        }
        Some(Engine::Sqlite) => {
            question.ask(&mut SqliteTarget::new(target_url).session().await?).await
        }
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of a verification")),
    }
}

struct Latest<'a> {
    plan_hash: &'a str,
}

impl Question for Latest<'_> {
    type Answer = Option<Known>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Option<Known>> {
        if !record::is_kept(session).await? {
            return Ok(None);
        }
        let found = record::find(session, self.plan_hash, Which::Latest).await?;
        found.map(known).transpose()
    }
}

struct ById<'a> {
    verification: &'a VerificationId,
}

impl Question for ById<'_> {
    type Answer = Option<Record>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Option<Record>> {
        if !record::is_kept(session).await? {
            return Ok(None);
        }
        record::find_by_id(session, self.verification.as_str()).await
    }
}

fn known(record: Record) -> Result<Known> {
    let findings = record.findings.as_deref().map(serde_json::from_str).transpose();
    Ok(Known {
        id: record.id.parse().map_err(|_| unreadable())?,
        state: record.state,
        findings: findings.map_err(|_| unreadable())?,
    })
}

struct List<'a> {
    verification: &'a VerificationId,
    filter: &'a MismatchFilter,
    after: Option<&'a Cursor>,
    limit: u32,
}

impl Question for List<'_> {
    type Answer = Page<Mismatch>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Page<Mismatch>> {
        if !record::is_kept(session).await? {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let target = self.filter.table.as_ref().map(ToString::to_string);
        let mut conditions = vec!["verification_id = $1".to_owned()];
        let mut params = vec![Param::Text(self.verification.as_str())];
        let narrowed = [
            ("target = ", target.as_deref()),
            ("kind = ", self.filter.kind.map(MismatchKind::as_str)),
        ];
        for (condition, value) in narrowed {
            if let Some(value) = value {
                params.push(Param::Text(value));
                conditions.push(format!("{condition}${}", params.len()));
            }
        }
        if let Some(cursor) = self.after {
            let (index, digest, kind) = place(cursor).ok_or_else(|| {
                EngineError::new(ErrorCode::Sys005, "reading where a list goes on")
            })?;
            params.extend([Param::Int(index), Param::Text(digest), Param::Text(kind)]);
            let last = params.len();
            conditions.push(format!(
                "(table_index, key_digest, kind) > (${}, ${}, ${last})",
                last - 2,
                last - 1
            ));
        }
        // One more than asked for tells whether there is a next page.
        params.push(Param::Int(i64::from(self.limit) + 1));
        let sql = format!(
            "select cast(table_index as text), target, key_digest, kind, columns, state, refused
             from {} as mismatches
             where {}
             order by mismatches.table_index, key_digest, kind
             limit ${}",
            ledger::table(session.engine(), "mismatches"),
            conditions.join(" and "),
            params.len()
        );
        let mut rows = session.fetch(&sql, &params).await?;
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = match rows.last().map(Vec::as_slice) {
            Some([Some(index), _, Some(digest), Some(kind), ..]) if more => {
                Some(Cursor(format!("{index}.{digest}.{kind}")))
            }
            _ => None,
        };
        let items = rows.into_iter().map(shown).collect::<Result<_>>()?;
        Ok(Page { items, next })
    }
}

fn place(cursor: &Cursor) -> Option<(i64, &str, &str)> {
    let (index, rest) = cursor.0.split_once('.')?;
    let (digest, kind) = rest.split_once('.')?;
    Some((index.parse().ok()?, digest, kind))
}

fn shown(row: Vec<Option<String>>) -> Result<Mismatch> {
    let [_, target, digest, kind, columns, state, refused] =
        <[_; 7]>::try_from(row).map_err(|_| unreadable())?;
    let columns = columns.ok_or_else(unreadable)?;
    Ok(Mismatch {
        target: target.and_then(|name| name.parse().ok()).ok_or_else(unreadable)?,
        key_digest: digest.ok_or_else(unreadable)?,
        kind: kind.as_deref().and_then(MismatchKind::from_name).ok_or_else(unreadable)?,
        columns: serde_json::from_str(&columns).map_err(|_| unreadable())?,
        state: state.as_deref().and_then(MismatchState::from_name).ok_or_else(unreadable)?,
        refused: refused
            .map(|code| ErrorCode::from_name(&code).ok_or_else(unreadable))
            .transpose()?,
    })
}

struct KeyOf<'a> {
    verification: &'a VerificationId,
    digest: &'a str,
    key: &'a Key,
}

impl Question for KeyOf<'_> {
    type Answer = Option<Vec<(String, String)>>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Option<Vec<(String, String)>>> {
        if !record::is_kept(session).await? {
            return Ok(None);
        }
        let id = self.verification.as_str();
        let mismatches = ledger::table(session.engine(), "mismatches");
        let params = [Param::Text(id), Param::Text(self.digest)];
        let sql = format!(
            "select target from {mismatches} where verification_id = $1 and key_digest = $2 limit 1"
        );
        let target = session.fetch(&sql, &params).await?.into_iter().flatten().flatten().next();
        let sql = format!(
            "select sealed_key from {mismatches}
             where verification_id = $1 and key_digest = $2 limit 1"
        );
        let sealed = session.fetch_bytes(&sql, &params).await?;
        let record = record::find_by_id(session, id).await?;
        let (Some(target), Some(sealed), Some(record)) = (target, sealed, record) else {
            return Ok(None);
        };
        let identities: Identities =
            serde_json::from_str(&record.identities).map_err(|_| unreadable())?;
        let columns = identities.get(&target).ok_or_else(unreadable)?;
        let identity = seal::open(self.key, &sealed)?;
        Ok(Some(fields(&identity, columns).ok_or_else(unreadable)?))
    }
}

/// The fields of an identity with their columns' names. A row that the rules could not turn has
/// its source's key instead.
fn fields(
    identity: &[u8],
    columns: &[(String, shared::data_type::DataType)],
) -> Option<Vec<(String, String)>> {
    if let Some(key) = identity.strip_prefix(&[super::locate::NOWHERE]) {
        return Some(vec![("key".to_owned(), String::from_utf8_lossy(key).into_owned())]);
    }
    let mut rest = identity;
    let mut fields = Vec::new();
    for (number, (name, data_type)) in columns.iter().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix(b"|")?;
        }
        let (field, after) = split_field(rest, data_type)?;
        fields.push((name.clone(), canonical::shown(field, data_type)));
        rest = after;
    }
    Some(fields)
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what was verified")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_field_by_field() {
        let columns = [
            ("code".to_owned(), "text".parse().unwrap()),
            ("at".to_owned(), "timestamp".parse().unwrap()),
            ("id".to_owned(), "bigint".parse().unwrap()),
        ];

        let read = fields("5:a|b:c|2024-01-01 10:30:00|7".as_bytes(), &columns).unwrap();

        let shown: Vec<_> = read.iter().map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(shown, ["code=a|b:c", "at=2024-01-01 10:30:00", "id=7"]);
    }
}
