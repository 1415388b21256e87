//! Repairing rows by a rule: written, looked at, done.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::quarantine::{
    Fix, FixPreview, PreviewExample, PreviewRequest, WorkOutcome, WorkRequest,
};

use super::causes::CountTable;
use super::desk::{Chosen, Desk};
use super::row::MaskedCells;
use super::rule::{Draft, Field, Kind, Problem};
use super::tasks::{Sending, given};
use crate::api;
use crate::components::{
    Choice, Icon, Refusal, SelectField, Shape, SuggestField, TextAreaField, TextField,
};
use crate::format;

/// Rows that are shown as examples.
const EXAMPLES: u32 = 5;

#[component]
pub(super) fn FixForm(
    desk: Desk,
    chosen: StoredValue<Chosen>,
    done: Callback<WorkOutcome>,
) -> impl IntoView {
    let rule = Rule::new(chosen.with_value(first_column));
    let note = RwSignal::new(String::new());
    let sending = Sending::new(done);
    let Sending { refusal, is_busy, .. } = sending;
    let preview = RwSignal::new(None::<FixPreview>);

    let look = move |_| {
        let Some(fix) = rule.submit() else { return };
        let request = PreviewRequest {
            selection: chosen.with_value(|chosen| chosen.selection.clone()),
            fix: Some(fix),
            examples: EXAMPLES,
        };
        refusal.set(None);
        preview.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let answer = api::quarantine::preview(&desk.run(), &request).await;
            if preview.is_disposed() {
                return;
            }
            match answer {
                Ok(found) => preview.set(Some(found)),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Some(fix) = rule.submit() else { return };
        let request = WorkRequest {
            selection: chosen.with_value(|chosen| chosen.selection.clone()),
            fix: Some(fix),
            note: given(&note.read_untracked()),
            ..WorkRequest::default()
        };
        sending.send(async move { api::quarantine::fix(&desk.run(), &request).await });
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <p>
                {chosen
                    .with_value(|chosen| {
                        format!(
                            "The rule is for {}. The originals stay; the repaired versions wait to \
                            be replayed.",
                            chosen.in_words(),
                        )
                    })}
            </p>
            <RuleFields desk chosen rule/>
            <TextField name="fix-note" label="Note" hint="It may stay empty." value=note/>
            <Refusal error=refusal/>
            <div role="status">
                {move || preview.get().map(|preview| view! { <Preview preview/> })}
            </div>
            <div class="actions">
                <button type="button" class="button" disabled=is_busy on:click=look>
                    <Icon shape=Shape::Eye/>
                    "Look first"
                </button>
                <button type="submit" class="button primary" disabled=is_busy>
                    {move || if is_busy.get() { "Working…" } else { "Fix" }}
                </button>
            </div>
        </form>
    }
}

/// The column that the chosen rows were refused for.
fn first_column(chosen: &Chosen) -> String {
    let of_filter = chosen.selection.filter.column.clone();
    let of_row = || chosen.first.as_ref().and_then(|row| row.column.clone());
    of_filter.or_else(of_row).unwrap_or_default()
}

/// What somebody writes into the form.
#[derive(Clone, Copy)]
struct Rule {
    kind: RwSignal<String>,
    column: RwSignal<String>,
    value: RwSignal<String>,
    pattern: RwSignal<String>,
    replacement: RwSignal<String>,
    by: RwSignal<String>,
    entries: RwSignal<String>,
    separator: RwSignal<String>,
    /// What was wrong when it was sent last.
    problems: RwSignal<Vec<Problem>>,
}

impl Rule {
    fn new(column: String) -> Self {
        let empty = || RwSignal::new(String::new());
        Self {
            kind: RwSignal::new(Kind::Set.as_str().to_owned()),
            column: RwSignal::new(column),
            value: empty(),
            pattern: empty(),
            replacement: empty(),
            by: empty(),
            entries: empty(),
            separator: RwSignal::new(",".to_owned()),
            problems: RwSignal::new(Vec::new()),
        }
    }

    /// The rule, if what was written makes one; what is wrong is shown otherwise.
    fn submit(self) -> Option<Fix> {
        match self.draft().fix() {
            Ok(fix) => {
                self.problems.set(Vec::new());
                Some(fix)
            }
            Err(problems) => {
                self.problems.set(problems);
                None
            }
        }
    }

    fn draft(self) -> Draft {
        Draft {
            kind: Kind::from_name(&self.kind.read_untracked()),
            column: self.column.get_untracked(),
            value: self.value.get_untracked(),
            pattern: self.pattern.get_untracked(),
            replacement: self.replacement.get_untracked(),
            by: self.by.get_untracked(),
            entries: self.entries.get_untracked(),
            separator: self.separator.get_untracked(),
        }
    }

    fn problem(self, field: Field) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.problems.with(|problems| {
                problems.iter().find(|(at, _)| *at == field).map(|(_, problem)| problem.clone())
            })
        })
    }
}

