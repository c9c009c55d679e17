//! Test support.

pub mod sim;
pub mod world;
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]
//! What the tests that cross crates share.

pub mod pid1;
