use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::quarantine::Job;
use shared::error_code::ErrorCode;
use shared::quarantine::{Fix as Rule, FixPreview, PreviewRequest};

use super::act::tell_of;
use super::place::{Place, Rows, by};
use super::tell_refused;
use crate::cli::CommandError;
use crate::cli::output::{Json, count, give, table, tell};
use crate::config::Installation;

/// Values on a command line are seen by everybody on the machine and stay in the shell's history:
/// `--rule` and `--entries` read them from files.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    rule: RuleFrom,
    /// Show what the rule would do, masked, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct RuleFrom {
    /// A rule from a file in YAML or JSON, `-` for stdin: `{fix: set, column: born, value: …}`
    #[arg(long, value_name = "FILE", group = "rule_from")]
    rule: Option<PathBuf>,
    /// Put the same value into this column, or null without --value
    #[arg(long, value_name = "COLUMN", group = "rule_from")]
    set: Option<String>,
    #[arg(long, value_name = "TEXT", requires = "set")]
    value: Option<String>,
    /// Replace what --pattern finds in this column by --with
    #[arg(
        long,
        value_name = "COLUMN",
        group = "rule_from",
        requires = "pattern",
        requires = "with"
    )]
    regex: Option<String>,
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    #[arg(long, value_name = "TEXT", requires = "pattern")]
    with: Option<String>,
    /// Give values of this column another one, as --entries says
    #[arg(long, value_name = "COLUMN", group = "rule_from", requires = "entries")]
    map: Option<String>,
    /// Look values of this column up, by the column --by, in --entries
    #[arg(long, value_name = "COLUMN", group = "rule_from", requires = "entries", requires = "by")]
    lookup: Option<String>,
    #[arg(long, value_name = "COLUMN", requires = "lookup")]
    by: Option<String>,
    /// A CSV file with a header and two columns: what is there, and what it becomes
    #[arg(long, value_name = "FILE")]
    entries: Option<PathBuf>,
    /// Mend lines that had the wrong number of fields, by --pattern and --with
    #[arg(long, group = "rule_from", requires = "pattern", requires = "with")]
    line: bool,
    /// What separates fields in a mended line
    #[arg(long, value_name = "SIGN", default_value_t = ',', requires = "line")]
    separator: char,
    /// The columns of a mended line in their order; else all that the run read
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "line")]
    line_columns: Vec<String>,
}

impl Fix {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let rule = self.rule.read()?;
        let selection = self.rows.selection();
        let opened = self.place.open(&installation).await?;
        if self.dry_run {
            let request = PreviewRequest { selection, fix: Some(rule), examples: 10 };
            let preview = opened.with(async |w, s| w.preview(s, &request, None).await).await?;
            self.json.write(&preview)?;
            if !self.json.is_stdout() {
                give_preview(&preview)?;
            }
            return Ok(());
        }
        let by = by(self.note, false);
        let job = Job::Fix { selection: &selection, fix: &rule };
        tell_of(&self.json, &opened.with(async |w, s| w.work(by, s, job).await).await?)
    }
}

impl RuleFrom {
    fn read(&self) -> Result<Rule, CommandError> {
        if let Some(path) = &self.rule {
            return rule_of(path);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        if let Some(column) = &self.set {
            return Ok(Rule::Set { column: column.clone(), value: self.value.clone() });
        }
        if let Some(column) = &self.regex {
            let (pattern, replacement) = (text(&self.pattern), text(&self.with));
            return Ok(Rule::Regex { column: column.clone(), pattern, replacement });
        }
        if let Some(column) = &self.map {
            return Ok(Rule::Map { column: column.clone(), entries: self.entries()? });
        }
        if let Some(column) = &self.lookup {
            let (by, entries) = (text(&self.by), self.entries()?);
            return Ok(Rule::Lookup { column: column.clone(), by, entries });
        }
        if self.line {
            return Ok(Rule::Line {
                pattern: text(&self.pattern),
                replacement: text(&self.with),
                separator: self.separator,
                columns: self.line_columns.clone(),
            });
        }
        Err(CommandError::new(ErrorCode::Sys005, "no rule is given")
            .hint("Say --set, --regex, --map, --lookup, --line or --rule."))
    }

    fn entries(&self) -> Result<BTreeMap<String, Option<String>>, CommandError> {
        let Some(path) = &self.entries else { return Ok(BTreeMap::new()) };
        let unreadable = |error: &(dyn std::error::Error + 'static)| {
            CommandError::new(ErrorCode::Conn008, format!("reading {}", path.display()))
                .because(error)
        };
        let mut reader = csv::Reader::from_path(path).map_err(|error| unreadable(&error))?;
        let mut entries = BTreeMap::new();
        for (line, record) in reader.records().enumerate() {
            // What the reader says of a record may quote it.
            let record = record.ok().filter(|record| record.len() == 2).ok_or_else(|| {
                CommandError::new(
                    ErrorCode::Conn008,
                    format!("reading {}: record {} has not two fields", path.display(), line + 1),
                )
            })?;
            let to = Some(record[1].to_owned()).filter(|text| !text.is_empty());
            if entries.insert(record[0].to_owned(), to).is_some() {
                return Err(CommandError::new(
                    ErrorCode::Conn008,
                    format!("reading {}: record {} is there twice", path.display(), line + 1),
                ));
            }
        }
        Ok(entries)
    }
}

fn rule_of(path: &Path) -> Result<Rule, CommandError> {
    let doing = || format!("reading the rule from {}", path.display());
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    }
    .map_err(|error| CommandError::new(ErrorCode::Conn008, doing()).because(&error))?;
    // What the reader says may quote what it read.
    serde_norway::from_str(&text).map_err(|_| {
        CommandError::new(ErrorCode::Map006, doing())
            .hint("A rule is written {fix: set, column: born, value: '1980-01-01'}.")
    })
}

fn give_preview(preview: &FixPreview) -> Result<(), CommandError> {
    let cell = |text: Option<&str>| text.unwrap_or("(null)").to_owned();
    let rows: Vec<_> = preview
        .examples
        .iter()
        .flat_map(|example| {
            example.cells.iter().map(move |changed| {
                [
                    example.id.to_string(),
                    example.target.to_string(),
                    changed.column.clone(),
                    cell(changed.original.as_deref()),
                    cell(changed.current.as_deref()),
                    match (example.code, &example.reason) {
                        (Some(code), Some(reason)) => format!("{code}: {reason}"),
                        _ => "passes".to_owned(),
                    },
                ]
            })
        })
        .collect();
    give(table(["row", "table", "column", "from", "to", "then"], &rows))?;
    tell(format!(
        "{} rows, {} would change, {} would pass the plan's rules and types",
        count(preview.selected),
        count(preview.changed),
        count(preview.passes)
    ));
    tell_refused(&preview.refused);
    tell("nothing was changed; `transfuse quarantine replay --dry-run` asks the target as well");
    Ok(())
}
