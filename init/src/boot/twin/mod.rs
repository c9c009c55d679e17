//! Native twins of Debian's boot scripts: what a script of the `initscripts`, `kmod` and `procps` packages does and
//! leaves, without a shell and the hundred processes it starts. Each is called with the script's own name and verb, as a
//! unit that stands in for the script.
//!
//! Two things keep a twin from standing for what it doesn't do. [`objection`] is asked before: settings that it doesn't
//! know keep the script. And what is only found out at work (an NFS line, a backlight) makes the twin become the script,
//! before it has done anything.

mod clean;
mod kernel;
mod local;
mod log;
mod misc;
mod mounts;
mod network;
mod root;
mod settings;
mod udev;

use super::{Job, Outcome, program, say};
use settings::Settings;
use std::path::Path;

pub(super) const JOB: Job = Job {
    name: "twin",
    arguments: "SCRIPT start|stop|started PID",
    what: "does what a boot script of Debian's does",
    help: "Does natively what /etc/init.d/SCRIPT of Debian 12 does, by the settings of /etc/default/rcS, tmpfs, devpts and\nhwclock; runs the script where it meets something that isn't done natively, and says so. `initctl why SCRIPT` tells\nwhich of the two a machine has; `Twins=` in init.conf turns twins off.",
    run,
};

/// A root that is looked into: this system's, or an image's.
pub struct Look<'a> {
    /// A file's text, by its path.
    pub text: &'a dyn Fn(&str) -> Option<String>,
    /// Whether something is there.
    pub exists: &'a dyn Fn(&str) -> bool,
}

/// Which verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    /// What follows the start of the daemon with this number.
    Started(i32),
    Stop,
}

/// How a twin ended.
enum End {
    /// It has done what the script does.
    Done,
    /// It has said what failed.
    Failed,
    /// The script has to run: why.
    Script(String),
}

/// One twin.
struct Twin {
    name: &'static str,
    /// Files of settings that the script reads.
    settings: &'static [&'static str],
    run: fn(Verb, &Settings) -> End,
    /// What else speaks for the script.
    objection: fn(&Settings) -> Option<String>,
}

const RCS: &str = "/etc/default/rcS";
const TMPFS: &str = "/etc/default/tmpfs";
const DEVPTS: &str = "/etc/default/devpts";
const HWCLOCK: &str = "/etc/default/hwclock";
const NETWORKING: &str = "/etc/default/networking";

