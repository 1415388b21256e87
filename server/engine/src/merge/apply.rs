//! Makes several rows one: what referred to the others refers to the one that stays.

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Colliding, Duplicates};

use super::batch;
use super::graph::{Graph, Reference};
use super::record::{Change, Done, MovedRow, Refusal, Step, Touch, tag};
use super::triggers::Silenced;
use crate::error::EngineError;
use crate::load::Session;
use crate::load::mark::{self, TableRecord};
use crate::load::row_image::{self, Cell, Hold, Image, Statement, named, pick};
use crate::seal::Key;
use crate::value::Value;

/// Why a merge was not made.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be made; others can.
    Refused(Refusal),
    /// Nothing can be done at the moment.
    Failed(EngineError),
}

impl Stop {
    pub(super) fn refused(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self::Refused(Refusal { code, reason: reason.into() })
    }
}

impl From<EngineError> for Stop {
    /// What the target says against a row is a reason; that it cannot be reached is not.
    fn from(error: EngineError) -> Self {
        let is_reason = error.code().as_str().starts_with("DATA-")
            || matches!(error.code(), ErrorCode::Conn004 | ErrorCode::Map006 | ErrorCode::Load030);
        if !is_reason {
            return Self::Failed(error);
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let reason = cause.unwrap_or_else(|| error.code().explanation().title.to_owned());
        Self::Refused(Refusal { code: error.code(), reason })
    }
}

/// The transaction in which rows are made one.
pub(super) struct Work<'a, S> {
    pub(super) session: &'a mut S,
    pub(super) graph: &'a Graph,
    pub(super) duplicates: &'a Duplicates,
    pub(super) key: &'a Key,
    /// The run whose rows they are; none where no run of ours loaded them.
    pub(super) run_id: &'a str,
    pub(super) records: &'a [TableRecord],
    pub(super) silenced: &'a mut Silenced,
    pub(super) done: Done,
    pub(super) known: &'a Known,
}

/// What is known of a batch beforehand: which values nothing refers to.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Per table and its reference: values to which no row refers.
    pub(super) unreferred: Vec<(usize, usize, Vec<Image>)>,
}

impl Known {
    fn says_nobody_refers(&self, table: usize, reference: usize, values: &Image) -> bool {
        self.unreferred
            .iter()
            .any(|(of, at, lists)| (*of, *at) == (table, reference) && lists.contains(values))
    }
}

