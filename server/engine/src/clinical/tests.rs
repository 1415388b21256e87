use proptest::prelude::*;
use shared::clinical::{
    CheckOutcome, CheckStatus, ClinicalOutcome, Form, Kind, Measure, Threshold,
};
use shared::plan::Plan;

use super::{fewer, form, judged};
use shared::assessment::Severity;
use shared::connection::Engine;

const PLAN: &str = "
format: 1
name: clinic
source: sqlite:legacy.db
target: postgres://db/new
checks:
  own:
  - key: born
    table: public.people
    test: {template: filled, column: born}
    severity: blocking
tables:
- source: person
  target: public.people
  columns: [{target: born, source: born, type: date}]
";

fn plan(threshold: Threshold) -> Plan {
    let mut plan = Plan::from_yaml(PLAN).unwrap();
    plan.checks.own[0].threshold = threshold;
    plan
}

fn counted(violated: u64, denominator: u64, threshold: Threshold) -> ClinicalOutcome {
    let target = Measure::Counted { violated, denominator };
    let check = CheckOutcome {
        key: "born".to_owned(),
        set: None,
        guards: None,
        title: String::new(),
        kind: Kind::Completeness,
        template: "filled".to_owned(),
        table: "public.people".parse().unwrap(),
        columns: vec!["born".to_owned()],
        severity: Severity::Warning,
        threshold,
        status: target.judge(threshold),
        target,
        source: Measure::not_applicable("nobody asked"),
        sql: String::new(),
        seconds: 0.0,
    };
    ClinicalOutcome {
        passed: true,
        measured_at: chrono::DateTime::UNIX_EPOCH,
        judged_at: chrono::DateTime::UNIX_EPOCH,
        checks: vec![check],
        left_out: Vec::new(),
        seconds: 0.0,
    }
}

fn threshold() -> impl Strategy<Value = Threshold> {
    let rows = proptest::option::of(0_u64..2_000);
    let percent = proptest::option::of(0.0_f64..=100.0);
    (rows, percent).prop_map(|(rows, percent)| Threshold { rows, percent })
}

/// A count of some and of all.
fn counts() -> impl Strategy<Value = (u64, u64)> {
    (0_u64..2_000).prop_flat_map(|all| (0..=all, Just(all)))
}

proptest! {
    /// Judging again gives what judging at once would have given.
    #[test]
    fn another_threshold_needs_no_database((some, all) in counts(), was in threshold(), is in threshold()) {
        let again = judged(&counted(some, all, was), &plan(is), chrono::DateTime::UNIX_EPOCH);
        let at_once = Measure::Counted { violated: some, denominator: all }.judge(is);

        prop_assert_eq!(again.checks[0].status, at_once);
        prop_assert_eq!(again.passed, at_once != CheckStatus::Fail);
        prop_assert_eq!(&again.checks[0].target, &counted(some, all, was).checks[0].target);
    }

    /// What passes goes on passing where less violates it, and where more is allowed.
    #[test]
    fn a_check_fails_only_for_more_or_under_a_stricter_threshold(
        (some, all) in counts(), is in threshold(), fewer in 0_u64..2_000, rows in 0_u64..50, percent in 0.0_f64..10.0,
    ) {
        let fails = |violated, threshold: Threshold| {
            Measure::Counted { violated, denominator: all }.judge(threshold) == CheckStatus::Fail
        };
        let looser = Threshold {
            rows: is.rows.map(|limit| limit + rows),
            percent: is.percent.map(|limit| (limit + percent).min(100.0)),
        };

        prop_assert!(fails(some, is) || !fails(some.saturating_sub(fewer), is));
        prop_assert!(fails(some, is) || !fails(some, looser));
        prop_assert_eq!(fails(some, Threshold::default()), some > 0);
    }
}

#[test]
fn what_the_plan_has_no_more_is_not_judged() {
    let mut plan = plan(Threshold::default());
    let last = counted(3, 10, Threshold::default());
    plan.checks.own[0].table = "public.others".parse().unwrap();

    assert_eq!(judged(&last, &plan, chrono::DateTime::UNIX_EPOCH).checks, []);
}

#[test]
fn a_side_that_cannot_tell_leaves_the_comparison_open() {
    let number = |denominator| Measure::Counted { violated: 0, denominator };

    let kept = fewer(&number(10), number(7), 0);
    assert_eq!(kept, Measure::Counted { violated: 3, denominator: 10 });
    assert_eq!(fewer(&number(7), number(10), 0).violated(), Some(0));
    // Two of three went with rows that live on in others.
    assert_eq!(fewer(&number(10), number(7), 2).violated(), Some(1));
    assert_eq!(fewer(&number(10), number(10), -1).violated(), Some(1));
    let silent = fewer(&Measure::not_applicable("files"), number(7), 0);
    assert_eq!(silent.note(), Some("the source cannot tell: files"));
}

/// What both kinds of SQL make of texts, against what they are.
#[test]
fn sqlite_tells_forms_apart() {
    const GOOD: &[(Form, &[&str])] = &[
        (Form::Integer, &["0", "-12", "+7"]),
        (Form::Decimal, &["0", "-1.5", "12.75"]),
        (Form::Date, &["2024-02-29", "1900-01-31"]),
        (Form::Uuid, &["8a5d9a2e-3c1f-4d52-9d7a-0123456789ab"]),
        (Form::Loinc, &["718-7", "29463-7"]),
        (Form::SnomedCt, &["73211009"]),
        (Form::Icd10, &["E11", "E11.9", "S72001A", "O80"]),
        (Form::Ucum, &["mg/dL", "10*3/uL"]),
    ];
    const BAD: &[(Form, &[&str])] = &[
        (Form::Integer, &["", "-", "1.5", "1a"]),
        (Form::Decimal, &["", ".5", "1.", "1.2.3", "1,5"]),
        (Form::Date, &["2024-02-30", "2024-2-1", "24-02-01", "now", ""]),
        (Form::Uuid, &["8a5d9a2e3c1f4d529d7a0123456789ab", "x"]),
        (Form::Loinc, &["7187", "718-77", "a18-7", "7-1-8"]),
        (Form::SnomedCt, &["12345", "01234567", "7321100x"]),
        (Form::Icd10, &["e11.9", "E1", "E11.", "E.119", "1E1"]),
        (Form::Ucum, &["mg dL", "µg", ""]),
    ];
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let holds = |form, text: &str| -> bool {
        let sql = format!("select {}", form::holds(Engine::Sqlite, "?1", form));
        database.query_row(&sql, [text], |row| row.get(0)).unwrap()
    };
    for (form, texts) in GOOD {
        assert!(texts.iter().all(|text| holds(*form, text)), "{form:?} {texts:?}");
    }
    for (form, texts) in BAD {
        for text in *texts {
            assert!(!holds(*form, text), "{form:?} `{text}`");
        }
    }
}
