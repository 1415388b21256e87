//! People who are there twice: decided once a run, then made one, some at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use shared::assessment::Catalog;
use shared::duplicate::Attribute;
use shared::error_code::ErrorCode;
use shared::plan::{Duplicates, TableMapping, When};
use shared::run::Phase;
use tokio::sync::mpsc;

use super::conduct::Work;
use super::finish;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::{ReadColumn, Snapshot};
use crate::load::blueprint::with_types_of;
use crate::load::{Session, Target, ledger};
use crate::map::{self, target_name};
use crate::merge::{self, Order, People, PersonColumn, PersonRow, Survive};
use crate::transform::{self, End, RowTransform, Verdict};
use crate::value::{self, Value};

/// Batches of people that wait to be taken.
const AHEAD: usize = 2;
/// People that are handed over at once.
const PEOPLE_AT_ONCE: usize = 5_000;

/// Decides who is the same person, and what survives of them.
#[derive(Clone)]
pub struct Matcher {
    pub decide: Decide,
    pub survive: Survive,
}

/// Told all people, says who is to become one. Asked once a run.
pub type Decide = Arc<
    dyn Fn(PeopleStream) -> Pin<Box<dyn Future<Output = Result<Vec<Order>>> + Send>> + Send + Sync,
>;

/// The people of a run, as they come.
pub struct PeopleStream {
    pub run_id: String,
    /// What each value of a row says.
    pub attributes: Vec<Attribute>,
    pub rows: mpsc::Receiver<Vec<PersonRow>>,
}

impl<T: Target + 'static> Work<T> {
    /// Decides from the source's rows, where the plan says so.
    pub(super) async fn decide_before_load(
        &self,
        session: &mut T::Session,
        source: &Source,
        source_catalog: &Catalog,
        snapshot: &mut Snapshot,
    ) -> Result<()> {
        let Some((duplicates, matcher)) = self.wanted(When::BeforeLoad) else { return Ok(()) };
        if self.is_decided(session).await? {
            return Ok(());
        }
        let plan = &self.request.plan;
        let target_catalog = map::with_primary_keys(session.catalog().await?, plan);
        let people = People::new(plan, duplicates, &target_catalog)?;
        let (send, receive) = mpsc::channel(AHEAD);
        let deciding = self.ask(matcher, &people, receive);
        let ahead = Ahead {
            work: self,
            source,
            source_catalog,
            target_catalog: &target_catalog,
            people: &people,
        };
        let read = ahead.read(snapshot, send).await;
        self.write_down(session, &people, deciding, read).await
    }

    /// Decides from the target's rows, where that is still to be done, and merges. True when
    /// somebody asked to stop.
    pub(super) async fn merge_duplicates(&self, session: &mut T::Session) -> Result<bool> {
        let after = self.wanted(When::AfterLoad);
        let Some((duplicates, matcher)) = after.or_else(|| self.wanted(When::BeforeLoad)) else {
            return Ok(false);
        };
        self.board.enter(Phase::Merging);
        let catalog = session.catalog().await?;
        let people = People::new(&self.request.plan, duplicates, &catalog)?;
        if after.is_some() && !self.is_decided(session).await? {
            let (send, receive) = mpsc::channel(AHEAD);
            let deciding = self.ask(matcher, &people, receive);
            let read = merge::each_person(session, &people, &send).await;
            drop(send);
            self.write_down(session, &people, deciding, read).await?;
        }
        let (run_id, key) = (&self.run.run_id, &self.request.key);
        let mut merged = 0;
        loop {
            if self.request.stop.is_requested() {
                return Ok(true);
            }
            let now = self.request.clock.now();
            let carried =
                merge::carry_out(session, &people, run_id, &matcher.survive, key, now).await?;
            if carried.is_nothing() {
                break;
            }
            merged += carried.applied;
            for entry in &carried.entries {
                self.board.committed(entry);
            }
        }
        tracing::info!(run.id = %run_id, merge_count = merged, "merged people");
        let records = ledger::tables(session, run_id).await?;
        finish::count_again(&*self.target, session, &self.request, &self.run, &records).await?;
        Ok(false)
    }

    fn wanted(&self, when: When) -> Option<(&Duplicates, &Matcher)> {
        let duplicates = self.request.plan.duplicates.as_ref()?;
        let matcher = self.request.matcher.as_ref()?;
        (duplicates.when == when).then_some((duplicates, matcher))
    }

    /// What was decided stays so: a run that goes on merges what it set out to merge.
    async fn is_decided(&self, session: &mut T::Session) -> Result<bool> {
        merge::is_decided(session, &self.run.run_id).await
    }

    fn ask(
        &self,
        matcher: &Matcher,
        people: &People<'_>,
        rows: mpsc::Receiver<Vec<PersonRow>>,
    ) -> tokio::task::JoinHandle<Result<Vec<Order>>> {
        tokio::spawn((matcher.decide)(PeopleStream {
            run_id: self.run.run_id.clone(),
            attributes: people.columns.attributes.clone(),
            rows,
        }))
    }

    async fn write_down(
        &self,
        session: &mut T::Session,
        people: &People<'_>,
        deciding: tokio::task::JoinHandle<Result<Vec<Order>>>,
        read: Result<()>,
    ) -> Result<()> {
        let decided = deciding.await.map_err(|error| {
            EngineError::new(ErrorCode::Sys001, "deciding who is the same person").because(error)
        })?;
        // When both sides failed, the reader only says that nobody took its rows.
        let orders = decided?;
        read?;
        let now = self.request.clock.now();
        merge::order(session, people, &self.run.run_id, &orders, now).await
    }
}

