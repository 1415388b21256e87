//! Dates and times as PostgreSQL counts them: from 2000-01-01, by the Gregorian calendar at all
//! times, read from text.

mod interval;

pub(super) use interval::parse_interval;

pub(super) const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// 4714-11-24 BC and 5874897-12-31.
const DATES: std::ops::RangeInclusive<i64> = -2_451_545..=2_145_031_948;
/// 4714-11-24 BC and the last microsecond of 294276.
const TIMESTAMPS: std::ops::RangeInclusive<i64> =
    -211_813_488_000_000_000..=9_223_371_331_199_999_999;
/// From 1970-01-01 to 2000-01-01.
pub(super) const DAYS_TO_EPOCH: i64 = 10_957;

/// Why a text is not the date or time that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    Malformed,
    /// A zero month or day.
    ZeroDate,
    /// No such day or hour, or none that the calendar reaches.
    OutOfRange,
    /// More than six digits after the second's point.
    TooFine,
}

/// A point in time as a text gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) day: Day,
    /// Microseconds since midnight, where the text has a time.
    pub(super) time: Option<i64>,
    /// Seconds east of Greenwich, where the text has a zone.
    pub(super) east: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    Before,
    /// Days since 2000-01-01.
    On(i64),
    After,
}

/// `2024-02-29`, `2024-02-29 12:30`, `20240229T123000Z`, `44-03-15 BC`, `infinity`.
pub(super) fn parse_moment(text: &str) -> Result<Moment, Unread> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "infinity" => return Ok(Moment { day: Day::After, time: None, east: None }),
        "-infinity" => return Ok(Moment { day: Day::Before, time: None, east: None }),
        _ => {}
    }
    let (text, before_christ) =
        match text.len().checked_sub(3).and_then(|at| text.split_at_checked(at)) {
            Some((rest, era)) if era.eq_ignore_ascii_case(" bc") => (rest, true),
            Some((rest, era)) if era.eq_ignore_ascii_case(" ad") => (rest, false),
            _ => (text, false),
        };
    let mut cursor = Cursor(text.as_bytes());
    let (year, month, day) = read_date(&mut cursor)?;
    let (time, east) = match cursor.peek() {
        None => (None, None),
        Some(b' ' | b'T' | b't') => {
            cursor.advance(1);
            cursor.skip_blanks();
            read_time_and_zone(&mut cursor)?
        }
        // A compact date goes on with a compact time.
        Some(b'0'..=b'9') => read_time_and_zone(&mut cursor)?,
        Some(_) => return Err(Unread::Malformed),
    };
    if !cursor.0.is_empty() {
        return Err(Unread::Malformed);
    }
    if month == 0 || day == 0 {
        return Err(Unread::ZeroDate);
    }
    if year == 0 {
        return Err(Unread::OutOfRange);
    }
    let year = if before_christ { 1 - year } else { year };
    let days = days_of(year, month, day).ok_or(Unread::OutOfRange)?;
    Ok(Moment { day: Day::On(days), time, east })
}

impl Moment {
    /// Days since 2000-01-01; none when the time is not midnight.
    pub(super) fn date(self) -> Result<Option<i32>, Unread> {
        if !matches!(self.time, None | Some(0)) {
            return Ok(None);
        }
        Ok(Some(match self.day {
            Day::Before => i32::MIN,
            Day::After => i32::MAX,
            Day::On(days) => date_in_range(days)?,
        }))
    }

    /// Microseconds since 2000-01-01 00:00:00, in the zone given or in none.
    pub(super) fn microseconds(self) -> Result<i64, Unread> {
        let days = match self.day {
            Day::Before => return Ok(i64::MIN),
            Day::After => return Ok(i64::MAX),
            Day::On(days) => days,
        };
        let zone = i64::from(self.east.unwrap_or(0)) * SECOND;
        days.checked_mul(DAY)
            .and_then(|start| start.checked_add(self.time.unwrap_or(0)))
            .and_then(|local| local.checked_sub(zone))
            .ok_or(Unread::OutOfRange)
            .and_then(timestamp_in_range)
    }
}

/// The same day, when PostgreSQL has it.
pub(super) fn date_in_range(days: i64) -> Result<i32, Unread> {
    if !DATES.contains(&days) {
        return Err(Unread::OutOfRange);
    }
    i32::try_from(days).map_err(|_| Unread::OutOfRange)
}

/// The same point in time, when PostgreSQL has it.
pub(super) fn timestamp_in_range(microseconds: i64) -> Result<i64, Unread> {
    if TIMESTAMPS.contains(&microseconds) { Ok(microseconds) } else { Err(Unread::OutOfRange) }
}

/// `12:30`, `12:30:00.5`, `123000`, `1:30 PM`, `12:30+02`: microseconds since midnight, and
/// seconds east of Greenwich.
pub(super) fn parse_time(text: &str) -> Result<(i64, Option<i32>), Unread> {
    let mut cursor = Cursor(text.trim().as_bytes());
    let (time, east) = read_time_and_zone(&mut cursor)?;
    match (time, cursor.0.is_empty()) {
        (Some(time), true) => Ok((time, east)),
        _ => Err(Unread::Malformed),
    }
}

/// Days since 2000-01-01 of a day by the Gregorian calendar; year 0 is 1 BC.
pub(super) fn days_of(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    // Years begin in March, so that a leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468 - DAYS_TO_EPOCH)
}

