//! Rows of the table of people, as far as they say who somebody is.

use std::fmt::Write as _;

use shared::connection::Engine;
use shared::duplicate::{Attribute, RecordId};
use shared::error_code::ErrorCode;
use shared::plan::Duplicates;
use tokio::sync::mpsc::Sender;

use super::People;
use super::graph::{Graph, Node};
use crate::error::{EngineError, Result};
use crate::ident::quote;
use crate::load::row_image::{self, Hold, Image, ImageTable, pick};
use crate::load::{Param, Session};
use crate::value::{self, Value};

/// How many people are read at once.
const PEOPLE_AT_ONCE: usize = 5_000;

/// Where the attributes of people stand.
#[derive(Debug)]
pub struct PeopleColumns {
    /// In the order of [`PersonRow::values`].
    pub attributes: Vec<Attribute>,
    pub(super) places: Vec<Place>,
}

/// Where one column of a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the table of people.
    Own(usize),
    /// In the row that one of its references leads to: which reference, and which column there.
    Through { reference: usize, column: usize },
}

/// One record of somebody. Its values are not printed with `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonRow {
    pub id: RecordId,
    pub values: Vec<Option<String>>,
}

impl std::fmt::Debug for PersonRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonRow").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PeopleColumns {
    pub(super) fn new(graph: &Graph, node: &Node, duplicates: &Duplicates) -> Result<Self> {
        let (mut attributes, mut places) = (Vec::new(), Vec::new());
        for (attribute, name) in duplicates.named_columns() {
            attributes.push(attribute);
            places.push(place_named(graph, node, name)?);
        }
        Ok(Self { attributes, places })
    }
}

/// Where a column stands that a plan names.
pub(super) fn place_named(graph: &Graph, node: &Node, name: &str) -> Result<Place> {
    place_of(graph, node, name).ok_or_else(|| {
        EngineError::new(
            ErrorCode::Map002,
            format!("looking for the column {name} of {}", node.table.name),
        )
    })
}

fn place_of(graph: &Graph, node: &Node, name: &str) -> Option<Place> {
    let own = |name: &str| node.table.columns.iter().position(|column| column.name == name);
    if let Some(place) = own(name) {
        return Some(Place::Own(place));
    }
    let (reference, column) = name.split_once('.')?;
    let reference = reference_by(node, own(reference)?)?;
    let parent = &graph.node(node.refers[reference].parent).table;
    let column = parent.columns.iter().position(|known| known.name == column)?;
    Some(Place::Through { reference, column })
}

/// The reference that a table's column is, by itself.
pub(super) fn reference_by(node: &Node, column: usize) -> Option<usize> {
    node.refers.iter().position(|outward| outward.columns == [column])
}

/// A record's id: its key, and a list where the key has several columns.
pub(super) fn record_id(table: &ImageTable, image: &Image) -> RecordId {
    let texts: Vec<String> = pick(image, &table.key)
        .iter()
        .map(|value| value::display(value).unwrap_or_default().into_owned())
        .collect();
    id_of(texts)
}

/// The id of a record whose key is written so.
pub fn id_of(mut texts: Vec<String>) -> RecordId {
    match texts.len() {
        1 => RecordId(texts.remove(0)),
        _ => RecordId(serde_json::to_string(&texts).expect("a list of texts")),
    }
}

/// The key's values that an id stands for; none when it is no id of this table.
pub(super) fn key_of(table: &ImageTable, id: &RecordId) -> Option<Image> {
    let texts: Vec<String> = match table.key.len() {
        1 => vec![id.0.clone()],
        _ => serde_json::from_str(&id.0).ok()?,
    };
    (texts.len() == table.key.len()).then(|| {
        table.key.iter().zip(texts).map(|(place, text)| stored_as(table, *place, text)).collect()
    })
}

/// SQLite compares by class: what looks like a number in a column of numbers is one.
fn stored_as(table: &ImageTable, place: usize, text: String) -> Value<'static> {
    let declared = table.columns[place].native_type.to_ascii_uppercase();
    let is_text = ["CHAR", "CLOB", "TEXT"].iter().any(|word| declared.contains(word));
    if table.engine == Engine::Postgres || is_text {
        return Value::Text(text.into());
    }
    match text.parse() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Text(text.into()),
    }
}

/// Rows of people by their ids, whole, with the rows that they refer to; in no order.
pub(super) struct Found {
    pub(super) id: RecordId,
    pub(super) image: Image,
    /// By the place of the reference among the table's own.
    pub(super) parents: Vec<Option<Image>>,
}

