//! The plan's rules, held against the schemas and against the rows that they are for.

use shared::assessment::{Foretold, SchemaItem, SchemaState, TableName};
use shared::check::{Check, Group};
use shared::plan::Plan;

use super::connection::{Opened, TargetSide};
use super::forecast::forecast;
use super::notebook::{Found, Notebook, Outcome};
use super::{Look, Request, schema, wants_any};
use crate::assess::ask::rows;
use crate::map::{self, check};
use crate::run::governor::Governor;

/// What was found besides findings.
#[derive(Default)]
pub(super) struct Foreseen {
    pub(super) schema: Vec<SchemaItem>,
    pub(super) forecast: Option<Foretold>,
}

pub(super) async fn look(
    book: &mut Notebook,
    request: &Request,
    opened: &mut Opened,
    governor: &Governor,
) -> Foreseen {
    let mut foreseen = Foreseen::default();
    let plan = &request.plan;
    let Some(source) = &mut opened.source else { return foreseen };
    if !wants_any(book, Group::Data) && !book.wants(Check::SourceQuiet) {
        return foreseen;
    }
    // A target that cannot say what it began is held to what it has.
    let unfinished = map::tables_of_unfinished_runs(&request.target_url).await.unwrap_or_default();
    let target = opened.target.as_ref().map(|side: &TargetSide| &side.catalog);
    let problems = check::check(plan, &source.catalog, target.map(|target| (target, &unfinished)));
    let found = problems.iter().map(|problem| {
        let explanation = problem.code.explanation();
        Found::blocking(format!("{} {}: {}", problem.code, problem.at, problem.message))
            .mend(explanation.action)
    });
    book.note(Check::PlanFits, Ok(found.collect::<Vec<_>>().into()));
    book.note(Check::LossyRules, Ok(losses(plan)));
    let Some(target) = &mut opened.target else { return foreseen };
    if book.wants(Check::SchemaComplete) {
        match schema::compare(plan, source, target).await {
            Ok(items) => {
                book.note(Check::SchemaComplete, Ok(incomplete(&items)));
                foreseen.schema = items;
            }
            Err(error) => book.note(Check::SchemaComplete, Err(error)),
        }
    }
    let forecasts = [Check::QuarantineForecast, Check::Escalation, Check::SourceQuiet];
    if request.forecast == Look::Nothing || !forecasts.iter().any(|check| book.wants(*check)) {
        for check in forecasts {
            book.note(check, Ok(Outcome::NotApplicable("no row was looked at")));
        }
        return foreseen;
    }
    if !problems.is_empty() {
        for check in forecasts {
            book.note(check, Ok(Outcome::NotApplicable("the plan has to fit first")));
        }
        return foreseen;
    }
    let from = (&source.source, &source.catalog);
    match forecast(request, from, &target.catalog, governor).await {
        Ok(made) => {
            book.note(Check::QuarantineForecast, Ok(quarantine(&made.foretold)));
            book.note(Check::Escalation, Ok(escalation(plan, &made.foretold)));
            book.note(Check::SourceQuiet, Ok(quiet(made.written_to)));
            foreseen.forecast = Some(made.foretold);
        }
        Err(error) => book.note(Check::QuarantineForecast, Err(error)),
    }
    foreseen
}

fn losses(plan: &Plan) -> Outcome {
    let found = plan.losses().into_iter().map(|loss| {
        let signed = match (&loss.signed_by, &loss.reason) {
            (Some(by), Some(reason)) => format!(", signed by {by}: {reason}"),
            (Some(by), None) => format!(", signed by {by}"),
            (None, _) => String::new(),
        };
        let kept = loss.kept_in.map(|column| format!(", kept in {column}")).unwrap_or_default();
        Found::info(format!("{} loses information{kept}{signed}", loss.rule))
            .at(&loss.target)
            .column(loss.column)
    });
    found.collect::<Vec<_>>().into()
}

fn incomplete(items: &[SchemaItem]) -> Outcome {
    let wrong = items
        .iter()
        .filter(|item| matches!(item.state, SchemaState::Missing | SchemaState::Changed));
    let found = wrong.map(|item| {
        let what = match item.name.as_str() {
            "" => format!("the {} of {}", item.kind.label(), item.table),
            name => format!("the {} {name} of {}", item.kind.label(), item.table),
        };
        let state = match (item.state, &item.detail) {
            (SchemaState::Changed, Some(detail)) => detail.clone(),
            (SchemaState::Changed, None) => "is another".to_owned(),
            (_, Some(detail)) => format!("is missing: {detail}"),
            (_, None) => "is missing".to_owned(),
        };
        let found = Found::warning(format!("{what} {state}")).at(&item.table);
        match &item.statement {
            Some(statement) => found.mend(statement.clone()),
            None => found.mend("write it in the target's SQL, or leave it behind on purpose"),
        }
    });
    found.collect::<Vec<_>>().into()
}

fn quarantine(foretold: &Foretold) -> Outcome {
    let of = if foretold.is_complete { "" } else { " of the sample" };
    let found = foretold.quarantine.iter().map(|fault| {
        let message = format!(
            "{}{of} would go to quarantine with {}: {}",
            rows(fault.rows),
            fault.code,
            fault.reason
        );
        let found = Found::warning(message).at(&fault.target);
        let found = found.mend(fault.code.explanation().action);
        match &fault.column {
            Some(column) => found.column(column),
            None => found,
        }
    });
    found.collect::<Vec<_>>().into()
}

/// Whether the run would stop at a limit of the plan. A sample tells by percent only.
#[expect(clippy::cast_precision_loss, reason = "a limit in percent has no use for more digits")]
fn escalation(plan: &Plan, foretold: &Foretold) -> Outcome {
    let limits = &plan.options.escalation;
    let percent = |bad: u64, all: u64| if all == 0 { 0.0 } else { bad as f64 * 100.0 / all as f64 };
    let mut found = Vec::new();
    let mut judge =
        |table: Option<&TableName>, bad: u64, all: u64, most: Option<u64>, share: Option<f64>| {
            let too_many = most.is_some_and(|most| foretold.is_complete && bad > most);
            let too_large = share.is_some_and(|share| percent(bad, all) > share);
            if too_many || too_large {
                let of = table.map_or_else(|| "the run".to_owned(), ToString::to_string);
                let message =
                    format!("{of} would stop: {bad} of {all} rows would go to quarantine");
                let found_one = Found::blocking(message);
                found.push(match table {
                    Some(table) => found_one.at(table),
                    None => found_one,
                });
            }
        };
    for table in &foretold.tables {
        let (bad, all) = (table.quarantined, table.looked_at);
        judge(Some(&table.source), bad, all, limits.table_rows, limits.table_percent);
    }
    let bad = foretold.tables.iter().map(|table| table.quarantined).sum();
    let all = foretold.tables.iter().map(|table| table.looked_at).sum();
    judge(None, bad, all, limits.run_rows, limits.run_percent);
    found.into()
}

fn quiet(written_to: Option<Vec<(TableName, String)>>) -> Outcome {
    let Some(written_to) = written_to else {
        return Outcome::NotApplicable("only a part of the rows was looked at");
    };
    let found = written_to.into_iter().map(|(table, what)| {
        Found::warning(format!("{table} was written to during the assessment: {what}")).at(&table)
    });
    found.collect::<Vec<_>>().into()
}
