//! What travels between processes: frames, plans, control messages. Pure: no syscalls, no policy.

pub mod control;
pub mod logger;
pub mod pid1;
pub mod plan;
pub mod varlink;
pub mod words;
