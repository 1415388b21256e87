//! The actions of a repair on one table.

use std::collections::{HashMap, HashSet};

use shared::assessment::Table as CatalogTable;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::verification::{MismatchKind, MismatchState, RepairAction, TableRepair};

use super::journal::{self, Entry, Step};
use super::{Effect, Whole};
use crate::error::{EngineError, Result};
use crate::load::mark::{self, TableRecord, Writer};
use crate::load::row_image::{self, Image, ImageTable, Statement, named};
use crate::load::{Session, end};
use crate::transform::{Slot, cast};
use crate::value::Value;
use crate::verify::canonical::{RowText, value};
use crate::verify::compare::{Readers, Table};
use crate::verify::record::{self, OpenMismatch, OpenRequest, Place};
use crate::verify::rows::{self, Expected};

/// Which mismatches of a table are worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    MissingAndDifferent,
    Extra,
}

impl What {
    const fn kinds(self) -> &'static [MismatchKind] {
        match self {
            Self::MissingAndDifferent => &[MismatchKind::Missing, MismatchKind::Different],
            Self::Extra => &[MismatchKind::Extra],
        }
    }
}

/// A table under repair.
pub(super) struct Repairing<'w> {
    table: &'w Table,
    image: ImageTable,
    /// Where the compared columns stand among the image's.
    places: Vec<usize>,
    /// Rows can be told apart.
    has_key: bool,
    record: Option<&'w TableRecord>,
    pub(super) count: TableRepair,
}

/// An action that is to be done.
struct Todo {
    mismatch: OpenMismatch,
    /// The row as it should be; none for one that should not be.
    row: Option<RowText>,
}

/// What an action came to.
enum Done {
    Did(RepairAction, Step),
    /// Both sides were alike already.
    Nothing,
    Refused(ErrorCode),
}

/// Mismatches that are held at once.
const PAGE: u32 = 5_000;
/// Actions in a transaction.
const BATCH: usize = 200;

impl<'w> Repairing<'w> {
    pub(super) fn new(
        table: &'w Table,
        there: &CatalogTable,
        record: Option<&'w TableRecord>,
    ) -> Self {
        let comparison = &table.comparison;
        let mut image = ImageTable::of(comparison.engine, there);
        let names: Vec<String> =
            comparison.columns.iter().map(|column| column.name.clone()).collect();
        let places = image.places(&names);
        let key: Option<Vec<usize>> = places
            .as_ref()
            .map(|places| comparison.identity.iter().map(|place| places[*place]).collect());
        let has_key = comparison.has_key() && key.is_some();
        image.key = key.unwrap_or_default();
        Self {
            table,
            image,
            places: places.unwrap_or_default(),
            has_key,
            record,
            count: TableRepair {
                target: comparison.target.clone(),
                inserted: 0,
                updated: 0,
                deleted: 0,
                gone: 0,
                refused: 0,
                not_found: 0,
            },
        }
    }

