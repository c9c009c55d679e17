//! What happens before PID 1's loop begins and after it has ended.
//!
//! | file | what |
//! |---|---|
//! | [`command`] | what a start of `init` means |
//! | [`first`] | the first steps of a PID 1: descriptors, file systems, console, limits |
//! | [`manager`] | what the manager is started with |
//! | [`last`], [`unmount`], [`ups`] | the finishing child: kill, unmount, sync, tell the UPS; then `reboot(2)` or an exit |
//!
//! The first three run once, before there is anything to lose. The finishing child may block: PID 1 goes on with its
//! loop meanwhile, and ends without it past a deadline.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod command;
pub mod first;
pub mod last;
pub mod manager;
pub mod unmount;
pub mod ups;
