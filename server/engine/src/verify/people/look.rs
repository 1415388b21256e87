//! What both sides have of one person: their own row, and the rows that refer to it.

use std::collections::{HashMap, HashSet, VecDeque};

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::Plan;
use shared::sign_off::{ColumnPair, PairState, RowPair, SideBySide};
use tokio::sync::mpsc;

use super::super::absent::Absent;
use super::super::canonical::{RowText, value};
use super::super::merged::Fate;
use super::super::table::{Comparison, Part};
use super::draw::key_literal;
use super::links::{Link, Place, origin};
use super::{
    Handle, Opened, PostgresTarget, Session, Sides, SqliteTarget, absent, open, rows, text_of,
    unreadable, unsupported,
};
use crate::error::Result;
use crate::extract::{Chunk, ChunkRange, ReadColumn, Reader, TableRead};
use crate::ident::{quote, quote_table};
use crate::seal::{self, Key};
use crate::transform::Verdict;
use crate::value::{Batch, Row, Value};

/// Who is looked at.
#[derive(Debug, Clone, Copy)]
pub struct LookRequest<'a> {
    pub plan: &'a Plan,
    pub source_url: &'a str,
    pub target_url: &'a str,
    /// The table of the target in which each row is a person.
    pub table: &'a TableName,
    /// What drawing them gave.
    pub sealed: &'a [u8],
    pub key: &'a Key,
}

/// The rows of one person on both sides, table by table: their own first. Of each table no more
/// than a few hundred rows are read. Nothing when the source has no such row any more.
pub async fn look(request: LookRequest<'_>) -> Result<Vec<SideBySide>> {
    let LookRequest { plan, source_url, table, key, .. } = request;
    let sides = Sides { plan, source_url, table, key };
    let url = request.target_url;
    match Engine::of_url(url) {
        Some(Engine::Postgres) => {
            looked(open(&PostgresTarget::new(url), url, sides).await?, request).await
        }
        Some(Engine::Sqlite) => {
            looked(open(&SqliteTarget::new(url), url, sides).await?, request).await
        }
        _ => Err(unsupported("opening the target to look at somebody")),
    }
}

/// Rows of one table that are shown.
const ROWS: usize = 200;
/// Bytes of one table that are held.
const BYTES: usize = 4 << 20;
/// Characters of a cell that are shown.
const CELL: usize = 2_000;
/// How far away from the person's row tables may be.
const STEPS: usize = 3;
const BATCHES_AHEAD: usize = 2;
const BATCH_BYTES: usize = 1 << 20;

/// A row of the source that belongs to the person.
struct SourceRow {
    part: usize,
    cells: Vec<Option<String>>,
    /// What became of it, where it is not to be in the target.
    state: Option<PairState>,
    /// What the rules make of it.
    turned: Option<RowText>,
    /// The same, after what merges did.
    expected: Option<RowText>,
}

/// A table whose rows of the person are known.
struct Visited {
    table: usize,
    source: Vec<SourceRow>,
    target: Vec<RowText>,
    has_more: bool,
    /// Whether what refers to its rows is the person's as well.
    leads_on: bool,
}

/// By what rows of the source are the person's.
enum Wanted {
    /// All of these cells are so.
    Cells(Vec<(usize, Option<String>)>),
    /// A cell is one of these, as it is read.
    Read { column: usize, texts: HashSet<String> },
    /// A column of the target is one of these, once the rules turned the row.
    Turned { column: usize, fields: HashSet<Vec<u8>> },
}

/// By what rows of the target are the person's: a column is one of these.
type WantedFields = Vec<(usize, HashSet<Vec<u8>>)>;

