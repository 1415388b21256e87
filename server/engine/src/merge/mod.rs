//! Makes the rows of one person one row, and takes that back.
//!
//! What somebody decided is an [`Order`]. Carrying it out points all that referred to the others to
//! the row that stays, writes the golden record into it, and takes the others out; all of that, and
//! sealed what is needed to take it back, is one transaction. Triggers of the target do not see it.

mod graph;
mod triggers;
pub(crate) mod record;
mod people;
mod apply;
mod golden;
mod take_back;
mod effects;
mod batch;
pub mod target;

use std::sync::Arc;

use shared::assessment::{Catalog, TableName};
use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::plan::{Duplicates, Plan};
use tokio::sync::mpsc::Sender;

use crate::error::{EngineError, Result};
use crate::load::Session;
use crate::map::target_name;

pub use batch::{carry_out, order, standing_on, take_back};
pub use effects::{Effect, effects, members};
pub use graph::Graph;
pub use people::{PeopleColumns, PersonRow, id_of, nobody_listens};
pub use record::{
    By, Decided, Merge, MergeState, Order, Refusal, create_statements, find, forget, is_decided,
    list,
};
pub use take_back::{Remark, Since, TakenBack};

/// The people of a target: their table, what refers to it, and what says who somebody is.
pub struct People<'p> {
    pub plan: &'p Plan,
    pub(in crate::merge) duplicates: &'p Duplicates,
    pub graph: Graph,
    /// The table of people among those of the graph.
    pub(in crate::merge) place: usize,
    pub columns: PeopleColumns,
    /// References whose rows are merged with the person.
    pub(in crate::merge) together: Vec<usize>,
    /// Names and places of columns in which records have to agree.
    pub(in crate::merge) must_agree: Vec<(String, people::Place)>,
}

impl<'p> People<'p> {
    pub fn new(plan: &'p Plan, duplicates: &'p Duplicates, target: &Catalog) -> Result<Self> {
        let graph = Graph::new(target, Some(plan));
        let name = target_name(target.engine, &duplicates.table);
        let place = graph.named(&name).ok_or_else(|| {
            EngineError::new(ErrorCode::Map002, format!("looking for the table of people, {name}"))
        })?;
        let node = graph.node(place);
        if node.table.key.is_empty() {
            return Err(EngineError::new(
                ErrorCode::Map001,
                format!("telling the rows of {name} apart: it has no key"),
            ));
        }
        let columns = PeopleColumns::new(&graph, node, duplicates)?;
        let together = duplicates
            .together
            .iter()
            .filter_map(|name| {
                let column = node.table.columns.iter().position(|column| column.name == *name)?;
                people::reference_by(node, column)
            })
            .collect();
        let must_agree = duplicates
            .must_agree
            .iter()
            .map(|name| Ok((name.clone(), people::place_named(&graph, node, name)?)))
            .collect::<Result<_>>()?;
        Ok(Self { plan, duplicates, graph, place, columns, together, must_agree })
    }

    pub(in crate::merge) fn node(&self) -> &graph::Node {
        self.graph.node(self.place)
    }

    pub fn table(&self) -> &TableName {
        &self.node().table.name
    }

    /// The columns by which people are told apart.
    pub fn key_columns(&self) -> Vec<String> {
        let table = &self.node().table;
        table.key.iter().map(|place| table.columns[*place].name.clone()).collect()
    }

    /// Where the values of people stand, by names.
    pub fn from_columns(&self) -> Vec<PersonColumn> {
        let node = self.node();
        let name = |place: &people::Place| match *place {
            people::Place::Own(place) => PersonColumn::Own(node.table.columns[place].name.clone()),
            people::Place::Through { reference, column } => {
                let parent = &self.graph.node(node.refers[reference].parent).table;
                PersonColumn::Through { reference, column: parent.columns[column].name.clone() }
            }
        };
        self.columns.places.iter().map(name).collect()
    }

    /// A reference of the table of people, by names.
    pub fn reference(&self, at: usize) -> NamedReference {
        let node = self.node();
        let outward = &node.refers[at];
        let parent = &self.graph.node(outward.parent).table;
        let names = |table: &crate::load::row_image::ImageTable, places: &[usize]| {
            places.iter().map(|place| table.columns[*place].name.clone()).collect()
        };
        NamedReference {
            columns: names(&node.table, &outward.columns),
            parent: parent.name.clone(),
            parent_columns: names(parent, &outward.parent_columns),
        }
    }
}

/// Where one value of a person stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonColumn {
    Own(String),
    /// In the row that a reference of the people's table leads to.
    Through {
        reference: usize,
        column: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedReference {
    pub columns: Vec<String>,
    pub parent: TableName,
    pub parent_columns: Vec<String>,
}

/// Hands over all people of a target, some thousands at a time.
pub async fn each_person<S: Session>(
    session: &mut S,
    people: &People<'_>,
    send: &Sender<Vec<PersonRow>>,
) -> Result<()> {
    people::each(session, people, send).await
}

/// What is to survive of some members, by their places and those of the named columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// Whose row stays.
    pub survivor: usize,
    /// All members, the best first.
    pub ranking: Vec<usize>,
    /// One for each named column.
    pub cells: Vec<Surviving>,
}

/// Where a surviving value comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Surviving {
    /// The survivor keeps what it has.
    Own,
    Of {
        member: usize,
        column: usize,
    },
    /// Somebody wrote it.
    Value(String),
    Nothing,
}

impl std::fmt::Debug for Surviving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own => f.write_str("Own"),
            Self::Of { member, column } => write!(f, "Of({member}, {column})"),
            Self::Value(_) => f.write_str("Value(…)"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

/// Decides what survives of an order's members: a pure function of their rows. None leaves them
/// unmerged, for somebody to look.
pub type Survive = Arc<dyn Fn(&Order, &[PersonRow]) -> Option<Golden> + Send + Sync>;

/// The first of the members stays as it is.
pub fn first_survives(_: &Order, members: &[PersonRow]) -> Option<Golden> {
    let columns = members.first()?.values.len();
    Some(Golden {
        survivor: 0,
        ranking: (0..members.len()).collect(),
        cells: vec![Surviving::Own; columns],
    })
}

/// The members of an order, without anybody twice.
fn distinct(members: &[RecordId]) -> Vec<RecordId> {
    let mut distinct: Vec<RecordId> = Vec::new();
    for member in members {
        if !distinct.contains(member) {
            distinct.push(member.clone());
        }
    }
    distinct
}
