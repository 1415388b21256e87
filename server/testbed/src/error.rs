use std::{io, path::Path, process::ExitStatus};

/// Why a server or a database could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing on this machine.
    #[error("`{program}` was not found: install it, on Debian with `apt-get install {package}`")]
    NotInstalled {
        /// What was looked for.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A file, a lock or a process could not be handled.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("{doing}: {status}\n{output}")]
    Program {
        /// What was being done.
        doing: String,
        /// How the program ended.
        status: ExitStatus,
        /// What it wrote.
        output: String,
    },
    /// A server was started and did not answer.
    #[error("the server did not start; the end of its log:\n{log}")]
    NoAnswer {
        /// The last lines of its log.
        log: String,
    },
    /// This process may not mount file systems.
    #[error("a small disk needs the right to mount file systems")]
    CannotMount {
        /// Why mounting was refused.
        #[source]
        cause: Box<Error>,
    },
    /// A setting cannot be used.
    #[error("{name} does not hold the URL of a database server")]
    Setting {
        /// The environment variable.
        name: &'static str,
    },
}

impl Error {
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    pub(crate) fn file(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::system(format!("{doing} {}", path.display()))
    }
}