const fn days_in(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0
            && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) =>
        {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// What is left of a text.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance(1);
        }
        found
    }

    fn skip_blanks(&mut self) {
        while self.take(b' ') {}
    }

    fn digits(&mut self, at_most: usize) -> &'a [u8] {
        let count = self.0.iter().take(at_most).take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits
    }

    /// How many digits come next.
    fn digits_ahead(&self) -> usize {
        self.0.iter().take_while(|b| b.is_ascii_digit()).count()
    }

    fn word(&mut self) -> &'a [u8] {
        let count = self.0.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = self.0.split_at(count);
        self.0 = rest;
        word
    }
}

fn number(digits: &[u8]) -> Result<i64, Unread> {
    if digits.is_empty() {
        return Err(Unread::Malformed);
    }
    if digits.len() > 15 {
        return Err(Unread::OutOfRange);
    }
    Ok(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

fn two_digits(cursor: &mut Cursor<'_>) -> Result<u32, Unread> {
    number(cursor.digits(2)).and_then(|n| u32::try_from(n).map_err(|_| Unread::OutOfRange))
}

fn read_date(cursor: &mut Cursor<'_>) -> Result<(i64, u32, u32), Unread> {
    if matches!(cursor.digits_ahead(), 8 | 14) {
        let year = number(cursor.digits(4))?;
        return Ok((year, two_digits(cursor)?, two_digits(cursor)?));
    }
    let digits = cursor.digits(usize::MAX);
    // Two digits could be a day or a year of any century.
    if digits.len() < 3 {
        return Err(Unread::Malformed);
    }
    let year = number(digits)?;
    let separator =
        cursor.peek().filter(|b| matches!(b, b'-' | b'/' | b'.')).ok_or(Unread::Malformed)?;
    cursor.advance(1);
    let month = two_digits(cursor)?;
    if !cursor.take(separator) {
        return Err(Unread::Malformed);
    }
    Ok((year, month, two_digits(cursor)?))
}

fn read_time_and_zone(cursor: &mut Cursor<'_>) -> Result<(Option<i64>, Option<i32>), Unread> {
    let time = read_clock(cursor)?;
    cursor.skip_blanks();
    let (time, east) = match cursor.peek() {
        Some(b'A' | b'a' | b'P' | b'p') => {
            let time = half_day(time, cursor.word())?;
            cursor.skip_blanks();
            (time, read_zone(cursor)?)
        }
        _ => (time, read_zone(cursor)?),
    };
    Ok((Some(time), east))
}

fn half_day(time: i64, word: &[u8]) -> Result<i64, Unread> {
    let hour = time / HOUR;
    let afternoon = if word.eq_ignore_ascii_case(b"pm") {
        true
    } else if word.eq_ignore_ascii_case(b"am") {
        false
    } else {
        return Err(Unread::Malformed);
    };
    match (hour, afternoon) {
        (1..=11, true) => Ok(time + 12 * HOUR),
        (12, false) => Ok(time - 12 * HOUR),
        (1..=11, false) | (12, true) => Ok(time),
        _ => Err(Unread::OutOfRange),
    }
}

fn read_clock(cursor: &mut Cursor<'_>) -> Result<i64, Unread> {
    let compact = matches!(cursor.digits_ahead(), 4 | 6);
    let hours = two_digits(cursor)?;
    let more = |cursor: &mut Cursor<'_>| {
        if compact { cursor.digits_ahead() > 0 } else { cursor.take(b':') }
    };
    if !more(cursor) {
        return Err(Unread::Malformed);
    }
    let minutes = two_digits(cursor)?;
    let (seconds, fraction) =
        if more(cursor) { (two_digits(cursor)?, read_fraction(cursor)?) } else { (0, 0) };
    clock(hours.into(), minutes.into(), seconds.into(), fraction)
}

/// Midnight may be written as the end of its day.
fn clock(hours: i64, minutes: i64, seconds: i64, fraction: i64) -> Result<i64, Unread> {
    let time = hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction;
    if minutes > 59 || seconds > 59 || time > DAY { Err(Unread::OutOfRange) } else { Ok(time) }
}

/// Microseconds after the point, if there is one.
fn read_fraction(cursor: &mut Cursor<'_>) -> Result<i64, Unread> {
    if !cursor.take(b'.') && !cursor.take(b',') {
        return Ok(0);
    }
    let digits = cursor.digits(usize::MAX);
    let (kept, finer) = digits.split_at(digits.len().min(6));
    if finer.iter().any(|digit| *digit != b'0') {
        return Err(Unread::TooFine);
    }
    let mut fraction = number(kept)?;
    for _ in kept.len()..6 {
        fraction *= 10;
    }
    Ok(fraction)
}

fn read_zone(cursor: &mut Cursor<'_>) -> Result<Option<i32>, Unread> {
    let Some(first) = cursor.peek() else { return Ok(None) };
    if first.is_ascii_alphabetic() {
        let word = cursor.word();
        let greenwich = [&b"z"[..], b"utc", b"gmt"];
        return if greenwich.iter().any(|name| word.eq_ignore_ascii_case(name)) {
            Ok(Some(0))
        } else {
            Err(Unread::Malformed)
        };
    }
    let sign = match first {
        b'+' => 1,
        b'-' => -1,
        _ => return Err(Unread::Malformed),
    };
    cursor.advance(1);
    let mut parts = [0, 0, 0];
    let compact = matches!(cursor.digits_ahead(), 4 | 6);
    for (index, part) in parts.iter_mut().enumerate() {
        if index > 0 && !(compact && cursor.digits_ahead() > 0 || cursor.take(b':')) {
            break;
        }
        *part = i32::try_from(two_digits(cursor)?).map_err(|_| Unread::OutOfRange)?;
    }
    let [hours, minutes, seconds] = parts;
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(Unread::OutOfRange);
    }
    Ok(Some(sign * (hours * 3600 + minutes * 60 + seconds)))
}
