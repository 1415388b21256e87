//! How much may violate a check, as somebody types it.

use leptos::prelude::*;
use shared::clinical::Threshold;

use super::one::Changes;
use crate::components::TextField;

/// The two limits of a threshold. What is typed counts at once.
#[component]
pub(super) fn ThresholdFields(
    key: StoredValue<String>,
    /// What was kept.
    was: Threshold,
    changes: Changes,
) -> impl IntoView {
    let now = changes
        .with_untracked(|changes| key.with_value(|key| changes.get(key).copied()))
        .unwrap_or(was);
    let rows = RwSignal::new(now.rows.map(|rows| rows.to_string()).unwrap_or_default());
    let percent = RwSignal::new(now.percent.map(|percent| percent.to_string()).unwrap_or_default());
    let typed = Memo::new(move |_| (limit_of(&rows.read()), limit_of(&percent.read())));
    Effect::new(move |before: Option<()>| {
        let (rows, percent): (Result<Option<u64>, _>, Result<Option<f64>, _>) = typed.get();
        let (Ok(rows), Ok(percent)) = (rows, percent) else { return };
        let threshold = Threshold { rows, percent };
        if before.is_none() || threshold.problem().is_some() {
            return;
        }
        changes.update(|changes| {
            if threshold == was {
                key.with_value(|key| changes.remove(key));
            } else {
                changes.insert(key.get_value(), threshold);
            }
        });
    });
    let rows_problem = move || typed.get().0.err();
    let percent_problem = move || match typed.get().1 {
        Ok(percent) => Threshold { rows: None, percent }.problem().map(str::to_owned),
        Err(why) => Some(why),
    };
    view! {
        <div class="form-row">
            <TextField
                name="threshold-rows"
                label="Rows that may violate it"
                hint="Empty: as many as the percentage says; where both are empty, none."
                value=rows
                problem=Signal::derive(rows_problem)
            />
            <TextField
                name="threshold-percent"
                label="Percent of what it is about"
                value=percent
                problem=Signal::derive(percent_problem)
            />
        </div>
    }
}

/// A limit as somebody typed it; none where nothing stands there.
fn limit_of<T: std::str::FromStr>(text: &str) -> Result<Option<T>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "A number, or nothing.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_nothing() {
        assert_eq!(limit_of::<u64>(" 12 "), Ok(Some(12)));
        assert_eq!(limit_of::<u64>(""), Ok(None));
        assert!(limit_of::<u64>("0.5").is_err() && limit_of::<f64>("many").is_err());
        assert_eq!(limit_of("0.5"), Ok(Some(0.5)));
    }
}
