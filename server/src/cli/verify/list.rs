use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serializer as _;
use serde::ser::SerializeSeq as _;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::VerificationId;
use shared::verification::{Mismatch, MismatchFilter, MismatchKind};

use crate::cli::CommandError;
use crate::cli::input::{read_plan, sides};
use crate::cli::output::{Columns, Json, until_seen_enough};
use crate::config::Installation;

/// How many mismatches are shown unless asked otherwise.
const LIMIT: u32 = 100;
/// How many are held at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Args)]
pub(super) struct List {
    plan: PathBuf,
    /// Only those of this table of the target
    #[arg(long, value_name = "TABLE")]
    table: Option<TableName>,
    /// Only missing, extra or different rows
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<MismatchKind>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: u32,
    #[command(flatten)]
    json: Json,
}

pub(super) fn kind(text: &str) -> Result<MismatchKind, String> {
    MismatchKind::from_name(text).ok_or_else(|| "give missing, extra or different".to_owned())
}

/// A table's name as the target has it.
pub(super) fn in_target(target_url: &str, name: TableName) -> TableName {
    match Engine::of_url(target_url) {
        Some(engine) => engine::map::target_name(engine, &name),
        None => name,
    }
}

impl List {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let found = engine::verify::latest(&sides.target, &plan).await?;
        let id = found.map(|known| known.id).ok_or_else(|| {
            CommandError::new(ErrorCode::Ver003, format!("listing for {}", self.plan.display()))
        })?;
        let filter = MismatchFilter {
            table: self.table.map(|name| in_target(&sides.target, name)),
            kind: self.kind,
        };
        let pages = Pages { target: &sides.target, id: &id, filter: &filter, limit: self.limit };
        let written = if let Some(out) = self.json.writer()? {
            pages.write(out).await?
        } else {
            let mut columns = Columns::new(["table", "row", "kind", "columns", "state"]);
            pages.each(|page| columns.give(&page.iter().map(row).collect::<Vec<_>>())).await?
        };
        Ok(until_seen_enough(written)?)
    }
}

/// What is listed. However much it is, no more than a page of it is held.
struct Pages<'a> {
    target: &'a str,
    id: &'a VerificationId,
    filter: &'a MismatchFilter,
    limit: u32,
}

impl Pages<'_> {
    /// Hands over page after page, as long as they are taken; an empty one where there is nothing.
    async fn each(
        &self,
        mut take: impl FnMut(&[Mismatch]) -> io::Result<()>,
    ) -> Result<io::Result<()>, CommandError> {
        let (mut after, mut left) = (None, self.limit);
        loop {
            let limit = left.min(PAGE);
            let page = engine::verify::mismatches(
                self.target,
                self.id,
                self.filter,
                after.as_ref(),
                limit,
            )
            .await?;
            let taken = take(&page.items);
            left = left.saturating_sub(limit);
            after = page.next;
            if taken.is_err() || after.is_none() || left == 0 {
                return Ok(taken);
            }
        }
    }

    async fn write(&self, mut out: impl Write) -> Result<io::Result<()>, CommandError> {
        let mut serializer = serde_json::Serializer::pretty(&mut out);
        let mut list = match serializer.serialize_seq(None) {
            Ok(list) => list,
            Err(error) => return Ok(Err(error.into())),
        };
        let taken = self
            .each(|page| {
                let mut written = page.iter().map(|mismatch| list.serialize_element(mismatch));
                Ok(written.try_for_each(|one| one)?)
            })
            .await?;
        let ended = taken.and_then(|()| Ok(list.end()?));
        Ok(ended.and_then(|()| writeln!(out)).and_then(|()| out.flush()))
    }
}

fn row(mismatch: &Mismatch) -> [String; 5] {
    let state = match mismatch.refused {
        Some(code) => format!("{}, {code}", mismatch.state.as_str()),
        None => mismatch.state.as_str().to_owned(),
    };
    [
        mismatch.target.to_string(),
        mismatch.key_digest.clone(),
        mismatch.kind.as_str().to_owned(),
        mismatch.columns.join(", "),
        state,
    ]
}
