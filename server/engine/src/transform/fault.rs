use shared::error_code::ErrorCode;

/// What is wrong with one value. Never says the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub code: ErrorCode,
    pub reason: &'static str,
}

impl Fault {
    pub(super) const fn new(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason }
    }
}
