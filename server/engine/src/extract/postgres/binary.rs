//! PostgreSQL's binary copy format, decoded without an allocation per cell.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::value::{Batch, Flaw, Value};

/// How the bytes of a cell are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellForm {
    Raw,
    Boolean,
    /// Of any width.
    Integer,
    Float32,
    Float,
    Numeric,
    Text,
    Bytes,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Bits,
}

/// The server sent what is not its own format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's rows are not in the binary copy format of these columns")
    }
}

impl std::error::Error for Malformed {}

/// Turns what the server sends, in pieces of any size, into rows of a batch.
#[derive(Debug)]
pub(crate) struct Decoder {
    forms: Vec<CellForm>,
    /// The beginning of a row whose end has not arrived.
    rest: Vec<u8>,
    begun: bool,
    ended: bool,
    rows: u64,
    digits: String,
}

impl Decoder {
    pub(crate) const fn new(forms: Vec<CellForm>) -> Self {
        Self { forms, rest: Vec::new(), begun: false, ended: false, rows: 0, digits: String::new() }
    }

    /// A batch for what comes next. Rows of which no cell is to be decoded stay as they came.
    pub(crate) fn batch(&self) -> Batch {
        if self.forms.iter().all(|form| *form == CellForm::Raw) {
            Batch::packed(self.forms.len())
        } else {
            Batch::new(self.forms.len())
        }
    }

    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the rows that are complete to the batch.
    pub(crate) fn feed(&mut self, bytes: &[u8], batch: &mut Batch) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            let used = self.take(bytes, batch)?;
            self.rest.extend_from_slice(&bytes[used..]);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(bytes);
            let used = self.take(&joined, batch)?;
            joined.drain(..used);
            self.rest = joined;
        }
        Ok(())
    }

    /// Decodes whole rows and tells how many bytes they took.
    fn take(&mut self, bytes: &[u8], batch: &mut Batch) -> Result<usize, Malformed> {
        let mut used = 0;
        if !self.begun {
            let Some(header) = header(bytes)? else { return Ok(0) };
            used = header;
            self.begun = true;
        }
        while !self.ended {
            let Some(row) = self.row_length(&bytes[used..])? else { break };
            if self.ended {
                break;
            }
            let whole = &bytes[used..used + row];
            if batch.as_packed().is_some() {
                batch.push_packed(whole);
            } else {
                self.decode_row(&whole[2..], batch)?;
            }
            self.rows += 1;
            used += row;
        }
        // After the end there is nothing that would be of interest.
        Ok(if self.ended { bytes.len() } else { used })
    }

    /// The length of the first row; none when its end has not arrived.
    fn row_length(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.ended = true;
            return Ok(None);
        }
        if usize::try_from(count) != Ok(self.forms.len()) {
            return Err(Malformed);
        }
        let mut at = 2_usize;
        for _ in 0..count {
            let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            at += 4;
            match i32::from_be_bytes(*length) {
                -1 => {}
                length => at += usize::try_from(length).map_err(|_| Malformed)?,
            }
            if at > bytes.len() {
                return Ok(None);
            }
        }
        Ok(Some(at))
    }

    fn decode_row(&mut self, mut bytes: &[u8], batch: &mut Batch) -> Result<(), Malformed> {
        for form in &self.forms {
            let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
            let length = i32::from_be_bytes(*length);
            bytes = rest;
            if length < 0 {
                batch.push(&Value::Null);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (cell, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
            bytes = rest;
            batch.push(&decode(*form, cell, &mut self.digits).ok_or(Malformed)?);
        }
        Ok(())
    }
}

/// The value that a cell's bytes stand for; none when they are not of this form.
pub(crate) fn decode<'a>(
    form: CellForm,
    cell: &'a [u8],
    digits: &'a mut String,
) -> Option<Value<'a>> {
    Some(match form {
        CellForm::Raw => Value::Raw(Cow::Borrowed(cell)),
        CellForm::Boolean => Value::Bool(u8::from_be_bytes(fixed(cell)?) != 0),
        CellForm::Integer => Value::Int(match cell.len() {
            2 => i64::from(i16::from_be_bytes(fixed(cell)?)),
            4 => i64::from(i32::from_be_bytes(fixed(cell)?)),
            _ => i64::from_be_bytes(fixed(cell)?),
        }),
        CellForm::Float32 => Value::Float32(f32::from_be_bytes(fixed(cell)?)),
        CellForm::Float => Value::Float(f64::from_be_bytes(fixed(cell)?)),
        CellForm::Numeric => {
            numeric(cell, digits)?;
            Value::Decimal(Cow::Borrowed(digits))
        }
        CellForm::Text => match std::str::from_utf8(cell) {
            Ok(text) => Value::Text(Cow::Borrowed(text)),
            Err(_) => Value::Invalid(Flaw::NotText, Cow::Borrowed(cell)),
        },
        CellForm::Json => match std::str::from_utf8(cell) {
            Ok(text) => Value::Json(Cow::Borrowed(text)),
            Err(_) => Value::Invalid(Flaw::NotText, Cow::Borrowed(cell)),
        },
        CellForm::Bytes => Value::Bytes(Cow::Borrowed(cell)),
        CellForm::Date => Value::Date(i32::from_be_bytes(fixed(cell)?)),
        CellForm::Time => Value::Time(i64::from_be_bytes(fixed(cell)?)),
        CellForm::TimeTz => {
            let (time, zone) = cell.split_first_chunk::<8>()?;
            Value::TimeTz(i64::from_be_bytes(*time), i32::from_be_bytes(fixed(zone)?))
        }
        CellForm::Timestamp => Value::Timestamp(i64::from_be_bytes(fixed(cell)?)),
        CellForm::TimestampTz => Value::TimestampTz(i64::from_be_bytes(fixed(cell)?)),
        CellForm::Interval => {
            let (microseconds, rest) = cell.split_first_chunk::<8>()?;
            let (days, months) = rest.split_first_chunk::<4>()?;
            Value::Interval {
                months: i32::from_be_bytes(fixed(months)?),
                days: i32::from_be_bytes(*days),
                microseconds: i64::from_be_bytes(*microseconds),
            }
        }
        CellForm::Uuid => Value::Uuid(fixed(cell)?),
        CellForm::Bits => {
            let (length, bytes) = cell.split_first_chunk::<4>()?;
            let length = u32::try_from(i32::from_be_bytes(*length)).ok()?;
            if bytes.len() != length.div_ceil(8) as usize {
                return None;
            }
            Value::Bits { length, bytes: Cow::Borrowed(bytes) }
        }
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

/// The length of the copy's header; none when it has not arrived whole.
fn header(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
    let Some((signature, rest)) = bytes.split_first_chunk::<11>() else { return Ok(None) };
    if signature != SIGNATURE {
        return Err(Malformed);
    }
    let Some((_flags, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let Some((extension, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let extension = usize::try_from(i32::from_be_bytes(*extension)).map_err(|_| Malformed)?;
    Ok((rest.len() >= extension).then_some(19 + extension))
}

/// Writes a numeric in plain notation, with all the decimals that it keeps.
fn numeric(cell: &[u8], out: &mut String) -> Option<()> {
    out.clear();
    let (head, mut groups) = cell.split_first_chunk::<8>()?;
    let word = |index: usize| [head[index * 2], head[index * 2 + 1]];
    let count = usize::from(u16::from_be_bytes(word(0)));
    let weight = i32::from(i16::from_be_bytes(word(1)));
    let sign = u16::from_be_bytes(word(2));
    let scale = i32::from(u16::from_be_bytes(word(3)) & 0x3fff);
    match sign {
        0x0000 => {}
        0x4000 => out.push('-'),
        0xc000 => out.push_str("NaN"),
        0xd000 => out.push_str("Infinity"),
        0xf000 => out.push_str("-Infinity"),
        _ => return None,
    }
    if sign > 0x4000 {
        return Some(());
    }
    if groups.len() != count * 2 {
        return None;
    }
    let mut next = weight;
    // The group of four digits with this weight; those that are not sent are zero.
    let mut group = |at: i32| -> Option<u16> {
        if next != at {
            return Some(0);
        }
        let Some((digits, rest)) = groups.split_first_chunk::<2>() else { return Some(0) };
        groups = rest;
        next -= 1;
        let digits = u16::from_be_bytes(*digits);
        (digits < 10_000).then_some(digits)
    };
    if weight < 0 {
        out.push('0');
    }
    for at in (0..=weight).rev() {
        let digits = group(at)?;
        // The first group has no leading zeros.
        let written =
            if at == weight { write!(out, "{digits}") } else { write!(out, "{digits:04}") };
        written.ok()?;
    }
    if scale > 0 {
        out.push('.');
        let start = out.len();
        for at in 1..=(scale + 3) / 4 {
            write!(out, "{:04}", group(-at)?).ok()?;
        }
        out.truncate(start + usize::try_from(scale).ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

    #[track_caller]
    fn check_numeric(words: [i16; 4], groups: &[i16], expected: &str) {
        let cell: Vec<u8> =
            words.iter().chain(groups).flat_map(|word| word.to_be_bytes()).collect();
        let mut text = String::new();
        numeric(&cell, &mut text).expect("is well formed");
        assert_eq!(text, expected);
    }

    #[test]
    fn a_numeric_keeps_its_digits_and_its_scale() {
        check_numeric([0, 0, 0, 0], &[], "0");
        check_numeric([0, 0, 0, 2], &[], "0.00");
        check_numeric([2, 0, 0, 2], &[12, 3400], "12.34");
        check_numeric([1, 1, 0x4000, 0], &[5], "-50000");
        check_numeric([1, -2, 0, 8], &[7], "0.00000007");
        check_numeric([2, 0, 0, 3], &[1, 2000], "1.200");
        check_numeric([0, 0, 0xc000_u16.cast_signed(), 0], &[], "NaN");
    }

    #[test]
    fn rows_that_pass_through_are_the_servers_own_bytes_however_they_are_cut() {
        let rows: [&[u8]; 2] =
            [b"\0\x02\0\0\0\x01a\xff\xff\xff\xff", b"\0\x02\0\0\0\0\0\0\0\x03xyz"];
        let copy = [HEADER, rows[0], rows[1], &[0xff, 0xff]].concat();
        for size in 1..copy.len() {
            let mut decoder = Decoder::new(vec![CellForm::Raw; 2]);
            let mut batch = decoder.batch();
            for piece in copy.chunks(size) {
                decoder.feed(piece, &mut batch).expect("is well formed");
            }
            let packed = batch.as_packed().expect("nothing was decoded");
            assert_eq!(packed.content(), rows.concat());
            assert_eq!(packed.ends(), [rows[0].len(), rows[0].len() + rows[1].len()]);
            assert_eq!((decoder.rows(), batch.rows()), (2, 2));
        }
    }

    #[test]
    fn rows_are_the_same_however_they_are_cut() {
        let mut copy = HEADER.to_vec();
        for number in 0..3_i32 {
            copy.extend_from_slice(&[0, 2, 0, 0, 0, 4]);
            copy.extend_from_slice(&number.to_be_bytes());
            copy.extend_from_slice(&(-1_i32).to_be_bytes());
        }
        copy.extend_from_slice(&[0xff, 0xff]);
        for size in 1..copy.len() {
            let mut decoder = Decoder::new(vec![CellForm::Integer, CellForm::Text]);
            let mut batch = Batch::new(2);
            for piece in copy.chunks(size) {
                decoder.feed(piece, &mut batch).expect("is well formed");
            }
            let numbers: Vec<_> = batch.iter().map(|row| row.value(0)).collect();
            assert_eq!(numbers, [Value::Int(0), Value::Int(1), Value::Int(2)]);
            assert_eq!(decoder.rows(), 3);
        }
    }

    const FORMS: &[CellForm] = &[
        CellForm::Raw,
        CellForm::Boolean,
        CellForm::Integer,
        CellForm::Float32,
        CellForm::Float,
        CellForm::Numeric,
        CellForm::Text,
        CellForm::Bytes,
        CellForm::Date,
        CellForm::Time,
        CellForm::TimeTz,
        CellForm::Timestamp,
        CellForm::TimestampTz,
        CellForm::Interval,
        CellForm::Uuid,
        CellForm::Json,
        CellForm::Bits,
    ];

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            header in any::<bool>(),
            columns in proptest::sample::subsequence(FORMS, 1..4),
            size in 1_usize..50,
        ) {
            let mut copy = if header { HEADER.to_vec() } else { Vec::new() };
            copy.extend_from_slice(&bytes);
            let mut batch = Batch::new(columns.len());
            let mut decoder = Decoder::new(columns);
            for piece in copy.chunks(size) {
                if decoder.feed(piece, &mut batch).is_err() {
                    break;
                }
            }
        }

        #[test]
        fn no_cell_makes_the_decoder_panic(
            cell in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            for form in FORMS {
                let _ = decode(*form, &cell, &mut String::new());
            }
        }
    }
}
