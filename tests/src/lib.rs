//! What the tests that cross crates share.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "this is all test code")]

pub mod bench;
pub mod debian;
pub mod inittab;
pub mod pid1;
pub mod scripts;
pub mod sim;
pub mod world;

/// Copies a program to where it is to be executed. Another process does it: a descriptor of ours that is open for writing
/// might be inherited by what another thread starts at that moment, and the program then couldn't be executed.
///
/// # Errors
/// `cp` can't be run, or fails.
pub fn copy_program(from: impl AsRef<std::path::Path>, to: impl AsRef<std::path::Path>) -> std::io::Result<()> {
    let status =
        std::process::Command::new("cp").arg("--preserve=mode").arg(from.as_ref()).arg(to.as_ref()).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(format!("cp: {status}"))) }
}