#[component]
fn RuleFields(desk: Desk, chosen: StoredValue<Chosen>, rule: Rule) -> impl IntoView {
    let columns = known_columns(desk, chosen);
    let kind = Memo::new(move |_| Kind::from_name(&rule.kind.read()));
    let kinds: Vec<_> =
        Kind::ALL.into_iter().map(|kind| Choice::new(kind.as_str(), kind.label())).collect();
    let when = move |field| move || kind.get().has(field);
    view! {
        <SelectField name="fix-kind" label="Rule" value=rule.kind choices=kinds/>
        <Show when=when(Field::Column)>
            <SuggestField
                name="fix-column"
                label="Column"
                hint="As it is called in the kept row, or in the target."
                value=rule.column
                suggestions=columns
                problem=rule.problem(Field::Column)
            />
        </Show>
        <Show when=when(Field::Value)>
            <TextField name="fix-value" label="Value" value=rule.value/>
        </Show>
        <Show when=when(Field::By)>
            <SuggestField
                name="fix-by"
                label="Look up by"
                hint="The other column, whose text is the key."
                value=rule.by
                suggestions=columns
                problem=rule.problem(Field::By)
            />
        </Show>
        <Show when=when(Field::Pattern)>
            <TextField
                name="fix-pattern"
                label="Pattern"
                hint="A regular expression."
                value=rule.pattern
                problem=rule.problem(Field::Pattern)
            />
            <TextField
                name="fix-replacement"
                label="Replacement"
                hint="$1 stands for what the first group found."
                value=rule.replacement
            />
        </Show>
        <Show when=when(Field::Entries)>
            <TextAreaField
                name="fix-entries"
                label="Entries"
                hint="One a line. Nothing behind the arrow makes null; what is not listed stays."
                placeholder="old => new"
                value=rule.entries
                problem=rule.problem(Field::Entries)
            />
        </Show>
        <Show when=when(Field::Separator)>
            <TextField
                name="fix-separator"
                label="Separator of the mended line"
                value=rule.separator
                problem=rule.problem(Field::Separator)
            />
        </Show>
    }
}

/// The columns of the first of the rows; the others of its table have the same.
fn known_columns(desk: Desk, chosen: StoredValue<Chosen>) -> Signal<Vec<String>> {
    let known = LocalResource::new(move || {
        let (run, first) = (desk.run(), chosen.with_value(|chosen| chosen.first.clone()));
        async move {
            let detail = api::quarantine::find(&run, &first?.id).await.ok()?;
            Some(detail.cells.into_iter().map(|cell| cell.column).collect::<Vec<_>>())
        }
    });
    Signal::derive(move || known.get().flatten().unwrap_or_default())
}

/// What the rule would do, before anything is written.
#[component]
fn Preview(preview: FixPreview) -> impl IntoView {
    let FixPreview { selected, changed, passes, refused, examples } = preview;
    let rows = format::counted(selected, "row", "rows");
    view! {
        <div class="tried">
            <p class="alert-title">
                {format!(
                    "It changes {} of {rows}; {} then fit the plan's rules and types.",
                    format::count(changed),
                    format::count(passes),
                )}
            </p>
            <p class="quiet-text">
                "The target may still refuse one of them: trying a replay tells."
            </p>
            {(!refused.is_empty())
                .then(|| {
                    view! {
                        <p>"These would still be refused:"</p>
                        <CountTable
                            label="Rows that would still be refused"
                            counts=refused
                            address=|_| None
                        />
                    }
                })}
            {examples.into_iter().map(|example| view! { <Example example/> }).collect_view()}
        </div>
    }
}

#[component]
fn Example(example: PreviewExample) -> impl IntoView {
    let PreviewExample { id, target, cells, code, reason, .. } = example;
    let verdict = match code {
        None => "would fit".to_owned(),
        Some(code) => format!("{code}: {}", reason.unwrap_or_default()),
    };
    let label = format!("Example {id}");
    view! {
        <div class="example">
            <p>
                {target.to_string()}
                " "
                <span class="quiet-text">{verdict}</span>
            </p>
            {if cells.is_empty() {
                view! { <p class="quiet-text">"The rule finds nothing in this row."</p> }.into_any()
            } else {
                view! { <MaskedCells label cells/> }.into_any()
            }}
        </div>
    }
}
