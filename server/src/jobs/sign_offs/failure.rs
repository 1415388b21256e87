use shared::sign_off::SignOffState;

/// Why something about a sign-off was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignOffError {
    #[error("there is no such sign-off")]
    NotFound,
    #[error("nobody of the sample has this number")]
    PersonNotFound,
    #[error("the sign-off is {}", .state.label().to_lowercase())]
    WrongState { state: SignOffState },
    /// The plan does not say which table has the people, and neither did who asked.
    #[error("nothing says which table of the plan has the people")]
    NoPeopleTable,
    /// The plan does not say which column has the birth date, or the table has no such column.
    #[error("nothing says which column of the table has the birth date")]
    NoBirthDate,
    #[error("whoever judges has to have looked at both sides first")]
    NotSeen,
    #[error("{left} people of the sample are not judged yet")]
    NotJudged { left: u32 },
}