async fn looked<S: Session>(
    mut opened: Opened<S>,
    request: LookRequest<'_>,
) -> Result<Vec<SideBySide>> {
    let handle: Handle = serde_json::from_slice(&seal::open(request.key, request.sealed)?)
        .map_err(|_| unreadable())?;
    let people = opened.people;
    let part = opened.comparisons[people].parts.get(handle.part).ok_or_else(unreadable)?;
    let place = |name: &String| part.read.columns.iter().position(|it| it.name == *name);
    let cells: Option<Vec<_>> =
        handle.cells.iter().map(|(name, text)| Some((place(name)?, text.clone()))).collect();
    let own = vec![(handle.part, vec![Wanted::Cells(cells.ok_or_else(unreadable)?)])];
    let mut visited = Vec::new();
    let first = visit(&mut opened, request, people, own, &[]).await?;
    if first.source.is_empty() {
        return Ok(Vec::new());
    }
    visited.push(first);
    for (table, steps, leads_on) in outwards(&opened, request.plan) {
        let (wanted, target) = wanted(&opened, request.plan, &visited, table, &steps);
        let mut found = visit(&mut opened, request, table, wanted, &target).await?;
        found.leads_on = leads_on;
        visited.push(found);
    }
    for _ in 0..STEPS {
        let mut next: VecDeque<(usize, Vec<Step>)> = VecDeque::new();
        for table in 0..opened.comparisons.len() {
            if visited.iter().any(|known| known.table == table) {
                continue;
            }
            let leads = |link: &&Link| {
                link.child.table == table
                    && visited.iter().any(|it| it.leads_on && it.table == link.parent.table)
            };
            let steps: Vec<Step> = opened
                .links
                .iter()
                .filter(leads)
                .map(|link| Step { from: link.parent, to: link.child })
                .collect();
            if !steps.is_empty() {
                next.push_back((table, steps));
            }
        }
        let mut found = Vec::new();
        for (table, steps) in next {
            let (wanted, target) = wanted(&opened, request.plan, &visited, table, &steps);
            found.push(visit(&mut opened, request, table, wanted, &target).await?);
        }
        visited.extend(found);
    }
    let comparisons = &opened.comparisons;
    Ok(visited
        .into_iter()
        .flat_map(|found| side_by_side(request.plan, &comparisons[found.table], found))
        .collect())
}

/// From a column whose values are known to one that has the same.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: Place,
    to: Place,
}

/// Tables to which the person's row refers and that say something of them: those that the plan
/// merges together with the person, and those in which it looks for what they are told apart by.
fn outwards<S>(opened: &Opened<S>, plan: &Plan) -> Vec<(usize, Vec<Step>, bool)> {
    let Some(duplicates) = &plan.duplicates else { return Vec::new() };
    let own = &opened.comparisons[opened.people];
    let mut tables: Vec<(usize, Vec<Step>, bool)> = Vec::new();
    for link in opened
        .links
        .iter()
        .filter(|link| link.child.table == opened.people && link.parent.table != opened.people)
    {
        let name = &own.columns[link.child.column].name;
        let is_own = duplicates.together.contains(name);
        let is_named = duplicates
            .named_columns()
            .any(|(_, column)| column.split_once('.').is_some_and(|(by, _)| by == name));
        if (is_own || is_named) && tables.iter().all(|(table, ..)| *table != link.parent.table) {
            let step = Step { from: link.child, to: link.parent };
            tables.push((link.parent.table, vec![step], is_own));
        }
    }
    tables
}

/// What a table's rows have to be like to belong to rows that are known.
fn wanted<S>(
    opened: &Opened<S>,
    plan: &Plan,
    visited: &[Visited],
    table: usize,
    steps: &[Step],
) -> (Vec<(usize, Vec<Wanted>)>, WantedFields) {
    let comparison = &opened.comparisons[table];
    let mut of_target = WantedFields::new();
    let mut of_parts: Vec<(usize, Vec<Wanted>)> =
        (0..comparison.parts.len()).map(|part| (part, Vec::new())).collect();
    for step in steps {
        let Some(known) = visited.iter().find(|known| known.table == step.from.table) else {
            continue;
        };
        let from = &opened.comparisons[step.from.table];
        let is_value = |field: &&[u8]| {
            let data_type = &from.columns[step.from.column].data_type;
            !matches!(value(from.engine, field, data_type), None | Some(Value::Null))
        };
        let field = |row: &RowText| row.field(step.from.column).to_vec();
        let turned = known.source.iter().filter_map(|row| row.turned.as_ref());
        let after = known.source.iter().filter_map(|row| row.expected.as_ref());
        let there = after.chain(&known.target);
        let fields = |rows: &mut dyn Iterator<Item = &RowText>| -> HashSet<Vec<u8>> {
            rows.map(field).filter(|field| is_value(&field.as_slice())).collect()
        };
        of_target.push((step.to.column, fields(&mut { there })));
        let fields = fields(&mut { turned });
        for (number, wanted) in &mut of_parts {
            let part = &comparison.parts[*number];
            wanted.push(by_origin(plan, from, known, *step, comparison, part).unwrap_or_else(
                || Wanted::Turned { column: step.to.column, fields: fields.clone() },
            ));
        }
    }
    (of_parts, of_target)
}

