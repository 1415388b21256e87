//! Dates of birth in the forms in which people and programs write them.

/// A date as `yyyymmdd`, where `00` stands for a part that is not known. 0 is no date.
///
/// Whether `03/04/1980` is a day of April or of March shows only in the whole column, so such a
/// date carries a mark until [`DateOrder`] is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BirthDate(u32);

/// Which part of `03/04/1980` is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    DayFirst,
    MonthFirst,
}

/// What a date tells about its column's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEvidence {
    None,
    For(DateOrder),
}

const UNDECIDED: u32 = 1 << 31;

impl BirthDate {
    /// A date of three parts, each 0 when it is not known.
    pub const fn new(year: u32, month: u32, day: u32) -> Self {
        Self(year * 10_000 + month * 100 + day)
    }

    pub const fn is_known(self) -> bool {
        self.0 != 0
    }

    /// The date once the order of its column is known.
    #[must_use]
    pub const fn in_order(self, order: DateOrder) -> Self {
        if self.0 & UNDECIDED == 0 {
            return self;
        }
        let date = Self(self.0 & !UNDECIDED);
        match order {
            // Undecided dates are kept as if the day came first.
            DateOrder::DayFirst => date,
            DateOrder::MonthFirst => Self::new(date.year(), date.day(), date.month()),
        }
    }

    pub const fn year(self) -> u32 {
        self.0 / 10_000
    }

    pub const fn month(self) -> u32 {
        self.0 / 100 % 100
    }

    pub const fn day(self) -> u32 {
        self.0 % 100
    }

    /// `yyyymmdd`.
    pub const fn digits(self) -> u32 {
        self.0
    }
}

/// Reads a date, with what it tells about the order of its column.
/// None for a text that is no date and for dates that stand for none, such as 1900-01-01.
pub fn parse(raw: &str) -> Option<(BirthDate, OrderEvidence)> {
    let raw = raw.trim();
    let (date, evidence) = match raw.as_bytes() {
        bytes if bytes.len() == 8 && bytes.iter().all(u8::is_ascii_digit) => compact(raw)?,
        bytes if let Some([year, month, day]) = dashed(bytes) => year_first(year, month, day)?,
        _ => separated(raw)?,
    };
    let year = (date.0 & !UNDECIDED) / 10_000;
    if !(1800..=2199).contains(&year) || is_placeholder(date) {
        return None;
    }
    Some((date, evidence))
}

/// A date from three columns.
pub fn from_parts(year: &str, month: &str, day: &str) -> Option<BirthDate> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let year = four_digits(number(year)?, year.trim().len());
    let part = |text, limit| number(text).filter(|value| *value <= limit).unwrap_or(0);
    let date = BirthDate::new(year, part(month, 99), part(day, 99));
    ((1800..=2199).contains(&date.year()) && !is_placeholder(date)).then_some(date)
}

/// Dates that programs and people enter when they have none.
const fn is_placeholder(date: BirthDate) -> bool {
    let date = BirthDate(date.0 & !UNDECIDED);
    matches!(
        (date.year(), date.month(), date.day()),
        (1900 | 1800 | 1901, 1, 1) | (1899, 12, 30 | 31) | (1900, 12, 31) | (1800, 12, 28)
    )
}

fn compact(raw: &str) -> Option<(BirthDate, OrderEvidence)> {
    let number: u32 = raw.parse().ok()?;
    let year = number / 10_000;
    if (1800..=2199).contains(&year) || (2400..=2700).contains(&year) {
        // A month or day that cannot be is kept: one digit of it may be all that is wrong.
        return Some((
            BirthDate::new(christian(year), number / 100 % 100, number % 100),
            OrderEvidence::None,
        ));
    }
    in_some_order(number / 1_000_000, number / 10_000 % 100, number % 10_000)
}

/// The parts of `1980-03-12`, as most programs write dates.
fn dashed(bytes: &[u8]) -> Option<[u32; 3]> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    Some([number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?])
}

fn separated(raw: &str) -> Option<(BirthDate, OrderEvidence)> {
    let mut parts = [""; 3];
    let mut count = 0;
    for part in raw.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if count == 3 {
            break;
        }
        // `12T00` of 1980-03-12T00:00:00.
        parts[count] =
            part.split_once('T').filter(|(day, _)| is_number(day)).map_or(part, |(day, _)| day);
        count += 1;
    }
    let number = |text: &str| is_number(text).then(|| text.parse::<u32>().ok()).flatten();
    match count {
        1 if parts[0].len() == 4 => {
            Some((BirthDate::new(christian(number(parts[0])?), 0, 0), OrderEvidence::None))
        }
        2 if parts[0].len() == 4 => {
            let month = number(parts[1])?;
            Some((BirthDate::new(christian(number(parts[0])?), month, 0), OrderEvidence::None))
        }
        3 => {
            if let Some(at) = (0..2).find(|at| month_by_name(parts[*at]).is_some()) {
                let month = month_by_name(parts[at])?;
                let day = number(parts[1 - at].trim_end_matches(|c: char| c.is_alphabetic()))?;
                let year = four_digits(number(parts[2])?, parts[2].len());
                let (year, day) = if day > 31 { (day, year) } else { (year, day) };
                return Some((BirthDate::new(year, month, day), OrderEvidence::None));
            }
            let [first, second, third] = [number(parts[0])?, number(parts[1])?, number(parts[2])?];
            if parts[0].len() == 4 {
                return year_first(first, second, third);
            }
            in_some_order(first, second, four_digits(third, parts[2].len()))
        }
        _ => None,
    }
}

