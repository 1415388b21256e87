//! Who answers for the migration, and what they need.

use chrono::TimeDelta;
use shared::check::Check;

use super::Request;
use super::notebook::{Found, Notebook, Outcome};

/// A backup that is older says little of what is there now.
const BACKUP_HOURS: i64 = 24;

pub(super) fn look(book: &mut Notebook, request: &Request) {
    let around = &request.surroundings;
    let unknown = Outcome::NotApplicable("only a server's installation knows");
    let told = |known: Option<bool>, wrong: bool, message: &str| match known {
        None => Outcome::NotApplicable("only a server's installation knows"),
        Some(is) if is == wrong => vec![Found::warning(message)].into(),
        Some(_) => Outcome::passed(),
    };
    let secret = told(around.secret_in_plan, true, "the plan has a password in it");
    book.note(Check::SecretsInPlan, Ok(secret));
    let approval = told(around.second_person, false, "nobody else has to approve");
    book.note(Check::SecondPerson, Ok(approval));
    let notified = told(around.notifications, false, "nobody is told when something fails");
    book.note(Check::Notifications, Ok(notified));
    let backup = match around.last_backup {
        None => unknown,
        Some(None) => vec![Found::warning("no backup of the target is known")].into(),
        Some(Some(at)) if request.clock.now() - at > TimeDelta::hours(BACKUP_HOURS) => {
            vec![Found::warning(format!("the last backup is of {}", at.format("%Y-%m-%d %H:%M")))]
                .into()
        }
        Some(Some(_)) => Outcome::passed(),
    };
    book.note(Check::RecentBackup, Ok(backup));
}