    /// Works the table's open mismatches of some kinds. `again` means those that were refused
    /// before.
    pub(super) async fn repair<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        writer: &mut S,
        readers: &mut Readers,
        what: What,
        again: bool,
    ) -> Result<()> {
        let wanted = &whole.request.selection.kinds;
        let kinds: Vec<MismatchKind> = what
            .kinds()
            .iter()
            .copied()
            .filter(|kind| wanted.is_empty() || wanted.contains(kind))
            .collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let index = self.table.index();
        let mut after = Place::default();
        loop {
            if whole.request.stop.is_requested() {
                return Err(EngineError::new(ErrorCode::Sys004, "repairing"));
            }
            let wanted = OpenRequest {
                verification: &whole.work.verification,
                table_index: index,
                kinds: &kinds,
                again,
                key: &whole.request.key,
            };
            let page = record::open_mismatches(writer, wanted, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.place.clone();
            let todo = match what {
                // Each of them is refused when its turn comes.
                _ if !self.has_key => {
                    page.into_iter().map(|mismatch| Todo { mismatch, row: None }).collect()
                }
                What::MissingAndDifferent => self.expected(whole, readers, page).await?,
                What::Extra => self.still_extra(whole, readers, page).await?,
            };
            for batch in todo.chunks(BATCH) {
                self.batch(whole, writer, batch, again).await?;
            }
        }
    }

    /// The rows of one chunk as they should be, for the mismatches in it.
    async fn expected<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        readers: &mut Readers,
        page: Vec<OpenMismatch>,
    ) -> Result<Vec<Todo>> {
        let ordinal = page.first().map(|mismatch| mismatch.place.chunk);
        let mut wanted: HashMap<String, OpenMismatch> = page
            .into_iter()
            .map(|mismatch| (mismatch.place.key_digest.clone(), mismatch))
            .collect();
        let mut todo = Vec::new();
        self.each_expected(whole, readers, ordinal, |digest, row| {
            if let Some(mismatch) = wanted.remove(digest) {
                todo.push(Todo { mismatch, row: Some(row.clone()) });
            }
        })
        .await?;
        self.count.not_found += wanted.len() as u64;
        Ok(todo)
    }

    /// Those of the extra rows that the source has not got meanwhile.
    async fn still_extra<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        readers: &mut Readers,
        page: Vec<OpenMismatch>,
    ) -> Result<Vec<Todo>> {
        let ordinal = page.first().map(|mismatch| mismatch.place.chunk);
        let ordinal = ordinal.filter(|_| self.table.ranges.is_some());
        let digests: HashSet<String> =
            page.iter().map(|mismatch| mismatch.place.key_digest.clone()).collect();
        let mut present = HashSet::new();
        self.each_expected(whole, readers, ordinal, |digest, _| {
            if digests.contains(digest) {
                present.insert(digest.to_owned());
            }
        })
        .await?;
        let (known, extra): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|found| present.contains(&found.place.key_digest));
        self.count.not_found += known.len() as u64;
        Ok(extra.into_iter().map(|mismatch| Todo { mismatch, row: None }).collect())
    }

    /// Hands over the rows that the target should have, of one chunk or of all.
    async fn each_expected<S: Session + 'static>(
        &self,
        whole: &Whole<'_, S>,
        readers: &mut Readers,
        ordinal: Option<i64>,
        mut each: impl FnMut(&str, &RowText),
    ) -> Result<()> {
        let comparison = &self.table.comparison;
        let key = &whole.request.key;
        for (number, part) in comparison.parts.iter().enumerate() {
            for (place, chunk) in self.table.cuts[number].chunks.iter().enumerate() {
                if ordinal.is_some_and(|ordinal| ordinal != i64::from(chunk.ordinal)) {
                    continue;
                }
                let work = whole.work;
                let mut exceptions =
                    work.exceptions(&mut readers.target, self.table, number, place).await?;
                if !part.kept.is_empty() {
                    work.learn_parents(readers, self.table, number, place, &mut exceptions).await?;
                }
                let source = &mut readers.source;
                rows::expected(source, comparison, part, chunk, &mut exceptions, |row| {
                    if let Expected::Row(text) = row {
                        let mut identity = Vec::new();
                        rows::identity_bytes(comparison, text, &mut identity);
                        each(&record::digest(key, &comparison.target, &identity, 0), text);
                    }
                    Ok(())
                })
                .await?;
            }
        }
        Ok(())
    }

    /// Does some actions in one transaction.
    async fn batch<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        writer: &mut S,
        batch: &[Todo],
        again: bool,
    ) -> Result<()> {
        let is_written = whole.request.effect == Effect::Write;
        if is_written {
            writer.run_script("begin").await?;
        }
        let before = self.count.clone();
        let done = self.marked(whole, writer, batch, again).await;
        if !is_written {
            return done;
        }
        let ended = end(writer, done).await;
        if ended.is_err() {
            self.count = before;
        }
        ended
    }

    /// What the batch writes counts as the run's, so that undoing the run undoes it.
    async fn marked<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        writer: &mut S,
        batch: &[Todo],
        again: bool,
    ) -> Result<()> {
        let of_run = whole.work.run_id.as_deref().zip(self.record);
        if let Some((run_id, record)) = of_run {
            mark::begin(writer, run_id, record).await?;
        }
        self.all(whole, writer, batch, again).await?;
        if let Some((run_id, record)) = of_run {
            let by =
                Writer { run_id, table_index: record.table_index, ordinal: mark::AFTER_THE_DATA };
            mark::keep(writer, &whole.request.key, by, record).await?;
        }
        Ok(())
    }

    /// All at once; where one of them is refused, one by one.
    async fn all<S: Session + 'static>(
        &mut self,
        whole: &Whole<'_, S>,
        writer: &mut S,
        batch: &[Todo],
        again: bool,
    ) -> Result<()> {
        writer.run_script("savepoint transfuse_batch").await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for todo in batch {
            match self.one(writer, todo).await {
                Ok(done) => outcomes.push(done),
                Err(error) if is_row_fault(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if outcomes.len() < batch.len() {
            writer.run_script("rollback to savepoint transfuse_batch").await?;
            outcomes.clear();
            for todo in batch {
                writer.run_script("savepoint transfuse_row").await?;
                match self.one(writer, todo).await {
                    Ok(done) => outcomes.push(done),
                    Err(error) if is_row_fault(&error) => {
                        writer.run_script("rollback to savepoint transfuse_row").await?;
                        outcomes.push(Done::Refused(error.code()));
                    }
                    Err(error) => return Err(error),
                }
                writer.run_script("release savepoint transfuse_row").await?;
            }
        }
        writer.run_script("release savepoint transfuse_batch").await?;
        let repair = whole.request.repair_id.as_str();
        let mut number = journal::last(writer, repair).await?;
        for (todo, done) in batch.iter().zip(outcomes) {
            let (state, refused) = match done {
                Done::Did(action, step) => {
                    number += 1;
                    let entry = Entry {
                        number,
                        target: self.count.target.clone(),
                        key_digest: todo.mismatch.place.key_digest.clone(),
                        action,
                        step,
                    };
                    journal::insert(writer, &whole.request.key, repair, &entry).await?;
                    match action {
                        RepairAction::Insert => self.count.inserted += 1,
                        RepairAction::Update => self.count.updated += 1,
                        RepairAction::Delete => self.count.deleted += 1,
                    }
                    (MismatchState::Repaired, None)
                }
                Done::Nothing => {
                    self.count.gone += 1;
                    (MismatchState::Gone, None)
                }
                Done::Refused(code) => {
                    if again {
                        self.count.refused += 1;
                    }
                    (MismatchState::Open, Some(code))
                }
            };
            let of = &whole.work.verification;
            let index = self.table.index();
            record::settle(writer, of, index, &todo.mismatch, state, refused).await?;
        }
        Ok(())
    }

    /// Does one action.
    async fn one<S: Session>(&self, session: &mut S, todo: &Todo) -> Result<Done> {
        if !self.has_key {
            return Ok(Done::Refused(ErrorCode::Ver005));
        }
        let Some(locator) = self.locator(&todo.mismatch.identity) else {
            return Ok(Done::Refused(ErrorCode::Ver005));
        };
        let now = row_image::read_located(session, &self.image, &locator).await?;
        let all: Vec<usize> = (0..self.image.columns.len()).collect();
        let found = named(&self.image, &self.image.key, &locator);
        match (&todo.row, now) {
            (None, None) => Ok(Done::Nothing),
            (None, Some(image)) => {
                row_image::delete(session, &self.image, &locator).await?;
                let before = named(&self.image, &all, &image);
                let step = Step { locator: found, before, after: Vec::new() };
                Ok(Done::Did(RepairAction::Delete, step))
            }
            (Some(row), None) => {
                let Some(values) = self.values(row) else {
                    return Ok(Done::Refused(ErrorCode::Data001));
                };
                let cells: Vec<(usize, &Value<'_>)> =
                    self.places.iter().copied().zip(&values).collect();
                row_image::insert(session, &self.image, &cells, None).await?;
                let after = named(&self.image, &self.places, &values);
                let step = Step { locator: found, before: Vec::new(), after };
                Ok(Done::Did(RepairAction::Insert, step))
            }
            (Some(row), Some(image)) => self.update(session, row, &image, locator).await,
        }
    }

    async fn update<S: Session>(
        &self,
        session: &mut S,
        row: &RowText,
        image: &Image,
        locator: Image,
    ) -> Result<Done> {
        let now = self.text_of(image);
        let differing: Vec<usize> = (0..self.table.comparison.columns.len())
            .filter(|place| now.field(*place) != row.field(*place))
            .collect();
        if differing.is_empty() {
            return Ok(Done::Nothing);
        }
        let Some(values) = self.values(row) else {
            return Ok(Done::Refused(ErrorCode::Data001));
        };
        let places: Vec<usize> = differing.iter().map(|place| self.places[*place]).collect();
        let before: Image = places.iter().map(|place| image[*place].clone()).collect();
        let after: Image = differing.iter().map(|place| values[*place].clone()).collect();
        let changes: Vec<(usize, &Value<'_>)> = places.iter().copied().zip(&after).collect();
        let mut statement =
            Statement::on(&self.image, format!("update {} set ", self.image.quoted()));
        statement.assign(&changes).push(" where ").located(&locator);
        if statement.execute(session).await? != 1 {
            // A trigger or a policy kept the row from changing.
            return Ok(Done::Refused(ErrorCode::Data015));
        }
        let step = Step {
            locator: named(&self.image, &self.image.key, &locator),
            before: named(&self.image, &places, &before),
            after: named(&self.image, &places, &after),
        };
        Ok(Done::Did(RepairAction::Update, step))
    }

    /// The values that tell a row apart, from what was sealed of it.
    fn locator(&self, identity: &[u8]) -> Option<Image> {
        let comparison = &self.table.comparison;
        let types = comparison.identity.iter().map(|place| &comparison.columns[*place].data_type);
        let mut rest = identity;
        let mut values = Image::new();
        for (number, data_type) in types.enumerate() {
            if number > 0 {
                rest = rest.strip_prefix(b"|")?;
            }
            let (field, after) = crate::verify::canonical::split_field(rest, data_type)?;
            let value = value(comparison.engine, field, data_type)?;
            if value.is_null() {
                return None;
            }
            values.push(value);
            rest = after;
        }
        Some(values)
    }

    fn values(&self, row: &RowText) -> Option<Image> {
        let comparison = &self.table.comparison;
        let columns = comparison.columns.iter().enumerate();
        columns
            .map(|(place, column)| value(comparison.engine, row.field(place), &column.data_type))
            .collect()
    }

    fn text_of(&self, image: &Image) -> RowText {
        let comparison = &self.table.comparison;
        let engine: Engine = comparison.engine;
        let values: Vec<Value<'_>> = self
            .places
            .iter()
            .zip(&comparison.columns)
            .map(|(place, column)| {
                let value = image[*place].clone();
                let slot = Slot { data_type: &column.data_type, labels: None, engine };
                cast(value.clone(), slot).unwrap_or(value)
            })
            .collect();
        let mut text = RowText::default();
        let types = comparison.columns.iter().map(|column| &column.data_type);
        text.write(engine, values.iter().zip(types));
        text
    }
}

/// Whether the failure is the row's, and others may go well.
fn is_row_fault(error: &EngineError) -> bool {
    error.code().as_str().starts_with("DATA-")
}
