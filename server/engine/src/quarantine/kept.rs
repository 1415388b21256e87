//! Rows of the quarantine as they are worked: opened, a few megabytes at a time.

use std::collections::VecDeque;

use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::quarantine::{QuarantineFilter, QuarantineState, Selection};

use super::{parsed, unreadable};
use crate::error::Result;
use crate::load::ledger::{self, RowForm};
use crate::load::{Param, Session};
use crate::seal::{self, Key};
use crate::value::{Value, from_hex, from_sealed_form, to_sealed_form};

/// Sealed bytes that are opened at once.
const BYTES_AT_ONCE: u64 = 4 << 20;

/// Rows that are opened at once.
const ROWS_AT_ONCE: usize = 500;

/// Rows whose ids and lengths are asked for at once.
const IDS_AT_ONCE: usize = 1_000;

/// The values of a kept row, by the names of its columns.
pub(super) type Cells = Vec<(String, Value<'static>)>;

/// A row of the quarantine.
pub(super) struct Kept {
    pub id: String,
    /// The table's place in the plan.
    pub table_index: u32,
    pub target: String,
    pub form: RowForm,
    pub standing: Standing,
    /// How many steps it has.
    pub steps: i64,
    pub original: Cells,
    /// The version that is to be replayed.
    pub current: Cells,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub state: QuarantineState,
    /// The step that has the version to replay; 0 for the original.
    pub version: i64,
    /// The last step that was not undone; 0 for none.
    pub top: i64,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub reason: String,
}

/// What rows have to meet, with what is bound for it.
#[derive(Debug, Clone)]
pub(super) struct Conditions {
    parts: Vec<String>,
    values: Vec<String>,
}

impl Conditions {
    pub(super) fn of_run(run: &RunId) -> Self {
        Self { parts: vec!["q.run_id = $1".to_owned()], values: vec![run.to_string()] }
    }

    /// A condition that ends where its value is bound: `q.code = `.
    pub(super) fn text(&mut self, condition: &str, value: &str) {
        self.values.push(value.to_owned());
        self.parts.push(format!("{condition}${}", self.values.len()));
    }

    /// A condition without a value.
    pub(super) fn plain(&mut self, condition: String) {
        self.parts.push(condition);
    }

    pub(super) fn filter(&mut self, filter: &QuarantineFilter) {
        let table = filter.table.as_ref().map(ToString::to_string);
        let narrowed = [
            ("q.target = ", table.as_deref()),
            ("q.code = ", filter.code.map(ErrorCode::as_str)),
            ("q.column_name = ", filter.column.as_deref()),
            ("q.state = ", filter.state.map(QuarantineState::as_str)),
        ];
        for (condition, value) in narrowed {
            if let Some(value) = value {
                self.text(condition, value);
            }
        }
    }

    fn one_of(&mut self, ids: &[String]) {
        let places: Vec<String> = ids
            .iter()
            .map(|id| {
                self.values.push(id.clone());
                format!("${}", self.values.len())
            })
            .collect();
        self.parts.push(format!("q.id in ({})", places.join(", ")));
    }

    pub(super) fn sql(&self) -> String {
        self.parts.join(" and ")
    }

    pub(super) fn params(&self) -> Vec<Param<'_>> {
        self.values.iter().map(|value| Param::Text(value)).collect()
    }
}

/// Reads the rows that meet some conditions, in the order of their ids, a few megabytes at a time.
/// Each row is read once, also when what is done with it makes it meet the conditions no longer.
pub(super) struct Pages {
    conditions: Conditions,
    /// Ids that were named and are still to be asked for; none when all rows are wanted.
    named: Option<VecDeque<Vec<String>>>,
    after: String,
    is_complete: bool,
    limit: Option<u32>,
    /// Ids that are still to be read, with the bytes of each.
    found: VecDeque<(String, u64)>,
}

impl Pages {
    pub(super) fn new(mut conditions: Conditions, selection: &Selection) -> Self {
        conditions.filter(&selection.filter);
        let mut ids: Vec<String> = selection.rows.iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        ids.dedup();
        let named = (!ids.is_empty())
            .then(|| ids.chunks(IDS_AT_ONCE).map(<[String]>::to_vec).collect::<VecDeque<_>>());
        Self {
            conditions,
            named,
            after: String::new(),
            is_complete: false,
            limit: None,
            found: VecDeque::new(),
        }
    }

