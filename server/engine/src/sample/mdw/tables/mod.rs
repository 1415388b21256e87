//! The rows of every table, in an order in which parents come before children.

mod identity;
mod clinic;
mod catalogue;
mod ordering;
mod design;
mod conversation;
mod work;
mod money;
mod texts;

use super::truth::{Defect, Notes};
use super::world::World;
use super::write::{Rows, Stopped};

/// Ids of `django_content_type` to which other rows refer.
mod content_type {
    pub(super) const PATIENT: u32 = 11;
    pub(super) const PLAN: u32 = 12;
    pub(super) const INSTRUCTION: u32 = 13;
    pub(super) const USER: u32 = 58;
}

pub(super) fn make(world: &World, rows: &mut Rows) -> Result<Vec<Defect>, Stopped> {
    let mut notes = Notes::default();
    identity::make(world, rows, &mut notes)?;
    clinic::make(world, rows, &mut notes)?;
    catalogue::make(world, rows, &mut notes)?;
    ordering::make(world, rows, &mut notes)?;
    design::make(world, rows, &mut notes)?;
    conversation::make(world, rows, &mut notes)?;
    work::make(world, rows, &mut notes)?;
    money::make(world, rows, &mut notes)?;
    Ok(notes.into_defects())
}
