//! `initctl sandbox`.

use init::unit::Level;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `initctl sandbox`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder of unit files to use; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub units: Vec<PathBuf>,
    /// The root to copy on write (default: the present one).
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The level to boot to.
    #[arg(long, value_name = "N", value_parser = level)]
    pub level: Option<Level>,
    /// Keep the root's own levels, scripts and units.
    #[arg(long)]
    pub all: bool,
    /// Share the host's network.
    #[arg(long)]
    pub host_net: bool,
    /// Keep what was written.
    #[arg(long)]
    pub keep: bool,
    /// What to run once the level is reached (default: a shell).
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

fn level(text: &str) -> Result<Level, String> {
    text.chars()
        .next()
        .filter(|_| text.len() == 1)
        .ok_or("S and 0 to 6 are runlevels".to_owned())
        .and_then(Level::try_from)
}

/// Runs the sandbox.
pub fn run(_args: Args) -> ExitCode {
    eprintln!("initctl: this build has no sandbox");
    ExitCode::FAILURE
}
