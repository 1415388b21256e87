//! A folder of a test's own in which the command is run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;

/// Where commands are run, with their data folder in it.
pub(crate) struct Desk(TempDir);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a scratch folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    #[track_caller]
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("JSON")
    }

    /// Runs the command to its end, with nothing on its input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).stdin(Stdio::null()).output().expect("it runs");
        done(&output)
    }

    /// Runs the command with a text on its input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        self.write("input", input);
        let input = std::fs::File::open(self.path("input")).expect("a file");
        done(&self.command(arguments).stdin(input).output().expect("it runs"))
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transfuse"));
        command.args(arguments).current_dir(self.0.path());
        for variable in ["TRANSFUSE_KEY", "TRANSFUSE_STORE", "TRANSFUSE_DATA", "TRANSFUSE_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// A SQLite file made by some SQL.
    pub(crate) fn sqlite(&self, name: &str, sql: &str) -> String {
        let path = self.path(name);
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let sql = sql.to_owned();
        block_on(async move {
            let mut connection = SqliteConnection::connect(&url).await.expect("a SQLite file");
            connection.execute(AssertSqlSafe(sql)).await.expect("the SQL");
            connection.close().await.expect("a closed file");
        });
        format!("sqlite:{}", path.display())
    }

    /// Drafts a plan, which has to go well.
    #[track_caller]
    pub(crate) fn draft(&self, source: &str, target: &str) {
        let done = self.run(&[
            "plan",
            "draft",
            "--source",
            source,
            "--target",
            target,
            "--out",
            "plan.yaml",
        ]);
        assert_eq!(done.status, 0, "{}", done.stderr);
    }
}

impl Done {
    /// Failed in this way: exit status and code.
    #[track_caller]
    pub(crate) fn assert_failed(&self, status: i32, code: &str) {
        assert_eq!(self.status, status, "{}", self.stderr);
        let first = self.stderr.lines().find(|line| line.starts_with("error ")).unwrap_or("");
        assert!(first.starts_with(&format!("error {code}: ")), "{}", self.stderr);
        assert!(self.stderr.contains("\nhint: "), "{}", self.stderr);
        let see = format!("\nsee: docs/migration/error-handling.md#{}", code.to_lowercase());
        assert!(self.stderr.contains(&see), "{}", self.stderr);
    }
}

/// A hundred people, of whom the seventh was born on no day.
pub(crate) fn people(rows: u32) -> String {
    format!(
        "create table person (id integer primary key, name text not null, born date);
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows})
         insert into person select i, 'Person ' || i, '1980-01-01' from n;"
    )
}

pub(crate) fn file_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

#[track_caller]
pub(crate) fn done(output: &std::process::Output) -> Done {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    // Words that are planted in the data of these tests: what is said on the way has none of them.
    for planted in ["Pseudonymia", "Person 7"] {
        assert!(!stderr.contains(planted), "`{planted}` was said: {stderr}");
    }
    Done {
        status: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr,
    }
}
