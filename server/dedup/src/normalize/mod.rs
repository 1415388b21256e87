//! Makes values comparable: one form for what was written in many, and nothing for what says
//! nothing.

pub mod text;
mod kana;
pub mod name;
pub mod nickname;
pub mod date;
pub mod identifier;
pub mod contact;
pub mod address;
pub mod draft;
