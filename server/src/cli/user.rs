use std::io::{self, BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand, ValueEnum};
use engine::clock::{Clock as _, SystemClock};
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::UserId;
use shared::user::{User as Account, UserRole, email_problem};
use zeroize::Zeroizing;

use super::output::{Json, give, table, tell};
use super::{CommandError, whoever};
use crate::audit;
use crate::auth::password;
use crate::config::Installation;
use crate::store::{self, Store, sessions, users};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Let somebody sign in
    Add(Add),
    /// Show who may sign in
    List(List),
    /// Give somebody another password and end their sessions
    Reset(Reset),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[arg(long)]
    email: String,
    #[arg(long)]
    name: String,
    #[arg(long, default_value = "member")]
    role: RoleName,
    #[command(flatten)]
    password: PasswordFrom,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Reset {
    #[arg(long)]
    email: String,
    #[command(flatten)]
    password: PasswordFrom,
}

#[derive(Debug, Args)]
struct PasswordFrom {
    /// Do not ask for a password, make one and show it once
    #[arg(long)]
    generate: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Everything, users and settings included
    Admin,
    /// All pages of the migration
    Member,
    /// Reads, and changes nothing
    Viewer,
}

impl From<RoleName> for UserRole {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
            RoleName::Viewer => Self::Viewer,
        }
    }
}

impl User {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let store = installation.open_store().await?;
        let outcome = match self {
            Self::Add(command) => command.run(&store).await,
            Self::List(command) => command.run(&store).await,
            Self::Reset(command) => command.run(&store).await,
        };
        store.close().await;
        outcome
    }
}

impl Add {
    async fn run(self, store: &Store) -> Result<(), CommandError> {
        let email = self.email.trim().to_lowercase();
        if email_problem(&email).is_some() {
            return Err(CommandError::new(
                ErrorCode::Sys005,
                "--email does not hold an e-mail address",
            ));
        }
        if users::find_by_email(store.pool(), &email).await?.is_some() {
            return Err(taken());
        }
        let password = self.password.obtain()?;
        let hash = password::hash_chosen(password.text(), &email).await?;
        let clock = SystemClock;
        let now = clock.now();
        let user = Account {
            id: UserId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
            email,
            name: self.name.trim().to_owned(),
            role: self.role.into(),
            created_at: now,
        };
        let mut tx = store.begin().await?;
        users::insert(&mut *tx, &user, &hash)
            .await
            .map_err(|error| if error.is_taken() { taken() } else { error.into() })?;
        let detail = Some(user.role.as_str().to_owned());
        let (actor, action) = (whoever::actor(), Action::UserAdded);
        audit::record(&mut tx, now, actor, action, user.id.as_str(), detail).await?;
        store::commit(tx).await?;
        tell(format!("{} may sign in as {}", user.email, user.role.label().to_lowercase()));
        password.tell();
        Ok(())
    }
}

impl List {
    async fn run(self, store: &Store) -> Result<(), CommandError> {
        let users = users::list(store.pool()).await?;
        if !self.json.is_stdout() {
            let rows: Vec<_> = users
                .iter()
                .map(|user| {
                    let since = user.created_at.format("%Y-%m-%d").to_string();
                    [user.email.clone(), user.name.clone(), user.role.as_str().to_owned(), since]
                })
                .collect();
            give(table(["email", "name", "role", "since"], &rows))?;
        }
        self.json.write(&users)?;
        Ok(())
    }
}

impl Reset {
    async fn run(self, store: &Store) -> Result<(), CommandError> {
        let account = users::find_by_email(store.pool(), &self.email).await?.ok_or_else(|| {
            CommandError::new(ErrorCode::Sys005, "nobody signs in with this address")
                .hint("`transfuse user list` shows who does.")
        })?;
        let password = self.password.obtain()?;
        let hash = password::hash_chosen(password.text(), &account.user.email).await?;
        let now = SystemClock.now();
        let user = account.user;
        let mut tx = store.begin().await?;
        users::set_password(&mut *tx, &user.id, &hash).await?;
        let ended = sessions::revoke_all(&mut *tx, &user.id, now).await?;
        let (actor, action) = (whoever::actor(), Action::PasswordReset);
        audit::record(&mut tx, now, actor, action, user.id.as_str(), None).await?;
        store::commit(tx).await?;
        tell(format!("{} has another password; {ended} sessions ended", user.email));
        password.tell();
        Ok(())
    }
}

/// A password, and whether somebody has to be told it.
enum Password {
    Given(Zeroizing<String>),
    Generated(Zeroizing<String>),
}

impl Password {
    fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::Generated(text) => text,
        }
    }

    fn tell(&self) {
        if let Self::Generated(text) = self {
            tell(format!("password (shown this once): {}", text.as_str()));
        }
    }
}

impl PasswordFrom {
    /// Asks on a terminal, reads a line elsewhere, and makes one where there is none.
    fn obtain(&self) -> Result<Password, CommandError> {
        let given = if self.generate {
            Zeroizing::default()
        } else if io::stdin().is_terminal() {
            let first = ask("password (empty to have one made): ")?;
            if !first.is_empty() && *ask("again: ")? != *first {
                return Err(CommandError::new(ErrorCode::Sys005, "the passwords differ")
                    .hint("Nothing was changed."));
            }
            first
        } else {
            let mut line = Zeroizing::default();
            io::stdin().lock().read_line(&mut line)?;
            Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())
        };
        Ok(if given.is_empty() {
            Password::Generated(Zeroizing::new(password::generate()))
        } else {
            Password::Given(given)
        })
    }
}

fn ask(question: &str) -> Result<Zeroizing<String>, CommandError> {
    Ok(Zeroizing::new(rpassword::prompt_password(question)?))
}

fn taken() -> CommandError {
    CommandError::new(ErrorCode::Sys005, "somebody signs in with this address already")
        .hint("`transfuse user reset` gives them another password.")
}
