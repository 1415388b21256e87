//! A plan as somebody edits it.

use leptos::prelude::*;
use shared::plan::{Plan, PlanProblem, UnreadablePlan};

#[derive(Clone, Copy)]
pub(crate) struct PlanDraft {
    saved: RwSignal<String>,
    text: RwSignal<String>,
    read: Memo<Result<Plan, UnreadablePlan>>,
}

impl PlanDraft {
    pub(crate) fn new(plan: &Plan) -> Self {
        let text = plan.to_yaml();
        let saved = RwSignal::new(text.clone());
        let text = RwSignal::new(text);
        let read = Memo::new(move |_| text.with(|text| Plan::from_yaml(text)));
        Self { saved, text, read }
    }

    pub(crate) fn edit(self, text: String) {
        self.text.set(text);
    }

    /// What was saved is from now on what there is.
    pub(crate) fn saved_as(self, plan: &Plan) {
        let text = plan.to_yaml();
        self.saved.set(text.clone());
        self.text.set(text);
    }

    /// Back to what was saved.
    pub(crate) fn discard(self) {
        self.text.set(self.saved.get_untracked());
    }

    pub(crate) fn text(self) -> String {
        self.text.get()
    }

    pub(crate) fn is_changed(self) -> bool {
        self.text.with(|text| self.saved.with(|saved| text != saved))
    }

    /// The document as it would be saved.
    pub(crate) fn plan(self) -> Result<Plan, UnreadablePlan> {
        self.read.get()
    }

    /// The same, for what asks once.
    pub(crate) fn plan_untracked(self) -> Result<Plan, UnreadablePlan> {
        self.read.get_untracked()
    }

    /// Why the text is no plan.
    pub(crate) fn unreadable(self) -> Option<String> {
        self.read.with(|read| read.as_ref().err().map(ToString::to_string))
    }

    /// What can be said against the plan without opening a database.
    pub(crate) fn problems(self) -> Vec<PlanProblem> {
        self.read.with(|read| read.as_ref().map(Plan::problems).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
tables:
- source: people
  key: [id]
  target: public.patients
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
";

    fn draft() -> PlanDraft {
        PlanDraft::new(&Plan::from_yaml(PLAN).unwrap())
    }

    #[test]
    fn a_draft_is_changed_until_it_is_saved_or_discarded() {
        Owner::new().with(|| {
            let draft = draft();
            assert!(!draft.is_changed());
            draft.edit(draft.text().replace("clinic", "ward"));
            assert!(draft.is_changed());
            draft.saved_as(&draft.plan().unwrap());
            assert!(!draft.is_changed());
            draft.edit(String::new());
            draft.discard();
            assert_eq!(draft.plan().unwrap().name, "ward");
        });
    }

    #[test]
    fn what_is_wrong_is_said_as_it_is_written() {
        Owner::new().with(|| {
            let draft = draft();
            assert_eq!((draft.unreadable(), draft.problems()), (None, vec![]));
            draft.edit(draft.text().replace("name: clinic", "nmae: clinic"));
            assert!(draft.unreadable().unwrap().contains("nmae"));
            draft.discard();
            draft.edit(draft.text().replace("format: 1", "format: 7"));
            assert_eq!(draft.problems()[0].at, "format");
        });
    }
}
