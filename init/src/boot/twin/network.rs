//! `networking`: ifupdown's interfaces.

use super::settings::Settings;
use super::{End, NETWORKING, Verb};
use crate::boot::{program, say};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;

const INTERFACES: &str = "/etc/network/interfaces";
const RUN: &str = "/run/network";

/// Brings up what is to be up at boot. Taking down is left to the script, which looks first whether the root is reached
/// by the network.
pub(super) fn networking(verb: Verb, settings: &Settings) -> End {
    if verb != Verb::Start {
        return End::Script("it takes the interfaces down".to_owned());
    }
    let (Some(ifup), Some(_)) = (program::find("ifup"), program::find("ifdown")) else { return End::Done };
    let off = settings.get("CONFIGURE_INTERFACES") == Some("no");
    if !off && let Some(why) = hotplug() {
        return End::Script(why);
    }
    if !ready() {
        return End::Failed;
    }
    if off {
        say(&format!("no interface is configured: CONFIGURE_INTERFACES=no in {NETWORKING}"));
        return End::Done;
    }
    // While it is there, udev has devices that it hasn't got to.
    if Path::new("/run/udev/queue").exists()
        && let Some(udevadm) = program::find("udevadm")
    {
        let _ = program::run(&udevadm, &["settle"]);
    }
    let mut arguments = vec!["-a"];
    for pattern in settings.or("EXCLUDE_INTERFACES", "").split_whitespace() {
        arguments.extend(["-X", pattern]);
    }
    if settings.get("VERBOSE") == Some("yes") {
        arguments.push("-v");
    }
    // That one of them isn't up is said, and is no failure, as in the script.
    match program::run(&ifup, &arguments) {
        Ok(0) => {}
        Ok(status) => say(&format!("ifup {}: status {status}", arguments.join(" "))),
        Err(e) => say(&format!("{}: {}", ifup.display(), e.desc())),
    }
    End::Done
}

/// Where ifupdown notes what is up.
fn ready() -> bool {
    let run = Path::new(RUN);
    // Whose it is once somebody else has made it, as `ifup` for udev, isn't changed.
    let new = || {
        fs::DirBuilder::new().mode(0o755).create(run)?;
        let given = super::misc::group("netdev").map_or(Ok(()), |gid| chown(run, Some(0), Some(gid)));
        given.inspect_err(|e| say(&format!("{RUN}: can't chown: {e}"))).or(Ok(()))
    };
    let made = if run.is_dir() { Ok(()) } else { new() };
    let made = made.and_then(|()| fs::OpenOptions::new().append(true).create(true).open(run.join("ifstate")).map(drop));
    made.map_err(|e| say(&format!("{RUN}: {e}"))).is_ok()
}

/// Interfaces that come up when they are plugged in: only ifquery knows which of them are there.
fn hotplug() -> Option<String> {
    let mut files = vec![Path::new(INTERFACES).to_owned()];
    let folder = fs::read_dir("/etc/network/interfaces.d").into_iter().flatten().flatten();
    files.extend(folder.map(|entry| entry.path()));
    files.iter().find_map(|file| {
        said(&fs::read_to_string(file).unwrap_or_default()).map(|why| format!("{}: {why}", file.display()))
    })
}

/// What of a file's text only ifquery understands. Pure.
fn said(text: &str) -> Option<&'static str> {
    let mut words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.find_map(|words| match words.as_slice() {
        ["allow-hotplug", ..] => Some("it has interfaces that are plugged in"),
        ["source" | "source-directory", "/etc/network/interfaces.d" | "/etc/network/interfaces.d/*"] => None,
        ["source" | "source-directory", ..] => Some("it includes other files"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_is_plugged_in_is_left_to_the_script() {
        assert_eq!(
            said("# allow-hotplug\nauto lo eth0\nsource /etc/network/interfaces.d/*\niface lo inet loopback\n"),
            None
        );
        assert!(said("auto lo\n  allow-hotplug eth0\n").is_some() && said("source /etc/x/*\n").is_some());
    }
}
