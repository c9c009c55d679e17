//! `/etc/inittab` and `/etc/inittab.d/*.tab` → units, by [`crate::inittab::units`].

use super::{Made, upstart};
use crate::farm::Kind;
use crate::inittab::{self, Action, units};
use crate::lsb::Key;
use crate::tree::Tree;
use init::load::{Root, conf};
use init::sys::file;
use init::unit::Level;
use init::unit::conf::Compat;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Longest file that is read.
const MAX_FILE: usize = 1 << 20;
/// Most files of `inittab.d`.
const MAX_TABS: usize = 1000;

/// What scripts provide that have to do with who may log in and how: accounts from elsewhere, sessions, the end of the
/// time in which only root may. Whatever else is started may come up while somebody types a name.
const LOGIN: [&str; 12] = [
    "elogind",
    "nis",
    "nscd",
    "nslcd",
    "rmnologin",
    "slapd",
    "sssd",
    "unscd",
    "winbind",
    "ypbind",
    "ypserv",
    "yppasswdd",
];

/// What `/etc/inittab` gives, or Upstart's jobs in its stead; `None` where there is neither.
pub(super) fn make(root: &Root, tree: &Tree, out: &Path) -> Option<Made> {
    let path = root.shown(Path::new("/etc/inittab"));
    let text = file::read_text(&root.place(&path), MAX_FILE);
    let cmdline = if root.is_image() { String::new() } else { read_proc("/proc/cmdline") };
    let mut lines = if text.as_deref().is_ok_and(boots) { Vec::new() } else { upstart::lines(root, &cmdline) };
    if text.is_err() && lines.is_empty() {
        return None;
    }
    lines.extend(tabs(root));
    let (shown, text) = (path.display().to_string(), text.unwrap_or_default());
    let tabs: Vec<(&str, &str)> = lines.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let table = inittab::parse(Some((&shown, &text)), &tabs, &cmdline);
    let scripts = |level: char| {
        let level = Level::from_char(level);
        let links = tree.farm.links.iter().filter(|l| Some(l.level) == level && l.kind == Kind::Start);
        links.map(|l| l.name.clone()).collect()
    };
    let beside = out.parent().unwrap_or(out);
    let sleep_time = file::read_text(&beside.join(crate::channel::SLEEP_FILE), 64).ok();
    let sleep_time = sleep_time.and_then(|text| text.trim().parse().ok());
    Some(units::make(
        &table,
        &units::Surroundings {
            scripts: &scripts,
            is_before_login: &|name| is_before_login(tree, name),
            sysv: &sysv(root),
            initscript: root.place(&root.shown(Path::new("/etc/initscript"))).is_file(),
            exact: conf::read(root).0.compat == Compat::Exact,
            console: root.is_image() || has_console(),
            sleep_time: sleep_time.unwrap_or(crate::fifo::SLEEP_TIME.unsigned_abs()),
            environment: &beside.join(crate::channel::ENVIRONMENT_FILE).display().to_string(),
        },
    ))
}

/// Whether a script is to be done before somebody is asked for a name: login needs what it starts, or it has the terminal.
/// What a script says nothing about may be either.
fn is_before_login(tree: &Tree, name: &str) -> bool {
    let Some(script) = tree.scripts.iter().find(|script| script.name == name) else { return true };
    let Some(header) = script.header() else { return true };
    header.is_interactive() || header.names(Key::Provides).into_iter().chain([name]).any(|name| LOGIN.contains(&name))
}

/// Whether an inittab says what boots the machine.
fn boots(text: &str) -> bool {
    inittab::parse(Some(("", text)), &[], "").entries.iter().any(|entry| entry.action == Action::SysInit)
}

/// The files of `inittab.d`, sorted by name.
fn tabs(root: &Root) -> Vec<(String, String)> {
    let folder = root.shown(Path::new("/etc/inittab.d"));
    let names = fs::read_dir(root.place(&folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = names.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.retain(|name| inittab::is_tab(name));
    names.sort();
    names.truncate(MAX_TABS);
    let read = |name: String| {
        let path: PathBuf = folder.join(name);
        let text = file::read_text(&root.place(&path), MAX_FILE).ok()?;
        Some((path.display().to_string(), text))
    };
    names.into_iter().filter_map(read).collect()
}

/// Not a plain file, so no length can be asked for.
fn read_proc(path: &str) -> String {
    let mut text = String::new();
    let _ = fs::File::open(path).and_then(|file| file.take(1 << 16).read_to_string(&mut text));
    text
}

/// Where this program is on the machine that the units are for.
fn sysv(root: &Root) -> String {
    let own = std::env::current_exe().ok().filter(|_| !root.is_image());
    own.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| "/usr/lib/rung/sysv".to_owned())
}

/// A console that can be opened: in a container there is none, and on a machine it may be nobody's.
fn has_console() -> bool {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options.open(init::sys::console::CONSOLE).is_ok()
}