/// `year/second/third`, where the day is mostly the third.
fn year_first(year: u32, second: u32, third: u32) -> Option<(BirthDate, OrderEvidence)> {
    let (month, day) = if second > 12 && third <= 12 { (third, second) } else { (second, third) };
    if month > 99 || day > 99 {
        return None;
    }
    Some((BirthDate::new(christian(year), month, day), OrderEvidence::None))
}

/// `first/second/year`, where either may be the day.
fn in_some_order(first: u32, second: u32, year: u32) -> Option<(BirthDate, OrderEvidence)> {
    let year = christian(year);
    if first > 99 || second > 99 {
        return None;
    }
    Some(match (first > 12, second > 12) {
        (true, _) => (BirthDate::new(year, second, first), OrderEvidence::For(DateOrder::DayFirst)),
        (false, true) => {
            (BirthDate::new(year, first, second), OrderEvidence::For(DateOrder::MonthFirst))
        }
        (false, false) if first == second => {
            (BirthDate::new(year, first, second), OrderEvidence::None)
        }
        (false, false) => {
            (BirthDate(BirthDate::new(year, second, first).0 | UNDECIDED), OrderEvidence::None)
        }
    })
}

/// Thai calendars count from 543 years earlier.
const fn christian(year: u32) -> u32 {
    if year >= 2400 && year <= 2700 { year - 543 } else { year }
}

/// Two digits from 30 on are of the last century: the old are in hospital more often than the
/// unborn.
const fn four_digits(year: u32, digits: usize) -> u32 {
    match (digits, year) {
        (..=2, 30..) => 1900 + year,
        (..=2, _) => 2000 + year,
        _ => christian(year),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn month_by_name(text: &str) -> Option<u32> {
    const MONTHS: [&[&str]; 12] = [
        &["jan", "ene"],
        &["feb", "fev"],
        &["mar", "mär", "maa"],
        &["apr", "abr", "avr"],
        &["may", "mai", "mei"],
        &["jun", "juin"],
        &["jul", "juil"],
        &["aug", "ago", "aou", "aoû"],
        &["sep", "set"],
        &["oct", "okt", "out"],
        &["nov"],
        &["dec", "dez", "dic", "déc"],
    ];
    if !text.chars().all(char::is_alphabetic) {
        return None;
    }
    let text = text.to_lowercase();
    let at = MONTHS.iter().position(|names| names.iter().any(|name| text.starts_with(name)))?;
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, digits: &str) {
        let date = parse(raw).map(|(date, _)| date.in_order(DateOrder::DayFirst).digits());
        assert_eq!(date.map(|date| date.to_string()).unwrap_or_default(), digits, "{raw}");
    }

    #[test]
    fn dates_are_read_in_the_forms_in_which_they_are_written() {
        check("19800312", "19800312");
        check("1980-03-12", "19800312");
        check("1980-03-12T00:00:00Z", "19800312");
        check("1980-03-12 08:30:00", "19800312");
        check("12/3/1980", "19800312");
        check("12.03.80", "19800312");
        check("12 Mar 1980", "19800312");
        check("March 12th, 1980", "19800312");
        check("1980", "19800000");
        check("1980-03", "19800300");
        check("12031980", "19800312");
        check("12/03/2523", "19800312");
    }

    #[test]
    fn a_date_with_one_wrong_digit_is_kept_for_comparison() {
        check("19801312", "19801312");
        check("19800012", "19800012");
    }

    #[test]
    fn dates_that_stand_for_none_are_none() {
        for raw in [
            "1900-01-01",
            "01/01/1900",
            "0001-01-01",
            "9999-12-31",
            "1899-12-30",
            "x",
            "",
            "12/345/1980",
        ] {
            check(raw, "");
        }
    }

    #[test]
    fn the_order_of_a_column_decides_what_its_dates_cannot() {
        let (open, evidence) = parse("03/04/1980").unwrap();
        assert_eq!(evidence, OrderEvidence::None);
        assert_eq!(open.in_order(DateOrder::DayFirst), BirthDate::new(1980, 4, 3));
        assert_eq!(open.in_order(DateOrder::MonthFirst), BirthDate::new(1980, 3, 4));
        assert_eq!(parse("25/04/1980").unwrap().1, OrderEvidence::For(DateOrder::DayFirst));
        assert_eq!(parse("04/25/1980").unwrap().1, OrderEvidence::For(DateOrder::MonthFirst));
    }

    #[test]
    fn three_columns_make_a_date_and_a_missing_part_is_unknown() {
        assert_eq!(from_parts("1967", "9", "27").unwrap(), BirthDate::new(1967, 9, 27));
        assert_eq!(from_parts("1967", "NA", "").unwrap(), BirthDate::new(1967, 0, 0));
        assert_eq!(from_parts("NA", "9", "27"), None);
    }
}
