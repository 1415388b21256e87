//! What commands read: plans, and URLs with environment variables in them.

use std::path::{Path, PathBuf};

use clap::Args;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use zeroize::Zeroizing;

use super::CommandError;
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::databases::Sides;
use crate::jobs::{Databases, JobError};

/// A plan from a file, in YAML or JSON.
pub(super) fn read_plan(path: &Path) -> Result<Plan, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::new(ErrorCode::Map004, format!("reading {}", path.display()))
            .hint("Check the path; `transfuse plan draft` writes a plan.")
            .because(&error)
    })?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let plan = if is_json { Plan::from_json(&text) } else { Plan::from_yaml(&text) };
    plan.map_err(|error| {
        CommandError::new(ErrorCode::Map004, format!("reading {}", path.display())).because(&error)
    })
}

/// The URLs of a plan's two sides. A plan that names connections takes them from the control
/// store; one with URLs needs none.
pub(super) async fn sides(plan: &Plan, installation: &Installation) -> Result<Sides, CommandError> {
    let mut plan = plan.clone();
    plan.source = expanded(&plan.source)?.to_string();
    plan.target = expanded(&plan.target)?.to_string();
    if Engine::of_url(&plan.source).is_some() && Engine::of_url(&plan.target).is_some() {
        return Ok(Sides { source: plan.source.into(), target: plan.target.into() });
    }
    let store = installation.open_store().await?;
    let databases = Databases::new(store.clone(), Secrets::new(&installation.key()?));
    let sides = databases.sides(&plan).await;
    store.close().await;
    Ok(sides?)
}

/// Where a run wrote.
#[derive(Debug, Args)]
pub(super) struct RunTarget {
    /// The target in which the run wrote; a run of the portal is found without it
    #[arg(long, value_name = "URL", conflicts_with = "plan")]
    target: Option<String>,
    /// The plan of the run, which names the target
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

impl RunTarget {
    /// The URL, where the command line says it.
    pub(super) async fn url(
        &self,
        installation: &Installation,
    ) -> Result<Option<Zeroizing<String>>, CommandError> {
        if let Some(url) = &self.target {
            return expanded(url).map(Some);
        }
        match &self.plan {
            Some(path) => Ok(Some(sides(&read_plan(path)?, installation).await?.target)),
            None => Ok(None),
        }
    }
}

/// A run was not found, perhaps because nobody said where it wrote.
pub(super) fn run_not_found(error: JobError) -> CommandError {
    CommandError::from(error).hint(
        "A run of the command line is found with --plan FILE or --target URL; one of the portal \
         with the server's --data or --store.",
    )
}

/// A text with each `${NAME}` replaced by the environment variable.
pub(super) fn expanded(text: &str) -> Result<Zeroizing<String>, CommandError> {
    expanded_from(text, |name| std::env::var(name).ok())
}

fn expanded_from(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, CommandError> {
    let mut out = Zeroizing::new(String::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else { break };
        let value = variable(name).ok_or_else(|| {
            CommandError::new(
                ErrorCode::Sys005,
                format!("a URL names ${{{name}}}, and no environment variable has this name"),
            )
            .hint(format!("Set {name}, or write the URL out."))
        })?;
        out.push_str(before);
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Status;

    #[test]
    fn a_variable_stands_for_its_value() {
        let variable = |name: &str| (name == "PASSWORD").then(|| "s3cret".to_owned());
        let check = |text: &str, expected: &str| {
            assert_eq!(*expanded_from(text, variable).unwrap(), expected);
        };
        check("postgres://ann:${PASSWORD}@db/mdw", "postgres://ann:s3cret@db/mdw");
        check("${PASSWORD}${PASSWORD}", "s3crets3cret");
        check("sqlite:a$b", "sqlite:a$b");
        check("sqlite:${open", "sqlite:${open");
        let missing = expanded_from("${NOWHERE}", variable).unwrap_err();
        assert_eq!(missing.status(), Status::Usage);
    }
}
