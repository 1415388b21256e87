use std::{fmt, path::Path};

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For `map_err`: what was being done, then the cause.
    pub(crate) fn doing<E: fmt::Display>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |cause| Self(format!("{doing}: {cause}"))
    }

    /// The same for a file.
    pub(crate) fn with_file<E: fmt::Display>(doing: &str, path: &Path) -> impl FnOnce(E) -> Self {
        Self::doing(format!("{doing} {}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
