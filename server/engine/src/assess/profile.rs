//! What the values of a source look like. The source does the counting, and only counts come back:
//! no row leaves it. Files are counted here.

use std::collections::HashMap;

use shared::assessment::{
    Catalog, Column, ColumnProfile, Frequent, LEAST_ROWS, Table, TableProfile,
};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;

use super::ask::{Asked, text};
use crate::connect::Source;
use crate::connect::csv::{CsvFile, decode, unreadable};
use crate::error::{EngineError, Result};
use crate::ident::{quote, quote_table};

/// How many values and forms of a column are told.
const MOST_TOLD: usize = 10;

/// Longer texts are prose, of which neither value nor form says anything.
const LONGEST: usize = 40;

/// So many different values of a file's column are told apart.
const MOST_DISTINCT: usize = 10_000;

/// Profiles every table, or the first rows of those that are larger.
pub async fn of_source(source: &Source, catalog: &Catalog, rows: u64) -> Result<Vec<TableProfile>> {
    let mut profiles = Vec::with_capacity(catalog.tables.len());
    if let Source::Csv(folder) = source {
        for table in &catalog.tables {
            let file = folder.file(&table.name)?.clone();
            let (name, columns) = (table.name.clone(), table.columns.clone());
            let counted = tokio::task::spawn_blocking(move || of_file(&file, &columns, rows)).await;
            let (seen, is_sample, columns) = counted.map_err(|error| {
                EngineError::new(ErrorCode::Sys001, "profiling a file").because(error)
            })??;
            profiles.push(TableProfile { table: name, rows: seen, is_sample, columns });
        }
        return Ok(profiles);
    }
    let mut asked = Asked::open(source).await?;
    for table in &catalog.tables {
        profiles.push(of_table(&mut asked, table, rows).await?);
    }
    Ok(profiles)
}

/// The same profile without a value: each is told by its form.
#[must_use]
pub fn masked(mut profiles: Vec<TableProfile>) -> Vec<TableProfile> {
    let columns = profiles.iter_mut().flat_map(|profile| &mut profile.columns);
    for value in columns.flat_map(|column| &mut column.values) {
        value.text = value.text.chars().map(mask).collect();
    }
    profiles
}

async fn of_table(asked: &mut Asked, table: &Table, rows: u64) -> Result<TableProfile> {
    let engine = asked.engine();
    let doing = format!("profiling {}", table.name);
    let from = match rows {
        u64::MAX => quote_table(engine, &table.name),
        rows => format!(
            "(select * from {} limit {rows}) as looked_at",
            quote_table(engine, &table.name)
        ),
    };
    let mut sums = vec!["count(*)".to_owned()];
    for column in &table.columns {
        sums.extend(aggregates(engine, column));
    }
    let answer = asked.ask(format!("select {} from {from}", sums.join(", ")), &doing).await?;
    let cells = answer.into_iter().next().unwrap_or_default();
    let number = |place: usize| text(&cells, place).parse::<u64>().unwrap_or(0);
    let seen = number(0);
    let mut columns = Vec::with_capacity(table.columns.len());
    for (place, column) in table.columns.iter().enumerate() {
        let at = 1 + place * AGGREGATES;
        let cell = |offset: usize| cells.get(at + offset).cloned().flatten();
        let mut profile = ColumnProfile {
            name: column.name.clone(),
            nulls: seen.saturating_sub(number(at)),
            distinct: number(at + 1),
            ..ColumnProfile::default()
        };
        match kind(&column.data_type) {
            Kind::Number | Kind::Date => {
                let is_date = kind(&column.data_type) == Kind::Date;
                profile.least = cell(2).and_then(|value| coarse(&value, is_date, Bound::Least));
                profile.greatest =
                    cell(3).and_then(|value| coarse(&value, is_date, Bound::Greatest));
            }
            Kind::Text => {
                profile.shortest = cell(2).and_then(|value| value.parse().ok());
                profile.longest = cell(3).and_then(|value| value.parse().ok());
            }
            Kind::Other => {}
        }
        if kind(&column.data_type) != Kind::Other {
            let value = as_text(engine, column);
            profile.values = frequent(asked, &value, &from, &doing).await?;
            if kind(&column.data_type) == Kind::Text {
                let form = form(engine, &value);
                let forms = frequent(asked, &form, &from, &doing).await?;
                profile.formats = merged(forms);
            }
        }
        columns.push(profile);
    }
    Ok(TableProfile { table: table.name.clone(), rows: seen, is_sample: seen == rows, columns })
}

