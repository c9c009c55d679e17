//! Logs of the boot: `bootlogs`, and the ones that the scripts have of fsck.

use super::settings::Settings;
use super::{End, Verb};
use crate::boot::{program, say};
use crate::sys::localtime;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const DMESG: &str = "/var/log/dmesg";
/// How many older ones are kept.
const KEPT: u32 = 4;

/// The messages of the kernel, beside those of the boots before.
pub(super) fn bootlogs(verb: Verb, _: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    let path = Path::new(DMESG);
    let there = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    if there.is_some()
        && let Err(e) = rotate(path)
    {
        say(&format!("{DMESG}: {e}"));
        return End::Failed;
    }
    // Not `create_new`: the rotation may have been somebody else's.
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path);
    let file = match file {
        Ok(file) => file,
        Err(e) => {
            say(&format!("{DMESG}: {e}"));
            return End::Failed;
        }
    };
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (uid, gid, mode) = match &there {
        Some(meta) => (meta.uid(), meta.gid(), meta.mode() & 0o7777),
        None => (0, super::misc::group("adm").unwrap_or(0), 0o640),
    };
    let _ = chown(path, Some(uid), Some(gid));
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    if let Some(dmesg) = program::find("dmesg")
        && let Err(e) = Command::new(dmesg).args(["-s", "524288"]).stdout(file).status()
    {
        say(&format!("dmesg: {e}"));
    }
    End::Done
}

/// `savelog -c 5`: `dmesg` becomes `dmesg.0`, that `dmesg.1.gz`, and so on.
fn rotate(path: &Path) -> std::io::Result<()> {
    let named = |number: u32, end: &str| PathBuf::from(format!("{}.{number}{end}", path.display()));
    for end in ["", ".gz"] {
        let _ = fs::remove_file(named(KEPT, end));
    }
    for number in (1..KEPT).rev() {
        for end in [".gz", ""] {
            if named(number, end).is_file() {
                fs::rename(named(number, end), named(number.saturating_add(1), end))?;
            }
        }
    }
    let first = named(0, "");
    if first.is_file() {
        let gzip = program::find("gzip");
        let packed = gzip.is_some_and(|gzip| {
            Command::new(gzip).args(["-f", "-9"]).arg(&first).status().is_ok_and(|status| status.success())
        });
        if packed {
            fs::rename(named(0, ".gz"), named(1, ".gz"))?;
        } else {
            fs::rename(&first, named(1, ""))?;
        }
    }
    fs::rename(path, first)
}

/// What `logsave` writes of a program's run.
pub(super) fn check_log(command: &str, text: &str, begin: SystemTime) -> String {
    let line = "-".repeat(16);
    let (begin, end) = (moment(begin), moment(SystemTime::now()));
    format!("Log of {command} \n{begin}\n\n{text}\n{end}\n{line}\n")
}

/// As `ctime(3)` has it: `Mon Nov 23 10:49:19 2026`.
fn moment(time: SystemTime) -> String {
    let epoch = time.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    local(epoch.saturating_add(i64::from(localtime::offset(epoch))))
}

fn local(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    const DAYS: &[&str] = &["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let of = |list: &'static [&'static str], at: i64| usize::try_from(at).ok().and_then(|at| list.get(at)).copied();
    let (year, month, date) = civil(days);
    let (name, month) = (of(DAYS, days.rem_euclid(7)).unwrap_or(""), of(MONTHS, month - 1).unwrap_or(""));
    format!("{name} {month} {date:2} {:02}:{:02}:{:02} {year}", rest / 3600, rest % 3600 / 60, rest % 60)
}

/// Year, month and day of a number of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let date = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_ctime_has_them() {
        assert_eq!(local(0), "Thu Jan  1 00:00:00 1970");
        assert_eq!(local(1_795_430_959), "Mon Nov 23 10:49:19 2026");
        assert_eq!(local(1_709_164_800), "Thu Feb 29 00:00:00 2024");
        let log = check_log("fsck.ext4 -a /dev/a", "clean\n", UNIX_EPOCH);
        assert!(log.starts_with("Log of fsck.ext4 -a /dev/a \n") && log.contains("\n\nclean\n\n"), "{log}");
    }

    #[test]
    fn older_ones_move_on() {
        let folder = std::env::temp_dir().join(format!("rung-twin-log-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("dmesg");
        for boot in 0..7 {
            fs::write(&path, format!("{boot}")).expect("write");
            rotate(&path).expect("rotate");
        }
        let names = fs::read_dir(&folder).expect("list").flatten().map(|e| e.file_name().into_string().expect("text"));
        let mut names: Vec<String> = names.collect();
        names.sort();
        assert_eq!(names, ["dmesg.0", "dmesg.1.gz", "dmesg.2.gz", "dmesg.3.gz", "dmesg.4.gz"]);
        assert_eq!(fs::read_to_string(folder.join("dmesg.0")).expect("read"), "6");
        fs::remove_dir_all(&folder).expect("clean");
    }
}
