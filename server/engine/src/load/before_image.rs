//! What rows of the target were before a run changed them, so that they can become it again.
//!
//! Images lie sealed beside the ledger: they outlive the values that they keep, also where a
//! patient's were taken out of the table since, and whoever may look after the ledger need not be
//! able to read patients.

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::rollback::Changed;

use super::ledger::table;
use super::{LoadColumn, LoadTable, Param, Piece as _, Session};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_list, quote_table};
use crate::seal::{self, Key};
use crate::value::Value;

/// How many rows lie in one sealed value.
const ROWS_A_PART: usize = 2_000;

/// Rows as texts that say everything of them.
type Rows = Vec<Vec<Option<String>>>;

/// Whose images they are: those of one chunk, by name.
pub fn owner(run_id: &str, table_index: u32, ordinal: i32) -> String {
    format!("{run_id}/{table_index}/{ordinal}")
}

/// A table whose rows are kept and put back.
#[derive(Debug, Clone, Copy)]
pub struct ImageOf<'a> {
    pub target: &'a TableName,
    /// The columns by which a row is found again.
    pub key: &'a [String],
}

/// Keeps rows as they are now. `wanted` is the rest of a statement in which the table is called
/// `t`: `join … where …`. The count is that of the rows.
pub async fn keep<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    of: ImageOf<'_>,
    wanted: &str,
) -> Result<u64> {
    let engine = session.engine();
    let columns = writable_columns(session, of).await?;
    let texts: Vec<String> = columns.iter().map(|name| exact_text(engine, "t", name)).collect();
    let sql = format!(
        "select {} from {} as t {wanted}",
        texts.join(", "),
        quote_table(engine, of.target)
    );
    let rows = session.fetch(&sql, &[]).await?;
    let sql = format!(
        "insert into {0} (owner, part, target, columns, row_count, sealed)
         select $1, coalesce(max(part), 0) + 1, $2, $3, $4, $5 from {0} where owner = $1",
        table(engine, "before_images")
    );
    for part in rows.chunks(ROWS_A_PART) {
        let sealed = sealed(seal_key, part)?;
        let names = serde_json::to_string(&columns).expect("names are JSON");
        let params = [
            Param::Text(owner),
            Param::Text(&of.target.to_string()),
            Param::Text(&names),
            Param::Int(i64::try_from(part.len()).unwrap_or(i64::MAX)),
            Param::Bytes(&sealed),
        ];
        session.execute(&sql, &params).await?;
    }
    Ok(rows.len() as u64)
}

/// What became, or would become, of rows of which there are images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// They were as the run left them, and are what they were before.
    pub restored: u64,
    /// Somebody changed them since.
    pub changed: u64,
    /// Those of them that became what they were all the same.
    pub discarded: u64,
    /// They are not there any more.
    pub gone: u64,
}

impl std::ops::AddAssign for Restored {
    fn add_assign(&mut self, other: Self) {
        self.restored += other.restored;
        self.changed += other.changed;
        self.discarded += other.discarded;
        self.gone += other.gone;
    }
}

/// Makes rows what they were, in the transaction that is open. `is_own` is the condition under
/// which a row, called `t`, is as the run left it. Images that were used are gone afterwards;
/// those of rows that stay are kept.
pub async fn restore<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    of: ImageOf<'_>,
    is_own: &str,
    changed: Changed,
) -> Result<Restored> {
    let mut all = Restored::default();
    for part in parts(session, owner).await? {
        let columns = fill(session, seal_key, owner, part, of).await?;
        let found = compare(session, of, is_own).await?;
        let left = match changed {
            Changed::Leave if found.changed > 0 => {
                images_of_changed(session, of, &columns, is_own).await?
            }
            _ => Vec::new(),
        };
        let condition = match changed {
            Changed::Leave => is_own,
            Changed::Discard => "true",
        };
        let set: Vec<&String> = columns.iter().filter(|name| !of.key.contains(name)).collect();
        let done = if set.is_empty() { 0 } else { put_back(session, of, &set, condition).await? };
        let mut restored = found;
        match changed {
            Changed::Leave => restored.restored = done,
            Changed::Discard => restored.discarded = found.changed,
        }
        keep_only(session, seal_key, owner, part, &left).await?;
        all += restored;
    }
    Ok(all)
}

