//! What pages are made of. No component knows the server.

mod icon;
mod logo;
mod badge;
mod moment;
mod progress;
mod sparkline;
mod fields;
mod copy_button;
mod dialog;
mod empty_state;
mod error_panel;
mod failure;
mod loaded;
mod skeleton;
mod notice_list;
mod table_frame;
mod numbers;
mod virtual_list;
mod facts;
pub(crate) mod shell;

pub use badge::{Badge, RoleBadge, RunStateBadge};
pub use copy_button::CopyButton;
pub use dialog::Dialog;
pub use empty_state::EmptyState;
pub use error_panel::{ErrorPanel, Refusal};
pub use facts::{Fact, Facts};
pub use failure::{FailureCard, FailureNote};
pub use fields::{
    CheckboxField, Choice, PasswordField, SelectField, SuggestField, TextAreaField, TextField,
};
pub use icon::{Icon, Shape};
pub use loaded::Loaded;
pub use logo::Logo;
pub use moment::Moment;
pub use notice_list::NoticeList;
pub use numbers::{NumberCells, NumberHeads};
pub use progress::ProgressBar;
pub use skeleton::{PageSkeleton, Skeleton};
pub use sparkline::Sparkline;
pub use table_frame::TableFrame;
pub use virtual_list::VirtualList;
