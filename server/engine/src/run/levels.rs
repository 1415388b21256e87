//! In which order chunks may be copied.

use std::collections::VecDeque;

use shared::connection::Engine;

use super::conduct::Work;
use super::copy::Job;
use crate::error::Result;
use crate::load::{Session, Target};
use crate::map::{circle, target_name};

impl<T: Target + 'static> Work<T> {
    /// Jobs that may run side by side, level by level. Where the target has foreign keys already,
    /// a table's parents are all there before its first row, save those by keys that lead in a
    /// circle; else there is one level.
    pub(super) async fn levels(
        &self,
        session: &mut T::Session,
        jobs: VecDeque<Job>,
    ) -> Result<Vec<VecDeque<Job>>> {
        let catalog = session.catalog().await?;
        let plan = &self.request.plan;
        let groups = circle::order_beside(plan, &catalog, &circle::set_aside(plan, &catalog));
        let has_keys = self.target.engine() == Engine::Postgres
            && self.request.plan.tables.iter().any(|mapping| {
                let table = catalog.table(&target_name(catalog.engine, &mapping.target));
                table.is_some_and(|table| !table.foreign_keys.is_empty())
            });
        let mut levels = Vec::new();
        levels.resize_with(if has_keys { groups.len() } else { 1 }, VecDeque::new);
        for job in jobs {
            let group = groups.iter().position(|group| group.contains(&job.table.index));
            let level = if has_keys { group.unwrap_or_default() } else { 0 };
            levels[level].push_back(job);
        }
        levels.retain(|level| !level.is_empty());
        Ok(levels)
    }
}
