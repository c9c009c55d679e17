//! The small ones: `hostname.sh`, `hwclock.sh`, `urandom`, `brightness`, `bootmisc.sh`, `rmnologin`, `rc.local`.

use super::settings::Settings;
use super::{End, Verb};
use crate::boot::{conf, program, say};
use crate::sys::file;
use crate::unit::accounts::Accounts;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The file as a whole is the name.
pub(super) fn hostname(verb: Verb, _: &Settings) -> End {
    let text = match file::read_text(Path::new("/etc/hostname"), 4096) {
        Ok(text) if verb == Verb::Start => text,
        _ => return End::Done,
    };
    let name = text.trim_end_matches('\n');
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return End::Script("/etc/hostname isn't one word".to_owned());
    }
    match nix::unistd::sethostname(name) {
        Ok(()) => End::Done,
        Err(e) => {
            say(&format!("the host name can't be set to `{name}`: {}", e.desc()));
            End::Failed
        }
    }
}

/// At start udev's rules do the work.
pub(super) fn hwclock(verb: Verb, settings: &Settings) -> End {
    let Some(hwclock) = program::find("hwclock").filter(|_| verb == Verb::Stop) else { return End::Done };
    let device = format!("--rtc=/dev/{}", settings.or("HCTOSYS_DEVICE", "rtc0"));
    // That it didn't work is said, and is no failure, as in the script.
    match Command::new(hwclock).args([device.as_str(), "--systohc"]).env_remove("TZ").status() {
        Ok(status) if status.success() => {}
        Ok(status) => say(&format!("hwclock {device} --systohc: {status}")),
        Err(e) => say(&format!("hwclock: {e}")),
    }
    End::Done
}

const SEED: &str = "/var/lib/urandom/random-seed";
const POOL: &str = "/dev/urandom";

/// Stirs the seed in at start; saves a new one at start and stop.
pub(super) fn urandom(verb: Verb, _: &Settings) -> End {
    use std::os::unix::fs::FileTypeExt;
    if !fs::metadata(POOL).is_ok_and(|m| m.file_type().is_char_device()) {
        return End::Done;
    }
    if verb == Verb::Start
        && let Ok(mut pool) = fs::OpenOptions::new().write(true).open(POOL)
    {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let _ = pool.write_all(format!("{}.{:09}\n", now.as_secs(), now.subsec_nanos()).as_bytes());
        let _ = pool.write_all(&file::read(Path::new(SEED), 1 << 16).unwrap_or_default());
    }
    let bits = fs::read_to_string("/proc/sys/kernel/random/poolsize").ok().and_then(|t| t.trim().parse::<u64>().ok());
    let _ = save(bits.map_or(512, |bits| bits.saturating_add(7) / 8));
    End::Done
}

/// A root that can't be written has none.
fn save(bytes: u64) -> std::io::Result<()> {
    let mut seed = Vec::new();
    fs::File::open(POOL)?.take(bytes.min(1 << 16)).read_to_end(&mut seed)?;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(SEED)?.write_all(&seed)
}

/// Where there is no backlight there is nothing to do.
pub(super) fn brightness(_: Verb, _: &Settings) -> End {
    let knobs = ["acpi_video0", "intel_backlight"].map(|n| format!("/sys/class/backlight/{n}/brightness"));
    match knobs.iter().find(|knob| Path::new(knob.as_str()).exists()) {
        Some(knob) => End::Script(format!("{knob} is there")),
        None => End::Done,
    }
}

/// Whether logins wait for the boot's end.
fn delays(settings: &Settings) -> bool {
    // Set to nothing it stays so: the script's own default comes before.
    settings.get("DELAYLOGIN").unwrap_or("no").starts_with(['Y', 'y'])
}

pub(super) fn bootmisc(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    if delays(settings) {
        let _ = fs::write("/run/nologin", "System bootup in progress - please wait\n");
    }
    for folder in ["/tmp", "/run", "/run/lock"] {
        for mark in [".clean", ".tmpfs"] {
            let _ = fs::remove_file(Path::new(folder).join(mark));
        }
    }
    let utmp = Path::new("/var/run/utmp");
    if let Err(e) = fs::File::create(utmp) {
        say(&format!("{} can't be emptied: {e}", utmp.display()));
        return End::Failed;
    }
    if let Err(e) = group("utmp").map_or(Ok(()), |gid| chown(utmp, None, Some(gid))) {
        say(&format!("{}: {e}", utmp.display()));
    }
    let _ = fs::set_permissions(utmp, fs::Permissions::from_mode(0o664));
    End::Done
}

pub(super) fn rmnologin(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Start && delays(settings) {
        let _ = fs::remove_file("/run/nologin");
    }
    End::Done
}

/// What the administrator has the machine do last.
pub(super) fn rc_local(verb: Verb, _: &Settings) -> End {
    let path = Path::new(if verb == Verb::Start { "/etc/rc.local" } else { "/etc/rc.shutdown" });
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if runs(path) { End::Script(format!("there is {}", path.display())) } else { End::Done }
}

/// A group's number.
pub(super) fn group(name: &str) -> Option<u32> {
    let text = conf::text(Path::new("/etc/group"))?;
    Accounts::parse("", &text).group(name).map(|group| group.gid)
}
