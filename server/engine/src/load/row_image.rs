//! A row of the target as it stands, every value exactly, so that it can be put back.
//!
//! PostgreSQL gives and takes each value in its own text form, which says everything of it.
//! SQLite's values are told apart by how they are stored, whatever their column declares.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use shared::assessment::{Table, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::{Param, Session};
use crate::error::{EngineError, Result};
use crate::ident::{quote, quote_table};
use crate::value::{Flaw, Value};

/// How many values one statement binds at most. SQLite's own limit is 32,766.
const VALUES_A_STATEMENT: usize = 16_000;

/// A table whose rows can be read whole and put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTable {
    pub engine: Engine,
    pub name: TableName,
    /// Every column that can be written.
    pub columns: Vec<ImageColumn>,
    /// The places of the columns that tell rows apart. Empty when nothing does.
    pub key: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageColumn {
    pub name: String,
    /// The type as the target spells it.
    pub native_type: String,
    pub nullable: bool,
}

/// All writable values of a row, in the order of the table's columns.
pub type Image = Vec<Value<'static>>;

impl ImageTable {
    pub fn of(engine: Engine, table: &Table) -> Self {
        let columns: Vec<ImageColumn> = table
            .columns
            .iter()
            .filter(|column| !column.generated)
            .map(|column| ImageColumn {
                name: column.name.clone(),
                native_type: column.native_type.clone(),
                nullable: column.nullable,
            })
            .collect();
        let places = |names: &[String]| places(&columns, names);
        let unique = || {
            let plain = table.indexes.iter().filter(|index| index.unique);
            plain
                .filter_map(|index| places(&index.columns))
                .find(|key| !key.is_empty() && key.iter().all(|place| !columns[*place].nullable))
        };
        let key = places(&table.primary_key).filter(|key| !key.is_empty()).or_else(unique);
        Self { engine, name: table.name.clone(), key: key.unwrap_or_default(), columns }
    }

    /// The places of columns; none when one of them is not there or cannot be written.
    pub fn places(&self, names: &[String]) -> Option<Vec<usize>> {
        places(&self.columns, names)
    }

    /// The columns by which a row is found: the key, or all of them where there is none.
    pub fn locator(&self) -> Vec<usize> {
        if self.key.is_empty() { (0..self.columns.len()).collect() } else { self.key.clone() }
    }

    pub fn quoted(&self) -> String {
        quote_table(self.engine, &self.name)
    }

    fn column(&self, place: usize) -> String {
        quote(self.engine, &self.columns[place].name)
    }

