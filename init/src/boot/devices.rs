//! Waiting for the devices that `/etc/fstab` names, and for no others: udev works on those of the whole machine, beside
//! which daemons can start.

use super::fstab::{self, Entry};
use super::{Job, Outcome, say};
use crate::sys::watch::Watch;
use crate::unit::scalar;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const JOB: Job = Job {
    name: "devices",
    arguments: "",
    what: "waits for the devices that /etc/fstab names",
    help: "Waits until the devices of /etc/fstab are there, up to 90 s, or as long as x-systemd.device-timeout=SECONDS says.\nOne with nofail is waited for only while udev is at work; one with noauto or _netdev isn't waited for. It says\nwhat it waits for after 5 s, and what hasn't come; whether the machine needs that, mount and swapon know.",
    run,
};

/// How long a device may take where fstab doesn't say: as systemd.mount(5).
const PATIENCE: Duration = Duration::from_secs(90);
/// A wait of less is nothing to talk of.
const QUIET: Duration = Duration::from_secs(5);
/// As long as udev has events to work on.
const BUSY: &str = "/run/udev/queue";
/// Where udev's own socket is, while it runs.
const UDEV: &str = "/run/udev/control";

/// A device to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    /// As fstab has it.
    name: String,
    path: PathBuf,
    /// `None`: as long as udev is at work.
    patience: Option<Duration>,
}

pub(super) fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    let has_udev = Path::new(UDEV).exists();
    let mut missing: Vec<Wanted> = fstab::read().iter().filter_map(|e| wanted(e, has_udev)).collect();
    let start = Instant::now();
    // Without it nothing wakes us: then there is no wait, and mount says what it lacks.
    let Ok(watch) = Watch::new() else { return Outcome::Done };
    let mut quiet = true;
    loop {
        // First the watches, then the look: what comes in between ends the wait.
        watch_for(&watch, &missing);
        missing.retain(|device| !device.path.exists());
        let waited = start.elapsed();
        let busy = Path::new(BUSY).exists();
        missing.retain(|device| {
            let stays = device.patience.map_or(busy, |limit| waited < limit);
            if !stays {
                say(&format!("{}, which fstab names, isn't there after {} s", device.name, waited.as_secs()));
            }
            stays
        });
        if missing.is_empty() {
            return Outcome::Done;
        }
        if quiet && waited >= QUIET {
            quiet = false;
            let names: Vec<&str> = missing.iter().map(|device| device.name.as_str()).collect();
            say(&format!("waiting for {}, which fstab names", names.join(", ")));
        }
        let ends = missing.iter().filter_map(|device| device.patience).chain(quiet.then_some(QUIET));
        let rest = ends.min().map(|end| end.saturating_sub(waited));
        if let Err(e) = watch.wait(rest) {
            say(&format!("devices can't be waited for: {}", e.desc()));
            return Outcome::Done;
        }
    }
}

/// Folders on the way to each, as far as they are there, and udev's end of work.
fn watch_for(watch: &Watch, missing: &[Wanted]) {
    let folders = missing.iter().flat_map(|device| device.path.ancestors().skip(1));
    for folder in folders.filter(|folder| folder.starts_with("/dev")).chain([Path::new("/run/udev")]) {
        let _ = watch.add(folder);
    }
}

/// What a line waits for. A name by tag is a link that udev makes; without it mount looks into the disks itself.
fn wanted(entry: &Entry, has_udev: bool) -> Option<Wanted> {
    if entry.has("noauto") || entry.has("_netdev") || entry.point == Path::new("/") {
        return None;
    }
    let path = match entry.device.split_once('=') {
        None => PathBuf::from(&entry.device),
        Some((tag, value)) => {
            let folder = match tag {
                "UUID" => "by-uuid",
                "LABEL" => "by-label",
                "PARTUUID" => "by-partuuid",
                "PARTLABEL" => "by-partlabel",
                "ID" => "by-id",
                _ => return None,
            };
            let value = value.trim_matches('"');
            has_udev.then(|| Path::new("/dev/disk").join(folder).join(link_name(value)))?
        }
    };
    let patience = match entry.options.split(',').find_map(|o| o.strip_prefix("x-systemd.device-timeout=")) {
        Some(text) => Some(limit(text, &entry.device)),
        None if entry.has("nofail") => None,
        None => Some(PATIENCE),
    };
    path.starts_with("/dev/").then(|| Wanted { name: entry.device.clone(), path, patience })
}

/// `infinity` and 0 are no limit.
fn limit(text: &str, device: &str) -> Duration {
    match scalar::span(text) {
        Ok(Some(limit)) if !limit.is_zero() => limit,
        Ok(_) => Duration::MAX,
        Err(why) => {
            say(&format!("fstab, {device}: x-systemd.device-timeout={text}: {why}; {} s count", PATIENCE.as_secs()));
            PATIENCE
        }
    }
}

/// As udev writes a label into a path: all but these characters, and letters beyond ASCII, as `\xNN`.
fn link_name(label: &str) -> String {
    let mut name = String::new();
    for c in label.chars() {
        if c.is_ascii_alphanumeric() || "#+-.:=@_".contains(c) || !c.is_ascii() {
            name.push(c);
        } else {
            name.push_str(&format!("\\x{:02x}", u32::from(c)));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, has_udev: bool) -> Option<(String, Option<Duration>)> {
        let entries = fstab::parse(line);
        let found = wanted(entries.first().expect("a line"), has_udev)?;
        Some((found.path.to_string_lossy().into_owned(), found.patience))
    }

    #[test]
    fn a_line_says_what_is_waited_for() {
        let path = |text: &str| Some(text.to_owned());
        let at = |line: &str| of(line, true).map(|(path, _)| path);
        assert_eq!(at("/dev/sdb1 /srv ext4 defaults 0 2"), path("/dev/sdb1"));
        assert_eq!(at("UUID=1-a none swap sw 0 0"), path("/dev/disk/by-uuid/1-a"));
        assert_eq!(at("LABEL=\"a/b\" /srv ext4"), path("/dev/disk/by-label/a\\x2fb"));
        assert_eq!(at("PARTLABEL=x /srv ext4"), path("/dev/disk/by-partlabel/x"));
        for none in [
            "/dev/sda1 / ext4 defaults 0 1",
            "/dev/sdb1 /srv ext4 noauto 0 2",
            "/dev/nbd0 /srv ext4 _netdev 0 2",
            "tmpfs /t tmpfs defaults",
            "host:/x /n nfs defaults",
            "/swapfile none swap sw",
            "COLOUR=red /x ext4",
        ] {
            assert_eq!(at(none), None, "{none}");
        }
        assert_eq!(of("UUID=1 /x ext4", false), None, "nobody makes the link");
        assert!(of("/dev/sdb1 /x ext4", false).is_some(), "the kernel makes the node");
    }

    #[test]
    fn a_line_says_how_long() {
        let patience = |options: &str| of(&format!("/dev/x /x ext4 {options}"), true).expect("waited for").1;
        assert_eq!(patience("defaults"), Some(PATIENCE));
        assert_eq!(patience("nofail"), None);
        assert_eq!(patience("ro,x-systemd.device-timeout=5min,nofail"), Some(Duration::from_secs(300)));
        assert_eq!(patience("x-systemd.device-timeout=infinity"), Some(Duration::MAX));
        assert_eq!(patience("x-systemd.device-timeout=0"), Some(Duration::MAX));
        assert_eq!(patience("x-systemd.device-timeout=soon"), Some(PATIENCE));
    }
}
