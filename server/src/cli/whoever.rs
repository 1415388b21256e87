//! Who runs the command, as the system knows them. What the environment says is not asked: anybody
//! can set it.

use nix::unistd::{Uid, User, geteuid};

use crate::audit::Actor;
use crate::jobs::rollbacks::By;

/// Whoever runs the command: `ada, on the command line`.
pub(super) fn by() -> By {
    let name = format!("{}, on the command line", person(geteuid(), signed_in()));
    By { actor: Actor::command_line(&name), name }
}

/// The same for the audit trail alone.
pub(super) fn actor() -> Actor {
    by().actor
}

/// An account may be used by several people, of whom each signed in under their own.
fn person(account: Uid, signed_in: Option<Uid>) -> String {
    match signed_in {
        Some(other) if other != account => {
            format!("{} (signed in as {})", name_of(account), name_of(other))
        }
        _ => name_of(account),
    }
}

/// Who signed in to the machine. Linux keeps that through `sudo` and `su`.
fn signed_in() -> Option<Uid> {
    let uid = std::fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok()?;
    // Nobody did: it runs in a container, or as a service.
    (uid != u32::MAX).then(|| Uid::from_raw(uid))
}

fn name_of(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) if !user.name.is_empty() => user.name,
        // A container need not know the name of its user.
        _ => format!("user {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_and_so_is_who_signed_in_under_another() {
        let (root, nobody) = (Uid::from_raw(0), Uid::from_raw(4_000_000_000));

        assert_eq!(person(root, None), "root");
        assert_eq!(person(root, Some(root)), "root");
        assert_eq!(person(nobody, None), "user 4000000000");
        assert_eq!(person(root, Some(nobody)), "root (signed in as user 4000000000)");
    }
}
