//! Units: text → [`Unit`]. Pure: reads no files, asks the system nothing.

pub mod command_unit;
pub mod level;
pub mod model;
pub mod name;

pub use level::{Level, LevelSet};
pub use model::*;
pub use name::UnitName;
