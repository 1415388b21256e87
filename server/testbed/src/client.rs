//! SQL through the command-line clients: nothing to compile, and they read what dumps contain.

use std::{
    io::{Seek, Write},
    path::Path,
    process::Stdio,
};

use url::Url;

use crate::{error::Error, product::Product, program};

/// Runs SQL and returns its rows, one a line, with a tab between columns and `NULL` for null.
pub(crate) fn query(product: Product, url: &Url, sql: &str) -> Result<String, Error> {
    let doing = "running SQL";
    let mut input = tempfile::tempfile().map_err(Error::system(doing))?;
    input.write_all(sql.as_bytes()).map_err(Error::system(doing))?;
    input.rewind().map_err(Error::system(doing))?;
    let mut command = product.client(url)?;
    let mut rows = program::run(doing, command.stdin(Stdio::from(input)))?;
    if rows.ends_with('\n') {
        rows.pop();
    }
    Ok(rows)
}

/// Runs a file of SQL.
pub(crate) fn run_script(product: Product, url: &Url, script: &Path) -> Result<(), Error> {
    let doing = format!("running {}", script.display());
    let file = std::fs::File::open(script).map_err(Error::system(doing.clone()))?;
    program::run(&doing, product.client(url)?.stdin(file))?;
    Ok(())
}
