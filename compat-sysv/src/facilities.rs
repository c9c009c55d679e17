//! System facilities, `$network` and the like: `/etc/insserv.conf`, `/etc/insserv.conf.d/*`, and what they mean where no
//! such file is.
//!
//! A line is `$name member +optional $other …` (also with `=` or `:` behind the name) or `<interactive> script …`. A name
//! that is given twice gathers all its members. `$null` and `$all` aren't in the table: they are words of their own.

use init::load::Root;
use init::sys::file;
use init::unit::{Finding, Severity};
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Where insserv has them; a folder with `.d` behind it is read too.
pub const PATH: &str = "/etc/insserv.conf";

/// More is no such file.
const MAX_FILE: usize = 1 << 20;
/// How deep facilities may stand for facilities, as in insserv.
const MAX_DEPTH: usize = 10;

/// A service that a facility stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its name, or that of a facility.
    pub name: String,
    /// `+`: used where it is there.
    pub optional: bool,
}

/// What a word of a dependency list means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// `$null`.
    Nothing,
    /// `$all`: after all others at start, before all others at stop.
    Everything,
    /// The services it stands for, each once, in the order of the file; one for what is no facility.
    Services(Vec<Member>),
    /// A facility nobody has defined.
    Unknown,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facilities {
    members: BTreeMap<String, Vec<Member>>,
    /// Scripts that run alone, as if their headers said `X-Interactive: true`.
    pub interactive: BTreeSet<String>,
}

/// The usual ones of Debian; LSB's `$portmap` too.
const DEBIAN: &str = "\
$local_fs +mountall +mountall-bootclean +mountoverflowtmp +umountfs
$network +networking +ifupdown
$named +named +dnsmasq +lwresd +bind9 +unbound +pdns-recursor $network
$remote_fs $local_fs +mountnfs +mountnfs-bootclean +umountnfs +sendsigs
$syslog +rsyslog +sysklogd +syslog-ng +dsyslog +inetutils-syslogd
$time +hwclock
$portmap +rpcbind +portmap
<interactive> glibc udev console-screen keymap keyboard-setup console-setup cryptdisks cryptdisks-early checkfs-loop
";

/// Red Hat's scripts say `Provides: $network` themselves; these are the ones that don't.
const RED_HAT: &str = "\
$local_fs +netfs
$network +network +NetworkManager
$named +named +dnsmasq +unbound $network
$remote_fs $local_fs +netfs +nfs
$syslog +rsyslog +syslog +syslog-ng
$time +ntpdate +ntpd +chronyd
$portmap +rpcbind +portmap
";

impl Facilities {
    /// What Debian's own file says.
    pub fn debian() -> Self {
        Self::of(DEBIAN)
    }

    /// For a Red Hat style tree.
    pub fn red_hat() -> Self {
        Self::of(RED_HAT)
    }

    fn of(text: &str) -> Self {
        let mut table = Self::default();
        table.add(Path::new(""), text);
        table
    }

    /// Takes in the text of one file. `path` is shown, never opened.
    pub fn add(&mut self, path: &Path, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (number, line) in (1u32..).zip(text.lines()) {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let end = |from: usize| {
                line.get(from..).and_then(|rest| rest.find(|c| !named(c))).map_or(line.len(), |n| n + from)
            };
            let words = |rest: &str| -> Vec<String> {
                let rest = rest.trim_start().trim_start_matches([':', '=']);
                rest.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
            };
            if line.starts_with('$') && end(1) > 1 {
                let (name, rest) = line.split_at(end(1));
                let members = self.members.entry(name.to_owned()).or_default();
                for word in words(rest) {
                    let optional = word.starts_with('+');
                    let name = word.trim_start_matches('+').to_owned();
                    if !name.is_empty() {
                        members.push(Member { name, optional });
                    }
                }
            } else if let Some(rest) = line.strip_prefix("<interactive>") {
                self.interactive.extend(words(rest));
            } else {
                let message = "neither `$facility members…` nor `<interactive> scripts…`; passed over".to_owned();
                let whole = Finding::whole(Severity::Warning, path, message);
                findings.push(Finding { line: number, column: 1, ..whole.hint("begin the line with `$` or `#`") });
            }
        }
        findings
    }

    /// The table of a root: its own file, else `default`; and what packages have added in the folder beside it.
    pub fn read(root: &Root, default: Self) -> (Self, Vec<Finding>) {
        let main = root.shown(Path::new(PATH));
        let mut table = if root.place(&main).exists() { Self::default() } else { default };
        let mut findings = Vec::new();
        let mut take = |path: &Path, must: bool| match file::read_text(&root.place(path), MAX_FILE) {
            Ok(text) => findings.extend(table.add(path, &text)),
            Err(Errno::ENOENT | Errno::ENOTDIR) if !must => {}
            Err(e) => {
                let message = format!("cannot be read: {}", e.desc());
                findings.push(Finding::whole(Severity::Warning, path, message).hint("make it a readable plain file"));
            }
        };
        take(&main, false);
        let folder = root.shown(&Path::new(PATH).with_extension("conf.d"));
        let mut names: Vec<String> = fs::read_dir(root.place(&folder))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !is_ignored_by_extension(name))
            .collect();
        names.sort();
        for name in names.iter().map(|name| folder.join(name)).filter(|path| root.place(path).is_file()) {
            take(&name, true);
        }
        (table, findings)
    }

    /// Whether the facility is defined.
    pub fn knows(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// What a word of a dependency list means: `name`, `+name`, `$facility`. Facilities in facilities are followed, each
    /// once, so that one which names itself does no harm.
    pub fn meaning(&self, word: &str) -> Meaning {
        if word.eq_ignore_ascii_case("$null") {
            return Meaning::Nothing;
        }
        if word.eq_ignore_ascii_case("$all") {
            return Meaning::Everything;
        }
        if !word.starts_with('$') {
            let member = Member { name: word.trim_start_matches('+').to_owned(), optional: word.starts_with('+') };
            return Meaning::Services(vec![member]);
        }
        if !self.knows(word) {
            return Meaning::Unknown;
        }
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        self.expand(word, 0, &mut seen, &mut found);
        Meaning::Services(found)
    }

    fn expand<'a>(&'a self, name: &'a str, depth: usize, seen: &mut BTreeSet<&'a str>, found: &mut Vec<Member>) {
        if depth > MAX_DEPTH || !seen.insert(name) {
            return;
        }
        for member in self.members.get(name).into_iter().flatten() {
            if member.name.starts_with('$') {
                self.expand(&member.name, depth + 1, seen, found);
            } else if !found.iter().any(|f| f.name == member.name) {
                found.push(member.clone());
            }
        }
    }
}

/// Endings of copies that package managers, editors and people leave.
pub(crate) fn is_ignored_by_extension(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    name.starts_with('.')
        || ["rpm", "ba", "dpkg", "ucf"].iter().any(|start| extension.starts_with(start))
        || matches!(extension, "old" | "new" | "org" | "orig" | "save" | "swp" | "core")
        || name.ends_with(",v")
}

#[cfg(test)]
#[path = "facilities_tests.rs"]
mod tests;