/// Where both columns come from the source by the same rules, what the source has is the same too.
fn by_origin(
    plan: &Plan,
    from: &Comparison,
    known: &Visited,
    step: Step,
    comparison: &Comparison,
    part: &Part,
) -> Option<Wanted> {
    let (name, rules) = origin(plan, comparison, part, step.to.column)?;
    let column = part.read.columns.iter().position(|column| column.name == name)?;
    let mut texts = HashSet::new();
    for row in &known.source {
        let of = &from.parts[row.part];
        let (name, others) = origin(plan, from, of, step.from.column)?;
        if rules != others {
            return None;
        }
        let place = of.read.columns.iter().position(|column| column.name == name)?;
        texts.extend(row.cells[place].clone());
    }
    Some(Wanted::Read { column, texts })
}

/// Reads the rows of a table on both sides.
async fn visit<S: Session>(
    opened: &mut Opened<S>,
    request: LookRequest<'_>,
    table: usize,
    wanted: Vec<(usize, Vec<Wanted>)>,
    of_target: &[(usize, HashSet<Vec<u8>>)],
) -> Result<Visited> {
    let mut visited =
        Visited { table, source: Vec::new(), target: Vec::new(), has_more: false, leads_on: true };
    for (part, wanted) in wanted {
        if wanted.iter().any(Wanted::can_be_met) {
            source_rows(opened, request, part, &wanted, &mut visited).await?;
        }
    }
    let comparison = &opened.comparisons[table];
    let mut identities = HashSet::new();
    for row in visited.source.iter().filter_map(|row| row.expected.as_ref()) {
        let mut identity = Vec::new();
        rows::identity_bytes(comparison, row, &mut identity);
        identities.insert(identity);
    }
    target_rows(opened, identities, of_target, &mut visited).await?;
    Ok(visited)
}

impl Wanted {
    fn can_be_met(&self) -> bool {
        match self {
            Self::Cells(_) => true,
            Self::Read { texts, .. } => !texts.is_empty(),
            Self::Turned { fields, .. } => !fields.is_empty(),
        }
    }

    /// As a condition of the source's own; none where its rows have to be read to be told.
    fn condition(&self, engine: Engine, columns: &[ReadColumn]) -> Option<String> {
        let literal = |column: &ReadColumn, text: &str| {
            let is_plain = column.lookup.is_none()
                && (column.data_type.is_integer()
                    || matches!(
                        column.data_type,
                        DataType::Text | DataType::Varchar(_) | DataType::Char(_) | DataType::Uuid
                    ));
            is_plain.then(|| key_literal(engine, text, &column.data_type))
        };
        match self {
            Self::Cells(cells) => {
                let conditions: Option<Vec<String>> = cells
                    .iter()
                    .map(|(place, text)| {
                        let column = &columns[*place];
                        let name = quote(engine, &column.name);
                        Some(match text {
                            Some(text) => format!("{name} = {}", literal(column, text)?),
                            None => format!("{name} is null"),
                        })
                    })
                    .collect();
                Some(format!("({})", conditions?.join(" and ")))
            }
            Self::Read { column, texts } => {
                let column = &columns[*column];
                let texts: Option<Vec<String>> =
                    texts.iter().map(|text| literal(column, text)).collect();
                let texts = texts?;
                if texts.is_empty() {
                    return Some("1 = 0".to_owned());
                }
                Some(format!("{} in ({})", quote(engine, &column.name), texts.join(", ")))
            }
            Self::Turned { fields, .. } if fields.is_empty() => Some("1 = 0".to_owned()),
            Self::Turned { .. } => None,
        }
    }

    fn takes(&self, row: &Row<'_>, turned: Option<&RowText>) -> bool {
        match self {
            Self::Cells(cells) => {
                cells.iter().all(|(place, text)| text_of(&row.value(*place)) == *text)
            }
            Self::Read { column, texts } => {
                text_of(&row.value(*column)).is_some_and(|text| texts.contains(&text))
            }
            Self::Turned { column, fields } => {
                turned.is_some_and(|row| fields.contains(row.field(*column)))
            }
        }
    }
}

