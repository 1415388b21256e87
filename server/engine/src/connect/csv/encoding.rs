//! In which encoding a file is written.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of a field; none when its bytes are no text in this encoding.
pub(crate) fn decode<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
    // Wide text was decoded before it was cut into fields.
    if encoding == UTF_8 || is_wide(encoding) {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// Whether a character takes more than one byte even where ASCII takes one.
pub(super) fn is_wide(encoding: &'static Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// What a file's bytes tell of its encoding, and whether that is a guess.
pub(super) fn detect(mut file: impl Read) -> io::Result<(&'static Encoding, bool)> {
    let mut bytes = Vec::new();
    file.by_ref().take(BLOCK).read_to_end(&mut bytes)?;
    if let Some((encoding, _)) = Encoding::for_bom(&bytes) {
        return Ok((encoding, false));
    }
    if let Some(encoding) = zeros(&bytes) {
        return Ok((encoding, true));
    }
    let mut census = Census::default();
    loop {
        census.count(&mut bytes);
        if file.by_ref().take(BLOCK).read_to_end(&mut bytes)? == 0 {
            break;
        }
    }
    census.invalid += u64::from(!bytes.is_empty());
    // A few bad bytes in a text that is otherwise UTF-8 are bad values, not another encoding.
    Ok(match census {
        Census { invalid: 0, .. } => (UTF_8, false),
        Census { valid, invalid } if valid > invalid => (UTF_8, true),
        Census { .. } => (WINDOWS_1252, true),
    })
}

/// UTF-16 without a mark: every second byte of a Latin text is zero.
fn zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    let bytes = &bytes[..bytes.len().min(2000) & !1];
    let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), bytes.len() / 4);
    match (even > half, odd > half) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// Characters beyond ASCII, by whether they are UTF-8.
#[derive(Debug, Default)]
struct Census {
    valid: u64,
    invalid: u64,
}

impl Census {
    /// Leaves behind the beginning of a character whose end is still to come.
    fn count(&mut self, bytes: &mut Vec<u8>) {
        let mut rest = bytes.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.count_valid(text.as_bytes());
                    bytes.clear();
                    return;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    self.count_valid(valid);
                    let Some(length) = error.error_len() else {
                        let kept = broken.to_vec();
                        *bytes = kept;
                        return;
                    };
                    self.invalid += 1;
                    rest = &broken[length..];
                }
            }
        }
    }

    fn count_valid(&mut self, text: &[u8]) {
        if !text.is_ascii() {
            self.valid += text.iter().filter(|byte| **byte >= 0xc0).count() as u64;
        }
    }
}

/// A file of UTF-16 as UTF-8. What is no text becomes a byte that is none in UTF-8 either, so that
/// it shows in the field in which it stands.
pub(super) struct Decoded<R> {
    input: R,
    decoder: Decoder,
    bytes: Vec<u8>,
    text: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_with_bom_removal(),
            bytes: Vec::new(),
            text: Vec::new(),
            taken: 0,
            ended: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        while self.text.is_empty() && !self.ended {
            self.bytes.clear();
            self.ended = self.input.by_ref().take(BLOCK).read_to_end(&mut self.bytes)? == 0;
            let mut rest = self.bytes.as_slice();
            loop {
                let room = self
                    .decoder
                    .max_utf8_buffer_length_without_replacement(rest.len())
                    .unwrap_or(0);
                let start = self.text.len();
                self.text.resize(start + room + 8, 0);
                let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                    rest,
                    &mut self.text[start..],
                    self.ended,
                );
                self.text.truncate(start + written);
                rest = &rest[read..];
                match result {
                    DecoderResult::InputEmpty => break,
                    DecoderResult::OutputFull => {}
                    DecoderResult::Malformed(..) => self.text.push(0xff),
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            self.refill()?;
        }
        let rest = &self.text[self.taken..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

const BLOCK: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &'static Encoding) {
        assert_eq!(detect(bytes).expect("reads").0, expected);
    }

    #[test]
    fn an_encoding_is_told_from_the_bytes() {
        check(b"id,name\n1,Ann\n", UTF_8);
        check("id,name\n1,Zoë\n".as_bytes(), UTF_8);
        check(b"id,name\n1,Zo\xeb\n", WINDOWS_1252);
        check(b"\xef\xbb\xbfid\n\xff", UTF_8);
        check(b"\xff\xfei\0d\0\n\0", UTF_16LE);
        check(b"\0i\0d\0,\0n\0a\0m\0e\0\n", UTF_16BE);
        // One bad byte among many good characters.
        check("ééééé\u{e9}é".bytes().chain([0xff]).collect::<Vec<_>>().as_slice(), UTF_8);
    }

    #[test]
    fn a_character_that_lies_across_blocks_is_one() {
        let mut text = vec![b'a'; usize::try_from(BLOCK).expect("fits") - 1];
        text.extend_from_slice("é".as_bytes());
        check(&text, UTF_8);
    }

    #[test]
    fn wide_text_is_decoded_and_what_is_none_is_marked() {
        let wide: Vec<u8> =
            "a,é🏥\n".encode_utf16().chain([0xd800, 0x62]).flat_map(u16::to_le_bytes).collect();
        let mut text = Vec::new();
        Decoded::new(wide.as_slice(), UTF_16LE).read_to_end(&mut text).expect("reads");

        assert_eq!(text, [b"a,\xc3\xa9\xf0\x9f\x8f\xa5\n".as_slice(), b"\xffb"].concat());
    }
}
