//! The logger: reads the pipes of all services, frames lines, writes them to files, rotates.
//!
//! One process for all services, one thread, one epoll set; it wakes only when there is something to do. It holds no
//! policy and asks nobody: what to read and how it is called comes from the manager ([`crate::proto::logger`]). It may
//! die at any time: the pipes are parked in PID 1, the next one goes on where this one stopped.
//!
//! | module | what |
//! |---|---|
//! | [`frame`] | bytes → lines; pure |
//! | [`stamp`] | time → text; pure |
//! | [`file`] | one unit's files: append, rotate, never lose a line that fits |
//! | [`store`] | all units' files: run directory first, `/var/log` once it can be written |
//! | [`history`] | the lines of the history: which are there, what they say |
//! | [`boots`] | the records of boots |
//! | [`echo`] | the copy on standard output, in a container |
//! | [`pipes`] | which pipes are open |
//! | [`server`] | the event loop |
//! | [`read`] | reading the files back, for `initctl logs` and failure reports |

pub mod boots;
pub mod echo;
pub mod file;
pub mod frame;
pub mod history;
pub mod pipes;
pub mod read;
pub mod server;
pub mod stamp;
pub mod store;

#[cfg(test)]
mod tests;
