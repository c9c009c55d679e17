//! Test support.

pub mod sim;
