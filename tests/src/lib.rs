//! What the tests that cross crates share.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]

pub mod debian;
pub mod pid1;
pub mod sim;
pub mod world;
