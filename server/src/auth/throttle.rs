//! How often somebody may try to sign in.

use chrono::TimeDelta;

use crate::store::sign_in_failures::Count;

/// Failures count for this long.
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// One account from one address: somebody mistypes.
const BOTH: u32 = 5;
/// One address, many accounts: somebody guesses. A clinic may share one address.
const ADDRESS: u32 = 30;
/// One account, many addresses: somebody guesses from many machines. High, because whoever
/// reaches it locks the account's owner out as well.
const ACCOUNT: u32 = 100;

/// Whether another attempt is allowed, given the failures of the last while.
pub const fn allows(failures: Count) -> bool {
    failures.both < BOTH && failures.address < ADDRESS && failures.account < ACCOUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_has_to_wait() {
        assert!(allows(Count { account: 4, address: 29, both: 4 }));
        assert!(!allows(Count { account: 5, address: 5, both: 5 }));
        assert!(!allows(Count { account: 0, address: 30, both: 0 }));
        assert!(!allows(Count { account: 100, address: 0, both: 0 }));
    }

    #[test]
    fn an_account_is_not_locked_by_a_stranger_elsewhere() {
        assert!(allows(Count { account: 20, address: 0, both: 0 }));
    }
}