    /// What is selected for some columns; [`Self::decode`] reads it.
    fn selected(&self, places: &[usize]) -> String {
        let one = |place: &usize| {
            let column = self.column(*place);
            match self.engine {
                Engine::Postgres => format!("{column}::text"),
                _ => format!(
                    "typeof({column}), case when typeof({column}) in ('text', 'blob') \
                     then hex({column}) else {column} end"
                ),
            }
        };
        places.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn decode(&self, row: Vec<Option<String>>) -> Result<Image> {
        if self.engine == Engine::Postgres {
            let value = |text: Option<String>| text.map_or(Value::Null, |t| Value::Text(t.into()));
            return Ok(row.into_iter().map(value).collect());
        }
        let mut cells = row.into_iter();
        let mut image = Vec::new();
        while let (Some(class), Some(cell)) = (cells.next(), cells.next()) {
            let value = stored(class.as_deref().unwrap_or_default(), cell);
            image.push(value.ok_or_else(|| unreadable(&self.name))?);
        }
        Ok(image)
    }
}

/// A value as SQLite stores it, from the name of its class and its text.
fn stored(class: &str, text: Option<String>) -> Option<Value<'static>> {
    Some(match (class, text) {
        ("null", _) => Value::Null,
        ("integer", Some(text)) => Value::Int(text.parse().ok()?),
        ("real", Some(text)) => Value::Float(text.parse().ok()?),
        ("blob", Some(text)) => Value::Bytes(from_hex(&text)?.into()),
        ("text", Some(text)) => match String::from_utf8(from_hex(&text)?) {
            Ok(text) => Value::Text(text.into()),
            Err(error) => Value::Invalid(Flaw::NotText, error.into_bytes().into()),
        },
        // An empty text or blob comes as no text at all.
        ("text", None) => Value::Text("".into()),
        ("blob", None) => Value::Bytes(Vec::new().into()),
        _ => return None,
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    digits
        .chunks(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(*pair.get(1)?).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect()
}

fn places(columns: &[ImageColumn], names: &[String]) -> Option<Vec<usize>> {
    names.iter().map(|name| columns.iter().position(|column| column.name == *name)).collect()
}

/// Some cells of a row.
pub fn pick(image: &[Value<'static>], places: &[usize]) -> Image {
    places.iter().map(|place| image[*place].clone()).collect()
}

/// A statement that grows piece by piece, with the values that it binds.
pub struct Statement<'t> {
    table: &'t ImageTable,
    pub sql: String,
    bound: Vec<Bound>,
}

#[derive(Debug)]
enum Bound {
    Text(Option<String>),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
}

impl<'t> Statement<'t> {
    pub fn on(table: &'t ImageTable, sql: impl Into<String>) -> Self {
        Self { table, sql: sql.into(), bound: Vec::new() }
    }

    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Goes on with another table's columns.
    pub const fn of(&mut self, table: &'t ImageTable) -> &mut Self {
        self.table = table;
        self
    }

    /// Binds a value and writes where it stands, as a value of the column's type.
    pub fn bind(&mut self, place: usize, value: &Value<'_>) -> &mut Self {
        let is_postgres = self.table.engine == Engine::Postgres;
        let bound = match value {
            Value::Null => Bound::Text(None),
            Value::Int(number) => Bound::Int(*number),
            Value::Float(number) => Bound::Float(*number),
            Value::Bytes(bytes) | Value::Invalid(_, bytes) => Bound::Bytes(bytes.to_vec()),
            Value::Text(text) => Bound::Text(Some(text.clone().into_owned())),
            other => Bound::Text(crate::value::display(other).map(std::borrow::Cow::into_owned)),
        };
        self.bound.push(bound);
        let number = self.bound.len();
        // Writing to a String does not fail.
        let _ = match value {
            _ if is_postgres => {
                write!(self.sql, "${number}::{}", self.table.columns[place].native_type)
            }
            Value::Invalid(..) => write!(self.sql, "cast(${number} as text)"),
            _ => write!(self.sql, "${number}"),
        };
        self
    }

    /// `a = $1 and b = $2`, for values that are not null.
    pub fn equal(&mut self, places: &[usize], values: &[Value<'_>]) -> &mut Self {
        for (at, (place, value)) in places.iter().zip(values).enumerate() {
            self.push(if at == 0 { "" } else { " and " });
            let column = self.table.column(*place);
            self.push(&column).push(" = ").bind(*place, value);
        }
        self
    }

    /// The same where null equals null, by what the values are written as.
    pub fn same(&mut self, places: &[usize], values: &[Value<'_>]) -> &mut Self {
        for (at, (place, value)) in places.iter().zip(values).enumerate() {
            self.push(if at == 0 { "" } else { " and " });
            let column = self.table.column(*place);
            if self.table.engine == Engine::Postgres {
                // Not every type has an equality, and all have a text.
                self.push(&format!("{column}::text is not distinct from "));
                let text = match value {
                    Value::Text(text) => Some(text.clone().into_owned()),
                    _ => None,
                };
                self.bound.push(Bound::Text(text));
                let number = self.bound.len();
                let _ = write!(self.sql, "${number}::text");
            } else {
                self.push(&format!("typeof({column}) = '{}' and {column} is ", class_of(value)));
                self.bind(*place, value);
            }
        }
        self
    }

    /// `a is not distinct from $1`, as the database itself compares.
    pub fn is(&mut self, place: usize, value: &Value<'_>) -> &mut Self {
        let column = self.table.column(place);
        if self.table.engine == Engine::Postgres {
            // Not every type has an equality, and all have a text.
            let native_type = self.table.columns[place].native_type.clone();
            self.push(&format!("{column}::text is not distinct from cast("));
            self.bind(place, value).push(&format!(" as {native_type})::text"))
        } else {
            self.push(&column).push(" is ").bind(place, value)
        }
    }

    /// The row that has these values in the columns of the table's locator.
    pub fn located(&mut self, locator: &[Value<'_>]) -> &mut Self {
        let places = self.table.locator();
        if !self.table.key.is_empty() {
            return self.equal(&places, locator);
        }
        // Rows that are the same in everything are one as good as the other.
        let row = if self.table.engine == Engine::Postgres { "ctid" } else { "_rowid_" };
        let quoted = self.table.quoted();
        self.push(&format!("{row} in (select {row} from {quoted} where "));
        self.same(&places, locator).push(" limit 1)")
    }

    /// `a = $1, b = $2`.
    pub fn assign(&mut self, changes: &[(usize, &Value<'_>)]) -> &mut Self {
        for (at, (place, value)) in changes.iter().enumerate() {
            self.push(if at == 0 { "" } else { ", " });
            let column = self.table.column(*place);
            self.push(&column).push(" = ").bind(*place, value);
        }
        self
    }

    fn params(&self) -> Vec<Param<'_>> {
        self.bound
            .iter()
            .map(|bound| match bound {
                Bound::Text(text) => Param::OptionalText(text.as_deref()),
                Bound::Int(number) => Param::Int(*number),
                Bound::Float(number) => Param::Float(*number),
                Bound::Bytes(bytes) => Param::Bytes(bytes),
            })
            .collect()
    }

    /// Runs it, and says how many rows it changed.
    pub async fn execute<S: Session>(&self, session: &mut S) -> Result<u64> {
        session.execute(&self.sql, &self.params()).await
    }

    /// Runs it, and says whether it yields any row.
    pub async fn answers<S: Session>(&self, session: &mut S) -> Result<bool> {
        Ok(!session.fetch(&self.sql, &self.params()).await?.is_empty())
    }

    /// Runs it; it ends in `returning` and what [`returned`] writes for some columns.
    pub async fn fetch<S: Session>(&self, session: &mut S) -> Result<Vec<Image>> {
        let rows = session.fetch(&self.sql, &self.params()).await?;
        rows.into_iter().map(|row| self.table.decode(row)).collect()
    }
}

/// What a statement returns of the rows that it changed.
pub fn returned(table: &ImageTable, places: &[usize]) -> String {
    format!(" returning {}", table.selected(places))
}

const fn class_of(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Int(_) => "integer",
        Value::Float(_) => "real",
        Value::Bytes(_) => "blob",
        _ => "text",
    }
}

/// Whether rows that are read may not change until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Yes,
    No,
}

/// Whole rows that have these values, none of them null, in some columns.
pub async fn read<S: Session>(
    session: &mut S,
    table: &ImageTable,
    places: &[usize],
    values: &[Value<'_>],
    hold: Hold,
) -> Result<Vec<Image>> {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let mut statement = Statement::on(
        table,
        format!("select {} from {} where ", table.selected(&all), table.quoted()),
    );
    statement.equal(places, values);
    // SQLite has one writer, whose transaction holds everything.
    if hold == Hold::Yes && table.engine == Engine::Postgres {
        statement.push(" for update");
    }
    statement.fetch(session).await
}

/// Whole rows that have one of many lists of values, none of them null, in some columns.
pub async fn read_many<S: Session>(
    session: &mut S,
    table: &ImageTable,
    places: &[usize],
    lists: &[Image],
    hold: Hold,
) -> Result<Vec<Image>> {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let is_postgres = table.engine == Engine::Postgres;
    let columns: Vec<String> = places.iter().map(|place| table.column(*place)).collect();
    let (columns, open, close) = match columns.as_slice() {
        [one] => (one.clone(), "", ""),
        several => (format!("({})", several.join(", ")), "(", ")"),
    };
    let mut found = Vec::new();
    let at_once = (VALUES_A_STATEMENT / places.len().max(1)).clamp(1, 1_000);
    for lists in lists.chunks(at_once) {
        let mut statement = Statement::on(
            table,
            format!("select {} from {} where {columns} in (", table.selected(&all), table.quoted()),
        );
        if !is_postgres && places.len() > 1 {
            statement.push("values ");
        }
        for (at, list) in lists.iter().enumerate() {
            statement.push(if at == 0 { open } else { ", " });
            if at > 0 {
                statement.push(open);
            }
            for (at, (place, value)) in places.iter().zip(list).enumerate() {
                statement.push(if at == 0 { "" } else { ", " }).bind(*place, value);
            }
            statement.push(close);
        }
        statement.push(")");
        if hold == Hold::Yes && is_postgres {
            statement.push(" for update");
        }
        found.extend(statement.fetch(session).await?);
    }
    Ok(found)
}

/// The row that a locator names.
pub async fn read_located<S: Session>(
    session: &mut S,
    table: &ImageTable,
    locator: &[Value<'_>],
) -> Result<Option<Image>> {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let mut statement = Statement::on(
        table,
        format!("select {} from {} where ", table.selected(&all), table.quoted()),
    );
    statement.located(locator);
    Ok(statement.fetch(session).await?.into_iter().next())
}

/// For each of many lists of values whether any row has them in these columns.
pub async fn present<S: Session>(
    session: &mut S,
    table: &ImageTable,
    places: &[usize],
    lists: &[Image],
) -> Result<Vec<bool>> {
    let mut found = vec![false; lists.len()];
    let at_once = (VALUES_A_STATEMENT / places.len().max(1)).clamp(1, 1_000);
    for (part, lists) in lists.chunks(at_once).enumerate() {
        let names: Vec<String> = (0..places.len()).map(|at| format!("v{at}")).collect();
        let mut statement =
            Statement::on(table, format!("with wanted (n, {}) as (values ", names.join(", ")));
        for (at, list) in lists.iter().enumerate() {
            statement.push(if at == 0 { "" } else { ", " });
            statement.push(&format!("({}", part * at_once + at));
            for (place, value) in places.iter().zip(list) {
                statement.push(", ").bind(*place, value);
            }
            statement.push(")");
        }
        let equal: Vec<String> = places
            .iter()
            .zip(&names)
            .map(|(place, name)| format!("{} = {name}", table.column(*place)))
            .collect();
        statement.push(&format!(
            ") select cast(n as text) from wanted where exists (select 1 from {} where {})",
            table.quoted(),
            equal.join(" and ")
        ));
        for row in session.fetch(&statement.sql, &statement.params()).await? {
            let at = row.first().and_then(|cell| cell.as_deref()?.parse::<usize>().ok());
            if let Some(found) = at.and_then(|at| found.get_mut(at)) {
                *found = true;
            }
        }
    }
    Ok(found)
}

/// What the target notes of who wrote rows that have these values, by their keys: PostgreSQL's
/// number of a transaction. Held until the transaction ends.
pub async fn versions<S: Session>(
    session: &mut S,
    table: &ImageTable,
    places: &[usize],
    values: &[Value<'_>],
) -> Result<Vec<(Image, Option<String>)>> {
    let is_postgres = table.engine == Engine::Postgres;
    let version = if is_postgres { ", xmin::text" } else { "" };
    let mut statement = Statement::on(
        table,
        format!("select {}{version} from {} where ", table.selected(&table.key), table.quoted()),
    );
    statement.equal(places, values);
    if is_postgres {
        statement.push(" for update");
    }
    let rows = session.fetch(&statement.sql, &statement.params()).await?;
    rows.into_iter()
        .map(|mut row| {
            let version = if is_postgres { row.pop().flatten() } else { None };
            Ok((table.decode(row)?, version))
        })
        .collect()
}

/// The same of one row; on SQLite the number of the row, where it has one of its own.
pub async fn version<S: Session>(
    session: &mut S,
    table: &ImageTable,
    locator: &[Value<'_>],
) -> Result<Option<String>> {
    let number = match table.engine {
        Engine::Postgres => "xmin::text",
        _ => "cast(_rowid_ as text)",
    };
    let mut statement =
        Statement::on(table, format!("select {number} from {} where ", table.quoted()));
    statement.located(locator);
    match session.fetch(&statement.sql, &statement.params()).await {
        Ok(rows) => Ok(rows.into_iter().flatten().flatten().next()),
        // A table without rows' numbers has none.
        Err(error) if error.code() == ErrorCode::Map002 => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a row is there for which a further condition holds; the table is called `t` in it.
pub async fn holds<S: Session>(
    session: &mut S,
    table: &ImageTable,
    locator: &[Value<'_>],
    condition: &str,
) -> Result<bool> {
    let mut statement =
        Statement::on(table, format!("select '1' from {} as t where ", table.quoted()));
    statement.located(locator).push(&format!(" and ({condition})"));
    Ok(!session.fetch(&statement.sql, &statement.params()).await?.is_empty())
}

/// Puts a row back as it was; on SQLite under its old number, where that is free.
pub async fn insert<S: Session>(
    session: &mut S,
    table: &ImageTable,
    cells: &[(usize, &Value<'_>)],
    version: Option<&str>,
) -> Result<()> {
    let mut names: Vec<String> = cells.iter().map(|(place, _)| table.column(*place)).collect();
    let number = match (table.engine, version.and_then(|version| version.parse::<i64>().ok())) {
        (Engine::Sqlite, Some(number)) => {
            let sql = format!("select '1' from {} where _rowid_ = $1", table.quoted());
            let taken = session.fetch(&sql, &[Param::Int(number)]).await?;
            taken.is_empty().then_some(number)
        }
        _ => None,
    };
    names.extend(number.map(|_| "_rowid_".to_owned()));
    let overriding = if table.engine == Engine::Postgres { " overriding system value" } else { "" };
    let mut statement = Statement::on(
        table,
        format!("insert into {} ({}){overriding} values (", table.quoted(), names.join(", ")),
    );
    for (at, (place, value)) in cells.iter().enumerate() {
        statement.push(if at == 0 { "" } else { ", " }).bind(*place, value);
    }
    if let Some(number) = number {
        statement.push(&format!(", {number}"));
    }
    statement.push(")");
    statement.execute(session).await.map(drop)
}

/// Takes a row out. False when it is not there.
pub async fn delete<S: Session>(
    session: &mut S,
    table: &ImageTable,
    locator: &[Value<'_>],
) -> Result<bool> {
    let mut statement = Statement::on(table, format!("delete from {} where ", table.quoted()));
    statement.located(locator);
    Ok(statement.execute(session).await? > 0)
}

/// A value with its column's name, as it lies in a sealed record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub column: String,
    #[serde(with = "crate::value::sealed_value")]
    pub value: Value<'static>,
}

/// An image with its columns' names: it survives a column that comes or goes.
pub fn named(table: &ImageTable, places: &[usize], values: &[Value<'static>]) -> Vec<Cell> {
    places
        .iter()
        .zip(values)
        .map(|(place, value)| Cell {
            column: table.columns[*place].name.clone(),
            value: value.clone(),
        })
        .collect()
}

/// The places of named cells in the table as it is now; none when a column is gone.
pub fn placed(table: &ImageTable, cells: &[Cell]) -> Option<Vec<usize>> {
    cells
        .iter()
        .map(|cell| table.columns.iter().position(|column| column.name == cell.column))
        .collect()
}

fn unreadable(table: &TableName) -> EngineError {
    EngineError::new(ErrorCode::Sys001, format!("reading a row of {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{SqliteTarget, Target as _};

    #[tokio::test]
    async fn a_row_of_sqlite_is_put_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("t.db").display());
        let mut session = SqliteTarget::new(url).session().await.unwrap();
        session
            .run_script(
                "create table odd (id integer primary key, a, b text, c real, d numeric, e blob);
                 insert into odd values
                    (1, 0.1, 'a' || char(0) || 'b', 1e300, '12.50', x'00ff'),
                    (2, null, cast(x'ff41' as text), 5, 9007199254740993, zeroblob(0)),
                    (3, '', '', -0.0, 1e999, x'');",
            )
            .await
            .unwrap();
        let picture = "select group_concat(id || typeof(a) || quote(a) || typeof(b) || hex(b) ||
                              typeof(c) || quote(c) || typeof(d) || quote(d) || typeof(e) || hex(e))
                       from (select * from odd order by id)";
        let before = session.fetch(picture, &[]).await.unwrap();
        let catalog = session.catalog().await.unwrap();
        let table = ImageTable::of(Engine::Sqlite, &catalog.tables[0]);

        for id in 1..=3 {
            let rows = read(&mut session, &table, &[0], &[Value::Int(id)], Hold::Yes).await;
            let row = rows.unwrap().remove(0);
            assert!(delete(&mut session, &table, &[Value::Int(id)]).await.unwrap());
            let cells: Vec<_> = row.iter().enumerate().collect();
            insert(&mut session, &table, &cells, None).await.unwrap();
        }

        assert_eq!(session.fetch(picture, &[]).await.unwrap(), before);
    }

    #[tokio::test]
    async fn one_of_two_equal_rows_without_a_key_is_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("t.db").display());
        let mut session = SqliteTarget::new(url).session().await.unwrap();
        let script = "create table log (who integer, what text);
                      insert into log values (1, 'a'), (1, 'a'), (1, null);";
        session.run_script(script).await.unwrap();
        let catalog = session.catalog().await.unwrap();
        let table = ImageTable::of(Engine::Sqlite, &catalog.tables[0]);

        let row = [Value::Int(1), Value::Text("a".into())];
        assert!(delete(&mut session, &table, &row).await.unwrap());
        assert!(delete(&mut session, &table, &[Value::Int(1), Value::Null]).await.unwrap());

        let left = session.fetch("select cast(count(*) as text) from log", &[]).await.unwrap();
        assert_eq!(left[0][0].as_deref(), Some("1"));
    }
}
