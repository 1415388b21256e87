//! The records of a file, one after the other, in the memory of the largest.

use std::fmt;
use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use memchr::memchr;

/// Reads records and knows where each of them lies.
pub(crate) struct Records {
    input: Box<dyn Read + Send>,
    core: Reader,
    delimiter: u8,
    /// What was read of the file and not given out yet.
    buffer: Vec<u8>,
    /// Where in the buffer the next record begins.
    start: usize,
    /// Where in the file the buffer begins.
    position: u64,
    to: u64,
    exhausted: bool,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    fields: &'a [u8],
    ends: &'a [usize],
    /// Its bytes as they stand in the file, without the line's end.
    pub(crate) raw: &'a [u8],
    /// Where the next record begins.
    pub(crate) end: u64,
    /// The file ended inside its quotes, or they closed and text went on: lines that follow a quote
    /// too many would be swallowed as if they were a field.
    pub(crate) is_broken: bool,
}

impl<'a> Record<'a> {
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn field(&self, index: usize) -> &'a [u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.fields[start..self.ends[index]]
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        let record = *self;
        (0..record.len()).map(move |index| record.field(index))
    }
}

impl Records {
    pub(super) fn new(input: Box<dyn Read + Send>, delimiter: u8, from: u64, to: u64) -> Self {
        Self {
            input,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            buffer: Vec::new(),
            start: 0,
            position: from,
            to,
            exhausted: false,
            fields: vec![0; 4096],
            ends: vec![0; 64],
        }
    }

