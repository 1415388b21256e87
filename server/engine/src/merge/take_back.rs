//! Takes a merge back: rows and references are what they were, and what was changed since stays.

use std::collections::BTreeMap;

use shared::assessment::TableName;
use shared::error_code::ErrorCode;

use super::apply::{Update, update_together, values};
use super::graph::Graph;
use super::record::{Change, MovedRow, Step};
use super::triggers::Silenced;
use crate::error::{EngineError, Result};
use crate::load::Session;
use crate::load::mark::{self, WrittenBy};
use crate::load::row_image::{self, Cell, Image, ImageTable, Statement, pick, placed, returned};
use crate::value::Value;

/// How many rows get their reference back in one statement.
const ROWS_AT_ONCE: usize = 200;

/// What taking a merge back found, beside doing it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Rows by table that are back.
    pub restored: BTreeMap<TableName, u64>,
    /// Rows by table that refer to their own person again.
    pub moved: BTreeMap<TableName, u64>,
    pub remarks: Vec<Remark>,
}

/// Something that was changed since the merge, and that therefore stays as it is now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    pub table: TableName,
    pub what: Since,
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// Rows that had moved to the survivor were deleted.
    Gone,
    /// Rows that had moved to the survivor refer to somebody else by now.
    RefersElsewhere,
    /// A value that the merge had written was changed: the column.
    Changed(String),
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (table, rows) = (&self.table, self.rows);
        match &self.what {
            Since::Gone => write!(f, "{table}: {rows} rows were deleted since the merge"),
            Since::RefersElsewhere => {
                write!(f, "{table}: {rows} rows refer to another person since the merge")
            }
            Since::Changed(column) => {
                write!(f, "{table}: {column} was changed since the merge, and stays as it is")
            }
        }
    }
}

pub(super) struct Back<'a, S> {
    pub(super) session: &'a mut S,
    pub(super) graph: &'a Graph,
    /// The run whose rows they are; none where no run of ours loaded them.
    pub(super) run_id: &'a str,
    pub(super) silenced: &'a mut Silenced,
    pub(super) found: TakenBack,
}

impl<'a, S: Session> Back<'a, S> {
    /// Undoes steps, the last one first. An error leaves the transaction to be rolled back.
    pub(super) async fn undo(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps.iter().rev() {
            match step {
                Step::Moved { table, from, to, rows } => {
                    self.move_back(table, from, to, rows).await?;
                }
                Step::Changed { rows } => self.change_back(rows).await?,
                Step::Removed { table, row, version, .. } => {
                    self.put_back(table, row, version.as_deref()).await?;
                }
            }
        }
        let mut remarks: Vec<Remark> = Vec::new();
        for remark in std::mem::take(&mut self.found.remarks) {
            match remarks.iter_mut().find(|r| r.table == remark.table && r.what == remark.what) {
                Some(known) => known.rows += remark.rows,
                None => remarks.push(remark),
            }
        }
        remarks.sort();
        self.found.remarks = remarks;
        Ok(())
    }

    async fn move_back(
        &mut self,
        name: &TableName,
        from: &[Cell],
        to: &[Cell],
        rows: &[MovedRow],
    ) -> Result<()> {
        let (table, columns) = self.find(name, from)?;
        self.silenced.silence(self.session, table).await?;
        // Rows that were a run's are the run's again, and those of others are not.
        let versions: Vec<&str> = rows.iter().filter_map(|row| row.version.as_deref()).collect();
        let writers = mark::written_by(self.session, self.run_id, name, &versions).await?;
        let mut groups: BTreeMap<Option<WrittenBy>, Vec<&MovedRow>> = BTreeMap::new();
        for row in rows {
            let by = row.version.as_ref().and_then(|version| writers.get(version).copied());
            groups.entry(by).or_default().push(row);
        }
        for (by, rows) in groups {
            self.begin_group(by).await?;
            for rows in rows.chunks(ROWS_AT_ONCE) {
                self.move_some_back(table, &columns, from, to, rows).await?;
            }
            self.end_group(by, std::slice::from_ref(name)).await?;
        }
        Ok(())
    }

