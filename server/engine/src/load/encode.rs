//! Writes values in PostgreSQL's binary and text forms of COPY.

use shared::data_type::DataType;

use crate::value::Value;

/// A value that is not of the type it is to be written as. The transform should have cast it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch;

/// Appends one field of a binary COPY: its length and its bytes.
pub fn binary(value: &Value<'_>, data_type: &DataType, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    if value.is_null() {
        out.extend((-1i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend([0; 4]);
    if payload(value, data_type, out).is_err() {
        out.truncate(start);
        return Err(Mismatch);
    }
    let length = i32::try_from(out.len() - start - 4).map_err(|_| Mismatch)?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn payload(value: &Value<'_>, data_type: &DataType, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    match (data_type, value) {
        (_, Value::Raw(bytes)) | (DataType::Bytea, Value::Bytes(bytes)) => {
            out.extend_from_slice(bytes);
        }
        (DataType::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
        (DataType::SmallInt, Value::Int(value)) => {
            out.extend(i16::try_from(*value).map_err(|_| Mismatch)?.to_be_bytes());
        }
        (DataType::Integer, Value::Int(value)) => {
            out.extend(i32::try_from(*value).map_err(|_| Mismatch)?.to_be_bytes());
        }
        (DataType::BigInt, Value::Int(value)) => out.extend(value.to_be_bytes()),
        (DataType::Real, Value::Float32(value)) => out.extend(value.to_be_bytes()),
        (DataType::Double, Value::Float(value)) => out.extend(value.to_be_bytes()),
        (DataType::Numeric(_), Value::Decimal(text)) => numeric(text, out)?,
        (
            DataType::Text | DataType::Varchar(_) | DataType::Char(_) | DataType::Named(_),
            Value::Text(text),
        )
        | (DataType::Json, Value::Json(text)) => out.extend_from_slice(text.as_bytes()),
        (DataType::Jsonb, Value::Json(text)) => {
            out.push(1);
            out.extend_from_slice(text.as_bytes());
        }
        (DataType::Date, Value::Date(days)) => out.extend(days.to_be_bytes()),
        (DataType::Time, Value::Time(microseconds))
        | (DataType::Timestamp, Value::Timestamp(microseconds))
        | (DataType::TimestampTz, Value::TimestampTz(microseconds)) => {
            out.extend(microseconds.to_be_bytes());
        }
        (DataType::TimeTz, Value::TimeTz(microseconds, west)) => {
            out.extend(microseconds.to_be_bytes());
            out.extend(west.to_be_bytes());
        }
        (DataType::Interval, Value::Interval { months, days, microseconds }) => {
            out.extend(microseconds.to_be_bytes());
            out.extend(days.to_be_bytes());
            out.extend(months.to_be_bytes());
        }
        (DataType::Uuid, Value::Uuid(bytes)) => out.extend_from_slice(bytes),
        (DataType::Bit(_) | DataType::VarBit(_), Value::Bits { length, bytes }) => {
            out.extend(length.to_be_bytes());
            out.extend_from_slice(bytes);
        }
        _ => return Err(Mismatch),
    }
    Ok(())
}

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// PostgreSQL's numeric: groups of four decimal digits, the weight of the first group, a sign,
/// and how many digits after the point are shown.
fn numeric(text: &str, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    let mut header = |groups: u16, weight: i16, sign: u16, scale: u16| {
        out.extend(groups.to_be_bytes());
        out.extend(weight.to_be_bytes());
        out.extend(sign.to_be_bytes());
        out.extend(scale.to_be_bytes());
    };
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(special) = special {
        header(0, 0, special, 0);
        return Ok(());
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(Mismatch);
    }
    let scale = u16::try_from(fraction.len()).map_err(|_| Mismatch)?;
    let whole = whole.trim_start_matches('0');
    if let Some((groups, count)) = short_groups(whole, fraction) {
        let zeros = groups[..count].iter().take_while(|group| **group == 0).count();
        let signed = |number: usize| i16::try_from(number).map_err(|_| Mismatch);
        match u16::try_from(count - zeros).map_err(|_| Mismatch)? {
            0 => header(0, 0, 0, scale),
            shown => {
                let weight = signed(count)? - signed(fraction.len().div_ceil(4))? - 1;
                header(shown, weight, sign, scale);
            }
        }
        for group in groups[zeros..count].iter().rev() {
            out.extend_from_slice(&group.to_be_bytes());
        }
        return Ok(());
    }
    // The point stands between two groups, so the first and the last may be short.
    let lead = (4 - whole.len() % 4) % 4;
    let digit = |index: usize| -> u16 {
        let position = index.wrapping_sub(lead);
        let byte = if index < lead {
            b'0'
        } else if position < whole.len() {
            whole.as_bytes()[position]
        } else {
            fraction.as_bytes().get(position - whole.len()).copied().unwrap_or(b'0')
        };
        u16::from(byte - b'0')
    };
    let whole_groups = (lead + whole.len()) / 4;
    let all = whole_groups + fraction.len().div_ceil(4);
    let group = |index: usize| (0..4).fold(0, |sum, i| sum * 10 + digit(index * 4 + i));
    let first = (0..all).find(|index| group(*index) != 0).unwrap_or(all);
    let last = (first..all).rev().find(|index| group(*index) != 0).map_or(first, |index| index + 1);
    if first == last {
        header(0, 0, 0, scale);
        return Ok(());
    }
    let weight = i16::try_from(whole_groups).map_err(|_| Mismatch)?
        - 1
        - i16::try_from(first).map_err(|_| Mismatch)?;
    header(u16::try_from(last - first).map_err(|_| Mismatch)?, weight, sign, scale);
    for index in first..last {
        out.extend(group(index).to_be_bytes());
    }
    Ok(())
}

/// The groups of a number with so few digits that they can be calculated with, the last group
/// first, and how many there are.
fn short_groups(whole: &str, fraction: &str) -> Option<([u16; 5], usize)> {
    const POWERS: [u64; 4] = [1, 10, 100, 1_000];
    let fill = fraction.len().next_multiple_of(4) - fraction.len();
    if whole.len() + fraction.len() + fill > 19 {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let mut rest = digits.fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    rest *= POWERS[fill];
    let mut groups = [0; 5];
    let mut count = 0;
    while rest > 0 {
        groups[count] = u16::try_from(rest % 10_000).ok()?;
        rest /= 10_000;
        count += 1;
    }
    Some((groups, count))
}

/// Appends one field of a text COPY, without separators around it.
pub fn text(value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Mismatch> {
    match value {
        Value::Null => out.extend(b"\\N"),
        Value::Bytes(bytes) => {
            out.extend(b"\\\\x");
            for byte in bytes.iter() {
                out.extend(format!("{byte:02x}").bytes());
            }
        }
        Value::Raw(_) | Value::Invalid(..) => return Err(Mismatch),
        _ => {
            let plain = crate::value::display(value).ok_or(Mismatch)?;
            for byte in plain.bytes() {
                match byte {
                    b'\\' => out.extend(b"\\\\"),
                    b'\n' => out.extend(b"\\n"),
                    b'\r' => out.extend(b"\\r"),
                    b'\t' => out.extend(b"\\t"),
                    _ => out.push(byte),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a numeric back the way PostgreSQL prints it.
    fn decode(bytes: &[u8]) -> String {
        let word = |i: usize| i16::from_be_bytes([bytes[i * 2], bytes[i * 2 + 1]]);
        let (groups, weight, scale) = (word(0), word(1), usize::try_from(word(3)).unwrap());
        let group = |index: i16| {
            if (0..groups).contains(&index) { word(4 + usize::try_from(index).unwrap()) } else { 0 }
        };
        let groups = |range: &mut dyn Iterator<Item = i16>| {
            range.map(|index| format!("{:04}", group(index))).collect::<Vec<_>>().concat()
        };
        let whole = groups(&mut (0..=weight.max(-1))).trim_start_matches('0').to_owned();
        let last = weight + i16::try_from(scale.div_ceil(4)).unwrap();
        let mut fraction = groups(&mut (weight + 1..=last));
        fraction.truncate(scale);
        let sign = if word(2) == 0x4000 { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { &whole };
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    #[track_caller]
    fn check(text: &str) {
        let mut out = Vec::new();
        numeric(text, &mut out).unwrap();
        assert_eq!(decode(&out), text);
    }

    #[test]
    fn a_decimal_keeps_its_last_digit() {
        for text in
            ["0", "0.00", "1", "-1", "10.25", "0.0001", "0.00012", "-99999999.99999999", "10000"]
        {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_decimal_reads_back(sign in "-?", whole in "0|[1-9][0-9]{0,30}", fraction in "(\\.[0-9]{1,30})?") {
            let text = format!("{sign}{whole}{fraction}");
            let zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
            check(if zero { text.trim_start_matches('-') } else { &text });
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_leaves_no_trace() {
        let mut out = vec![1];
        assert_eq!(binary(&Value::Int(1), &DataType::Text, &mut out), Err(Mismatch));
        assert_eq!(binary(&Value::Int(70_000), &DataType::SmallInt, &mut out), Err(Mismatch));
        assert_eq!(out, [1]);
    }

    #[test]
    fn a_text_field_cannot_end_its_line() {
        let mut out = Vec::new();
        text(&Value::Text("a\tb\n\\.".into()), &mut out).unwrap();
        assert_eq!(out, b"a\\tb\\n\\\\.");
    }
}
