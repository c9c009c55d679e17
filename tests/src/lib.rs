//! Test support.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]

pub mod world;