/// Makes rows for which a condition holds, called `t`, what they were before, in the transaction
/// that is open, and hands over what `texts` says of them as they were until now. Their images are
/// gone afterwards; all others are kept.
pub async fn take_back<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    of: ImageOf<'_>,
    condition: &str,
    texts: &[String],
) -> Result<Vec<Vec<Option<String>>>> {
    let engine = session.engine();
    let target = quote_table(engine, of.target);
    let same_key = same_key(engine, of.key);
    let lock = if engine == Engine::Postgres { " for update of t" } else { "" };
    let mut all = Vec::new();
    for part in parts(session, owner).await? {
        let columns = fill(session, seal_key, owner, part, of).await?;
        let sql = format!(
            "select {} from transfuse_image as image join {target} as t on {same_key}
             where {condition}{lock}",
            texts.join(", ")
        );
        let taken = session.fetch(&sql, &[]).await?;
        if taken.is_empty() {
            continue;
        }
        let images: Vec<String> =
            columns.iter().map(|name| exact_text(engine, "image", name)).collect();
        let sql = format!(
            "select {} from transfuse_image as image
             where not exists (select 1 from {target} as t where {same_key} and {condition})",
            images.join(", ")
        );
        let left = session.fetch(&sql, &[]).await?;
        let set: Vec<&String> = columns.iter().filter(|name| !of.key.contains(name)).collect();
        put_back(session, of, &set, condition).await?;
        keep_only(session, seal_key, owner, part, &left).await?;
        all.extend(taken);
    }
    Ok(all)
}

/// Leaves those images in a part that are still needed.
async fn keep_only<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    part: i64,
    left: &[Vec<Option<String>>],
) -> Result<()> {
    let images = table(session.engine(), "before_images");
    if left.is_empty() {
        let sql = format!("delete from {images} where owner = $1 and part = $2");
        return session.execute(&sql, &[Param::Text(owner), Param::Int(part)]).await.map(drop);
    }
    let sql =
        format!("update {images} set row_count = $3, sealed = $4 where owner = $1 and part = $2");
    let params = [
        Param::Text(owner),
        Param::Int(part),
        Param::Int(i64::try_from(left.len()).unwrap_or(i64::MAX)),
        Param::Bytes(&sealed(seal_key, left)?),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// What [`restore`] would do. Leaves nothing behind but a table of the session's own.
pub async fn preview<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    of: ImageOf<'_>,
    is_own: &str,
    changed: Changed,
) -> Result<Restored> {
    let mut all = Restored::default();
    for part in parts(session, owner).await? {
        fill(session, seal_key, owner, part, of).await?;
        let mut found = compare(session, of, is_own).await?;
        if changed == Changed::Discard {
            found.discarded = found.changed;
        }
        all += found;
    }
    Ok(all)
}

/// Forgets the images of a run, or those of one of its tables.
pub async fn forget<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: Option<u32>,
) -> Result<()> {
    let prefix = table_index.map_or_else(|| format!("{run_id}/"), |i| format!("{run_id}/{i}/"));
    let sql = format!(
        "delete from {} where substr(owner, 1, {}) = $1",
        table(session.engine(), "before_images"),
        prefix.len()
    );
    session.execute(&sql, &[Param::Text(&prefix)]).await.map(drop)
}

/// The ordinals of a table's chunks that changed rows, in order.
pub async fn ordinals<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
) -> Result<Vec<i32>> {
    let prefix = format!("{run_id}/{table_index}/");
    let sql = format!(
        "select distinct owner from {} where substr(owner, 1, {}) = $1",
        table(session.engine(), "before_images"),
        prefix.len()
    );
    let rows = session.fetch(&sql, &[Param::Text(&prefix)]).await?;
    let owners = rows.into_iter().flatten().flatten();
    let mut ordinals: Vec<i32> =
        owners.filter_map(|owner| owner[prefix.len()..].parse().ok()).collect();
    ordinals.sort_unstable();
    Ok(ordinals)
}

async fn parts<S: Session>(session: &mut S, owner: &str) -> Result<Vec<i64>> {
    let sql = format!(
        "select cast(part as text) from {} as image where owner = $1 order by image.part",
        table(session.engine(), "before_images")
    );
    let rows = session.fetch(&sql, &[Param::Text(owner)]).await?;
    Ok(rows.into_iter().flatten().flatten().filter_map(|part| part.parse().ok()).collect())
}

