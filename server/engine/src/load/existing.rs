//! Rows for a table that has rows already, found again by a key: they write over what is there, or
//! leave it.
//!
//! A piece goes into a table of the session's own first. From there it is placed in few
//! statements, whatever its size. When a statement fails for a reason that is one row's, the rows
//! are halved until that row is found.

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::Existing;

use super::before_image::{self, ImageOf};
use super::deferred::{self, Deferred};
use super::mark::{self, Change, Keys, TableRecord, Writer};
use super::{LoadColumn, LoadTable, Piece as _, Refused, Session};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_list, quote_table};
use crate::seal::Key;

/// How often rows are placed anew because somebody else was quicker with the same key.
const TRIES: usize = 10;

/// The column of a row's place in its piece.
const PLACE: &str = "transfuse_place";

/// Where rows go that are compared with rows that are there.
pub struct Into<'a> {
    pub table: &'a LoadTable,
    pub record: &'a TableRecord,
    pub writer: Writer<'a>,
    /// What images of rows are sealed with.
    pub key: &'a Key,
    /// What is put in when all rows are there.
    pub deferred: &'a Deferred,
}

/// What became of a piece's rows.
#[derive(Debug, Default)]
pub struct Placed {
    pub loaded: usize,
    /// Rows that live on in a row that was there.
    pub merged: usize,
    pub refused: Vec<Refused>,
}

/// The table of the session's own that rows go into first: the target's columns, and each row's
/// place in its piece.
pub fn staged(record: &TableRecord, table: &LoadTable) -> LoadTable {
    let mut columns = table.columns.clone();
    columns.push(LoadColumn {
        name: PLACE.to_owned(),
        data_type: DataType::Integer,
        is_enum: false,
        is_raw: false,
    });
    LoadTable {
        name: TableName::new(None, format!("transfuse_stage_{}", record.table_index)),
        columns,
    }
}

