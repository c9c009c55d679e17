//! (being written)

pub mod command;
pub mod early;
pub mod end;
pub mod unmount;
