//! The manual's page of errors says what the catalogue says.

use std::fmt::Write as _;
use std::path::Path;

use shared::assessment::Severity;
use shared::check::{Check, Group};
use shared::clinical::{Kind, SETS, TEMPLATES};
use shared::error_code::ErrorCode;

const HEAD: &str = "# Errors and what to do about them

<!-- Generated from shared/src/error_code.rs: UPDATE_MANUAL=1 cargo test -p shared --test manual -->

Every error has a code. The command line prints it with a hint, the API answers with it, and a row
in quarantine carries it. `DATA` is about single rows: they are kept in quarantine and the run goes
on. The others stop what was being done; what was committed before stays, and the same command
continues.
";

/// The title of each group of codes, by what they begin with.
const GROUPS: &[(&str, &str)] = &[
    ("CONN", "Connections"),
    ("DATA", "Rows"),
    ("MAP", "Plans"),
    ("LOAD", "Runs"),
    ("VER", "Verification"),
    ("MATCH", "Duplicates"),
    ("SYS", "The program itself"),
];

#[test]
fn the_manual_explains_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migration/error-handling.md");
    let generated = page();
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }

    let written = std::fs::read_to_string(&path).unwrap_or_default();

    assert!(written == generated, "run: UPDATE_MANUAL=1 cargo test -p shared --test manual");
}

#[test]
fn every_code_is_in_a_group() {
    for code in ErrorCode::ALL {
        let group = code.as_str().split('-').next();
        assert!(GROUPS.iter().any(|(prefix, _)| Some(*prefix) == group), "{code}");
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (prefix, title) in GROUPS {
        let _ = write!(page, "\n## {title}\n");
        for code in ErrorCode::ALL.iter().filter(|code| code.as_str().starts_with(prefix)) {
            let explanation = code.explanation();
            let anchor = code.as_str().to_ascii_lowercase();
            let _ = write!(
                page,
                "\n### <a id=\"{anchor}\"></a>{code}: {}\n\n{}\n\n{}\n\n**What to do:** {}\n",
                explanation.title, explanation.cause, explanation.hint, explanation.action
            );
        }
    }
    page
}

const CHECKS_HEAD: &str = "# The checks of an assessment

<!-- Generated from shared/src/check.rs: UPDATE_MANUAL=1 cargo test -p shared --test manual -->

`transfuse assess plan.yaml` makes these checks and changes nothing. `--check KEY` and `--group NAME`
make some of them. What a check finds is blocking, a warning, or for information; the list says the
most that it can weigh. A blocking finding ends the command with status 3.
";

#[test]
fn the_manual_explains_every_check() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migration/checks.md");
    let mut generated = CHECKS_HEAD.to_owned();
    for group in Group::ALL {
        let name = group.as_str();
        let _ = write!(generated, "\n## {}{}\n", name[..1].to_uppercase(), &name[1..]);
        for check in Check::ALL.iter().filter(|check| check.group() == group) {
            let it = check.description();
            let weight = match it.severity {
                Severity::Blocking => "blocking",
                Severity::Warning => "warning",
                Severity::Info => "information",
            };
            let _ = write!(
                generated,
                "\n### <a id=\"{check}\"></a>`{check}`: {}\n\n{} *At most: {weight}.*\n\n\
                 **What to do:** {}\n",
                it.title, it.why, it.action
            );
        }
    }
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }

    let written = std::fs::read_to_string(&path).unwrap_or_default();

    assert!(written == generated, "run: UPDATE_MANUAL=1 cargo test -p shared --test manual");
}

const CLINICAL_HEAD: &str = "# Clinical checks: templates and sets

<!-- Generated from shared/src/clinical: UPDATE_MANUAL=1 cargo test -p shared --test manual -->

`transfuse verify checks plan.yaml` makes the clinical checks that a plan names under `checks`;
[validation](validation.md) says how. Each is a template with parameters, on a table of the target, and
counts what violates it and what it is about.

The forms are `integer`, `decimal`, `date`, `uuid`, `loinc`, `snomed_ct`, `icd10` and `ucum`. A bound of
a range is a number, a date as `'1900-01-31'`, or `today`.
";

#[test]
fn the_manual_explains_every_template_and_set_of_clinical_checks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/migration/clinical-checks.md");
    let mut generated = CLINICAL_HEAD.to_owned();
    for kind in Kind::ALL {
        let _ = write!(generated, "\n## {}\n", kind.label());
        for it in TEMPLATES.iter().filter(|it| it.kind == kind) {
            let _ = write!(
                generated,
                "\n### <a id=\"{}\"></a>`{0}`: {}\n\nCounts {}; of: {}.\n\n\
                 ```yaml\ntest: {}\n```\n\n**What to do:** {}\n",
                it.template, it.title, it.violated, it.denominator, it.example, it.action
            );
        }
    }
    for set in SETS {
        let _ = write!(
            generated,
            "\n## The set `{}`\n\n{}\n\n\
             | check | what has to be so | table | template | weight | allowed |\n\
             | --- | --- | --- | --- | --- | --- |\n",
            set.name, set.description
        );
        for check in set.checks() {
            let _ = writeln!(
                generated,
                "| `{}` | {} | {} | {} | {} | {} |",
                check.key,
                check.title(),
                check.table,
                check.test.description().template,
                check.severity.label().to_lowercase(),
                check.threshold.text()
            );
        }
    }
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }

    let written = std::fs::read_to_string(&path).unwrap_or_default();

    assert!(written == generated, "run: UPDATE_MANUAL=1 cargo test -p shared --test manual");
}