/// Reads people from the source as they will be in the target.
struct Ahead<'a, T: Target> {
    work: &'a Work<T>,
    source: &'a Source,
    source_catalog: &'a Catalog,
    target_catalog: &'a Catalog,
    people: &'a People<'a>,
}

/// Values of columns of rows that people refer to, by what they are referred to by.
type Parents = HashMap<Vec<String>, Vec<Option<String>>>;

impl<T: Target + 'static> Ahead<'_, T> {
    async fn read(
        &self,
        snapshot: &mut Snapshot,
        send: mpsc::Sender<Vec<PersonRow>>,
    ) -> Result<()> {
        let columns = self.people.from_columns();
        let mut parents: BTreeMap<usize, (Parents, Vec<String>)> = BTreeMap::new();
        for column in &columns {
            let PersonColumn::Through { reference, .. } = column else { continue };
            if !parents.contains_key(reference) {
                let read = self.parents(snapshot, *reference, &columns).await?;
                parents.insert(*reference, read);
            }
        }
        let key = self.people.key_columns();
        let mut wanted: Vec<String> = key.clone();
        for column in &columns {
            match column {
                PersonColumn::Own(name) => wanted.push(name.clone()),
                PersonColumn::Through { reference, .. } => {
                    wanted.extend(self.people.reference(*reference).columns);
                }
            }
        }
        for mapping in self.mappings(self.people.table()) {
            let mut batch = Vec::new();
            let mut take = |cells: Vec<Option<String>>| {
                let cell = |name: &str| {
                    wanted.iter().position(|known| known == name).and_then(|at| cells[at].clone())
                };
                let id = key.iter().map(|name| cell(name)).collect::<Option<Vec<String>>>()?;
                let value = |column: &PersonColumn| match column {
                    PersonColumn::Own(name) => cell(name),
                    PersonColumn::Through { reference, column } => {
                        let by = self.people.reference(*reference).columns;
                        let by = by.iter().map(|name| cell(name)).collect::<Option<Vec<String>>>();
                        let (rows, names) = &parents[reference];
                        let at = names.iter().position(|name| name == column)?;
                        rows.get(&by?)?[at].clone()
                    }
                };
                let values = columns.iter().map(value).collect();
                batch.push(PersonRow { id: merge::id_of(id), values });
                (batch.len() == PEOPLE_AT_ONCE).then(|| std::mem::take(&mut batch))
            };
            self.each(snapshot, mapping, &wanted, &mut take, Some(&send)).await?;
            send.send(batch).await.map_err(|_| merge::nobody_listens())?;
        }
        Ok(())
    }

