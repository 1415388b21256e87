use dedup::column::ColumnError;
use dedup::find::FindError;
use dedup::people::ReadError;
use engine::EngineError;
use shared::assessment::TableName;
use shared::error_code::ErrorCode;

/// Why a table of people could not be matched.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the file is empty; its first line has to name the columns")]
    Empty,
    #[error("there are several tables, and none was named")]
    TableNotNamed,
    #[error("there is no table {0}, or several of this name")]
    NoSuchTable(TableName),
    #[error("record {record} has more or fewer fields than the header")]
    Ragged { record: u64 },
    #[error(transparent)]
    Columns(#[from] ColumnError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("writing what was made of the rows")]
    Write(#[source] std::io::Error),
}

impl PeopleError {
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Engine(error) => error.code(),
            Self::Columns(ColumnError::Unknown(_)) => ErrorCode::Match004,
            Self::Empty | Self::TableNotNamed | Self::NoSuchTable(_) | Self::Columns(_) => {
                ErrorCode::Match001
            }
            Self::Ragged { .. } => ErrorCode::Data013,
            Self::Read(_) => ErrorCode::Match002,
            Self::Find(_) => ErrorCode::Match005,
            Self::Write(_) => ErrorCode::Sys003,
        }
    }
}
