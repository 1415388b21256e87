//! MySQL's texts as values.

use std::borrow::Cow;

use shared::data_type::DataType;
use sqlx::mysql::{MySql, MySqlTypeInfo};
use sqlx::{Type, TypeInfo};

use crate::value::{Batch, Flaw, Value};

/// How the text of a cell is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellForm {
    Integer,
    Decimal,
    Float32,
    Float,
    Boolean,
    /// Bits of this many, lowest last.
    Bits(u32),
    /// One bit.
    Bit,
    Text,
    Json,
    Bytes,
    Geometry,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Interval,
    Uuid,
}

impl CellForm {
    /// What the plan's type and the server's own say together.
    pub(super) fn of(data_type: &DataType, type_info: &MySqlTypeInfo) -> Self {
        let name = type_info.name();
        let is_bits = name == "BIT";
        match data_type {
            DataType::Boolean if is_bits => Self::Bit,
            DataType::Boolean => Self::Boolean,
            DataType::Bit(length) | DataType::VarBit(Some(length)) if is_bits => {
                Self::Bits(*length)
            }
            _ if is_bits => Self::Bits(64),
            DataType::SmallInt | DataType::Integer | DataType::BigInt => Self::Integer,
            DataType::Numeric(_) if name.contains("INT") => Self::Integer,
            DataType::Numeric(_) => Self::Decimal,
            DataType::Real => Self::Float32,
            DataType::Double => Self::Float,
            DataType::Date => Self::Date,
            DataType::Timestamp => Self::Timestamp,
            DataType::TimestampTz => Self::TimestampTz,
            DataType::Time | DataType::TimeTz => Self::Time,
            DataType::Interval => Self::Interval,
            DataType::Uuid => Self::Uuid,
            DataType::Json | DataType::Jsonb if name == "JSON" => Self::Json,
            DataType::Bytea if name == "GEOMETRY" => Self::Geometry,
            DataType::Bytea => Self::Bytes,
            _ if is_binary(type_info) => Self::Bytes,
            _ => Self::Text,
        }
    }

    pub(super) fn push(self, cell: &[u8], batch: &mut Batch) {
        let value = self.value(cell);
        batch.push(&value.unwrap_or_else(|| text(cell)));
    }

    /// The value of a cell; none when it is not of this form, and so only a text.
    fn value(self, cell: &[u8]) -> Option<Value<'_>> {
        let plain = || std::str::from_utf8(cell).ok();
        match self {
            Self::Integer => integer(plain()?),
            Self::Decimal => Some(Value::Decimal(Cow::Borrowed(without_zeros(plain()?)))),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the server widened it from single precision"
            )]
            Self::Float32 => Some(Value::Float32(plain()?.parse::<f64>().ok()? as f32)),
            Self::Float => Some(Value::Float(plain()?.parse().ok()?)),
            Self::Boolean => match plain()? {
                "0" => Some(Value::Bool(false)),
                "1" => Some(Value::Bool(true)),
                other => integer(other),
            },
            Self::Bit => Some(Value::Bool(cell.iter().any(|byte| *byte != 0))),
            Self::Bits(length) => Some(bits(cell, length)),
            Self::Text => None,
            Self::Json => Some(Value::Json(Cow::Borrowed(plain()?))),
            Self::Bytes => Some(Value::Bytes(Cow::Borrowed(cell))),
            Self::Geometry => Some(Value::Bytes(geometry(cell))),
            Self::Date => date(cell).map(|days| match days {
                Ok(days) => Value::Date(days),
                Err(flaw) => Value::Invalid(flaw, Cow::Borrowed(cell)),
            }),
            Self::Timestamp => timestamp(cell, Value::Timestamp),
            Self::TimestampTz => timestamp(cell, Value::TimestampTz),
            Self::Time => time(plain()?).map(|microseconds| {
                if (0..DAY).contains(&microseconds) {
                    Value::Time(microseconds)
                } else {
                    Value::Invalid(Flaw::OutOfRange, Cow::Borrowed(cell))
                }
            }),
            Self::Interval => time(plain()?).map(|microseconds| Value::Interval {
                months: 0,
                days: 0,
                microseconds,
            }),
            Self::Uuid => {
                uuid::Uuid::try_parse_ascii(cell).ok().map(|uuid| Value::Uuid(uuid.into_bytes()))
            }
        }
    }
}