/// What is read of the source: no more than the rows that are wanted, where it can tell them.
fn narrowed(engine: Engine, part: &Part, wanted: &[Wanted]) -> TableRead {
    let mut read = part.read.clone();
    let conditions: Option<Vec<String>> =
        wanted.iter().map(|wanted| wanted.condition(engine, &read.columns)).collect();
    let (Some(conditions), false) = (conditions, engine == Engine::Csv) else { return read };
    let from = match &read.query {
        Some(query) => {
            format!("({}\n) as transfuse_all", query.trim().trim_end_matches(';'))
        }
        None => quote_table(engine, &read.table),
    };
    // The plan's filter may name the table, which has another name outside.
    let passes = read.filter.take().map(|filter| {
        read.filter = Some(quote(engine, PASSES));
        format!(", (({filter}\n) is true) as {}", quote(engine, PASSES))
    });
    let all = match engine {
        // A star beside other columns has to say whose it is.
        Engine::Mysql if read.query.is_none() => format!("{from}.*"),
        _ => "*".to_owned(),
    };
    read.query = Some(format!(
        "select {all}{} from {from} where {} limit {}",
        passes.unwrap_or_default(),
        conditions.join(" or "),
        ROWS + 1
    ));
    read.key = Vec::new();
    read
}

const PASSES: &str = "transfuse_passes";

async fn source_rows<S: Session>(
    opened: &mut Opened<S>,
    request: LookRequest<'_>,
    number: usize,
    wanted: &[Wanted],
    visited: &mut Visited,
) -> Result<()> {
    let comparison = &opened.comparisons[visited.table];
    let part = &comparison.parts[number];
    let run_id = opened.run_id.as_deref();
    let mut absent = absent(&mut opened.session, run_id, request.key, comparison, part).await?;
    let read = narrowed(opened.source, part, wanted);
    let (send, mut receive) = mpsc::channel::<Batch>(BATCHES_AHEAD);
    let chunk = Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 };
    let reading = opened.from.read(&read, &chunk, BATCH_BYTES, send);
    let taking = async move {
        let mut bytes = 0;
        let mut is_full = false;
        let mut turning = Turning { comparison, part, number, absent: &mut absent };
        while !is_full && let Some(batch) = receive.recv().await {
            for row in batch.iter() {
                let Some(row) = turning.take(&row, wanted) else { continue };
                if visited.source.len() == ROWS || bytes > BYTES {
                    visited.has_more = true;
                    is_full = true;
                    break;
                }
                bytes += row.cells.iter().flatten().map(String::len).sum::<usize>();
                visited.source.push(row);
            }
        }
        Ok(is_full)
    };
    let (read, taken) = tokio::join!(reading, taking);
    // Who has enough goes away, and the reader says so.
    if taken? { Ok(()) } else { read.map(drop) }
}

/// Turns rows of one mapping.
struct Turning<'a> {
    comparison: &'a Comparison,
    part: &'a Part,
    number: usize,
    absent: &'a mut Absent,
}

impl Turning<'_> {
    fn take(&mut self, row: &Row<'_>, wanted: &[Wanted]) -> Option<SourceRow> {
        let Self { comparison, part, .. } = *self;
        let mut values = Vec::with_capacity(part.places.len());
        let turned = part.turn.apply(row, &mut values);
        let verdict = turned.ok();
        let text = matches!(verdict, Some(verdict) if verdict != Verdict::Filtered).then(|| {
            let mut text = RowText::default();
            rows::write_target(comparison, part, &values, &mut text);
            text
        });
        if !wanted.iter().any(|wanted| wanted.takes(row, text.as_ref())) {
            return None;
        }
        let (state, expected) = self.became(row, verdict, text.as_ref());
        let cells = (0..part.read.columns.len()).map(|place| text_of(&row.value(place)));
        Some(SourceRow { part: self.number, cells: cells.collect(), state, turned: text, expected })
    }

    fn became(
        &mut self,
        row: &Row<'_>,
        verdict: Option<Verdict>,
        text: Option<&RowText>,
    ) -> (Option<PairState>, Option<RowText>) {
        let Self { comparison, part, .. } = *self;
        if verdict == Some(Verdict::Filtered) {
            return (Some(PairState::Filtered), None);
        }
        let mut source = RowText::default();
        let hash = rows::source_text(part, row, &mut source).hash();
        if self.absent.takes_source(hash) {
            return (Some(PairState::Quarantined), None);
        }
        let Some(text) = text else { return (Some(PairState::Nowhere), None) };
        if self.absent.has_identities()
            && self.absent.takes_target(rows::identity_hash(comparison, text))
        {
            return (Some(PairState::Quarantined), None);
        }
        let mut expected = text.clone();
        match comparison.merged.lead(comparison, &mut expected) {
            Fate::Gone => (Some(PairState::Merged), None),
            Fate::Stays => (None, Some(expected)),
        }
    }
}

