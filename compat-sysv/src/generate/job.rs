//! The header of one of Upstart's jobs: its script tells it when it is called with `lsb-header`.

use crate::tree::{MAX_FILE, UPSTART_JOB};
use init::load::Root;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What it says; `None` in an image, where nothing is executed. `Err`: why it says nothing.
pub(super) fn header(root: &Root, name: &str) -> Result<Option<String>, String> {
    if root.is_image() {
        return Ok(None);
    }
    ask(Command::new(UPSTART_JOB).args([name, "lsb-header"]), PATIENCE)
        .map(Some)
        .map_err(|why| format!("{UPSTART_JOB} {name} lsb-header {why}; the header isn't known"))
}

/// What a command prints, at most a script's length. It and what it started end at the deadline.
fn ask(command: &mut Command, patience: Duration) -> Result<String, String> {
    let until = Instant::now() + patience;
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child =
        command.current_dir(Path::new("/")).process_group(0).spawn().map_err(|e| format!("can't be run: {e}"))?;
    let text = match child.stdout.as_mut() {
        Some(pipe) => read(pipe, until),
        None => Ok(Vec::new()),
    };
    if let (Err(_), Ok(group)) = (&text, i32::try_from(child.id())) {
        // The child isn't waited for yet, so the group is still its own.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let text = text?;
    if !status.success() {
        return Err(format!("fails: {status}"));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn read(pipe: &mut std::process::ChildStdout, until: Instant) -> Result<Vec<u8>, String> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err("takes too long".to_owned()),
            Err(Errno::EINTR) => continue,
            Err(e) => return Err(e.desc().to_owned()),
            Ok(_) => {}
        }
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(text),
            Ok(n) => text.extend_from_slice(buffer.get(..n).unwrap_or(&[])),
            Err(e) => return Err(e.to_string()),
        }
        if text.len() > MAX_FILE {
            return Err("says too much".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<String, String> {
        ask(Command::new("/bin/sh").args(["-c", script]), patience)
    }

    #[test]
    fn what_it_prints_counts_if_it_succeeds_in_time() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("echo a; echo b >&2", long), Ok("a\n".to_owned()));
        assert!(shell("echo a; exit 3", long).expect_err("fails").starts_with("fails"));
        assert_eq!(shell("yes", long), Err("says too much".to_owned()));
        assert_eq!(shell("sleep 1000 & sleep 1000", Duration::from_millis(50)), Err("takes too long".to_owned()));
        assert!(ask(&mut Command::new("/no/such"), long).expect_err("not there").starts_with("can't be run"));
    }
}