/// Bytes without a character set, in whatever type.
fn is_binary(type_info: &MySqlTypeInfo) -> bool {
    <[u8] as Type<MySql>>::compatible(type_info) && !<str as Type<MySql>>::compatible(type_info)
}

fn text(cell: &[u8]) -> Value<'_> {
    match std::str::from_utf8(cell) {
        Ok(text) => Value::Text(Cow::Borrowed(text)),
        Err(_) => Value::Invalid(Flaw::NotText, Cow::Borrowed(cell)),
    }
}

fn integer(text: &str) -> Option<Value<'static>> {
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    text.parse().ok().map(Value::Uint)
}

/// A column that is filled with zeros shows them.
fn without_zeros(text: &str) -> &str {
    let bytes = text.as_bytes();
    let zeros =
        bytes.windows(2).take_while(|pair| pair[0] == b'0' && pair[1].is_ascii_digit()).count();
    &text[zeros..]
}

/// The server sends a number of whole bytes; its lowest bit is the last one.
fn bits(cell: &[u8], length: u32) -> Value<'_> {
    let sent = u32::try_from(cell.len() * 8).unwrap_or(0);
    let length = length.min(sent);
    let mut number = [0_u8; 8];
    let kept = cell.len().min(8);
    number[8 - kept..].copy_from_slice(&cell[cell.len() - kept..]);
    let shifted = u64::from_be_bytes(number).checked_shl(64 - length).unwrap_or(0).to_be_bytes();
    let bytes = shifted[..length.div_ceil(8) as usize].to_vec();
    Value::Bits { length, bytes: Cow::Owned(bytes) }
}

/// MySQL keeps the number of the reference system before the shape. The extended form puts it
/// inside, where PostgreSQL's spatial types look for it; without a system both are the same.
fn geometry(cell: &[u8]) -> Cow<'_, [u8]> {
    let Some((system, shape)) = cell.split_first_chunk::<4>() else { return Cow::Borrowed(cell) };
    let Some((kind, rest)) = shape
        .split_first()
        .and_then(|(order, rest)| rest.split_first_chunk::<4>().filter(|_| *order == 1))
    else {
        return Cow::Borrowed(cell);
    };
    if *system == [0; 4] {
        return Cow::Borrowed(shape);
    }
    let kind = u32::from_le_bytes(*kind) | 0x2000_0000;
    let mut extended = Vec::with_capacity(cell.len());
    extended.push(1);
    extended.extend_from_slice(&kind.to_le_bytes());
    extended.extend_from_slice(system);
    extended.extend_from_slice(rest);
    Cow::Owned(extended)
}

/// Days since 2000-01-01 of `YYYY-MM-DD`, or why it is no day; none when it is written otherwise.
fn date(cell: &[u8]) -> Option<Result<i32, Flaw>> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = cell else { return None };
    let year = digits([*y0, *y1, *y2, *y3])?;
    let (month, day) = (digits([*m0, *m1])?, digits([*d0, *d1])?);
    if year == 0 || month == 0 || day == 0 {
        return Some(Err(Flaw::ZeroDate));
    }
    Some(days(year, month, day).ok_or(Flaw::OutOfRange))
}

