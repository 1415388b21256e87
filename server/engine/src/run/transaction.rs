//! A piece of work as one transaction of the target.

pub(super) use crate::load::end;
