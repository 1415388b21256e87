//! Turns a row of the source into a row of the target, or says why it cannot. Pure.

use shared::error_code::ErrorCode;

/// Why a row cannot be carried over. Says what is wrong, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    pub code: ErrorCode,
    /// The column of the target.
    pub column: String,
    pub reason: String,
}
