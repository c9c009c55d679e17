//! A machine on batteries: where the file systems are down and the power is to go, `/etc/init.d/ups-monitor poweroff` tells
//! the UPS, as sysvinit's `halt` script does. It runs in the finishing child, with a deadline.

use crate::sys::helper::{self, Ended};
use nix::unistd::{AccessFlags, access, execve, setsid};
use std::ffi::CStr;
use std::time::{Duration, Instant};

/// The script, where a package for a UPS has put it.
pub const SCRIPT: &CStr = c"/etc/init.d/ups-monitor";
/// It may take this long; then the machine is powered off without it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the script, if there is one; says what went wrong. Whether it did as it was asked.
pub fn tell(script: &CStr, until: Instant, say: &dyn Fn(&str)) -> bool {
    if access(script, AccessFlags::X_OK).is_err() {
        return false;
    }
    let started = Instant::now();
    let waiting = || say(&format!("ups-monitor poweroff: {} s so far", started.elapsed().as_secs()));
    let ended = helper::run(until, waiting, || {
        // A terminal's signals are nobody's any more.
        let _ = setsid();
        let env = [c"PATH=/sbin:/usr/sbin:/bin:/usr/bin", c"RUNLEVEL=0", c"INIT_HALT=POWEROFF"];
        let _ = execve(script, &[script, c"poweroff"], &env);
        126
    });
    match ended {
        Ok(Ended::Code(0)) => return true,
        Ok(Ended::Late) => say("ups-monitor poweroff: does not answer, given up"),
        Ok(ended) => say(&format!("ups-monitor poweroff has failed: {ended:?}")),
        Err(e) => say(&format!("ups-monitor poweroff can't be run: {}", e.desc())),
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_script_is_told_and_not_waited_for_too_long() {
        let folder = std::env::temp_dir().join(format!("rung-ups-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("folder");
        let (path, told) = (folder.join("ups-monitor"), folder.join("told"));
        let script = CString::new(path.to_str().expect("text")).expect("no NUL");
        let said = RefCell::new(Vec::new());
        let say = |text: &str| said.borrow_mut().push(text.to_owned());
        let run = |limit| tell(&script, helper::after(Duration::from_millis(limit)), &say);
        assert!(!run(1000) && said.borrow().is_empty(), "there is none");
        let write = |text: &str, mode| {
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("script");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        };
        write(&format!("echo \"$* $RUNLEVEL $INIT_HALT\" >{}", told.display()), 0o644);
        assert!(!run(1000) && said.borrow().is_empty(), "it isn't to be run");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
        assert!(run(20_000), "{said:?}");
        assert_eq!(fs::read_to_string(&told).expect("told"), "poweroff 0 POWEROFF\n");
        write("exit 3", 0o755);
        assert!(!run(20_000) && said.borrow().last().is_some_and(|t| t.contains("failed: Code(3)")), "{said:?}");
        write("exec sleep 60", 0o755);
        assert!(!run(200) && said.borrow().last().is_some_and(|t| t.contains("given up")), "{said:?}");
        fs::remove_dir_all(&folder).expect("clean");
    }
}
