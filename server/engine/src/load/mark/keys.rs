//! Keys of rows in PostgreSQL tables that were there before: they tell rows of the run that
//! somebody changed since from rows of somebody else.

use std::fmt::Write as _;

use shared::connection::Engine;

use super::digest::{DIGEST, Digests, secret};
use super::part::{ROWS_A_PART, insert_part};
use super::{Change, TableRecord, Writer};
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::load::ledger::table;
use crate::load::{Param, Session};
use crate::seal::Key;
use crate::value::{self, Value};

/// Keys of rows on their way into a PostgreSQL table that others write to as well.
#[derive(Debug)]
pub struct Keys {
    digests: Digests,
    /// The key's columns, by their places among a row's values.
    places: Vec<usize>,
    text: String,
    pending: Vec<Option<[u8; DIGEST]>>,
    content: Vec<u8>,
}

impl Keys {
    /// None where rows need no keys to be found again, or have none.
    pub fn of<'a>(
        engine: Engine,
        key: &Key,
        record: &TableRecord,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        if engine != Engine::Postgres || record.made || record.key.is_empty() {
            return None;
        }
        let columns: Vec<&str> = columns.into_iter().collect();
        let places = record
            .key
            .iter()
            .map(|name| columns.iter().position(|column| column == name))
            .collect::<Option<_>>()?;
        let digests = Digests::of(key);
        Some(Self {
            digests,
            places,
            text: String::new(),
            pending: Vec::new(),
            content: Vec::new(),
        })
    }

    /// Takes the key of a row that is about to be written. A key of which the text is not known
    /// here is not noted: its row, once changed, counts as somebody else's and stays.
    pub fn push(&mut self, values: &[Value<'_>]) {
        self.text.clear();
        for (place, column) in self.places.iter().enumerate() {
            let Some(text) = value::display(&values[*column]) else {
                self.pending.push(None);
                return;
            };
            if place > 0 {
                self.text.push(SEPARATOR);
            }
            self.text.push_str(&text);
        }
        self.pending.push(Some(self.digests.digest(self.text.as_bytes())));
    }

    /// Forgets the key that was taken last: its row is not written.
    pub fn pop(&mut self) {
        self.pending.pop();
    }

    /// Notes the keys taken since the last time, save those of rows that were refused.
    pub fn settle(&mut self, refused: impl IntoIterator<Item = usize>) {
        for index in refused {
            self.pending[index] = None;
        }
        self.content.extend(self.pending.drain(..).flatten().flatten());
    }

    /// Notes a key as PostgreSQL writes it: see [`key_text`].
    pub fn push_text(&mut self, key: &str) {
        let digest = self.digests.digest(key.as_bytes());
        self.content.extend(digest);
    }

    /// Writes down what was noted, in the transaction that wrote the rows.
    pub async fn keep<S: Session>(&mut self, session: &mut S, writer: Writer<'_>) -> Result<()> {
        for part in self.content.chunks(ROWS_A_PART * DIGEST) {
            insert_part(session, writer, Change::Brought, part, DIGEST).await?;
        }
        self.content.clear();
        Ok(())
    }
}

const SEPARATOR: char = '\u{1f}';

/// A row's key as one text of PostgreSQL.
pub fn key_text(alias: &str, key: &[String]) -> String {
    let columns: Vec<String> =
        key.iter().map(|name| format!("{alias}.{}::text", quote(Engine::Postgres, name))).collect();
    format!("concat_ws(E'\\x1f', {})", columns.join(", "))
}

/// How much memory the target may use for one such table.
const ROOM_KIB: i64 = 128 * 1024;

/// Has the session know what digests are made with, for [`has_noted_key`]. It is bound, not
/// written into statements, and nobody else can ask the session for it. Marks and digests get room to
/// be looked up in memory: without it, PostgreSQL reads all of them again for every row.
pub async fn prepare<S: Session>(session: &mut S, key: &Key) -> Result<()> {
    if session.engine() != Engine::Postgres {
        return Ok(());
    }
    let secret = secret(key).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let sql = "select '1' from
                   set_config('transfuse.digests', $1, false) as digests,
                   set_config('work_mem', greatest(
                       pg_size_bytes(current_setting('work_mem')) / 1024, $2
                   ) || 'kB', false) as room";
    session.fetch(sql, &[Param::Text(&secret), Param::Int(ROOM_KIB)]).await.map(drop)
}

/// A condition that holds for a row of PostgreSQL whose key the run noted. The session has to be
/// [prepared](prepare). `ordinals` narrows it to some chunks.
pub fn has_noted_key(
    run_id: &str,
    alias: &str,
    records: &[&TableRecord],
    ordinals: Option<&[i32]>,
) -> String {
    let engine = Engine::Postgres;
    let Some(first) = records.first().filter(|record| !record.key.is_empty()) else {
        return "false".to_owned();
    };
    let narrowed = in_list("noted.ordinal", ordinals);
    format!(
        "substr(sha256(decode(current_setting('transfuse.digests'), 'hex')
                       || convert_to({}, 'UTF8')), 1, {DIGEST}) in (
             select substr(noted.content, place * {DIGEST} + 1, {DIGEST})
             from {} as noted, generate_series(0, noted.row_count - 1) as place
             where noted.run_id = {} and noted.table_index in ({}){narrowed}
         )",
        key_text(alias, &first.key),
        table(engine, "rows"),
        literal(engine, run_id),
        indexes(records)
    )
}

/// ` and mark.ordinal in (1, 2)`, or nothing.
pub(super) fn in_list(column: &str, ordinals: Option<&[i32]>) -> String {
    ordinals.map_or_else(String::new, |ordinals| {
        let list: Vec<String> = ordinals.iter().map(ToString::to_string).collect();
        format!(" and {column} in ({})", list.join(", "))
    })
}

fn indexes(records: &[&TableRecord]) -> String {
    let list: Vec<String> = records.iter().map(|record| record.table_index.to_string()).collect();
    list.join(", ")
}
