//! Compressing once what every server would compress at its start.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
};

use crate::{failure::Failure, staging::Staging};

/// What becomes smaller: fonts and pictures are compressed already.
const KINDS: [&str; 7] = ["html", "js", "wasm", "css", "svg", "json", "txt"];

/// Writes `name.br` and `name.gz` beside every file that becomes smaller by it.
pub(crate) fn compress_all(staging: &Staging) -> Result<(), Failure> {
    let mut files = Vec::new();
    collect(staging.folder(), &mut files)?;
    files.retain(|file| {
        file.extension().is_some_and(|kind| KINDS.iter().any(|compressible| kind == *compressible))
    });
    thread::scope(|scope| {
        let [brotli, gzip] = [brotli as Encoder, gzip].map(|encoder| {
            let files = &files;
            scope.spawn(move || files.iter().try_for_each(|file| compress(file, encoder)))
        });
        [brotli, gzip].into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(Failure::new("compressing a file panicked")))
        })
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let reading = || Failure::with_file("reading", folder);
    for entry in fs::read_dir(folder).map_err(reading())? {
        let path = entry.map_err(reading())?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Compresses bytes into a file beside this one.
type Encoder = fn(&[u8], &Path) -> io::Result<()>;

fn compress(file: &Path, encoder: Encoder) -> Result<(), Failure> {
    let bytes = fs::read(file).map_err(Failure::with_file("reading", file))?;
    encoder(&bytes, file).map_err(Failure::with_file("compressing", file))
}

fn brotli(bytes: &[u8], file: &Path) -> io::Result<()> {
    let best = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &*bytes, &mut beside(file, "br")?, &best).map(drop)
}

fn gzip(bytes: &[u8], file: &Path) -> io::Result<()> {
    let best = flate2::Compression::best();
    let mut encoder = flate2::write::GzEncoder::new(beside(file, "gz")?, best);
    encoder.write_all(bytes)?;
    encoder.finish().map(drop)
}

fn beside(file: &Path, suffix: &str) -> io::Result<File> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    File::create(name)
}
