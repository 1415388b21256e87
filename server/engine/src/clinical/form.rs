//! How a value is held against a form, in each engine's SQL.

use shared::clinical::Form;
use shared::connection::Engine;

use crate::ident::literal;

/// A condition that a text keeps. `text` is an expression that is not null.
pub(super) fn holds(engine: Engine, text: &str, form: Form) -> String {
    match engine {
        Engine::Sqlite | Engine::Csv => in_sqlite(text, form),
        Engine::Postgres => format!("{text} ~ {}", literal(engine, pattern(form))),
        // Letters in small are others, whatever the column's collation says.
        Engine::Mysql => {
            format!("{text} regexp {}", literal(engine, &format!("(?-i){}", pattern(form))))
        }
    }
}

/// 29 February is a day of every year here.
const fn pattern(form: Form) -> &'static str {
    match form {
        Form::Integer => "^[-+]?[0-9]+$",
        Form::Decimal => "^[-+]?[0-9]+([.][0-9]+)?$",
        Form::Date => {
            "^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
        }
        Form::Uuid => "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        Form::Loinc => "^[0-9]{1,7}-[0-9]$",
        Form::SnomedCt => "^[1-9][0-9]{5,17}$",
        Form::Icd10 => "^[A-Z][0-9][0-9A-Z]([.]?[0-9A-Z]{1,4})?$",
        Form::Ucum => "^[!-~]{1,50}$",
    }
}

/// SQLite has no regular expressions of its own; `glob` and lengths say the same.
fn in_sqlite(text: &str, form: Form) -> String {
    let unsigned =
        format!("(case when {text} glob '[-+]*' then substr({text}, 2) else {text} end)");
    let bare = |of: char| format!("replace({text}, '{of}', '')");
    let lone = |of: char| format!("length({text}) - length({})", bare(of));
    match form {
        Form::Integer => format!("({unsigned} <> '' and {unsigned} not glob '*[^0-9]*')"),
        Form::Decimal => format!(
            "({unsigned} glob '[0-9]*' and {unsigned} glob '*[0-9]'
              and {unsigned} not glob '*[^0-9.]*' and {} <= 1)",
            lone('.')
        ),
        Form::Date => format!("coalesce(date({text}, '+0 days') = {text}, 0)"),
        Form::Uuid => {
            let digits = |count: usize| "[0-9a-fA-F]".repeat(count);
            let four = digits(4);
            format!("({text} glob '{}-{four}-{four}-{four}-{}')", digits(8), digits(12))
        }
        Form::Loinc => format!(
            "({text} glob '[0-9]*-[0-9]' and {} not glob '*[^0-9]*' and {} = 1
              and length({text}) <= 9)",
            bare('-'),
            lone('-')
        ),
        Form::SnomedCt => format!(
            "({text} glob '[1-9]*' and {text} not glob '*[^0-9]*'
              and length({text}) between 6 and 18)"
        ),
        Form::Icd10 => format!(
            "({bare} glob '[A-Z][0-9][0-9A-Z]*' and {bare} not glob '*[^0-9A-Z]*'
              and length({bare}) between 3 and 7 and {} <= 1
              and instr({text}, '.') in (0, 4) and {text} not glob '*.')",
            lone('.'),
            bare = bare('.')
        ),
        Form::Ucum => {
            format!("({text} not glob '*[^!-~]*' and length({text}) between 1 and 50)")
        }
    }
}
