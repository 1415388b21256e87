//! One file per place.

mod landing;
mod sign_in;
mod home;
mod assistant;
mod library;
mod error_codes;
mod reports;
mod profile;
mod settings;
mod not_found;
mod migration;

pub use assistant::Assistant;
pub use error_codes::ErrorCodes;
pub use home::Home;
pub use landing::Landing;
pub use library::Library;
pub use migration::Migration;
pub use not_found::{NotFound, NotFoundHere};
pub use profile::Profile;
pub use reports::Reports;
pub use settings::Settings;
pub use sign_in::SignIn;
