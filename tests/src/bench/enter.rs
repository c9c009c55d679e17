//! Runs a command inside a world, again and again, and tells how long it took: without the time for getting in.

use super::{Doing, Result, now};
use init::sys::ns::Spaces;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What it tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// When the first run began.
    pub began: u64,
    /// How long each took.
    pub took: Vec<u64>,
    /// The exit status of the last.
    pub code: i32,
    /// What the last printed.
    pub stdout: String,
    /// Likewise.
    pub stderr: String,
}

/// Enters the world of that PID 1, says so, waits for a word, and runs.
///
/// # Errors
/// It can't get in, or the command can't be run.
pub fn run(pid: i32, times: usize, words: &[String]) -> Result<()> {
    let spaces = Spaces::of(pid).doing(format!("the namespaces of {pid}"))?;
    spaces.enter().map_err(|(kind, e)| format!("the {kind} namespace of {pid}: {e}"))?;
    nix::unistd::chdir("/").doing("/")?;
    let (program, words) = words.split_first().ok_or("no command")?;
    let path = "/usr/lib/rung:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut out = std::io::stdout();
    out.write_all(b"ready\n").and_then(|()| out.flush()).doing("telling that it is ready")?;
    std::io::stdin().read_exact(&mut [0]).doing("waiting for the word")?;
    let mut told = Told { began: now(), took: Vec::new(), code: 0, stdout: String::new(), stderr: String::new() };
    for _ in 0..times {
        let began = now();
        let mut command = Command::new(program);
        command.args(words).env_clear().env("PATH", path).stdin(Stdio::null());
        let run = command.output().doing(program)?;
        told.took.push(now() - began);
        told.code = run.status.code().unwrap_or(-1);
        told.stdout = String::from_utf8_lossy(&run.stdout).into_owned();
        told.stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    }
    serde_json::to_writer(out, &told).doing("telling")
}
