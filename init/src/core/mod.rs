//! The state machine: events in, actions out. Pure: no syscalls, no clock of its own, no map of random order.
//!
//! The manager is the shell around it: it feeds [`Event`]s with the time they happened, writes what [`Core::dirty`]
//! names into its journal, then carries out the [`Action`]s in order. Nothing else changes a [`Core`].

pub mod message;

pub use message::*;
