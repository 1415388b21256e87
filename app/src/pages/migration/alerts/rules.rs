//! The rules: what is watched, how bad it is, how often it is said.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::alert::{NewRule, Rule};
use shared::id::AlertId;
use shared::user::Permission;

use super::condition::{Kind, in_words, taken_apart};
use super::{SeverityBadge, severity_choices, severity_label, severity_of};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, CheckboxField, Choice, Dialog, Icon, Loaded, Refusal, SelectField, Shape, TableFrame,
    TextField,
};
use crate::format;
use crate::stores::{Notices, Session, Tone};

#[component]
pub(super) fn Rules() -> impl IntoView {
    let session = Session::expect();
    let rules = LocalResource::new(api::alerts::rules);
    let edited = RwSignal::new(None::<Rule>);
    let open = RwSignal::new(false);
    let edit = Callback::new(move |rule: Option<Rule>| {
        edited.set(rule);
        open.set(true);
    });
    let changed = Callback::new(move |()| {
        open.set(false);
        rules.refetch();
    });
    let title = Signal::derive(move || {
        if edited.with(Option::is_some) { "Change the rule" } else { "Add a rule" }.to_owned()
    });
    view! {
        <section class="card" aria-labelledby="alert-rules">
            <div class="card-head">
                <h3 id="alert-rules">"Rules"</h3>
                <Show when=move || session.may(Permission::HandleAlerts)>
                    <button type="button" class="button" on:click=move |_| edit.run(None)>
                        <Icon shape=Shape::Plus/>
                        "Add a rule"
                    </button>
                </Show>
            </div>
            <Loaded resource=rules lines=4 let:rules>
                <RuleTable rules edit/>
            </Loaded>
        </section>
        <Dialog name="alert-rule" title open>
            {move || view! { <RuleForm rule=edited.get() changed/> }}
        </Dialog>
    }
}

