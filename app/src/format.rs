//! Counts, durations, sizes and dates as people read them.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use shared::run::Books;

/// `1234567` is `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 table`, `2 tables`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// What became of all rows, as a sum: `10 read = 9 loaded + …`.
pub(crate) fn books(books: &Books) -> String {
    format!(
        "{} read = {} loaded + {} merged + {} filtered + {} quarantined",
        count(books.read),
        count(books.loaded),
        count(books.merged),
        count(books.filtered),
        count(books.quarantined)
    )
}

/// Rows a second, without false precision.
pub(crate) fn rate(rows_per_second: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is never negative and far below the limit"
    )]
    let rounded = rows_per_second.max(0.0).round() as u64;
    count(rounded)
}

/// `0.314` is `31 %`. Only what is complete is 100 %.
pub(crate) fn percent(fraction: f64) -> String {
    let percent = (fraction * 100.0).floor().clamp(0.0, 100.0);
    format!("{percent} %")
}

/// `75.2` seconds are `1 min 15 s`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above, and no run lasts that long"
    )]
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// How long something took, or has taken so far.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    duration(seconds_of(to - from))
}

/// `1536` bytes are `1.5 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "two digits of it are shown")]
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size >= 100.0 {
        format!("{size:.0} {}", UNITS[unit])
    } else {
        format!("{size:.1} {}", UNITS[unit])
    }
}

/// How long ago something was; a date when it is more than a week.
pub(crate) fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - then).num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..2880 => "yesterday".to_owned(),
        2880..10080 => format!("{} days ago", minutes / 1440),
        _ => date(then),
    }
}

/// `12 Mar 2026`.
pub(crate) fn date(time: DateTime<Utc>) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!("{} {} {}", time.day(), MONTHS[time.month0() as usize], time.year())
}

/// `12 Mar 2026, 14:05:09 UTC`.
pub(crate) fn date_and_time(time: DateTime<Utc>) -> String {
    format!("{}, {:02}:{:02}:{:02} UTC", date(time), time.hour(), time.minute(), time.second())
}

/// Up to two initials of a name, for where there is no picture.
pub(crate) fn initials(name: &str) -> String {
    let initials: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    if initials.is_empty() { "U".to_owned() } else { initials }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run fit")]
fn seconds_of(delta: TimeDelta) -> f64 {
    delta.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(0, "table", "tables"), "0 tables");
        assert_eq!(counted(1, "table", "tables"), "1 table");
        assert_eq!(counted(1_200, "table", "tables"), "1,200 tables");
    }

    #[test]
    fn almost_done_is_not_shown_as_done() {
        assert_eq!(percent(0.999_99), "99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn a_duration_has_two_units_at_most() {
        assert_eq!(duration(0.04), "0.0 s");
        assert_eq!(duration(9.94), "9.9 s");
        assert_eq!(duration(9.96), "10 s");
        assert_eq!(duration(75.2), "1 min 15 s");
        assert_eq!(duration(3_725.0), "1 h 02 min");
        assert_eq!(duration(f64::NAN), "–");
    }

    #[test]
    fn a_size_is_written_in_the_largest_unit_that_fits() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(300 << 20), "300 MiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }

    #[test]
    fn what_is_more_than_a_week_old_has_a_date() {
        let then: DateTime<Utc> = "2026-03-12T14:05:09Z".parse().unwrap();
        let after = |minutes| ago(then, then + TimeDelta::minutes(minutes));
        assert_eq!(after(0), "just now");
        assert_eq!(after(59), "59 min ago");
        assert_eq!(after(60), "1 h ago");
        assert_eq!(after(1_500), "yesterday");
        assert_eq!(after(3 * 1_440), "3 days ago");
        assert_eq!(after(8 * 1_440), "12 Mar 2026");
        assert_eq!(date_and_time(then), "12 Mar 2026, 14:05:09 UTC");
    }

    #[test]
    fn initials_are_two_letters_at_most() {
        assert_eq!(initials("Ida Example Sample"), "IE");
        assert_eq!(initials("émile"), "É");
        assert_eq!(initials("  "), "U");
    }
}