fn timestamp(cell: &[u8], make: fn(i64) -> Value<'static>) -> Option<Value<'_>> {
    let (day, time_of_day) = cell.split_at_checked(10)?;
    let microseconds = match time_of_day {
        [] => 0,
        [b' ', rest @ ..] => time(std::str::from_utf8(rest).ok()?)?,
        _ => return None,
    };
    Some(match date(day)? {
        Ok(days) => make(i64::from(days) * DAY + microseconds),
        Err(flaw) => Value::Invalid(flaw, Cow::Borrowed(cell)),
    })
}

/// Microseconds of `-838:59:59.123456`.
fn time(text: &str) -> Option<i64> {
    let (text, sign) = text.strip_prefix('-').map_or((text, 1), |text| (text, -1));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u32>().ok().map(i64::from));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || decimals.len() > 6 || minutes > 59 || seconds > 59 {
        return None;
    }
    let scale = 10_i64.pow(6 - u32::try_from(decimals.len()).ok()?);
    let decimals = if decimals.is_empty() { 0 } else { i64::from(decimals.parse::<u32>().ok()?) };
    Some(sign * (((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + decimals * scale))
}

fn digits<const N: usize>(text: [u8; N]) -> Option<i32> {
    text.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i32::from(digit - b'0'))
    })
}

fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    let date = chrono::NaiveDate::from_ymd_opt(
        year,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )?;
    Some(chrono::Datelike::num_days_from_ce(&date) - DAYS_TO_2000)
}

/// From the first day of year 1.
const DAYS_TO_2000: i32 = 730_120;
const DAY: i64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(form: CellForm, text: &str, expected: Value<'_>) {
        assert_eq!(form.value(text.as_bytes()).expect("is understood"), expected);
    }

    #[test]
    fn a_text_of_mysql_becomes_its_value() {
        check(CellForm::Integer, "18446744073709551615", Value::Uint(u64::MAX));
        check(CellForm::Integer, "-7", Value::Int(-7));
        check(CellForm::Decimal, "00012.30", Value::Decimal("12.30".into()));
        check(CellForm::Decimal, "0.10", Value::Decimal("0.10".into()));
        check(CellForm::Date, "2000-01-01", Value::Date(0));
        check(CellForm::Date, "1000-01-01", Value::Date(-365_242));
        check(CellForm::Timestamp, "1999-12-31 23:59:59.999999", Value::Timestamp(-1));
        check(
            CellForm::Interval,
            "-838:59:59.5",
            Value::Interval { months: 0, days: 0, microseconds: -3_020_399_500_000 },
        );
        check(CellForm::Time, "23:59:59", Value::Time(86_399_000_000));
        assert!(matches!(
            CellForm::Time.value(b"24:00:00"),
            Some(Value::Invalid(Flaw::OutOfRange, _))
        ));
    }

    #[test]
    fn a_day_that_is_none_is_told_from_one_of_zeros() {
        for zero in ["0000-00-00", "2024-00-10", "2024-10-00", "0000-01-01"] {
            assert_eq!(date(zero.as_bytes()), Some(Err(Flaw::ZeroDate)), "{zero}");
        }
        assert_eq!(date(b"2023-02-30"), Some(Err(Flaw::OutOfRange)));
        assert_eq!(date(b"today"), None);
    }

    #[test]
    fn bits_stand_left_in_their_bytes() {
        let expected = Value::Bits { length: 10, bytes: vec![0b1010_1010, 0b1100_0000].into() };
        assert_eq!(bits(&[0b10, 0b1010_1011], 10), expected);
        assert_eq!(bits(&[0xff; 8], 64), Value::Bits { length: 64, bytes: vec![0xff; 8].into() });
        assert_eq!(bits(&[], 3), Value::Bits { length: 0, bytes: Vec::new().into() });
    }

    proptest! {
        #[test]
        fn no_cell_makes_the_reader_panic(
            cell in proptest::collection::vec(any::<u8>(), 0..30),
            text in "[-0-9: .]{0,30}",
        ) {
            use CellForm as F;
            for form in [
                F::Integer, F::Decimal, F::Float32, F::Float, F::Boolean, F::Bits(9), F::Bit,
                F::Json, F::Bytes, F::Geometry, F::Date, F::Timestamp, F::TimestampTz, F::Time,
                F::Interval, F::Uuid, F::Text,
            ] {
                let mut batch = Batch::new(1);
                form.push(&cell, &mut batch);
                form.push(text.as_bytes(), &mut batch);
            }
        }
    }
}