impl<S: Session> Work<'_, S> {
    /// Points everything that refers to the one row to the other, and takes the one out.
    pub(super) async fn absorb(
        &mut self,
        table: usize,
        loser: &Image,
        survivor: &Image,
    ) -> Result<(), Stop> {
        let graph = self.graph;
        let node = graph.node(table);
        let survivor_locator = pick(survivor, &node.table.locator());
        self.touch(table, &survivor_locator, Touch::ReliedOn);
        for (at, reference) in node.referred.iter().enumerate() {
            let from = pick(loser, &reference.parent_columns);
            let to = pick(survivor, &reference.parent_columns);
            if from.iter().any(Value::is_null)
                || from == to
                || self.known.says_nobody_refers(table, at, &from)
            {
                continue;
            }
            if graph.identifies(reference.child, &reference.columns) || reference.child == table {
                self.move_one_by_one(table, reference, &from, &to, loser, survivor).await?;
            } else {
                self.move_all(table, reference, &from, &to).await?;
            }
        }
        let locator = pick(loser, &node.table.locator());
        // What the row is now: as a child of one of its own it may have changed meanwhile.
        let row = row_image::read_located(self.session, &node.table, &locator)
            .await?
            .ok_or_else(|| gone(&node.table.name))?;
        let version = self.version(table, &locator).await?;
        let counts = self.counts(table, &locator).await?;
        self.silenced.silence(self.session, &node.table).await?;
        row_image::delete(self.session, &node.table, &locator).await?;
        self.touch(table, &locator, Touch::Changed);
        let all: Vec<usize> = (0..row.len()).collect();
        self.done.steps.push(Step::Removed {
            table: node.table.name.clone(),
            row: named(&node.table, &all, &row),
            version,
            counts,
        });
        Ok(())
    }

    /// One statement for all rows of a table whose reference identifies nothing.
    async fn move_all(
        &mut self,
        parent: usize,
        reference: &Reference,
        from: &Image,
        to: &Image,
    ) -> Result<(), Stop> {
        let child = &self.graph.node(reference.child).table;
        if to.iter().any(Value::is_null) {
            let is_referred = row_image::present(
                self.session,
                child,
                &reference.columns,
                std::slice::from_ref(from),
            )
            .await?;
            return if is_referred == [true] {
                Err(self.nothing_to_refer_to(parent))
            } else {
                Ok(())
            };
        }
        self.silenced.silence(self.session, child).await?;
        let rows = row_image::versions(self.session, child, &reference.columns, from).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::on(child, format!("update {} set ", child.quoted()));
        let assigned: Vec<_> = reference.columns.iter().copied().zip(to).collect();
        statement.assign(&assigned).push(" where ").equal(&reference.columns, from);
        statement.execute(self.session).await?;
        self.done.steps.push(Step::Moved {
            table: child.name.clone(),
            from: named(child, &reference.columns, from),
            to: named(child, &reference.columns, to),
            rows: rows
                .into_iter()
                .map(|(key, version)| MovedRow { key: named(child, &child.key, &key), version })
                .collect(),
        });
        Ok(())
    }

    /// Whether the books of the run count a row: it was the run's, not somebody else's before.
    async fn counts(&mut self, table: usize, locator: &[Value<'static>]) -> Result<bool, Stop> {
        let table = &self.graph.node(table).table;
        let records = mark::records_of(self.records, &table.name);
        if !records.iter().any(|record| batch::is_shared(record)) {
            return Ok(!records.is_empty());
        }
        let engine = self.session.engine();
        let own = mark::is_own(engine, self.run_id, "t", &records, mark::Change::Brought, None);
        let noted = match engine {
            Engine::Postgres => mark::has_noted_key(self.run_id, "t", &records, None),
            _ => mark::is_noted("t", &records, None),
        };
        let condition = format!("{own} or {noted}");
        Ok(row_image::holds(self.session, table, locator, &condition).await?)
    }

    /// What the target itself notes of who wrote a row, so that the row can be the same again.
    async fn version(
        &mut self,
        table: usize,
        locator: &[Value<'static>],
    ) -> Result<Option<String>, Stop> {
        let table = &self.graph.node(table).table;
        Ok(row_image::version(self.session, table, locator).await?)
    }

    /// Row by row, since each may collide with another one, or be the row that stays.
    async fn move_one_by_one(
        &mut self,
        parent: usize,
        reference: &Reference,
        from: &Image,
        to: &Image,
        loser: &Image,
        survivor: &Image,
    ) -> Result<(), Stop> {
        let child = &self.graph.node(reference.child).table;
        let rows =
            row_image::read(self.session, child, &reference.columns, from, Hold::Yes).await?;
        for row in rows {
            let locator = pick(&row, &child.locator());
            // A row before it may have changed it, or taken it along.
            let row = if child.key.is_empty() {
                row
            } else {
                match row_image::read_located(self.session, child, &locator).await? {
                    Some(row) if pick(&row, &reference.columns) == *from => row,
                    _ => continue,
                }
            };
            let is_own = |other: &Image| {
                reference.child == parent && pick(other, &child.locator()) == locator
            };
            if is_own(loser) {
                // It goes, and with it its reference to itself.
                continue;
            }
            if to.iter().any(Value::is_null) {
                return Err(self.nothing_to_refer_to(parent));
            }
            let mut new = row.clone();
            // Nobody becomes his own parent because his two records were each other's.
            let nulls = is_own(survivor).then(|| nullable(child, &reference.columns)).flatten();
            for (at, place) in reference.columns.iter().enumerate() {
                new[*place] = match nulls {
                    Some(null) if null == *place => Value::Null,
                    Some(_) => row[*place].clone(),
                    None => to[at].clone(),
                };
            }
            match self.met_by(reference.child, &row, &new).await? {
                None => self.change(reference.child, &row, &new).await?,
                Some(other) if self.duplicates.colliding(&child.name) == Colliding::Fold => {
                    Box::pin(self.absorb(reference.child, &row, &other)).await?;
                    let locator = pick(&other, &child.locator());
                    self.touch(reference.child, &locator, Touch::ReliedOn);
                }
                Some(_) => {
                    return Err(Stop::refused(
                        ErrorCode::Load030,
                        format!("both have a row in {} that only one may have", child.name),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The row that already has what another one would have after a change, and may not share.
    async fn met_by(
        &mut self,
        table: usize,
        old: &Image,
        new: &Image,
    ) -> Result<Option<Image>, Stop> {
        let node = self.graph.node(table);
        let own = pick(old, &node.table.locator());
        for unique in &node.uniques {
            let values = pick(new, unique);
            if values.iter().any(Value::is_null) || values == pick(old, unique) {
                continue;
            }
            let rows =
                row_image::read(self.session, &node.table, unique, &values, Hold::Yes).await?;
            if let Some(other) =
                rows.into_iter().find(|other| pick(other, &node.table.locator()) != own)
            {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Changes a row, and in the same statement the rows that refer to what is changed of it.
    pub(super) async fn change(
        &mut self,
        table: usize,
        old: &Image,
        new: &Image,
    ) -> Result<(), Stop> {
        if old == new {
            return Ok(());
        }
        let mut changes = vec![(table, old.clone(), new.clone())];
        let mut at = 0;
        while at < changes.len() {
            let (table, old, new) = changes[at].clone();
            for reference in &self.graph.node(table).referred {
                let from = pick(&old, &reference.parent_columns);
                let to = pick(&new, &reference.parent_columns);
                if from == to || from.iter().any(Value::is_null) {
                    continue;
                }
                let child = &self.graph.node(reference.child).table;
                let rows =
                    row_image::read(self.session, child, &reference.columns, &from, Hold::Yes)
                        .await?;
                for row in rows {
                    let mut moved = row.clone();
                    for (place, value) in reference.columns.iter().zip(&to) {
                        moved[*place] = value.clone();
                    }
                    let known = |(of, old, _): &(usize, Image, Image)| {
                        *of == reference.child
                            && !child.key.is_empty()
                            && pick(old, &child.key) == pick(&row, &child.key)
                    };
                    if let Some(place) = changes.iter().position(known) {
                        if place <= at {
                            return Err(Stop::refused(
                                ErrorCode::Load030,
                                format!("rows of {} refer to each other in a circle", child.name),
                            ));
                        }
                        for (place_of, value) in reference.columns.iter().zip(&to) {
                            changes[place].2[*place_of] = value.clone();
                        }
                        continue;
                    }
                    if self.met_by(reference.child, &row, &moved).await?.is_some() {
                        return Err(Stop::refused(
                            ErrorCode::Load030,
                            format!("a row of {} would collide with another one", child.name),
                        ));
                    }
                    changes.push((reference.child, row, moved));
                }
            }
            at += 1;
        }
        self.write(&changes).await
    }

    async fn write(&mut self, changes: &[(usize, Image, Image)]) -> Result<(), Stop> {
        let mut rows = Vec::with_capacity(changes.len());
        for (table, old, new) in changes {
            let node = self.graph.node(*table);
            self.silenced.silence(self.session, &node.table).await?;
            let places: Vec<usize> = (0..old.len()).filter(|at| old[*at] != new[*at]).collect();
            let locator = node.table.locator();
            let version = self.version(*table, &pick(old, &locator)).await?;
            rows.push(Change {
                version,
                table: node.table.name.clone(),
                locator: named(&node.table, &locator, &pick(new, &locator)),
                before: named(&node.table, &places, &pick(old, &places)),
                after: named(&node.table, &places, &pick(new, &places)),
            });
            for image in [old, new] {
                self.touch(*table, &pick(image, &locator), Touch::Changed);
            }
        }
        let updates: Vec<Update> = changes
            .iter()
            .map(|(table, old, new)| {
                let table = &self.graph.node(*table).table;
                let places = (0..old.len()).filter(|at| old[*at] != new[*at]);
                Update {
                    table,
                    locator: pick(old, &table.locator()),
                    changes: places.map(|at| (at, new[at].clone())).collect(),
                }
            })
            .collect();
        let found = update_together(self.session, &updates).await?;
        if found != updates.len() as u64 {
            return Err(Stop::Failed(gone(&self.graph.node(changes[0].0).table.name)));
        }
        self.done.steps.push(Step::Changed { rows });
        Ok(())
    }

    fn touch(&mut self, table: usize, locator: &[Value<'_>], how: Touch) {
        let name = &self.graph.node(table).table.name;
        self.done.touch(tag(self.key, name, locator), how);
    }

    fn nothing_to_refer_to(&self, parent: usize) -> Stop {
        Stop::refused(
            ErrorCode::Load030,
            format!(
                "rows refer to {} by a column in which the surviving row has nothing",
                self.graph.node(parent).table.name
            ),
        )
    }
}

/// New values of some columns of one row.
pub(super) struct Update<'t> {
    pub(super) table: &'t row_image::ImageTable,
    pub(super) locator: Image,
    pub(super) changes: Vec<(usize, Value<'static>)>,
}

/// Changes rows all at once, so that no reference between them is broken in between. Gives the
/// number of rows that were there to be changed.
pub(super) async fn update_together<S: Session>(
    session: &mut S,
    updates: &[Update<'_>],
) -> crate::error::Result<u64> {
    let write = |statement: &mut Statement<'_>, update: &Update<'_>| {
        let changes: Vec<_> = update.changes.iter().map(|(at, value)| (*at, value)).collect();
        statement.push(&format!("update {} set ", update.table.quoted()));
        statement.assign(&changes);
    };
    let is_postgres = session.engine() == Engine::Postgres;
    let mut changed = 0;
    match updates {
        [] => {}
        // SQLite's references are not checked row by row here.
        _ if !is_postgres || updates.len() == 1 => {
            for update in updates {
                let mut statement = Statement::on(update.table, "");
                write(&mut statement, update);
                statement.push(" where ").located(&update.locator);
                changed += statement.execute(session).await?;
            }
        }
        [first, rest @ ..] => {
            let mut statement = Statement::on(first.table, "with ");
            for (at, update) in rest.iter().enumerate() {
                statement.of(update.table);
                statement.push(&format!("{}u{at} as (", if at == 0 { "" } else { ", " }));
                write(&mut statement, update);
                statement.push(" where ").located(&update.locator);
                statement.push(" returning 1)");
            }
            statement.of(first.table).push(", u as (");
            write(&mut statement, first);
            statement.push(" where ").located(&first.locator).push(" returning 1)");
            let counts: Vec<String> = (0..rest.len())
                .map(|at| format!("(select count(*) from u{at})"))
                .chain(["(select count(*) from u)".to_owned()])
                .collect();
            statement.push(&format!(" select ({})::text", counts.join(" + ")));
            let rows = statement.fetch(session).await?;
            changed = match rows.first().and_then(|row| row.first()) {
                Some(Value::Text(text)) => text.parse().unwrap_or_default(),
                _ => 0,
            };
        }
    }
    Ok(changed)
}

/// The first of a reference's columns that takes null.
fn nullable(table: &row_image::ImageTable, columns: &[usize]) -> Option<usize> {
    columns.iter().copied().find(|place| table.columns[*place].nullable)
}

pub(super) fn gone(table: &TableName) -> EngineError {
    EngineError::new(ErrorCode::Load030, format!("changing a row of {table}: it is gone"))
}

/// Named cells as their values.
pub(super) fn values(cells: &[Cell]) -> Image {
    cells.iter().map(|cell| cell.value.clone()).collect()
}