/// A twin whose script nothing but unreadable settings speaks for.
const fn twin(name: &'static str, settings: &'static [&'static str], run: fn(Verb, &Settings) -> End) -> Twin {
    Twin { name, settings, run, objection: |_| None }
}

const TWINS: &[Twin] = &[
    twin("hostname.sh", &[RCS], misc::hostname),
    twin("mountkernfs.sh", &[RCS, TMPFS], kernel::mountkernfs),
    twin("mountdevsubfs.sh", &[RCS, TMPFS, DEVPTS], kernel::mountdevsubfs),
    twin("hwclock.sh", &[RCS, HWCLOCK], misc::hwclock),
    Twin { objection: root::objection, ..twin("checkroot.sh", &[RCS, TMPFS, DEVPTS], root::checkroot) },
    twin("checkroot-bootclean.sh", &[RCS], clean::after_root),
    twin("checkfs.sh", &[RCS], root::checkfs),
    twin("mountall.sh", &[RCS, TMPFS], local::mountall),
    twin("mountall-bootclean.sh", &[RCS], clean::again),
    Twin { objection: local::nfs_objection, ..twin("mountnfs.sh", &[RCS], local::mountnfs) },
    twin("mountnfs-bootclean.sh", &[RCS], clean::again),
    twin("mount-configfs", &[], kernel::configfs),
    twin("urandom", &[RCS], misc::urandom),
    twin("procps", &[], kernel::procps),
    twin("kmod", &[RCS], kernel::kmod),
    twin("brightness", &[RCS], misc::brightness),
    twin("bootmisc.sh", &[RCS], misc::bootmisc),
    twin("bootlogs", &[RCS], log::bootlogs),
    twin("rmnologin", &[RCS], misc::rmnologin),
    twin("rc.local", &[RCS], misc::rc_local),
    twin("udev", &[], udev::udev),
    twin("networking", &[NETWORKING], network::networking),
    twin("umountnfs.sh", &[RCS], local::umountnfs),
];

/// Why the script of that name is to run and not its twin; `None`: nothing speaks against the twin.
pub fn objection(name: &str, look: &Look<'_>) -> Option<String> {
    let Some(twin) = TWINS.iter().find(|twin| twin.name == name) else {
        return Some(format!("init-boot has no twin for {name}"));
    };
    if (look.exists)("/sbin/restorecon") {
        return Some("/sbin/restorecon is installed: the script sets SELinux's labels, the twin doesn't".to_owned());
    }
    let settings = match Settings::read(twin.settings, look.text) {
        Ok(settings) => settings,
        Err(why) => return Some(why),
    };
    if name == "udev" && !(look.exists)(udev::DAEMON) {
        return Some(format!("{} isn't installed", udev::DAEMON));
    }
    // By `quiet` on the command line the scripts are still so, but INIT_VERBOSE says otherwise.
    let verbose = settings.get("INIT_VERBOSE").or_else(|| settings.get("VERBOSE")).filter(|word| *word != "no");
    if let Some(word) = verbose.filter(|_| twin.settings.contains(&RCS)) {
        return Some(format!("VERBOSE={word} in {RCS}: the script tells of each step, the twin doesn't"));
    }
    (twin.objection)(&settings)
}

fn run(arguments: &[String]) -> Outcome {
    let (name, verb) = match arguments {
        [name, verb] if verb == "start" => (name, Verb::Start),
        [name, verb] if verb == "stop" => (name, Verb::Stop),
        [name, verb, pid] if verb == "started" => match pid.parse() {
            Ok(pid) => (name, Verb::Started(pid)),
            Err(_) => return Outcome::Usage,
        },
        _ => return Outcome::Usage,
    };
    let Some(twin) = TWINS.iter().find(|twin| twin.name == name) else {
        let names: Vec<&str> = TWINS.iter().map(|twin| twin.name).collect();
        say(&format!("init-boot: there is no twin of `{name}`; there are those of {}", names.join(", ")));
        return Outcome::Usage;
    };
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let text = |path: &str| super::conf::text(Path::new(path));
    let end = match Settings::read(twin.settings, &text) {
        Ok(settings) => (twin.run)(verb, &settings),
        Err(why) => End::Script(why),
    };
    match end {
        End::Done => Outcome::Done,
        End::Failed => Outcome::Failed,
        End::Script(why) => become_script(name, verb, &why),
    }
}

fn become_script(name: &str, verb: Verb, why: &str) -> Outcome {
    let script = Path::new("/etc/init.d").join(name);
    say(&format!("{} runs in its twin's place: {why}", script.display()));
    let verb = if verb == Verb::Stop { "stop" } else { "start" };
    say(&format!("{}: {}", script.display(), program::become_it(&script, &[verb])));
    Outcome::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(name: &str, files: &[(&str, &str)]) -> Option<String> {
        let text = |path: &str| files.iter().find(|(p, _)| *p == path).map(|(_, text)| (*text).to_owned());
        let exists = |path: &str| files.iter().any(|(p, _)| *p == path);
        objection(name, &Look { text: &text, exists: &exists })
    }

    #[test]
    fn settings_that_are_not_done_keep_the_script() {
        assert_eq!(against("hostname.sh", &[(RCS, "#VERBOSE=yes\nVERBOSE=no\nTMPTIME=3\n")]), None);
        let why = against("hostname.sh", &[(RCS, "VERBOSE=yes\n")]).expect("verbose");
        assert!(why.contains("VERBOSE=yes in /etc/default/rcS"), "{why}");
        let why = against("checkroot.sh", &[(RCS, "SULOGIN=yes\n")]).expect("sulogin");
        assert!(why.contains("SULOGIN"), "{why}");
        assert_eq!(against("checkfs.sh", &[(RCS, "SULOGIN=yes\n")]), None);
        let why = against("mountall.sh", &[(TMPFS, "RAMTMP=yes\n[ -e /x ] && RAMTMP=no\n")]).expect("no assignment");
        assert!(why.starts_with("/etc/default/tmpfs:2: "), "{why}");
        assert_eq!(against("procps", &[(RCS, "if")]), None, "it doesn't read that file");
        assert!(against("procps", &[("/sbin/restorecon", "")]).is_some());
        assert!(against("mountnfs.sh", &[(RCS, "ASYNCMOUNTNFS=no")]).is_some());
        assert!(against("apache2", &[]).is_some());
    }
}
