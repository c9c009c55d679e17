//! A client of the control socket: connect, call, follow a request to its end.
//!
//! The manager may die at any moment, so a call whose connection breaks is made again to the next manager: reading is
//! harmless, and what changes something carries a [`request_id`] by which the manager knows it and joins the jobs that
//! are under way. The caller gets each answer from whoever gives it, and the last one once.

mod connection;
mod error;
mod follow;
mod script;

pub use error::Error;
pub use follow::{Client, Event};
pub use script::in_unit;

use crate::core::RequestId;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;

/// Where run-time state lives: `$RUNG_RUNDIR`, else `/run/rung`.
pub fn run_dir() -> PathBuf {
    match std::env::var_os("RUNG_RUNDIR") {
        Some(dir) if !dir.is_empty() => dir.into(),
        _ => PathBuf::from("/run/rung"),
    }
}

/// The control socket: `control` in [`run_dir`].
pub fn socket_path() -> PathBuf {
    run_dir().join("control")
}

/// A new name for a request: random, never 0, and small enough (53 bits) to survive any JSON library.
pub fn request_id() -> RequestId {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    (hasher.finish() & ((1 << 53) - 1)).max(1)
}