/// What kind of bounds a column's values have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Date,
    Text,
    Other,
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::SmallInt
        | DataType::Integer
        | DataType::BigInt
        | DataType::Real
        | DataType::Double
        | DataType::Numeric(_) => Kind::Number,
        DataType::Date | DataType::Timestamp | DataType::TimestampTz => Kind::Date,
        DataType::Text | DataType::Varchar(_) | DataType::Char(_) | DataType::Named(_) => {
            Kind::Text
        }
        DataType::Boolean => Kind::Text,
        _ => Kind::Other,
    }
}

const AGGREGATES: usize = 4;

/// Values that there are, different ones, and the two bounds.
fn aggregates(engine: Engine, column: &Column) -> [String; AGGREGATES] {
    let name = quote(engine, &column.name);
    let value = as_text(engine, column);
    let count = format!("count({name})");
    let distinct = format!("count(distinct {value})");
    let length = match engine {
        Engine::Mysql => format!("char_length({value})"),
        _ => format!("length({value})"),
    };
    let (least, greatest) = match kind(&column.data_type) {
        Kind::Number | Kind::Date => (format!("min({name})"), format!("max({name})")),
        Kind::Text => (format!("min({length})"), format!("max({length})")),
        Kind::Other => ("null".to_owned(), "null".to_owned()),
    };
    [count, distinct, least, greatest]
}

fn as_text(engine: Engine, column: &Column) -> String {
    let name = quote(engine, &column.name);
    match engine {
        Engine::Postgres => format!("{name}::text"),
        // Values that differ by case only are two.
        Engine::Mysql => format!("convert({name} using utf8mb4) collate utf8mb4_bin"),
        Engine::Sqlite | Engine::Csv => format!("cast({name} as text)"),
    }
}

/// The most frequent values of an expression, as far as enough rows share them.
async fn frequent(
    asked: &mut Asked,
    value: &str,
    from: &str,
    doing: &str,
) -> Result<Vec<Frequent>> {
    let length = if asked.engine() == Engine::Mysql { "char_length" } else { "length" };
    let sql = format!(
        "select {value} as told, count(*) as times from {from}
         where {length}({value}) <= {LONGEST}
         group by {value} having count(*) >= {LEAST_ROWS}
         order by times desc, told limit {MOST_TOLD}"
    );
    let rows = asked.ask(sql, doing).await?;
    let told = rows.into_iter().filter_map(|row| {
        let rows = text(&row, 1).parse().ok()?;
        Some(Frequent { text: row.into_iter().next()??, rows })
    });
    Ok(told.collect())
}

/// The form of a text: digits as 9, letters of ASCII as x and X.
fn form(engine: Engine, value: &str) -> String {
    if engine == Engine::Postgres {
        return [("[0-9]", "9"), ("[A-Z]", "X"), ("[a-z]", "x")]
            .iter()
            .fold(value.to_owned(), |inner, (class, letter)| {
                format!("regexp_replace({inner}, '{class}', '{letter}', 'g')")
            });
    }
    // These two have no function for it that every version of them knows.
    let letters = ('0'..='8')
        .map(|c| (c, '9'))
        .chain(('A'..='Z').filter(|c| *c != 'X').map(|c| (c, 'X')))
        .chain(('a'..='z').filter(|c| *c != 'x').map(|c| (c, 'x')));
    letters
        .fold(value.to_owned(), |inner, (from, to)| format!("replace({inner}, '{from}', '{to}')"))
}