    async fn move_some_back(
        &mut self,
        table: &ImageTable,
        columns: &[usize],
        from: &[Cell],
        to: &[Cell],
        rows: &[&MovedRow],
    ) -> Result<()> {
        let name = &table.name;
        let assigned: Vec<(usize, &Value<'static>)> =
            columns.iter().copied().zip(from.iter().map(|cell| &cell.value)).collect();
        let mut keys: Vec<Image> = Vec::with_capacity(rows.len());
        for row in rows {
            // The key has to be the one of then; else no row can be told from another.
            if placed(table, &row.key).as_deref() != Some(table.key.as_slice()) {
                return Err(changed_shape(name));
            }
            keys.push(values(&row.key));
        }
        let mut statement = Statement::on(table, format!("update {} set ", table.quoted()));
        statement.assign(&assigned).push(" where ").equal(columns, &values(to)).push(" and (");
        for (at, key) in keys.iter().enumerate() {
            statement.push(if at == 0 { "(" } else { " or (" });
            statement.equal(&table.key, key).push(")");
        }
        statement.push(")").push(&returned(table, &table.key));
        let moved = statement.fetch(self.session).await?;
        *self.found.moved.entry(name.clone()).or_default() += moved.len() as u64;
        if moved.len() < keys.len() {
            let left: Vec<Image> = keys.into_iter().filter(|key| !moved.contains(key)).collect();
            let there = row_image::present(self.session, table, &table.key, &left).await?;
            let elsewhere = there.iter().filter(|there| **there).count() as u64;
            self.remark(name, Since::RefersElsewhere, elsewhere);
            self.remark(name, Since::Gone, left.len() as u64 - elsewhere);
        }
        Ok(())
    }

    async fn begin_group(&mut self, by: Option<WrittenBy>) -> Result<()> {
        match by {
            Some(_) => self.session.run_script("savepoint transfuse_back").await,
            None => Ok(()),
        }
    }

    /// What was written to these tables since the group began is its writer's again.
    async fn end_group(&mut self, by: Option<WrittenBy>, tables: &[TableName]) -> Result<()> {
        let Some(by) = by else { return Ok(()) };
        for table in tables {
            mark::keep_as(self.session, self.run_id, table, by).await?;
        }
        self.session.run_script("release savepoint transfuse_back").await
    }

    /// What wrote a row that is about to be as it was.
    async fn writer_of(
        &mut self,
        table: &TableName,
        version: Option<&str>,
    ) -> Result<Option<WrittenBy>> {
        let Some(version) = version else { return Ok(None) };
        let writers = mark::written_by(self.session, self.run_id, table, &[version]).await?;
        Ok(writers.get(version).copied())
    }

    async fn change_back(&mut self, rows: &[Change]) -> Result<()> {
        let graph = self.graph;
        let mut updates: Vec<Update<'_>> = Vec::new();
        for row in rows {
            let (table, places) = find(graph, &row.table, &row.before)?;
            self.silenced.silence(self.session, table).await?;
            let by = placed(table, &row.locator).ok_or_else(|| changed_shape(&row.table))?;
            if by != table.locator() {
                return Err(changed_shape(&row.table));
            }
            let locator = values(&row.locator);
            let Some(now) = row_image::read_located(self.session, table, &locator).await? else {
                self.remark(&row.table, Since::Gone, 1);
                continue;
            };
            let mut changes = Vec::new();
            for (at, place) in places.iter().enumerate() {
                if now[*place] == row.after[at].value {
                    changes.push((*place, row.before[at].value.clone()));
                } else {
                    let column = row.before[at].column.clone();
                    self.remark(&row.table, Since::Changed(column), 1);
                }
            }
            if !changes.is_empty() {
                *self.found.moved.entry(row.table.clone()).or_default() += 1;
                updates.push(Update { table, locator: pick(&now, &table.locator()), changes });
            }
        }
        // One statement is one writer's: where rows of several changed together, none is named.
        let mut writers: BTreeMap<&TableName, Option<WrittenBy>> = BTreeMap::new();
        for row in rows {
            let by = self.writer_of(&row.table, row.version.as_deref()).await?;
            let known = writers.entry(&row.table).or_insert(by);
            if *known != by {
                *known = None;
            }
        }
        let named = writers.values().any(Option::is_some);
        if named {
            self.session.run_script("savepoint transfuse_back").await?;
        }
        update_together(self.session, &updates).await?;
        for (table, by) in &writers {
            if let Some(by) = by {
                mark::keep_as(self.session, self.run_id, table, *by).await?;
            }
        }
        if named {
            self.session.run_script("release savepoint transfuse_back").await?;
        }
        Ok(())
    }

    async fn put_back(
        &mut self,
        name: &TableName,
        row: &[Cell],
        version: Option<&str>,
    ) -> Result<()> {
        let (table, places) = self.find(name, row)?;
        let graph = self.graph;
        let node = graph.node(graph.named(name).ok_or_else(|| changed_shape(name))?);
        let mut image: Image = vec![Value::Null; table.columns.len()];
        for (place, cell) in places.iter().zip(row) {
            image[*place] = cell.value.clone();
        }
        // The target may not check references itself, and its own words would not say which.
        for outward in &node.refers {
            let wanted = pick(&image, &outward.columns);
            let is_itself = graph.node(outward.parent).table.name == *name
                && pick(&image, &outward.parent_columns) == wanted;
            if wanted.iter().any(Value::is_null) || is_itself {
                continue;
            }
            let parent = &graph.node(outward.parent).table;
            let there =
                row_image::present(self.session, parent, &outward.parent_columns, &[wanted])
                    .await?;
            if there != [true] {
                return Err(obstacle(format!(
                    "a row of {name} refers to a row of {} that is gone since",
                    parent.name
                )));
            }
        }
        for unique in &node.uniques {
            let wanted = pick(&image, unique);
            if wanted.iter().any(Value::is_null) {
                continue;
            }
            if row_image::present(self.session, table, unique, &[wanted]).await? == [true] {
                let columns: Vec<&str> =
                    unique.iter().map(|place| table.columns[*place].name.as_str()).collect();
                return Err(obstacle(format!(
                    "another row of {name} has taken the {} of a row that went",
                    columns.join(", ")
                )));
            }
        }
        self.silenced.silence(self.session, table).await?;
        let cells: Vec<(usize, &Value<'static>)> =
            places.iter().copied().zip(row.iter().map(|cell| &cell.value)).collect();
        let by = self.writer_of(name, version).await?;
        self.begin_group(by).await?;
        row_image::insert(self.session, table, &cells, version).await?;
        self.end_group(by, std::slice::from_ref(name)).await?;
        *self.found.restored.entry(name.clone()).or_default() += 1;
        Ok(())
    }

    fn find(&self, name: &TableName, cells: &[Cell]) -> Result<(&'a ImageTable, Vec<usize>)> {
        find(self.graph, name, cells)
    }

    fn remark(&mut self, table: &TableName, what: Since, rows: u64) {
        if rows > 0 {
            self.found.remarks.push(Remark { table: table.clone(), what, rows });
        }
    }
}

/// A table of the record in the target as it is now, and where the record's columns stand in it.
fn find<'g>(
    graph: &'g Graph,
    name: &TableName,
    cells: &[Cell],
) -> Result<(&'g ImageTable, Vec<usize>)> {
    let table = &graph.node(graph.named(name).ok_or_else(|| changed_shape(name))?).table;
    let places = placed(table, cells).ok_or_else(|| changed_shape(name))?;
    Ok((table, places))
}

fn changed_shape(table: &TableName) -> EngineError {
    obstacle(format!("{table}, or a column of it, is not what it was when the merge was made"))
}

fn obstacle(why: String) -> EngineError {
    EngineError::new(ErrorCode::Load031, why)
}