/// Reads the rows that should be there, and those that are there besides. Where not all of the
/// source's rows are shown, nobody could tell which those are.
async fn target_rows<S: Session>(
    opened: &mut Opened<S>,
    identities: HashSet<Vec<u8>>,
    fields: &[(usize, HashSet<Vec<u8>>)],
    visited: &mut Visited,
) -> Result<()> {
    let comparison = &opened.comparisons[visited.table];
    let identity = |row: &RowText| {
        let mut identity = Vec::new();
        rows::identity_bytes(comparison, row, &mut identity);
        identity
    };
    if !identities.is_empty() {
        let read = target_read(comparison, by_identity(comparison, &visited.source));
        let is_wanted = |row: &RowText| identities.contains(&identity(row));
        take_target(&mut opened.to, comparison, &read, is_wanted, visited).await?;
    }
    if fields.iter().any(|(_, fields)| !fields.is_empty()) && !visited.has_more {
        let read = target_read(comparison, by_fields(comparison, fields));
        let is_wanted = |row: &RowText| {
            fields.iter().any(|(column, fields)| fields.contains(row.field(*column)))
                && !identities.contains(&identity(row))
        };
        take_target(&mut opened.to, comparison, &read, is_wanted, visited).await?;
    }
    Ok(())
}

async fn take_target(
    reader: &mut Reader,
    comparison: &Comparison,
    read: &TableRead,
    is_wanted: impl Fn(&RowText) -> bool,
    visited: &mut Visited,
) -> Result<()> {
    let (mut count, mut bytes) = (0, 0);
    rows::actual(reader, comparison, read, &ChunkRange::Whole, |row| {
        if !is_wanted(row) {
            return Ok(());
        }
        if count == ROWS || bytes > BYTES {
            visited.has_more = true;
        } else {
            count += 1;
            bytes += row.fields().map(<[u8]>::len).sum::<usize>();
            visited.target.push(row.clone());
        }
        Ok(())
    })
    .await
    .map(drop)
}

/// What is read of the target; all of it where its rows have to be read to be told.
fn target_read(comparison: &Comparison, condition: Option<String>) -> TableRead {
    let mut read = comparison.actual.clone();
    if let Some(condition) = condition {
        read.query = Some(format!(
            "select * from {} where {condition} limit {}",
            quote_table(comparison.engine, &comparison.target),
            // Of those by their fields, the rows that should be there come as well.
            2 * ROWS + 1
        ));
        read.key = Vec::new();
    }
    read
}

fn by_identity(comparison: &Comparison, source: &[SourceRow]) -> Option<String> {
    if !comparison.has_key() {
        return None;
    }
    let conditions: Option<Vec<String>> = source
        .iter()
        .filter_map(|row| row.expected.as_ref())
        .map(|row| {
            let cells: Option<Vec<String>> = comparison
                .identity
                .iter()
                .map(|column| {
                    let value = target_literal(comparison, *column, row.field(*column))?;
                    Some(format!("{} = {value}", target_name_of(comparison, *column)))
                })
                .collect();
            Some(format!("({})", cells?.join(" and ")))
        })
        .collect();
    Some(conditions?.join(" or "))
}

fn by_fields(comparison: &Comparison, fields: &[(usize, HashSet<Vec<u8>>)]) -> Option<String> {
    let conditions: Option<Vec<String>> = fields
        .iter()
        .filter(|(_, fields)| !fields.is_empty())
        .map(|(column, fields)| {
            let values: Option<Vec<String>> =
                fields.iter().map(|field| target_literal(comparison, *column, field)).collect();
            let name = target_name_of(comparison, *column);
            Some(format!("{name} in ({})", values?.join(", ")))
        })
        .collect();
    Some(conditions?.join(" or "))
}

fn target_name_of(comparison: &Comparison, column: usize) -> String {
    quote(comparison.engine, &comparison.columns[column].name)
}

fn target_literal(comparison: &Comparison, column: usize, field: &[u8]) -> Option<String> {
    match value(comparison.engine, field, &comparison.columns[column].data_type)? {
        Value::Int(number) => Some(number.to_string()),
        Value::Text(text) => Some(crate::ident::literal(comparison.engine, &text)),
        _ => None,
    }
}