/// Letters that the source left as they are become x, too; forms that are then alike are one.
fn merged(forms: Vec<Frequent>) -> Vec<Frequent> {
    let mut merged: Vec<Frequent> = Vec::new();
    for form in forms {
        let text: String = form.text.chars().map(mask).collect();
        match merged.iter_mut().find(|known| known.text == text) {
            Some(known) => known.rows += form.rows,
            None => merged.push(Frequent { text, rows: form.rows }),
        }
    }
    merged
}

fn mask(c: char) -> char {
    match c {
        c if c.is_numeric() => '9',
        c if c.is_uppercase() => 'X',
        c if c.is_alphanumeric() => 'x',
        c if c.is_control() => '�',
        c => c,
    }
}

/// Which of two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Least,
    Greatest,
}

/// A bound that says nothing of the one row that has it: a year, or a number of one digit.
fn coarse(value: &str, is_date: bool, bound: Bound) -> Option<String> {
    if is_date {
        let year = value.split('-').next().filter(|year| !year.is_empty())?;
        return year.chars().all(|c| c.is_ascii_digit()).then(|| year.to_owned());
    }
    let number: f64 = value.parse().ok()?;
    if number == 0.0 || !number.is_finite() {
        return Some(value.to_owned()).filter(|_| number == 0.0).map(|_| "0".to_owned());
    }
    let unit = 10f64.powi(exponent(number));
    let digit = number / unit;
    let outward = if bound == Bound::Least { digit.floor() } else { digit.ceil() };
    Some(format!("{}", outward * unit))
}

#[expect(clippy::cast_possible_truncation, reason = "an exponent of a double has three digits")]
fn exponent(number: f64) -> i32 {
    number.abs().log10().floor() as i32
}

type FileProfile = (u64, bool, Vec<ColumnProfile>);

fn of_file(file: &CsvFile, columns: &[Column], most: u64) -> Result<FileProfile> {
    let failed = |error| unreadable(&file.path, error);
    let mut counted: Vec<Counted> = columns.iter().map(|_| Counted::default()).collect();
    let mut records = file.records(file.rows_from, u64::MAX).map_err(failed)?;
    let mut rows = 0;
    let mut is_sample = false;
    while let Some(record) = records.next().map_err(failed)? {
        if rows == most {
            is_sample = true;
            break;
        }
        rows += 1;
        if record.len() != columns.len() || record.is_broken {
            continue;
        }
        for (counted, field) in counted.iter_mut().zip(record.fields()) {
            counted.add(decode(file.encoding, field).as_deref());
        }
    }
    let columns = columns.iter().zip(counted);
    Ok((rows, is_sample, columns.map(|(column, counted)| counted.profile(column)).collect()))
}

/// What was counted of one column of a file.
#[derive(Default)]
struct Counted {
    nulls: u64,
    values: HashMap<String, u64>,
    forms: HashMap<String, u64>,
    shortest: Option<u64>,
    longest: Option<u64>,
    least: Option<f64>,
    greatest: Option<f64>,
    first: Option<String>,
    last: Option<String>,
}

