//! Narrowing the trail. The address is where the choice is kept.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use leptos::{ev, prelude::*};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::audit::{Action, AuditFilter, Outcome};

use super::Place;
use crate::api::with_query;
use crate::components::{Choice, SelectField, TextField};

// The parameters of the address.
const ACTOR: &str = "actor";
const ACTION: &str = "action";
const OBJECT: &str = "object";
const OUTCOME: &str = "outcome";
const FROM: &str = "from";
const UNTIL: &str = "until";

/// What the address asks for. What makes no sense asks for nothing.
pub(super) fn filter_of(asked: impl Fn(&str) -> Option<String>) -> AuditFilter {
    let given = |name| asked(name).filter(|text| !text.is_empty());
    let day = |name| given(name).and_then(|text| text.parse::<NaiveDate>().ok());
    AuditFilter {
        actor: given(ACTOR),
        action: given(ACTION).and_then(|name| Action::from_name(&name)),
        object: given(OBJECT),
        outcome: given(OUTCOME).and_then(|name| Outcome::from_name(&name)),
        from: day(FROM).map(begin_of),
        // The last day counts as a whole.
        to: day(UNTIL).and_then(|day| day.checked_add_days(Days::new(1))).map(begin_of),
    }
}

fn begin_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The address of the trail, narrowed.
pub(super) fn address_of(filter: &AuditFilter) -> String {
    let day = |time: DateTime<Utc>| time.date_naive().to_string();
    let from = filter.from.map(day);
    let until = filter.to.and_then(|to| to.checked_sub_days(Days::new(1))).map(day);
    with_query(
        &Place::Audit.address(),
        [
            (ACTOR, filter.actor.as_deref()),
            (ACTION, filter.action.map(Action::as_str)),
            (OBJECT, filter.object.as_deref()),
            (OUTCOME, filter.outcome.map(Outcome::as_str)),
            (FROM, from.as_deref()),
            (UNTIL, until.as_deref()),
        ],
    )
}

#[component]
pub(super) fn FilterForm(filter: AuditFilter) -> impl IntoView {
    let fields = Fields::of(&filter);
    let is_narrowed = filter != AuditFilter::default();
    let navigate = use_navigate();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let options = NavigateOptions { scroll: false, ..Default::default() };
        navigate(&address_of(&fields.filter()), options);
    };
    let mut actions: Vec<_> =
        Action::ALL.iter().map(|action| Choice::new(action.as_str(), action.label())).collect();
    actions.sort_by(|one, other| one.label.cmp(&other.label));
    actions.insert(0, Choice::new("", "Everything"));
    let outcomes = vec![
        Choice::new("", "Any outcome"),
        Choice::new(Outcome::Success.as_str(), "Success"),
        Choice::new(Outcome::Refused.as_str(), "Refused"),
        Choice::new(Outcome::Failed.as_str(), "Failed"),
    ];
    view! {
        <form class="form" on:submit=submit novalidate>
            <div class="form-row">
                <SelectField
                    name="audit-action"
                    label="What"
                    value=fields.action
                    choices=actions
                />
                <SelectField
                    name="audit-outcome"
                    label="Outcome"
                    value=fields.outcome
                    choices=outcomes
                />
                <TextField name="audit-actor" label="Who, by id" value=fields.actor/>
                <TextField name="audit-object" label="To what, by id" value=fields.object/>
                <TextField name="audit-from" label="From" kind="date" value=fields.from/>
                <TextField name="audit-until" label="Until" kind="date" value=fields.until/>
            </div>
            <div class="actions">
                <button type="submit" class="button primary">
                    "Show"
                </button>
                {is_narrowed
                    .then(|| {
                        view! {
                            <a class="button" href=Place::Audit.address()>
                                "Show everything"
                            </a>
                        }
                    })}
            </div>
        </form>
    }
}

/// What stands in the fields.
#[derive(Clone, Copy)]
struct Fields {
    actor: RwSignal<String>,
    action: RwSignal<String>,
    object: RwSignal<String>,
    outcome: RwSignal<String>,
    from: RwSignal<String>,
    until: RwSignal<String>,
}

impl Fields {
    fn of(filter: &AuditFilter) -> Self {
        let day = |time: DateTime<Utc>| time.date_naive().to_string();
        let until = filter.to.and_then(|to| to.checked_sub_days(Days::new(1)));
        let signal = |text: Option<String>| RwSignal::new(text.unwrap_or_default());
        Self {
            actor: signal(filter.actor.clone()),
            action: signal(filter.action.map(|action| action.to_string())),
            object: signal(filter.object.clone()),
            outcome: signal(filter.outcome.map(|outcome| outcome.as_str().to_owned())),
            from: signal(filter.from.map(day)),
            until: signal(until.map(day)),
        }
    }

    fn filter(self) -> AuditFilter {
        filter_of(|name| {
            let field = match name {
                ACTOR => self.actor,
                ACTION => self.action,
                OBJECT => self.object,
                OUTCOME => self.outcome,
                FROM => self.from,
                _ => self.until,
            };
            Some(field.get_untracked().trim().to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> AuditFilter {
        filter_of(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_last_day_counts_as_a_whole() {
        let filter = asked(&[(FROM, "2026-03-01"), (UNTIL, "2026-03-01")]);
        assert_eq!((filter.to.unwrap() - filter.from.unwrap()).num_hours(), 24);
    }

    #[test]
    fn an_address_asks_for_what_it_was_made_of() {
        let filter = asked(&[
            (ACTOR, "u1"),
            (ACTION, "run_started"),
            (OBJECT, "r1"),
            (OUTCOME, "refused"),
            (FROM, "2026-03-01"),
            (UNTIL, "2026-03-02"),
        ]);
        assert_eq!(
            address_of(&filter),
            "/portal/migration/audit?actor=u1&action=run_started&object=r1&outcome=refused\
             &from=2026-03-01&until=2026-03-02"
        );
    }

    #[test]
    fn what_makes_no_sense_narrows_nothing() {
        let filter =
            asked(&[(ACTION, "danced"), (OUTCOME, "well"), (FROM, "yesterday"), (ACTOR, "")]);
        assert_eq!(filter, AuditFilter::default());
    }
}
