//! What the surviving row is to say, cell by cell, and how it comes to say it.

use shared::plan::OtherColumns;

use super::apply::{Stop, Work};
use super::people::{Found, Place, reference_by};
use super::record::Step;
use super::{Golden, People, Surviving};
use crate::load::Session;
use crate::load::row_image::{self, Image, pick};
use crate::value::Value;

impl<S: Session> Work<'_, S> {
    /// Writes the golden record into the rows that stay. The rows that went are in `members`.
    pub(super) async fn write_golden(
        &mut self,
        people: &People<'_>,
        members: &[Found],
        golden: &Golden,
        parents: &[(usize, Image)],
    ) -> Result<(), Stop> {
        let graph = self.graph;
        let (table, node) = (people.place, people.node());
        let others = people.duplicates.other_columns;
        let survivor = &members[golden.survivor];
        let own = self.now(table, &survivor.image).await?;
        let mut new = own.clone();
        for place in 0..new.len() {
            let is_named = people.columns.places.contains(&Place::Own(place));
            let is_together =
                reference_by(node, place).is_some_and(|at| people.together.contains(&at));
            if node.table.key.contains(&place) || is_named && !is_together {
                continue;
            }
            if others == OtherColumns::Fill || is_together {
                fill(&mut new, place, golden, members, |member| Some(&member.image));
            }
        }
        forget_references_among(people, &mut new, &own, members);
        for (at, surviving) in golden.cells.iter().enumerate() {
            if let Place::Own(place) = people.columns.places[at]
                && let Some(value) = survived(people, members, surviving)
            {
                new[place] = value;
            }
        }
        self.write_one(table, &own, &new).await?;
        for (reference, parent) in parents {
            let table = node.refers[*reference].parent;
            let own = self.now(table, parent).await?;
            let mut new = own.clone();
            for place in 0..new.len() {
                let through = Place::Through { reference: *reference, column: place };
                let named = people.columns.places.iter().position(|known| *known == through);
                if let Some(at) = named {
                    if let Some(value) = survived(people, members, &golden.cells[at]) {
                        new[place] = value;
                    }
                } else if others == OtherColumns::Fill
                    && !graph.node(table).table.key.contains(&place)
                {
                    fill(&mut new, place, golden, members, |member| {
                        member.parents[*reference].as_ref()
                    });
                }
            }
            self.write_one(table, &own, &new).await?;
        }
        Ok(())
    }

    /// The row as it is by now.
    pub(super) async fn now(&mut self, table: usize, image: &Image) -> Result<Image, Stop> {
        let table = &self.graph.node(table).table;
        let locator = pick(image, &table.locator());
        row_image::read_located(self.session, table, &locator)
            .await?
            .ok_or_else(|| Stop::from(super::apply::gone(&table.name)))
    }

    async fn write_one(&mut self, table: usize, old: &Image, new: &Image) -> Result<(), Stop> {
        if old == new {
            return Ok(());
        }
        self.change(table, old, new).await?;
        // A value given by hand may be written otherwise by the target: what it is now counts.
        let written = self.now(table, new).await?;
        let node = self.graph.node(table);
        if let Some(Step::Changed { rows }) = self.done.steps.last_mut()
            && let Some(change) = rows.first_mut()
        {
            for cell in &mut change.after {
                let place = node.table.columns.iter().position(|c| c.name == cell.column);
                if let Some(place) = place {
                    cell.value = written[place].clone();
                }
            }
        }
        Ok(())
    }
}

/// A filled reference to one of those who are one person now would be one to oneself.
fn forget_references_among(people: &People<'_>, new: &mut Image, own: &Image, members: &[Found]) {
    for outward in people.node().refers.iter().filter(|outward| outward.parent == people.place) {
        let wanted = pick(new, &outward.columns);
        let leads_back =
            members.iter().any(|member| pick(&member.image, &outward.parent_columns) == wanted);
        if leads_back {
            for place in &outward.columns {
                new[*place] = own[*place].clone();
            }
        }
    }
}

/// Where the survivor has nothing, the best of the others that has something.
fn fill<'m>(
    new: &mut Image,
    place: usize,
    golden: &Golden,
    members: &'m [Found],
    image: impl Fn(&'m Found) -> Option<&'m Image>,
) {
    if !new[place].is_null() {
        return;
    }
    let mut others = golden.ranking.iter().filter_map(|member| image(&members[*member]));
    if let Some(other) = others.find(|other| !other[place].is_null()) {
        new[place] = other[place].clone();
    }
}

/// None where the survivor keeps its own.
fn survived(
    people: &People<'_>,
    members: &[Found],
    surviving: &Surviving,
) -> Option<Value<'static>> {
    match surviving {
        Surviving::Own => None,
        Surviving::Of { member, column } => {
            members[*member].value(people.columns.places[*column]).cloned()
        }
        Surviving::Value(text) => Some(Value::Text(text.clone().into())),
        Surviving::Nothing => Some(Value::Null),
    }
}
