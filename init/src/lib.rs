//! Rung: a PID 1 with runlevels, the manager and the logger that stand beside it, and the jobs of level S.
//!
//! Arrows between the modules point one way (`tests/tests/architecture.rs` checks it):
//!
//! | module | what | uses |
//! |---|---|---|
//! | [`unit`] | text → [`unit::Unit`]; pure | – |
//! | [`core`] | the state machine: events in, actions out; pure | `unit`, `proto::pid1` |
//! | [`proto`] | what travels between processes; pure | `unit`, `core`; frames and plans: – |
//! | [`sys`] | the only `unsafe`, the only raw syscalls; no policy | frames and plans |
//! | [`load`] | unit files and `init.conf` as they lie in a root | `unit`, `core::Definition`, `sys` |
//! | [`levels`] | which units are on in which level: links, read and written | `core::{LevelMark, RcRule}`, `proto`, `sys`, `unit` |
//! | [`switch`] | what `enable` and `disable` change | `core::Definition`, `levels`, `load`, `proto`, `unit` |
//! | [`stage`] | what happens before PID 1's loop begins and after it has ended | `sys`, frames and plans |
//! | [`pid1`] | the reactor that is PID 1 | `stage`, `sys`, frames and plans |
//! | [`manager`] | all policy: core, units, levels, control socket | all but `pid1`, `stage` |
//! | [`log`] | service output to files | `sys`, `proto`, `unit` |
//! | [`boot`] | `init-boot`, the jobs of level S | `sys`, `unit::{accounts, condition, scalar}` |
//! | [`client`] | connect, call, stream, repeat | `sys`, `proto`, `core::RequestId` |

pub mod boot;
pub mod client;
pub mod core;
pub mod levels;
pub mod load;
pub mod log;
pub mod manager;
pub mod pid1;
pub mod proto;
pub mod stage;
pub mod switch;
pub mod sys;
pub mod unit;