#[component]
fn RuleTable(rules: Vec<Rule>, edit: Callback<Option<Rule>>) -> impl IntoView {
    view! {
        <TableFrame label="Rules of alerts">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Rule"</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"How bad"</th>
                        <th scope="col">"Again after"</th>
                        <th scope="col">"On"</th>
                    </tr>
                </thead>
                <tbody>
                    {rules
                        .into_iter()
                        .map(|rule| view! { <RuleRow rule edit/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn RuleRow(rule: Rule, edit: Callback<Option<Rule>>) -> impl IntoView {
    let session = Session::expect();
    let whole = StoredValue::new(rule.clone());
    let name = rule.name.clone();
    #[expect(clippy::cast_precision_loss, reason = "a week in seconds fits")]
    let quiet = format::duration(rule.quiet_seconds as f64);
    view! {
        <tr>
            <th scope="row">
                <Show
                    when=move || session.may(Permission::HandleAlerts)
                    fallback=move || whole.with_value(|rule| rule.name.clone())
                >
                    <button
                        type="button"
                        class="link-button"
                        on:click=move |_| edit.run(Some(whole.get_value()))
                    >
                        {name.clone()}
                    </button>
                </Show>
            </th>
            <td>{in_words(&rule.condition)}</td>
            <td>
                <SeverityBadge severity=rule.severity/>
            </td>
            <td>{quiet}</td>
            <td>
                {if rule.enabled {
                    view! { <Badge tone=Tone::Good text="on".to_owned()/> }
                } else {
                    view! { <Badge tone=Tone::Neutral text="off".to_owned()/> }
                }}
            </td>
        </tr>
    }
}

/// What stands in the form.
#[derive(Clone, Copy)]
struct Entry {
    name: RwSignal<String>,
    kind: RwSignal<String>,
    limit: RwSignal<String>,
    severity: RwSignal<String>,
    quiet_minutes: RwSignal<String>,
    is_enabled: RwSignal<bool>,
}

impl Entry {
    fn of(rule: Option<&Rule>) -> Self {
        let (kind, limit) =
            rule.map_or((Kind::RunFailed, String::new()), |rule| taken_apart(&rule.condition));
        let severity = rule.map_or("warning", |rule| severity_label(rule.severity));
        let quiet_minutes = rule.map_or(60, |rule| rule.quiet_seconds / 60);
        Self {
            name: RwSignal::new(rule.map(|rule| rule.name.clone()).unwrap_or_default()),
            kind: RwSignal::new(kind.name().to_owned()),
            limit: RwSignal::new(limit),
            severity: RwSignal::new(severity.to_owned()),
            quiet_minutes: RwSignal::new(quiet_minutes.to_string()),
            is_enabled: RwSignal::new(rule.is_none_or(|rule| rule.enabled)),
        }
    }

    fn kind(self) -> Kind {
        Kind::from_name(&self.kind.read())
    }

    /// The rule, or what is wrong with which field.
    fn rule(self) -> Result<NewRule, Vec<(&'static str, String)>> {
        let number = || "Write a number.".to_owned();
        let condition = untrack(|| self.kind()).condition(&self.limit.read_untracked());
        let minutes = self.quiet_minutes.read_untracked().trim().parse::<u64>().ok();
        let (condition, minutes) = match (condition, minutes) {
            (Some(condition), Some(minutes)) => (condition, minutes),
            (None, _) => return Err(vec![("condition", number())]),
            (_, None) => return Err(vec![("quiet_seconds", number())]),
        };
        let rule = NewRule {
            name: self.name.get_untracked().trim().to_owned(),
            condition,
            severity: severity_of(&self.severity.read_untracked()),
            quiet_seconds: minutes.saturating_mul(60),
            enabled: self.is_enabled.get_untracked(),
        };
        let problems: Vec<_> = rule
            .problems()
            .into_iter()
            .map(|problem| (field_of(&problem.field), problem.message))
            .collect();
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }
}

fn field_of(name: &str) -> &'static str {
    match name {
        "name" => "name",
        "quiet_seconds" => "quiet_seconds",
        _ => "condition",
    }
}

#[component]
fn RuleForm(#[prop(optional_no_strip)] rule: Option<Rule>, changed: Callback<()>) -> impl IntoView {
    let entry = Entry::of(rule.as_ref());
    let id = StoredValue::new(rule.map(|rule| rule.id));
    let problems = RwSignal::new(Vec::<(&'static str, String)>::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let rule = match entry.rule() {
            Ok(rule) => rule,
            Err(found) => return problems.set(found),
        };
        problems.set(Vec::new());
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::alerts::save_rule(id.get_value().as_ref(), &rule).await {
                Ok(_) => changed.run(()),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let about = move |field: &'static str| {
        Signal::derive(move || {
            problems.with(|problems| {
                problems.iter().find(|(at, _)| *at == field).map(|(_, text)| text.clone())
            })
        })
    };
    let kinds: Vec<_> =
        Kind::ALL.into_iter().map(|kind| Choice::new(kind.name(), kind.label())).collect();
    view! {
        <form class="form" on:submit=submit novalidate>
            <TextField name="rule-name" label="Name" value=entry.name problem=about("name")/>
            <SelectField name="rule-kind" label="When" value=entry.kind choices=kinds/>
            {move || {
                entry
                    .kind()
                    .limit()
                    .map(|label| {
                        view! {
                            <TextField
                                name="rule-limit"
                                label
                                value=entry.limit
                                problem=about("condition")
                            />
                        }
                    })
            }}
            <SelectField
                name="rule-severity"
                label="How bad"
                value=entry.severity
                choices=severity_choices()
            />
            <TextField
                name="rule-quiet"
                label="Not again for so many minutes"
                value=entry.quiet_minutes
                problem=about("quiet_seconds")
            />
            <CheckboxField name="rule-enabled" label="Watch" value=entry.is_enabled/>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Save the rule"
                </button>
                {id.get_value().map(|id| view! { <DeleteRule id changed refusal/> })}
            </div>
        </form>
    }
}

#[component]
fn DeleteRule(
    id: AlertId,
    changed: Callback<()>,
    refusal: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    let notices = Notices::expect();
    let is_sure = RwSignal::new(false);
    let id = StoredValue::new(id);
    let delete = move |_| {
        // Once to ask, once to do it.
        if !is_sure.get_untracked() {
            return is_sure.set(true);
        }
        spawn_local(async move {
            match api::alerts::delete_rule(&id.get_value()).await {
                Ok(()) => {
                    notices.good("The rule was deleted.");
                    changed.run(());
                }
                Err(error) => refusal.set(Some(error)),
            }
        });
    };
    view! {
        <button type="button" class="button" on:click=delete>
            <Icon shape=Shape::Trash/>
            {move || if is_sure.get() { "Delete it: its open alerts end" } else { "Delete" }}
        </button>
    }
}