impl Counted {
    fn add(&mut self, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            self.nulls += 1;
            return;
        };
        let length = value.chars().count();
        let wide = length as u64;
        self.shortest = Some(self.shortest.map_or(wide, |known| known.min(wide)));
        self.longest = Some(self.longest.map_or(wide, |known| known.max(wide)));
        if let Ok(number) = value.parse::<f64>() {
            self.least = Some(self.least.map_or(number, |known| known.min(number)));
            self.greatest = Some(self.greatest.map_or(number, |known| known.max(number)));
        }
        if self.first.as_deref().is_none_or(|known| value < known) {
            self.first = Some(value.to_owned());
        }
        if self.last.as_deref().is_none_or(|known| value > known) {
            self.last = Some(value.to_owned());
        }
        count(&mut self.values, value.to_owned());
        if length <= LONGEST {
            count(&mut self.forms, value.chars().map(mask).collect());
        }
    }

    fn profile(self, column: &Column) -> ColumnProfile {
        let mut profile = ColumnProfile {
            name: column.name.clone(),
            nulls: self.nulls,
            distinct: self.values.len() as u64,
            ..ColumnProfile::default()
        };
        let bound = |number: Option<f64>, bound| {
            number.and_then(|number| coarse(&number.to_string(), false, bound))
        };
        match kind(&column.data_type) {
            Kind::Number => {
                profile.least = bound(self.least, Bound::Least);
                profile.greatest = bound(self.greatest, Bound::Greatest);
            }
            Kind::Date => {
                profile.least = self.first.and_then(|it| coarse(&it, true, Bound::Least));
                profile.greatest = self.last.and_then(|it| coarse(&it, true, Bound::Greatest));
            }
            Kind::Text => {
                (profile.shortest, profile.longest) = (self.shortest, self.longest);
                profile.formats = told(self.forms);
            }
            Kind::Other => return profile,
        }
        profile.values = told(self.values);
        profile
    }
}

fn count(counts: &mut HashMap<String, u64>, text: String) {
    if counts.len() < MOST_DISTINCT || counts.contains_key(&text) {
        *counts.entry(text).or_default() += 1;
    }
}

fn told(counts: HashMap<String, u64>) -> Vec<Frequent> {
    let mut told: Vec<Frequent> = counts
        .into_iter()
        .filter(|(text, rows)| *rows >= LEAST_ROWS && text.chars().count() <= LONGEST)
        .map(|(text, rows)| Frequent { text, rows })
        .collect();
    told.sort_by(|left, right| right.rows.cmp(&left.rows).then_with(|| left.text.cmp(&right.text)));
    told.truncate(MOST_TOLD);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_does_not_say_whose_it_is() {
        let check = |value: &str, is_date, bound, expected: &str| {
            assert_eq!(coarse(value, is_date, bound).as_deref(), Some(expected), "{value}");
        };
        check("1931-07-04", true, Bound::Least, "1931");
        check("1234", false, Bound::Least, "1000");
        check("1234.5", false, Bound::Greatest, "2000");
        check("-1234", false, Bound::Least, "-2000");
        check("0", false, Bound::Least, "0");
        assert_eq!(coarse("(odd)", true, Bound::Least), None);
        assert_eq!(coarse("word", false, Bound::Least), None);
    }

    #[test]
    fn what_few_rows_share_is_not_told() {
        let counts = [("common", 5), ("rare", 4)].map(|(text, rows)| (text.to_owned(), rows));
        let told = told(counts.into_iter().collect());
        assert_eq!(told, [Frequent { text: "common".to_owned(), rows: 5 }]);
    }

    #[test]
    fn a_masked_profile_has_no_value_and_the_same_numbers() {
        let column = ColumnProfile {
            values: vec![Frequent { text: "Zoë 12".to_owned(), rows: 7 }],
            ..ColumnProfile::default()
        };
        let table = shared::assessment::TableName::new(None, "person");
        let profile = TableProfile { table, rows: 9, is_sample: false, columns: vec![column] };

        let masked = masked(vec![profile]);

        let expected = Frequent { text: "Xxx 99".to_owned(), rows: 7 };
        assert_eq!(masked[0].columns[0].values, [expected]);
    }

    #[test]
    fn letters_that_the_source_does_not_know_are_masked_too() {
        let forms = [("Xéx", 3), ("Xßx", 2)];
        let forms = forms.map(|(text, rows)| Frequent { text: text.to_owned(), rows }).to_vec();
        assert_eq!(merged(forms), [Frequent { text: "Xxx".to_owned(), rows: 5 }]);
    }
}
