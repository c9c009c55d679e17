//! Rung: a PID 1 with runlevels, and the manager and logger that stand beside it.
//!
//! Arrows between the modules point one way (`tests/` checks it):
//!
//! | module | what | uses |
//! |---|---|---|
//! | [`unit`] | text → [`unit::Unit`]; pure | – |
//! | [`core`] | the state machine: events in, actions out; pure | `unit` |
//! | [`proto`] | what travels between processes; pure | – |
//! | [`sys`] | the only `unsafe`, the only raw syscalls; no policy | – |
//! | [`pid1`] | the reactor that is PID 1 | `sys`, `proto` (frames and plans) |
//! | [`manager`] | all policy: core, units, levels, control socket | all but `pid1` |
//! | [`log`] | service output to files | `sys`, `proto` |
//! | [`client`] | connect, call, stream, repeat | `sys`, `proto` |

pub mod client;
pub mod core;
pub mod log;
pub mod manager;
pub mod pid1;
pub mod proto;
pub mod sys;
pub mod unit;