impl Into<'_> {
    /// Places the rows of a piece, which was filled for the [staged] table, in the transaction
    /// that is open.
    pub async fn write<S: Session>(
        &self,
        session: &mut S,
        piece: &S::Piece,
        keys: &mut Option<Keys>,
    ) -> Result<Placed> {
        let stage = staged(self.record, self.table);
        mark::prepare(session, self.key).await?;
        self.empty_stage(session, &stage).await?;
        let refused = session.write(&stage, piece).await?;
        let mut placed = Placed { refused, ..Placed::default() };
        self.refuse_twins(session, &mut placed).await?;
        // Ranges of places still to be placed, the next one last.
        let mut todo = vec![(0, piece.rows())];
        let mut tries = 0;
        while let Some((from, to)) = todo.pop() {
            if from >= to {
                continue;
            }
            session.run_script("savepoint transfuse_existing").await?;
            let fault = match self.place(session, from, to).await {
                Ok(Some(done)) => {
                    session.note_transaction().await?;
                    session.run_script("release savepoint transfuse_existing").await?;
                    placed.loaded += done.loaded;
                    placed.merged += done.merged;
                    placed.refused.extend(done.refused);
                    if let Some(keys) = keys {
                        done.keys.iter().for_each(|key| keys.push_text(key));
                    }
                    tries = 0;
                    continue;
                }
                // Somebody else's row came between looking and inserting: now it is there.
                Ok(None) if tries < TRIES => None,
                Ok(None) => Some((ErrorCode::Data015, dropped())),
                Err(error) if is_a_rows(&error) => Some((error.code(), why(&error))),
                Err(error) => return Err(error),
            };
            session.run_script("rollback to savepoint transfuse_existing").await?;
            session.run_script("release savepoint transfuse_existing").await?;
            match fault {
                None => {
                    tries += 1;
                    todo.push((from, to));
                }
                Some((code, reason)) if to - from == 1 => {
                    placed.refused.push(Refused { index: from, code, column: None, reason });
                    tries = 0;
                }
                Some(_) => {
                    let middle = from + (to - from) / 2;
                    todo.push((middle, to));
                    todo.push((from, middle));
                    tries = 0;
                }
            }
        }
        // Rows of later pieces with the same key have to find these.
        if session.engine() == Engine::Postgres {
            mark::keep(session, self.key, self.writer, self.record).await?;
        }
        Ok(placed)
    }

    async fn empty_stage<S: Session>(&self, session: &mut S, stage: &LoadTable) -> Result<()> {
        let engine = session.engine();
        let columns = self.columns(engine);
        let name = quote_table(engine, &stage.name);
        let target = quote_table(engine, &self.table.name);
        let (integer, on_commit) = match engine {
            Engine::Postgres => ("0::integer", " on commit delete rows"),
            _ => ("0", ""),
        };
        let sql = format!(
            "create temp table if not exists {name}{on_commit} as
             select {columns}, {integer} as {PLACE} from {target} limit 0"
        );
        session.run_script(&sql).await?;
        session.run_script(&format!("delete from {name}")).await
    }

    /// Of rows of the source with one key, the first stays.
    async fn refuse_twins<S: Session>(&self, session: &mut S, placed: &mut Placed) -> Result<()> {
        let engine = session.engine();
        let stage = self.stage(engine);
        let key = quote_list(engine, &self.record.key);
        let present: Vec<String> = self
            .record
            .key
            .iter()
            .map(|name| format!("{} is not null", quote(engine, name)))
            .collect();
        let sql = format!(
            "select cast({PLACE} as text) from (
                 select {PLACE}, row_number() over (partition by {key} order by {PLACE}) as number
                 from {stage} where {}
             ) as numbered
             where number > 1",
            present.join(" and ")
        );
        let twins = places(session.fetch(&sql, &[]).await?);
        self.refuse(session, &twins, ErrorCode::Data009, &mut placed.refused).await
    }

    /// Takes rows out of the stage and says why.
    async fn refuse<S: Session>(
        &self,
        session: &mut S,
        places: &[usize],
        code: ErrorCode,
        refused: &mut Vec<Refused>,
    ) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = places.iter().map(ToString::to_string).collect();
        let stage = self.stage(session.engine());
        let sql = format!("delete from {stage} where {PLACE} in ({})", list.join(", "));
        session.run_script(&sql).await?;
        let reason = match code {
            ErrorCode::Data009 => "another row of the source has the same key",
            _ => "the row that is there says something else",
        };
        refused.extend(places.iter().map(|index| Refused {
            index: *index,
            code,
            column: self.record.key.first().cloned(),
            reason: reason.to_owned(),
        }));
        Ok(())
    }

    /// Places rows within the savepoint that is open; none when somebody else was quicker.
    async fn place<S: Session>(
        &self,
        session: &mut S,
        from: usize,
        to: usize,
    ) -> Result<Option<Done>> {
        let engine = session.engine();
        let stage = self.stage(engine);
        let target = quote_table(engine, &self.table.name);
        let range = format!("s.{PLACE} >= {from} and s.{PLACE} < {to}");
        let same_key = self.same_key(engine);
        let mut done = Done::default();
        self.hold(session, &range).await?;
        let mine = self.is_mine(engine);
        let sql = format!(
            "select cast(s.{PLACE} as text) from {stage} as s join {target} as t on {same_key}
             where {range} and {mine}"
        );
        let twins = places(session.fetch(&sql, &[]).await?);
        self.refuse(session, &twins, ErrorCode::Data009, &mut done.refused).await?;
        match self.record.existing {
            Existing::Update => {
                if !self.update(session, &range).await? {
                    return Ok(None);
                }
            }
            Existing::Skip => self.leave(session, &range, &mut done).await?,
            Existing::Append | Existing::Refuse => {
                let sql = format!(
                    "select cast(s.{PLACE} as text) from {stage} as s join {target} as t
                     on {same_key} where {range}"
                );
                let taken = places(session.fetch(&sql, &[]).await?);
                self.refuse(session, &taken, ErrorCode::Data009, &mut done.refused).await?;
            }
        }
        let rest = format!(
            "delete from {stage} where {PLACE} in (
                 select s.{PLACE} from {stage} as s join {target} as t on {same_key} where {range}
             )"
        );
        done.merged = count(session.execute(&rest, &[]).await?);
        if self.insert(session, &range, &mut done).await? { Ok(Some(done)) } else { Ok(None) }
    }

    /// Has nobody else change rows that are about to be written over. Another worker of the run may
    /// have been quicker: what it did is seen afterwards.
    async fn hold<S: Session>(&self, session: &mut S, range: &str) -> Result<()> {
        let engine = session.engine();
        let Some(differs) = self.differs(engine) else { return Ok(()) };
        if engine != Engine::Postgres || self.record.existing != Existing::Update {
            return Ok(());
        }
        // In the order of the key, so that two writers do not wait for each other.
        let key: Vec<String> =
            self.record.key.iter().map(|name| format!("t.{}", quote(engine, name))).collect();
        let sql = format!(
            "select '1' from {} as t join {} as s on {}
             where {range} and {differs}
             order by {} for update of t",
            quote_table(engine, &self.table.name),
            self.stage(engine),
            self.same_key(engine),
            key.join(", ")
        );
        session.execute(&sql, &[]).await.map(drop)
    }

    /// Writes over rows that are there and say something else; what they were is kept.
    /// False when the target changed fewer rows.
    async fn update<S: Session>(&self, session: &mut S, range: &str) -> Result<bool> {
        let engine = session.engine();
        let stage = self.stage(engine);
        let target = quote_table(engine, &self.table.name);
        let same_key = self.same_key(engine);
        let Some(differs) = self.differs(engine) else { return Ok(true) };
        let of = ImageOf { target: &self.record.target, key: &self.record.key };
        let owner =
            before_image::owner(self.writer.run_id, self.writer.table_index, self.writer.ordinal);
        let wanted = format!("join {stage} as s on {same_key} where {range} and {differs}");
        let kept = before_image::keep(session, self.key, &owner, of, &wanted).await?;
        if kept == 0 {
            return Ok(true);
        }
        self.keep_deferred(
            session,
            &format!("{stage} as s join {target} as t on {same_key} where {range} and {differs}"),
        )
        .await?;
        let set: Vec<String> = self
            .values()
            .map(|column| {
                let name = quote(engine, &column.name);
                let value = self.deferred.meanwhile(&column.name);
                format!("{name} = {}", value.unwrap_or_else(|| format!("s.{name}")))
            })
            .collect();
        let sql = format!(
            "update {target} as t set {} from {stage} as s where {same_key} and {range} and {differs}",
            set.join(", ")
        );
        session.run_script("savepoint transfuse_update").await?;
        let updated = session.execute(&sql, &[]).await?;
        if updated > 0 {
            mark::keep_changed(session, self.writer, self.record).await?;
        }
        session.run_script("release savepoint transfuse_update").await?;
        Ok(updated == kept)
    }

    /// Leaves rows that are there; a row of the source that says something else is refused.
    async fn leave<S: Session>(&self, session: &mut S, range: &str, done: &mut Done) -> Result<()> {
        let engine = session.engine();
        let Some(differs) = self.differs(engine) else { return Ok(()) };
        let sql = format!(
            "select cast(s.{PLACE} as text) from {} as s join {} as t on {}
             where {range} and {differs}",
            self.stage(engine),
            quote_table(engine, &self.table.name),
            self.same_key(engine)
        );
        let others = places(session.fetch(&sql, &[]).await?);
        self.refuse(session, &others, ErrorCode::Data020, &mut done.refused).await
    }

    /// Inserts what is left. False when the target took fewer rows than there were.
    async fn insert<S: Session>(
        &self,
        session: &mut S,
        range: &str,
        done: &mut Done,
    ) -> Result<bool> {
        let engine = session.engine();
        let stage = self.stage(engine);
        let target = quote_table(engine, &self.table.name);
        let columns = self.columns(engine);
        let values: Vec<String> =
            self.table.columns.iter().map(|column| self.value(engine, &column.name)).collect();
        let values = values.join(", ");
        let sql = format!("select cast(count(*) as text) from {stage} as s where {range}");
        let [left] = mark::numbers(session, &sql).await?;
        if left == 0 {
            return Ok(true);
        }
        self.keep_deferred(session, &format!("{stage} as s where {range}")).await?;
        let from = format!("select {values} from {stage} as s where {range} order by s.{PLACE}");
        if engine != Engine::Postgres {
            let sql = format!("insert into {target} ({columns}) {from}");
            done.loaded = count(session.execute(&sql, &[]).await?);
            return Ok(i64::try_from(done.loaded) == Ok(left));
        }
        let sql = format!(
            "insert into {target} as t ({columns}) overriding system value {from}
             on conflict ({}) do nothing
             returning {}",
            quote_list(engine, &self.record.key),
            mark::key_text("t", &self.record.key)
        );
        let inserted = session.fetch(&sql, &[]).await?;
        done.loaded = inserted.len();
        done.keys = inserted.into_iter().flatten().flatten().collect();
        Ok(i64::try_from(done.loaded) == Ok(left))
    }

    /// Keeps what rows of the stage refer to by keys that wait.
    async fn keep_deferred<S: Session>(&self, session: &mut S, rows: &str) -> Result<()> {
        let columns = &self.deferred.columns;
        if columns.is_empty() {
            return Ok(());
        }
        deferred::keep(session, self.writer.run_id, self.record, columns, rows).await
    }

    fn stage(&self, engine: Engine) -> String {
        quote_table(engine, &staged(self.record, self.table).name)
    }

    fn columns(&self, engine: Engine) -> String {
        quote_list(engine, self.table.columns.iter().map(|column| &column.name))
    }

    /// What a row is inserted with: null in the column's own type where its value comes later.
    fn value(&self, engine: Engine, column: &str) -> String {
        let name = quote(engine, column);
        if self.deferred.columns.iter().any(|deferred| deferred == column) {
            return format!("nullif(s.{name}, s.{name})");
        }
        format!("s.{name}")
    }

    /// The columns that are compared and written.
    fn values(&self) -> impl Iterator<Item = &LoadColumn> {
        self.table.columns.iter().filter(|column| !self.record.key.contains(&column.name))
    }

    fn same_key(&self, engine: Engine) -> String {
        let equal: Vec<String> = self
            .record
            .key
            .iter()
            .map(|name| format!("t.{0} = s.{0}", quote(engine, name)))
            .collect();
        equal.join(" and ")
    }

    /// A condition that holds where the target's row `t` says something else than the source's
    /// row `s`; none when there is nothing but the key.
    fn differs(&self, engine: Engine) -> Option<String> {
        let differ: Vec<String> = self
            .values()
            .map(|column| {
                let name = quote(engine, &column.name);
                match (engine, &column.data_type) {
                    // Not every type has an equality, and all have a text.
                    (
                        Engine::Postgres,
                        DataType::Json | DataType::Named(_) | DataType::Array(_),
                    ) => {
                        format!("t.{name}::text is distinct from s.{name}::text")
                    }
                    (Engine::Postgres, _) => format!("t.{name} is distinct from s.{name}"),
                    _ => format!("t.{name} is not s.{name}"),
                }
            })
            .collect();
        (!differ.is_empty()).then(|| format!("({})", differ.join(" or ")))
    }

    /// A condition that holds for rows `t` that this very run brought or changed: a second row of
    /// the source for one of them is one too many.
    fn is_mine(&self, engine: Engine) -> String {
        let records = [self.record];
        let run_id = self.writer.run_id;
        match engine {
            Engine::Postgres => {
                let is = |change| mark::is_own(engine, run_id, "t", &records, change, None);
                format!("({} or {})", is(Change::Brought), is(Change::Changed))
            }
            _ => format!(
                "t._rowid_ in (
                     select noted.id from temp.transfuse_noted as noted where noted.target = {}
                 )",
                literal(engine, &self.record.target.to_string())
            ),
        }
    }
}

/// What became of rows that were placed together.
#[derive(Debug, Default)]
struct Done {
    loaded: usize,
    merged: usize,
    refused: Vec<Refused>,
    /// Keys of the rows that were inserted, as PostgreSQL writes them.
    keys: Vec<String>,
}

/// Whether a statement failed because of a row.
fn is_a_rows(error: &EngineError) -> bool {
    error.code().as_str().starts_with("DATA-")
}

/// What the target said, without values.
fn why(error: &EngineError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn dropped() -> String {
    "a trigger of the target dropped the row".to_owned()
}

fn places(rows: Vec<Vec<Option<String>>>) -> Vec<usize> {
    rows.into_iter().flatten().flatten().filter_map(|place| place.parse().ok()).collect()
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
