//! One file per place.
//!
//! The landing page, the sign-in and the way to the rest are what everybody loads. The rest is
//! two modules that are fetched when they are needed: the portal, and the migration within it.
//! Nothing outside of a module names anything in it, or else it would be loaded by everybody.

mod landing;
mod sign_in;
mod reset_password;
mod not_found;
mod module;
mod listed;
mod portal;
mod home;
mod assistant;
mod library;
mod reports;
mod profile;
mod settings;
mod migration;

pub use landing::Landing;
pub use not_found::{NotFound, NotFoundHere};
pub use portal::Portal;
pub use sign_in::SignIn;