/// One list for each mapping; what only the target has stands in the first.
fn side_by_side(plan: &Plan, comparison: &Comparison, found: Visited) -> Vec<SideBySide> {
    let mut there: HashMap<Vec<u8>, Vec<RowText>> = HashMap::new();
    let identity = |row: &RowText| {
        let mut identity = Vec::new();
        rows::identity_bytes(comparison, row, &mut identity);
        identity
    };
    let order: Vec<Vec<u8>> = found.target.iter().map(&identity).collect();
    for (row, identity) in found.target.into_iter().zip(&order) {
        there.entry(identity.clone()).or_default().push(row);
    }
    let mut lists: Vec<List> =
        comparison.parts.iter().map(|part| List::new(plan, comparison, part)).collect();
    for row in found.source {
        let actual = row
            .expected
            .as_ref()
            .and_then(|expected| there.get_mut(&identity(expected)).and_then(Vec::pop));
        let list = &mut lists[row.part];
        list.rows.push(list.pair(comparison, row, actual));
    }
    for identity in order {
        if let Some(row) = there.get_mut(&identity).and_then(Vec::pop)
            && let Some(list) = lists.first_mut()
        {
            let target = Some(list.target_cells(comparison, &row));
            let state = PairState::Extra;
            list.rows.push(RowPair { state, source: None, target, differs: Vec::new() });
        }
    }
    lists
        .into_iter()
        .filter(|list| !list.rows.is_empty())
        .map(|list| SideBySide {
            source: list.source,
            target: comparison.target.clone(),
            columns: list.columns,
            rows: list.rows,
            has_more: found.has_more,
        })
        .collect()
}

/// The rows of one mapping.
struct List {
    source: TableName,
    columns: Vec<ColumnPair>,
    /// Where the source's cells stand in what is read, column by column.
    places: Vec<Option<usize>>,
    rows: Vec<RowPair>,
}

impl List {
    fn new(plan: &Plan, comparison: &Comparison, part: &Part) -> Self {
        let mapping = plan.tables.get(part.index);
        let place = |name: &str| part.read.columns.iter().position(|it| it.name == name);
        let mut columns = Vec::new();
        let mut places = Vec::new();
        for column in &comparison.columns {
            let source = mapping
                .and_then(|mapping| mapping.columns.iter().find(|it| it.target == column.name))
                .and_then(|column| column.source.clone());
            places.push(source.as_deref().and_then(place));
            columns.push(ColumnPair { source, target: Some(column.name.clone()) });
        }
        // What rules read beside their own column.
        for (place, column) in part.read.columns.iter().enumerate() {
            if column.lookup.is_none() && !places.contains(&Some(place)) {
                places.push(Some(place));
                columns.push(ColumnPair { source: Some(column.name.clone()), target: None });
            }
        }
        Self { source: part.source.clone(), columns, places, rows: Vec::new() }
    }

    fn pair(&self, comparison: &Comparison, row: SourceRow, actual: Option<RowText>) -> RowPair {
        let cells = self
            .places
            .iter()
            .map(|place| place.and_then(|place| row.cells.get(place)?.as_deref()).map(shortened));
        let source = Some(cells.collect());
        let differs: Vec<u32> = match (&row.expected, &actual) {
            (Some(expected), Some(actual)) => (0..comparison.columns.len())
                .filter(|column| expected.field(*column) != actual.field(*column))
                .filter_map(|column| u32::try_from(column).ok())
                .collect(),
            _ => Vec::new(),
        };
        let state = match (row.state, &actual) {
            (Some(state), _) => state,
            (None, None) => PairState::Missing,
            (None, Some(_)) if differs.is_empty() => PairState::Same,
            (None, Some(_)) => PairState::Different,
        };
        let target = actual.map(|actual| self.target_cells(comparison, &actual));
        RowPair { state, source, target, differs }
    }

    fn target_cells(&self, comparison: &Comparison, row: &RowText) -> Vec<Option<String>> {
        let mut cells: Vec<Option<String>> = comparison
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| cell(row.field(place), &column.data_type))
            .collect();
        cells.resize(self.columns.len(), None);
        cells
    }
}

fn cell(field: &[u8], data_type: &DataType) -> Option<String> {
    match value(Engine::Postgres, field, data_type) {
        Some(Value::Null) => None,
        Some(Value::Text(text)) => Some(shortened(&text)),
        _ => Some(shortened(&String::from_utf8_lossy(field))),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