    /// The rows that a reference of the people's table can lead to, as far as they are asked for.
    async fn parents(
        &self,
        snapshot: &mut Snapshot,
        reference: usize,
        columns: &[PersonColumn],
    ) -> Result<(Parents, Vec<String>)> {
        let to = self.people.reference(reference);
        let asked: BTreeSet<String> = columns
            .iter()
            .filter_map(|column| match column {
                PersonColumn::Through { reference: of, column } if *of == reference => {
                    Some(column.clone())
                }
                _ => None,
            })
            .collect();
        let asked: Vec<String> = asked.into_iter().collect();
        let wanted: Vec<String> = to.parent_columns.iter().chain(&asked).cloned().collect();
        let by = to.parent_columns.len();
        let mut rows = Parents::new();
        for mapping in self.mappings(&to.parent) {
            let mut take = |mut cells: Vec<Option<String>>| {
                let values = cells.split_off(by);
                if let Some(by) = cells.into_iter().collect::<Option<Vec<String>>>() {
                    rows.insert(by, values);
                }
                None
            };
            self.each(snapshot, mapping, &wanted, &mut take, None).await?;
        }
        Ok((rows, asked))
    }

    fn mappings(
        &self,
        table: &shared::assessment::TableName,
    ) -> impl Iterator<Item = &TableMapping> {
        let engine = self.target_catalog.engine;
        let plan = &self.work.request.plan;
        plan.tables.iter().filter(move |m| target_name(engine, &m.target) == *table)
    }

    /// Hands over each row that the mapping would load, as texts of some columns. What comes back
    /// is sent on.
    async fn each(
        &self,
        snapshot: &mut Snapshot,
        mapping: &TableMapping,
        wanted: &[String],
        take: &mut (dyn FnMut(Vec<Option<String>>) -> Option<Vec<PersonRow>> + Send),
        send_on: Option<&mpsc::Sender<Vec<PersonRow>>>,
    ) -> Result<()> {
        let engine = self.target_catalog.engine;
        let plan = &self.work.request.plan;
        let mapping = with_types_of(self.target_catalog, mapping);
        let name = target_name(engine, &mapping.target);
        let from = End {
            engine: self.source.engine(),
            table: map::source_table(self.source_catalog, &mapping.source),
        };
        let to = End { engine, table: self.target_catalog.table(&name) };
        let mut read = transform::read_for(plan, &mapping, from, to);
        read.columns.iter_mut().for_each(ReadColumn::as_value);
        let secret = self.work.request.key.as_bytes();
        let turn = RowTransform::compile(plan, &mapping, &read, engine, secret)?;
        let places: Vec<Option<usize>> = wanted
            .iter()
            .map(|name| turn.outputs().iter().position(|output| output.name == *name))
            .collect();
        let batch_bytes = usize::try_from(plan.options.batch_bytes).unwrap_or(usize::MAX);
        for chunk in snapshot.plan_chunks(&read, plan.options.chunk_rows).await? {
            let (send, mut receive) = mpsc::channel(AHEAD);
            let reading = snapshot.reader()?.read(&read, &chunk, batch_bytes, send);
            let taking = async {
                while let Some(batch) = receive.recv().await {
                    let mut ready = Vec::new();
                    for row in batch.iter() {
                        let mut values: Vec<Value<'_>> = Vec::new();
                        // What goes into quarantine is nobody, for now.
                        if !matches!(turn.apply(&row, &mut values), Ok(Verdict::Load)) {
                            continue;
                        }
                        let cells = places
                            .iter()
                            .map(|place| {
                                let text = value::display(&values[(*place)?])?;
                                Some(text.into_owned())
                            })
                            .collect();
                        ready.extend(take(cells));
                    }
                    for people in ready {
                        let Some(send_on) = send_on else { break };
                        send_on.send(people).await.map_err(|_| merge::nobody_listens())?;
                    }
                }
                Ok::<_, EngineError>(())
            };
            let (read, taken) = tokio::join!(reading, taking);
            taken?;
            read?;
        }
        Ok(())
    }
}
