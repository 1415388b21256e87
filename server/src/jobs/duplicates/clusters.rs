//! People whom a search found to be one, looked at and merged as a whole.

use engine::merge::target;
use shared::duplicate::{RecordId, Verdict};
use shared::id::ClusterKey;
use shared::matching::{ClusterDetail, ClusterItem, Matching, Merge, NewMerge};

use super::golden::{self, Choices};
use super::merging::pairs_of;
use super::review::Look;
use super::rows::Shape;
use super::said::{Saying, chosen};
use super::{By, Duplicates, DuplicatesError, JobError, Subject};
use crate::store::{clusters, matches, merges};

impl Duplicates {
    /// One cluster: what holds it together, what it was kept apart from, and its people.
    pub async fn cluster(
        &self,
        key: &ClusterKey,
        look: Look<'_>,
    ) -> Result<ClusterDetail, JobError> {
        let (item, matching) = self.find_cluster(key).await?;
        let pool = self.0.store.pool();
        let merge = match &item.merge {
            Some(merge) => merges::find(pool, merge).await?.map(|(merge, _)| merge),
            None => None,
        };
        let mut detail = ClusterDetail {
            matching_id: matching.id.clone(),
            links: matches::of_cluster(pool, &matching.id, key).await?,
            apart: clusters::refusals(pool, &matching.id, key).await?,
            merge,
            people: Vec::new(),
            golden: None,
            item,
        };
        if let Look::Clear(by, reason) = look {
            let subject = self.subject_of(&matching).await?;
            let members = self.now(&matching, &detail.item.members).await?;
            let rows = target::people(subject.place(), &members).await?;
            let shape = Shape::of(subject.duplicates());
            self.record_look(by, key.as_str(), "of a cluster", reason).await?;
            detail.people = rows.iter().map(|row| shape.person(row)).collect();
            detail.people.sort_by(|one, other| one.id.cmp(&other.id));
            let section = subject.duplicates();
            detail.golden = golden::record(&detail.people, section, &Choices::new());
        }
        Ok(detail)
    }

    /// Merges a cluster, or some of it. Whoever asks for it says that they are all the same.
    pub async fn merge_cluster(
        &self,
        by: &By,
        key: &ClusterKey,
        new: &NewMerge,
    ) -> Result<Merge, JobError> {
        let (item, matching) = self.find_cluster(key).await?;
        if item.merge.is_some() {
            return Err(DuplicatesError::Merged.into());
        }
        let wanted = if new.members.is_empty() { &item.members } else { &new.members };
        if wanted.iter().any(|member| !item.members.contains(member)) {
            return Err(DuplicatesError::InvalidMembers.into());
        }
        let subject = self.subject_of(&matching).await?;
        let model = matching.model.as_deref().unwrap_or("none");
        let basis = format!("looked at: cohesion {:.1} bits, model {model}", item.cohesion);
        self.merge_members(by, &subject, wanted, new, basis).await
    }

    /// Merges people by their keys.
    pub async fn merge_members(
        &self,
        by: &By,
        subject: &Subject,
        members: &[RecordId],
        new: &NewMerge,
        basis: String,
    ) -> Result<Merge, JobError> {
        let absorbed = self.absorbed(&subject.people).await?;
        let mut now: Vec<RecordId> = members.iter().map(|member| absorbed.now(member)).collect();
        now.sort();
        now.dedup();
        if now.len() < 2 {
            return Err(DuplicatesError::InvalidMembers.into());
        }
        let choices = chosen(&new.choices, &now, &absorbed)?;
        let said = pairs_of(&now)
            .into_iter()
            .map(|(left, right)| Saying::new(subject, left, right, Verdict::Match))
            .collect();
        self.merge_one(by, subject, now, &choices, basis, said).await
    }

    async fn find_cluster(&self, key: &ClusterKey) -> Result<(ClusterItem, Matching), JobError> {
        let found = clusters::find(self.0.store.pool(), key).await?;
        let (item, matching) = found.ok_or(DuplicatesError::ClusterNotFound)?;
        Ok((item, self.find(&matching).await?))
    }

    async fn now(
        &self,
        matching: &Matching,
        members: &[RecordId],
    ) -> Result<Vec<RecordId>, JobError> {
        let absorbed = self.absorbed(&matching.people).await?;
        let mut now: Vec<RecordId> = members.iter().map(|member| absorbed.now(member)).collect();
        now.sort();
        now.dedup();
        Ok(now)
    }
}