    /// The next record; blank lines are none.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.position + self.start as u64 >= self.to {
            return Ok(None);
        }
        let (mut scanned, mut fields, mut ends) = (self.start, 0, 0);
        // A line's end after the file's own end closes every record but one inside quotes.
        let mut was_closed = false;
        let is_open;
        loop {
            if scanned == self.buffer.len() && !self.exhausted {
                scanned -= self.fill()?;
            }
            let is_beyond = scanned == self.buffer.len();
            let input: &[u8] = match (is_beyond, was_closed) {
                (false, _) => &self.buffer[scanned..],
                (true, false) => b"\n",
                (true, true) => b"",
            };
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.fields[fields..], &mut self.ends[ends..]);
            if is_beyond && read > 0 {
                was_closed = true;
            } else {
                scanned += read;
            }
            fields += written;
            ends += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    is_open = is_beyond && read == 0;
                    break;
                }
            }
        }
        let raw = &self.buffer[self.start..scanned];
        let is_broken = is_open || goes_on_after_quotes(raw, self.delimiter);
        self.start = scanned;
        Ok(Some(Record {
            fields: &self.fields[..fields],
            ends: &self.ends[..ends],
            raw: trimmed(raw),
            end: self.position + scanned as u64,
            is_broken,
        }))
    }

    /// Reads on, and tells by how much what is kept moved to the front.
    fn fill(&mut self) -> io::Result<usize> {
        let moved = self.start;
        self.buffer.drain(..moved);
        self.position += moved as u64;
        self.start = 0;
        let before = self.buffer.len();
        // A record that is larger than the buffer is read in steps that grow with it.
        let step = BLOCK.max(before);
        self.buffer.resize(before + step, 0);
        let mut filled = before;
        while filled == before {
            match self.input.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.exhausted = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(filled);
        Ok(moved)
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Whether a field's closing quote is followed by more than blanks. The reader takes what follows
/// as part of the field.
fn goes_on_after_quotes(raw: &[u8], delimiter: u8) -> bool {
    if memchr(b'"', raw).is_none() {
        return false;
    }
    let mut rest = trimmed(raw);
    loop {
        if let [b'"', quoted @ ..] = rest {
            rest = quoted;
            loop {
                let Some(quote) = memchr(b'"', rest) else { return false };
                rest = &rest[quote + 1..];
                let [b'"', more @ ..] = rest else { break };
                rest = more;
            }
            let blanks = rest
                .iter()
                .take_while(|byte| **byte != delimiter && matches!(byte, b' ' | b'\t'))
                .count();
            rest = &rest[blanks..];
            if rest.first().is_some_and(|byte| *byte != delimiter) {
                return true;
            }
        }
        let Some(end) = memchr(delimiter, rest) else { return false };
        rest = &rest[end + 1..];
    }
}

fn trimmed(mut raw: &[u8]) -> &[u8] {
    while let [b'\n' | b'\r', rest @ ..] = raw {
        raw = rest;
    }
    while let [rest @ .., b'\n' | b'\r'] = raw {
        raw = rest;
    }
    raw
}

const BLOCK: usize = 1 << 17;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives out a few bytes at a time.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    /// Its fields, its bytes, and where it ends.
    type Found = (Vec<Vec<u8>>, Vec<u8>, u64);

    fn read(bytes: &[u8], step: usize, from: u64, to: u64) -> Vec<Found> {
        let rest = bytes[usize::try_from(from).expect("fits")..].to_vec();
        let mut records = Records::new(Box::new(Trickle(rest, step)), b',', from, to);
        let mut found = Vec::new();
        while let Some(record) = records.next().expect("reads") {
            let fields = record.fields().map(<[u8]>::to_vec).collect();
            found.push((fields, record.raw.to_vec(), record.end));
        }
        found
    }

    #[test]
    fn a_record_keeps_its_quotes_its_lines_and_its_place() {
        let text = b"a,\"x\ny\"\"z\"\r\n\n,\nlast";
        let records = read(text, 3, 0, u64::MAX);

        let fields: Vec<_> = records.iter().map(|(fields, ..)| fields.clone()).collect();
        assert_eq!(
            fields,
            [
                vec![b"a".to_vec(), b"x\ny\"z".to_vec()],
                vec![b"".to_vec(), b"".to_vec()],
                vec![b"last".to_vec()]
            ]
        );
        assert_eq!(records[0].1, b"a,\"x\ny\"\"z\"");
        assert_eq!(records[1].1, b",");
    }

    #[track_caller]
    fn is_broken(text: &str) -> bool {
        let input = Box::new(Trickle(text.as_bytes().to_vec(), 3));
        let mut records = Records::new(input, b',', 0, u64::MAX);
        let mut found = false;
        while let Some(record) = records.next().expect("reads") {
            found |= record.is_broken;
        }
        found
    }

    #[test]
    fn a_file_that_ends_inside_quotes_shows_it_in_its_last_record() {
        for open in [
            "a,\"b",
            "a,\"",
            "a,\"b\n",
            "a,\"b\r\nc,d\r\n",
            "a,\"b\"\"",
            "x\na,\"b\"\",c",
            "a,5\" x,\"b\n",
        ] {
            assert!(is_broken(open), "{open:?}");
        }
        for closed in ["a,b", "a,\"b\"", "a,\"b\"\n", "a,\"b\"\"\"\r\n", "a,\"b\"\n\n", "\"a\"\r"] {
            assert!(!is_broken(closed), "{closed:?}");
        }
    }

    #[test]
    fn text_after_a_closing_quote_is_a_fault_and_a_quote_within_a_field_is_a_character() {
        for broken in ["a,\"b\nc,d\ne,\"f\"\n", "\"a\"b,c\n", "\"a\"\"\" b\",\n", "a,\"\"b\n"] {
            assert!(is_broken(broken), "{broken:?}");
        }
        for sound in [
            "a,5\" tube",
            "a,5\" tube,\"b\"\n",
            "\"a\" ,\"b\"\t\r\n",
            "\"a,\"\"b\"\"\nc\",d\n",
            "\"\",\"\"\n",
        ] {
            assert!(!is_broken(sound), "{sound:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_the_same_in_any_steps_and_from_any_record(
            bytes in "[a,\"\n\r é]{0,60}".prop_map(String::into_bytes),
            step in 1_usize..20,
        ) {
            let whole = read(&bytes, 1000, 0, u64::MAX);
            let fields = |records: &[Found]| -> Vec<Vec<Vec<u8>>> {
                records.iter().map(|(fields, ..)| fields.clone()).collect()
            };
            prop_assert_eq!(fields(&read(&bytes, step, 0, u64::MAX)), fields(&whole));
            let mut cut: Vec<Vec<Vec<u8>>> = Vec::new();
            let mut from = 0;
            for (.., end) in &whole {
                cut.extend(fields(&read(&bytes, step, from, *end)));
                from = *end;
            }
            prop_assert_eq!(cut, fields(&whole));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            step in 1_usize..40,
        ) {
            read(&bytes, step, 0, u64::MAX);
        }
    }
}
