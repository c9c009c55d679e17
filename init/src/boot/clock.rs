//! The system's clock and the hardware's. hwclock(8) does it; what can be seen without starting it to need nothing is
//! left alone: to set a hardware clock takes up to a second, at a time when somebody waits for the machine to go down.

use super::{Job, Outcome, conf, program, say};
use crate::sys::localtime;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub const JOB: Job = Job {
    name: "clock",
    arguments: "set|save",
    what: "sets the time zone; sets the hardware clock",
    help: "set   Tells the kernel the time zone, and corrects its time where the hardware clock holds local time (third line\n      of /etc/adjtime). The kernel itself has read that clock, taking it to hold UTC.\nsave  Sets the hardware clock from the system's, where they differ by more than a second.\n\nBoth by hwclock, where it is installed.",
    run,
};
const CLOCKS: &str = "/sys/class/rtc";
const ADJTIME: &str = "/etc/adjtime";

fn run(arguments: &[String]) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| i64::try_from(t.as_secs()).unwrap_or(0));
    let local = is_local(&conf::text(Path::new(ADJTIME)).unwrap_or_default());
    let offset = i64::from(localtime::offset(now));
    let verb = match arguments {
        [verb] if verb == "set" && (local || offset != 0) => "--systz",
        [verb] if verb == "save" => {
            let wanted = if local { now.saturating_add(offset) } else { now };
            match clock(Path::new(CLOCKS)).and_then(|folder| time(&folder)) {
                Some(time) if time.abs_diff(wanted) > 1 => "--systohc",
                _ => return Outcome::Done,
            }
        }
        [verb] if verb == "set" => return Outcome::Done,
        _ => return Outcome::Usage,
    };
    if let Some(hwclock) = program::find("hwclock") {
        say(&format!("{}: {}", hwclock.display(), program::become_it(&hwclock, &[verb])));
        return Outcome::Failed;
    }
    say(&format!("no `hwclock` is installed, so the clock stays as it is ({verb}): `apt install util-linux-extra`"));
    Outcome::Done
}

/// Whether the hardware clock holds local time: as hwclock(8) has it.
fn is_local(adjtime: &str) -> bool {
    adjtime.lines().nth(2).is_some_and(|line| line.trim() == "LOCAL")
}

/// The clock that the kernel's time came from, else the first.
fn clock(folder: &Path) -> Option<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    all.sort();
    let first = all.first().cloned();
    all.into_iter().find(|rtc| fs::read_to_string(rtc.join("hctosys")).is_ok_and(|text| text.trim() == "1")).or(first)
}

/// What it shows, in seconds since 1970.
fn time(rtc: &Path) -> Option<i64> {
    fs::read_to_string(rtc.join("since_epoch")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_line_says_what_the_clock_holds() {
        assert!(is_local("0.0 0 0.0\n0\nLOCAL\n"));
        assert!(!is_local("0.0 0 0.0\n0\nUTC\n") && !is_local("") && !is_local("LOCAL"));
    }

    #[test]
    fn the_clock_is_the_one_the_kernel_has_read() {
        let folder = std::env::temp_dir().join(format!("rung-boot-clock-{}", std::process::id()));
        for (name, used) in [("rtc0", "0"), ("rtc1", "1"), ("rtc2", "0")] {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("hctosys"), format!("{used}\n")).unwrap();
            fs::write(folder.join(name).join("since_epoch"), format!("1{used}\n")).unwrap();
        }
        let found = clock(&folder).expect("one");
        assert_eq!((found.ends_with("rtc1"), time(&found)), (true, Some(11)));
        fs::write(folder.join("rtc1/hctosys"), "0\n").unwrap();
        assert!(clock(&folder).expect("one").ends_with("rtc0"));
        assert_eq!(clock(&folder.join("none")), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
