//! Narrowing the list. The address is where the choice is kept: it can be sent to a colleague.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::assessment::TableName;
use shared::id::RunId;
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState};

use super::{filter_of, quarantine_where, state_label};
use crate::components::{Choice, SelectField};

#[component]
pub(super) fn Filter(
    id: RunId,
    counts: Vec<QuarantineCount>,
    filter: Memo<QuarantineFilter>,
) -> impl IntoView {
    let tables = choices("All tables", counts.iter().map(|count| count.target.to_string()));
    let codes = choices("All causes", counts.iter().map(|count| count.code.to_string()));
    let columns = choices("All columns", counts.iter().filter_map(|count| count.column.clone()));
    let states: Vec<_> = std::iter::once(Choice::new("", "Any state"))
        .chain(
            QuarantineState::ALL
                .into_iter()
                .map(|state| Choice::new(state.as_str(), state_label(state))),
        )
        .collect();
    let fields = Fields::of(&filter.get_untracked());
    let navigate = use_navigate();
    let wanted = Memo::new(move |_| quarantine_where(&id, &fields.filter()));
    Effect::new(move |before: Option<String>| {
        let wanted = wanted.get();
        if before.is_some_and(|before| before != wanted) {
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&wanted, options);
        }
        wanted
    });
    // A link among the causes chooses too.
    let following =
        Effect::watch(move || filter.get(), move |filter, _, _| fields.follow(filter), false);
    on_cleanup(move || following.stop());
    view! {
        <div class="form-row">
            <SelectField
                name="quarantine-table"
                label="Table"
                value=fields.table
                choices=tables
            />
            <SelectField name="quarantine-code" label="Cause" value=fields.code choices=codes/>
            <SelectField
                name="quarantine-column"
                label="Column"
                value=fields.column
                choices=columns
            />
            <SelectField name="quarantine-state" label="State" value=fields.state choices=states/>
        </div>
    }
}

/// What stands in the fields.
#[derive(Clone, Copy)]
struct Fields {
    table: RwSignal<String>,
    code: RwSignal<String>,
    column: RwSignal<String>,
    state: RwSignal<String>,
}

impl Fields {
    fn of(filter: &QuarantineFilter) -> Self {
        let fields = Self {
            table: RwSignal::new(String::new()),
            code: RwSignal::new(String::new()),
            column: RwSignal::new(String::new()),
            state: RwSignal::new(String::new()),
        };
        fields.follow(filter);
        fields
    }

    fn follow(self, filter: &QuarantineFilter) {
        self.table.set(filter.table.as_ref().map(TableName::to_string).unwrap_or_default());
        self.code.set(filter.code.map(|code| code.to_string()).unwrap_or_default());
        self.column.set(filter.column.clone().unwrap_or_default());
        self.state.set(filter.state.map(|state| state.to_string()).unwrap_or_default());
    }

    fn filter(self) -> QuarantineFilter {
        filter_of(
            Some(&self.table.read()),
            Some(&self.code.read()),
            Some(&self.column.read()),
            Some(&self.state.read()),
        )
    }
}

fn choices(all: &str, names: impl Iterator<Item = String>) -> Vec<Choice> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    std::iter::once(Choice::new("", all))
        .chain(names.into_iter().map(|name| Choice::new(name.clone(), name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_offered_once() {
        let names = ["b", "a", "b"].map(str::to_owned).into_iter();
        let offered: Vec<_> =
            choices("All", names).into_iter().map(|choice| choice.label).collect();
        assert_eq!(offered, ["All", "a", "b"]);
    }
}