pub(super) async fn read<S: Session>(
    session: &mut S,
    people: &People<'_>,
    more_references: &[usize],
    ids: &[RecordId],
    hold: Hold,
) -> Result<Vec<Found>> {
    let (graph, columns, node) = (&people.graph, &people.columns, people.node());
    let table = &node.table;
    let keys: Vec<Image> = ids.iter().filter_map(|id| key_of(table, id)).collect();
    let images = row_image::read_many(session, table, &table.key, &keys, hold).await?;
    let mut found: Vec<Found> = images
        .into_iter()
        .map(|image| Found {
            id: record_id(table, &image),
            parents: vec![None; node.refers.len()],
            image,
        })
        .collect();
    let mut references: Vec<usize> = columns
        .places
        .iter()
        .filter_map(|place| match place {
            Place::Through { reference, .. } => Some(*reference),
            Place::Own(_) => None,
        })
        .chain(more_references.iter().copied())
        .collect();
    references.sort_unstable();
    references.dedup();
    for reference in references {
        let outward = &node.refers[reference];
        let parent = &graph.node(outward.parent).table;
        let mut keys: Vec<Image> = Vec::new();
        for person in &found {
            let key = pick(&person.image, &outward.columns);
            if !key.iter().any(Value::is_null) && !keys.contains(&key) {
                keys.push(key);
            }
        }
        let parents =
            row_image::read_many(session, parent, &outward.parent_columns, &keys, hold).await?;
        for person in &mut found {
            let key = pick(&person.image, &outward.columns);
            person.parents[reference] =
                parents.iter().find(|parent| pick(parent, &outward.parent_columns) == key).cloned();
        }
    }
    Ok(found)
}

impl Found {
    /// The value of a person's column.
    pub(super) fn value(&self, place: Place) -> Option<&Value<'static>> {
        match place {
            Place::Own(place) => self.image.get(place),
            Place::Through { reference, column } => {
                self.parents.get(reference)?.as_ref()?.get(column)
            }
        }
    }

    pub(super) fn row(&self, columns: &PeopleColumns) -> PersonRow {
        let text = |place: &Place| {
            let value = self.value(*place)?;
            value::display(value).map(std::borrow::Cow::into_owned)
        };
        PersonRow { id: self.id.clone(), values: columns.places.iter().map(text).collect() }
    }
}

/// All people of a target, some thousands at a time, in the order of their keys.
pub(super) async fn each<S: Session>(
    session: &mut S,
    people: &People<'_>,
    send: &Sender<Vec<PersonRow>>,
) -> Result<()> {
    let (graph, columns, node) = (&people.graph, &people.columns, people.node());
    let table = &node.table;
    let engine = graph.engine;
    let text = |column: String| match engine {
        Engine::Postgres => format!("{column}::text"),
        // A blob says nothing of a person.
        _ => format!("case when typeof({column}) <> 'blob' then cast({column} as text) end"),
    };
    let own = |place: usize| format!("p.{}", quote(engine, &table.columns[place].name));
    let mut joins = String::new();
    for (at, outward) in node.refers.iter().enumerate() {
        let is_used = columns
            .places
            .iter()
            .any(|place| matches!(place, Place::Through { reference, .. } if *reference == at));
        if !is_used {
            continue;
        }
        let parent = &graph.node(outward.parent).table;
        let on: Vec<String> = outward
            .columns
            .iter()
            .zip(&outward.parent_columns)
            .map(|(column, referenced)| {
                let referenced = quote(engine, &parent.columns[*referenced].name);
                format!("r{at}.{referenced} = {}", own(*column))
            })
            .collect();
        // Writing to a String does not fail.
        let _ = write!(joins, " left join {} as r{at} on {}", parent.quoted(), on.join(" and "));
    }
    let selected: Vec<String> = table
        .key
        .iter()
        .map(|place| text(own(*place)))
        .chain(columns.places.iter().map(|place| match place {
            Place::Own(place) => text(own(*place)),
            Place::Through { reference, column } => {
                let parent = &graph.node(node.refers[*reference].parent).table;
                text(format!("r{reference}.{}", quote(engine, &parent.columns[*column].name)))
            }
        }))
        .collect();
    let keys: Vec<String> = table.key.iter().map(|place| own(*place)).collect();
    let keys = keys.join(", ");
    let mut after: Option<Image> = None;
    loop {
        let condition = if after.is_some() {
            let slots: Vec<String> = table
                .key
                .iter()
                .enumerate()
                .map(|(at, place)| match engine {
                    Engine::Postgres => {
                        format!("${}::{}", at + 1, table.columns[*place].native_type)
                    }
                    _ => format!("${}", at + 1),
                })
                .collect();
            format!(" where ({keys}) > ({})", slots.join(", "))
        } else {
            String::new()
        };
        let sql = format!(
            "select {} from {} as p{joins}{condition} order by {keys} limit {PEOPLE_AT_ONCE}",
            selected.join(", "),
            table.quoted()
        );
        let params: Vec<Param<'_>> = after
            .iter()
            .flatten()
            .map(|value| match value {
                Value::Int(number) => Param::Int(*number),
                Value::Text(text) => Param::Text(text),
                _ => Param::OptionalText(None),
            })
            .collect();
        let rows = session.fetch(&sql, &params).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let key = table.key.iter().zip(last);
        let next: Image = key
            .map(|(place, cell)| stored_as(table, *place, cell.clone().unwrap_or_default()))
            .collect();
        let full = rows.len() == PEOPLE_AT_ONCE;
        let people = rows
            .into_iter()
            .map(|mut row| {
                let values = row.split_off(table.key.len());
                let key = row.into_iter().map(Option::unwrap_or_default).collect();
                PersonRow { id: id_of(key), values }
            })
            .collect();
        after = Some(next);
        send.send(people).await.map_err(|_| nobody_listens())?;
        if !full {
            return Ok(());
        }
    }
}

/// Whoever was to take the people has gone.
pub fn nobody_listens() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "handing over people")
}