/// Opens a part into the session's own table `transfuse_image`, whose columns are the table's, and
/// says which columns they are.
async fn fill<S: Session>(
    session: &mut S,
    seal_key: &Key,
    owner: &str,
    part: i64,
    of: ImageOf<'_>,
) -> Result<Vec<String>> {
    let engine = session.engine();
    let images = table(engine, "before_images");
    let params = [Param::Text(owner), Param::Int(part)];
    let sql = format!("select columns from {images} where owner = $1 and part = $2");
    let columns = session.fetch(&sql, &params).await?;
    let columns = columns.into_iter().flatten().flatten().next().ok_or_else(unreadable)?;
    let columns: Vec<String> = serde_json::from_str(&columns).map_err(|_| unreadable())?;
    let sql = format!("select sealed from {images} where owner = $1 and part = $2");
    let sealed = session.fetch_bytes(&sql, &params).await?.ok_or_else(unreadable)?;
    let rows: Rows =
        serde_json::from_slice(&seal::open(seal_key, &sealed)?).map_err(|_| unreadable())?;
    let list = quote_list(engine, &columns);
    let target = quote_table(engine, of.target);
    session.run_script("drop table if exists transfuse_image").await?;
    let own = format!("create temp table transfuse_image as select {list} from {target} limit 0");
    session.run_script(&own).await?;
    match engine {
        Engine::Postgres => copy(session, &columns, &rows).await?,
        _ => {
            for rows in rows.chunks(200) {
                let rows: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        let cells: Vec<&str> =
                            row.iter().map(|cell| cell.as_deref().unwrap_or("null")).collect();
                        format!("({})", cells.join(", "))
                    })
                    .collect();
                let sql = format!("insert into temp.transfuse_image values {}", rows.join(", "));
                session.run_script(&sql).await?;
            }
        }
    }
    Ok(columns)
}

/// Texts of PostgreSQL into a table of typed columns: COPY takes them as it gave them.
async fn copy<S: Session>(
    session: &mut S,
    columns: &[String],
    rows: &[Vec<Option<String>>],
) -> Result<()> {
    let column = |name: &String| LoadColumn {
        name: name.clone(),
        // A type of which nothing is known goes as text, and so the others do.
        data_type: DataType::Named("unknown".to_owned()),
        is_enum: false,
        is_raw: false,
    };
    let load = LoadTable {
        name: TableName::new(Some("pg_temp"), "transfuse_image"),
        columns: columns.iter().map(column).collect(),
    };
    let mut piece = session.piece(&load);
    for row in rows {
        let values: Vec<Value<'_>> = row
            .iter()
            .map(|cell| cell.as_deref().map_or(Value::Null, |text| Value::Text(text.into())))
            .collect();
        piece.push(&values).map_err(|_| unreadable())?;
    }
    let refused = if piece.rows() == 0 { Vec::new() } else { session.write(&load, &piece).await? };
    match refused.first() {
        None => Ok(()),
        // The table has other types since.
        Some(refused) => {
            Err(EngineError::new(refused.code, format!("putting a row back: {}", refused.reason)))
        }
    }
}

async fn compare<S: Session>(session: &mut S, of: ImageOf<'_>, is_own: &str) -> Result<Restored> {
    let engine = session.engine();
    let target = quote_table(engine, of.target);
    let same_key = same_key(engine, of.key);
    let sql = format!(
        "select cast(count(*) as text),
                cast(coalesce(sum(case when {is_own} then 1 else 0 end), 0) as text)
         from transfuse_image as image join {target} as t on {same_key}"
    );
    let there = session.fetch(&sql, &[]).await?;
    let mut counts =
        there.into_iter().flatten().flatten().filter_map(|cell| cell.parse::<u64>().ok());
    let (there, own) = counts.next().zip(counts.next()).ok_or_else(unreadable)?;
    let rows = session.fetch("select cast(count(*) as text) from transfuse_image", &[]).await?;
    let all: u64 =
        rows.into_iter().flatten().flatten().find_map(|c| c.parse().ok()).ok_or_else(unreadable)?;
    Ok(Restored { restored: own, changed: there - own, discarded: 0, gone: all - there })
}

