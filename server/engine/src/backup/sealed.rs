//! Files that only the installation can read, written and read from one end to the other.
//!
//! Compressed first, then cut into pieces of 64 KiB that are sealed one by one (STREAM over
//! XChaCha20-Poly1305): a piece that is changed, moved, repeated or missing is noticed when it is
//! read, and so is a file under another file's name.

use std::io::{self, Read, Write};

use aead_stream::{DecryptorLE31, EncryptorLE31};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{KeyInit as _, Payload};
use sha2::{Digest as _, Sha256};

use crate::seal::{self, Key};

const MAGIC: &[u8] = b"transfuse sealed file 1\n";
const NONCE: usize = 20;
const PIECE: usize = 64 << 10;
const TAG: usize = 16;
/// In a piece's length: nothing comes after it.
const LAST: u32 = 1 << 31;

/// Seals what is written to it. Only [`Sealer::finish`] makes the file whole.
pub(super) struct Sealer<W: Write> {
    file: Hashed<W>,
    name: Vec<u8>,
    encryptor: EncryptorLE31<XChaCha20Poly1305>,
    plain: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    pub(super) fn new(file: W, name: &str, key: &Key) -> io::Result<Self> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let mut file = Hashed { inner: file, hash: Sha256::new(), bytes: 0 };
        file.write_all(MAGIC)?;
        file.write_all(&nonce)?;
        let encryptor = EncryptorLE31::from_aead(cipher(key), &nonce.into());
        Ok(Self {
            file,
            name: name.as_bytes().to_vec(),
            encryptor,
            plain: Vec::with_capacity(PIECE),
        })
    }

    /// Writes what is left. The answer is the file, its length and its hash.
    pub(super) fn finish(self) -> io::Result<(W, u64, String)> {
        let Self { mut file, name, encryptor, plain } = self;
        let payload = Payload { msg: &plain, aad: &name };
        let sealed = encryptor.encrypt_last(payload).map_err(|_| unsealable())?;
        file.write_piece(&sealed, LAST)?;
        file.flush()?;
        Ok((file.inner, file.bytes, super::hex(&file.hash.finalize())))
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == PIECE {
            let payload = Payload { msg: &self.plain, aad: &self.name };
            let sealed = self.encryptor.encrypt_next(payload).map_err(|_| unsealable())?;
            self.file.write_piece(&sealed, 0)?;
            self.plain.clear();
        }
        let taken = bytes.len().min(PIECE - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// A piece is sealed when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what a [`Sealer`] wrote under the same name.
pub(super) struct Opener<R: Read> {
    file: R,
    name: Vec<u8>,
    /// None once the last piece was read.
    decryptor: Option<DecryptorLE31<XChaCha20Poly1305>>,
    plain: Vec<u8>,
    at: usize,
}

impl<R: Read> Opener<R> {
    pub(super) fn new(mut file: R, name: &str, key: &Key) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(damaged());
        }
        let mut nonce = [0; NONCE];
        file.read_exact(&mut nonce)?;
        let decryptor = DecryptorLE31::from_aead(cipher(key), &nonce.into());
        Ok(Self {
            file,
            name: name.as_bytes().to_vec(),
            decryptor: Some(decryptor),
            plain: Vec::new(),
            at: 0,
        })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let Some(mut decryptor) = self.decryptor.take() else { return Ok(()) };
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        let (is_last, length) = (length & LAST != 0, (length & !LAST) as usize);
        if length > PIECE + TAG {
            return Err(damaged());
        }
        let mut sealed = vec![0; length];
        self.file.read_exact(&mut sealed)?;
        let payload = Payload { msg: &sealed, aad: &self.name };
        self.plain = if is_last {
            let plain = decryptor.decrypt_last(payload).map_err(|_| damaged())?;
            // Nothing may come after the end.
            if self.file.read(&mut [0])? > 0 {
                return Err(damaged());
            }
            plain
        } else {
            let plain = decryptor.decrypt_next(payload).map_err(|_| damaged())?;
            self.decryptor = Some(decryptor);
            plain
        };
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() && self.decryptor.is_some() {
            self.next_piece()?;
        }
        let left = &self.plain[self.at..];
        let taken = bytes.len().min(left.len());
        bytes[..taken].copy_from_slice(&left[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

struct Hashed<W: Write> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashed<W> {
    fn write_piece(&mut self, sealed: &[u8], flag: u32) -> io::Result<()> {
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.write_all(&(length | flag).to_be_bytes())?;
        self.write_all(sealed)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&seal::derive(key, b"files of backups").into())
}

fn unsealable() -> io::Error {
    io::Error::other("the file is too long to be sealed")
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was changed, or sealed with another key")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(plain: &[u8], name: &str) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), name, &Key::new([7; 32])).unwrap();
        sealer.write_all(plain).unwrap();
        let (file, bytes, _) = sealer.finish().unwrap();
        assert_eq!(bytes, file.len() as u64);
        file
    }

    fn opened(file: &[u8], name: &str, key: u8) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opener::new(file, name, &Key::new([key; 32]))?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn files_of_every_length_read_back() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
            let file = sealed(&plain, "a");
            assert_eq!(opened(&file, "a", 7).unwrap(), plain, "{length}");
            assert!(opened(&file, "b", 7).is_err() && opened(&file, "a", 8).is_err());
            assert!(opened(&file[..file.len() - 1], "a", 7).is_err());
            assert!(opened(&[file.as_slice(), b"x"].concat(), "a", 7).is_err());
        }
    }

    #[test]
    fn pieces_cannot_be_left_out_or_swapped() {
        let plain = vec![1; 4 * PIECE];
        let file = sealed(&plain, "a");
        let head = MAGIC.len() + NONCE;
        let piece = 4 + PIECE + TAG;
        let (first, second) = (head..head + piece, head + piece..head + 2 * piece);
        let without = [&file[..first.start], &file[second.start..]].concat();
        assert!(opened(&without, "a", 7).is_err());
        let swapped =
            [&file[..head], &file[second.clone()], &file[first], &file[second.end..]].concat();
        assert!(opened(&swapped, "a", 7).is_err());
        // A piece that says it is the last.
        let mut cut = file[..second.end].to_vec();
        cut[second.start] |= 0x80;
        assert!(opened(&cut, "a", 7).is_err());
    }

    proptest! {
        #[test]
        fn no_byte_can_be_changed(at in 0usize..400, bit in 0u8..8) {
            let mut file = sealed(&[9; 300], "a");
            let at = at % file.len();
            file[at] ^= 1 << bit;
            prop_assert!(opened(&file, "a", 7).is_err());
        }
    }
}