    /// Ends after so many rows.
    pub(super) const fn at_most(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Leaves rows of other tables out.
    pub(super) fn only_table(&mut self, index: u32) {
        self.conditions.plain(format!("q.table_index = {index}"));
    }

    /// The next rows; none when there are no more.
    pub(super) async fn next<S: Session>(
        &mut self,
        session: &mut S,
        key: &Key,
    ) -> Result<Option<Vec<Kept>>> {
        while self.found.is_empty() {
            if self.is_complete {
                return Ok(None);
            }
            self.look(session).await?;
        }
        let mut ids = Vec::new();
        let mut bytes = 0;
        while let Some((_, length)) = self.found.front() {
            if ids.len() == ROWS_AT_ONCE || !ids.is_empty() && bytes + length > BYTES_AT_ONCE {
                break;
            }
            bytes += length;
            ids.extend(self.found.pop_front().map(|(id, _)| id));
        }
        read(session, &ids, key).await.map(Some)
    }

    async fn look<S: Session>(&mut self, session: &mut S) -> Result<()> {
        let mut conditions = self.conditions.clone();
        if let Some(named) = &mut self.named {
            let Some(ids) = named.pop_front() else {
                self.is_complete = true;
                return Ok(());
            };
            conditions.one_of(&ids);
        } else {
            conditions.text("q.id > ", &self.after);
        }
        let engine = session.engine();
        let sql = format!(
            "select q.id, cast(length(q.sealed) + coalesce(length(s.sealed), 0) as text)
             from {} as q
             left join {} as s on s.row_id = q.id and s.number = q.version
             where {}
             order by q.id
             limit {}",
            ledger::table(engine, "quarantine"),
            ledger::table(engine, "quarantine_steps"),
            conditions.sql(),
            self.limit.map_or(IDS_AT_ONCE, |limit| limit as usize)
        );
        let rows = session.fetch(&sql, &conditions.params()).await?;
        if self.limit.is_some() || self.named.is_none() && rows.len() < IDS_AT_ONCE {
            self.is_complete = true;
        }
        for row in rows {
            let [id, length] = <[_; 2]>::try_from(row).map_err(|_| unreadable())?;
            let id = id.ok_or_else(unreadable)?;
            self.after.clone_from(&id);
            self.found.push_back((id, parsed(length)?));
        }
        Ok(())
    }
}

/// One row by its id; none when the run has no such row.
pub(super) async fn find<S: Session>(
    session: &mut S,
    run: &RunId,
    id: &str,
    key: &Key,
) -> Result<Option<Kept>> {
    let mut conditions = Conditions::of_run(run);
    conditions.text("q.id = ", id);
    let mut pages = Pages::new(conditions, &Selection::default());
    Ok(pages.next(session, key).await?.and_then(|rows| rows.into_iter().next()))
}

/// The sealed form of some cells.
pub(super) fn sealed(key: &Key, cells: &Cells) -> Result<Vec<u8>> {
    let cells = cells.iter().map(|(name, value)| (name.as_str(), value.clone()));
    seal::seal(key, &to_sealed_form(cells))
}

/// The cells of a sealed form, as a statement wrote it in hexadecimal digits.
pub(super) fn opened(key: &Key, digits: &str) -> Result<Cells> {
    let bytes = from_hex(digits).ok_or_else(unreadable)?;
    from_sealed_form(&seal::open(key, &bytes)?)
}

/// An expression that writes a column of bytes in hexadecimal digits.
pub(super) fn hex_of(engine: shared::connection::Engine, column: &str) -> String {
    match engine {
        shared::connection::Engine::Postgres => format!("encode({column}, 'hex')"),
        _ => format!("hex({column})"),
    }
}

async fn read<S: Session>(session: &mut S, ids: &[String], key: &Key) -> Result<Vec<Kept>> {
    let engine = session.engine();
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "select q.id, cast(q.table_index as text), q.target, q.form, q.state,
             cast(q.version as text), cast(q.top as text), q.code, q.column_name, q.reason, cast(q.steps as text),
             {}, {}
         from {} as q
         left join {} as s on s.row_id = q.id and s.number = q.version
         where q.id in ({})
         order by q.id",
        hex_of(engine, "q.sealed"),
        // SQLite writes nothing for null.
        format_args!(
            "case when s.sealed is null then null else {} end",
            hex_of(engine, "s.sealed")
        ),
        ledger::table(engine, "quarantine"),
        ledger::table(engine, "quarantine_steps"),
        places.join(", ")
    );
    let params: Vec<Param<'_>> = ids.iter().map(|id| Param::Text(id)).collect();
    let rows = session.fetch(&sql, &params).await?;
    rows.into_iter().map(|row| kept(row, key)).collect()
}

fn kept(row: Vec<Option<String>>, key: &Key) -> Result<Kept> {
    let [
        id,
        table_index,
        target,
        form,
        state,
        version,
        top,
        code,
        column,
        reason,
        steps,
        original,
        current,
    ] = <[_; 13]>::try_from(row).map_err(|_| unreadable())?;
    let name = |name: Option<String>| name.ok_or_else(unreadable);
    let original = opened(key, &name(original)?)?;
    let current = match current {
        Some(digits) => opened(key, &digits)?,
        None => original.clone(),
    };
    Ok(Kept {
        id: name(id)?,
        table_index: parsed(table_index)?,
        target: name(target)?,
        form: RowForm::from_name(&name(form)?).ok_or_else(unreadable)?,
        standing: Standing {
            state: QuarantineState::from_name(&name(state)?).ok_or_else(unreadable)?,
            version: parsed(version)?,
            top: parsed(top)?,
            code: ErrorCode::from_name(&name(code)?).ok_or_else(unreadable)?,
            column,
            reason: name(reason)?,
        },
        steps: parsed(steps)?,
        original,
        current,
    })
}