/// The images of rows that somebody changed since.
async fn images_of_changed<S: Session>(
    session: &mut S,
    of: ImageOf<'_>,
    columns: &[String],
    is_own: &str,
) -> Result<Rows> {
    let engine = session.engine();
    let texts: Vec<String> = columns.iter().map(|name| exact_text(engine, "image", name)).collect();
    let sql = format!(
        "select {} from transfuse_image as image join {} as t on {} where not ({is_own})",
        texts.join(", "),
        quote_table(engine, of.target),
        same_key(engine, of.key)
    );
    session.fetch(&sql, &[]).await
}

async fn put_back<S: Session>(
    session: &mut S,
    of: ImageOf<'_>,
    columns: &[&String],
    condition: &str,
) -> Result<u64> {
    let engine = session.engine();
    let set: Vec<String> =
        columns.iter().map(|name| format!("{0} = image.{0}", quote(engine, name))).collect();
    let sql = format!(
        "update {} as t set {} from transfuse_image as image where {} and {condition}",
        quote_table(engine, of.target),
        set.join(", "),
        same_key(engine, of.key)
    );
    let paused = pause_triggers(session, of.target).await?;
    let rows = session.execute(&sql, &[]).await?;
    for sql in paused {
        session.run_script(&sql).await?;
    }
    Ok(rows)
}

/// Triggers of the target that would write into a row while it is put back do not fire, where the
/// session may say so: the table's owner may. What wakes them again is given back; whoever reads
/// the table until the transaction ends sees them as they were.
async fn pause_triggers<S: Session>(session: &mut S, target: &TableName) -> Result<Vec<String>> {
    let engine = Engine::Postgres;
    if session.engine() != engine {
        return Ok(Vec::new());
    }
    let name = quote_table(engine, target);
    let sql = format!(
        "select tgname::text, tgenabled::text from pg_trigger
         join pg_class on pg_class.oid = tgrelid
         where tgrelid = {}::regclass and not tgisinternal and tgenabled in ('O', 'A')
           and tgtype::integer & 16 <> 0
           and pg_has_role(relowner, 'usage')",
        literal(engine, &name)
    );
    let mut paused = Vec::new();
    for row in session.fetch(&sql, &[]).await? {
        let [Some(trigger), Some(enabled)] = row.as_slice() else { continue };
        let trigger = quote(engine, trigger);
        session.run_script(&format!("alter table {name} disable trigger {trigger}")).await?;
        let always = if enabled == "A" { " always" } else { "" };
        paused.push(format!("alter table {name} enable{always} trigger {trigger}"));
    }
    Ok(paused)
}

/// The columns whose values can be put back, and those of the key.
async fn writable_columns<S: Session>(session: &mut S, of: ImageOf<'_>) -> Result<Vec<String>> {
    let engine = session.engine();
    let name = quote_table(engine, of.target);
    let rows = if engine == Engine::Postgres {
        let sql = format!(
            "select attname::text from pg_attribute
             where attrelid = {}::regclass and attnum > 0 and not attisdropped
               and attgenerated = '' and attidentity <> 'a'
             order by attnum",
            literal(engine, &name)
        );
        session.fetch(&sql, &[]).await?
    } else {
        let sql = "select name from pragma_table_xinfo($1) where hidden = 0 order by cid";
        session.fetch(sql, &[Param::Text(&of.target.name)]).await?
    };
    let mut columns: Vec<String> = rows.into_iter().flatten().flatten().collect();
    for name in of.key {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    Ok(columns)
}

/// A value as a text that says everything of it: PostgreSQL's own, or a literal of SQLite.
fn exact_text(engine: Engine, alias: &str, column: &str) -> String {
    let column = format!("{alias}.{}", quote(engine, column));
    match engine {
        Engine::Postgres => format!("{column}::text"),
        // A literal ends at a zero character.
        _ => format!(
            "case when typeof({column}) = 'text' and instr({column}, char(0)) > 0
                  then 'cast(x''' || hex({column}) || ''' as text)'
                  else quote({column}) end"
        ),
    }
}

fn sealed(key: &Key, rows: &[Vec<Option<String>>]) -> Result<Vec<u8>> {
    seal::seal(key, &serde_json::to_vec(rows).expect("texts are JSON"))
}

fn same_key(engine: Engine, key: &[String]) -> String {
    let equal: Vec<String> =
        key.iter().map(|name| format!("t.{0} = image.{0}", quote(engine, name))).collect();
    equal.join(" and ")
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what rows were before")
}
