//! Units: text → [`Unit`]. Pure: reads no files, asks the system nothing.

pub mod accounts;
mod check;
pub mod command_unit;
mod commands;
pub mod conf;
pub mod ending;
pub mod envfile;
pub mod exit_status;
mod fields;
pub mod finding;
mod foreign;
mod keys;
pub mod level;
pub mod model;
pub mod name;
mod parse;
mod readiness;
pub mod scalar;
pub mod search;
pub mod specifier;
mod text;
mod usage;
mod value;
pub mod variables;
pub mod words;

pub use ending::{End, EndAction, Ending, ExitType, Haste, OomPolicy, RestartMode, TimeoutMode};
pub use exit_status::Status;
pub use finding::{Finding, Severity, SourceFile, nearest};
pub use keys::{KeyDoc, keys, settings};
pub use level::{Level, LevelSet};
pub use model::*;
pub use name::UnitName;
pub use parse::{Parsed, parse};
pub use readiness::{NotifyAccess, Readiness};
pub use specifier::Facts;
pub use usage::{KeyUse, Taken};
