//! Lines of inittab → unit files, level links and what runs on which occasion; pure.
//!
//! | made | what |
//! |---|---|
//! | `inittab/inittab-ID.service` | a unit for each line that is to run something |
//! | `inittab/getty@TTY.service` | a link to the line's unit: the terminal's login is that one, not Rung's own |
//! | `levels/L/NAME` | a link: the unit is on in level L |
//! | `events/OCCASION/L/NAME` | a link: the unit is started on that occasion while in level L |
//!
//! A line that only runs the level's scripts (`/etc/init.d/rc 3`) makes no unit: the scripts are units themselves. What
//! stands before it and is waited for comes before the scripts, what stands after it comes after them; but a login on a
//! terminal only after those that a login needs. Single user mode
//! is Rung's level 1, so a line for level `S` is on there; `sysinit`, `boot` and `bootwait` are on in Rung's level S.

use super::{Action, Entry, Run, Table, command};
use crate::generate::{Item, Made};
use init::unit::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What has to be known beside the lines.
pub struct Surroundings<'a> {
    /// The names of the scripts that a level starts (`S` and digits).
    pub scripts: &'a dyn Fn(char) -> Vec<String>,
    /// Whether a script is to be done before a terminal asks for a name; of those that the level starts.
    pub is_before_login: &'a dyn Fn(&str) -> bool,
    /// The program `sysv`, which runs a line.
    pub sysv: &'a str,
    /// `/etc/initscript` is there.
    pub initscript: bool,
    /// `Compat=exact`: the lines that run a level's scripts are run as they stand.
    pub exact: bool,
    /// There is a console to write to.
    pub console: bool,
    /// Seconds between SIGTERM and SIGKILL.
    pub sleep_time: u32,
    /// The file of the variables that were set by `/run/initctl`.
    pub environment: &'a str,
}

/// What the units of level S that mount and prepare things are called: `boot` and `sysinit` lines come after them.
const EARLY: &str = "root-fs.service local-fs.service tmpfiles.service";
const RESTARTS: &str = "StartLimitIntervalSec=2min\nStartLimitBurst=10\nStartLimitPauseSec=5min\n";
/// What the folder of occasions holds, so that it is there even where no line has one.
const README: &str = "Which lines of /etc/inittab run on which occasion, by level. Made by `sysv generate`.\n";

/// Makes everything.
pub fn make(table: &Table, around: &Surroundings<'_>) -> Made {
    let mut made = Made::default();
    for fault in &table.faults {
        let remedy = "correct the line; the others count";
        made.findings.push(finding(Severity::Error, (&fault.file, fault.line), fault.reason.clone(), remedy));
    }
    made.items.insert("events/README".into(), Item::Text(README.into()));
    let mut maker = Maker { around, made, names: BTreeSet::new(), waits: BTreeMap::new(), done: BTreeMap::new() };
    maker.check_default(table);
    let mut entries: Vec<&Entry> = table.entries.iter().collect();
    entries.sort_by_key(|e| phase(e.action));
    for (index, entry) in entries.iter().enumerate() {
        if let Some(level) = maker.natively(entry) {
            maker.done.insert(level, index);
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        maker.entry(index, entry);
    }
    maker.made
}

/// `sysinit` lines come first, then `boot` ones.
fn phase(action: Action) -> u8 {
    match action {
        Action::SysInit => 0,
        Action::Boot | Action::BootWait => 1,
        _ => 2,
    }
}

/// The occasions an action is for, other than entering a level.
fn occasions(action: Action) -> &'static [&'static str] {
    match action {
        Action::PowerFail | Action::PowerWait => &["powerfail"],
        Action::PowerFailNow => &["powerfailnow"],
        Action::PowerOkWait => &["powerok"],
        Action::CtrlAltDel => &["ctrlaltdel"],
        Action::KbRequest => &["kbrequest"],
        _ => &[],
    }
}

/// Rung's levels of a line: single user mode is level 1.
fn levels(entry: &Entry) -> BTreeSet<char> {
    if phase(entry.action) < 2 {
        return ['S'].into();
    }
    let digits = ('0'..='6').filter(|c| entry.is_in(*c));
    digits.chain(entry.is_in('S').then_some('1')).collect()
}

/// The level whose scripts a command runs, and nothing else.
fn runs_scripts_of(process: &str) -> Option<char> {
    let Run::Words(words) = command(process).run else { return None };
    let words = match words.as_slice() {
        ["/bin/sh" | "/bin/bash", rest @ ..] => rest,
        all => all,
    };
    let is = |path: &str, name: &str| {
        let folder = path.strip_suffix(name).and_then(|f| f.strip_suffix('/'));
        folder.is_some_and(|f| ["/etc/init.d", "/etc/rc.d", "/etc/rc.d/init.d", "/lib/init", "/etc"].contains(&f))
    };
    match words {
        [one] if is(one, "rcS") => Some('S'),
        [rc, level] if is(rc, "rc") => {
            let mut letters = level.chars();
            letters.next().filter(|c| letters.next().is_none() && "0123456S".contains(*c))
        }
        _ => None,
    }
}

struct Maker<'a> {
    around: &'a Surroundings<'a>,
    made: Made,
    /// Units' names that are taken.
    names: BTreeSet<String>,
    /// By level: the last unit that is waited for.
    waits: BTreeMap<char, String>,
    /// By level: the line that runs its scripts, by its number in the order of running.
    done: BTreeMap<char, usize>,
}

fn finding(severity: Severity, (file, line): (&str, u32), text: String, remedy: &str) -> Finding {
    let finding = Finding::whole(severity, Path::new(file), text).hint(remedy.to_owned());
    Finding { line, ..finding }
}

impl Maker<'_> {
    fn check_default(&mut self, table: &Table) {
        let Some(entry) = table.entries.iter().find(|e| e.action == Action::InitDefault) else { return };
        let text = match table.initdefault() {
            Some('1'..='5' | 'S') => return,
            Some(level) => format!("initdefault is {level}, no level to boot into"),
            None => "initdefault names no level".to_owned(),
        };
        let remedy = "name one of 1 to 5; Rung boots into DefaultLevel= of init.conf, else 3";
        self.made.findings.push(finding(Severity::Error, (&entry.file, entry.line), text, remedy));
    }

    /// The level whose scripts this line runs and that is done without it.
    fn natively(&mut self, entry: &Entry) -> Option<char> {
        if self.around.exact || matches!(entry.action, Action::Off | Action::InitDefault) {
            return None;
        }
        let level = runs_scripts_of(&entry.process)?;
        let own = levels(entry);
        if own.len() == 1 && own.contains(&level) {
            return Some(level);
        }
        let text = format!("`{}` doesn't stand in level {level} alone, so it runs as it stands", entry.process);
        let remedy = "give each level a line of its own: l3:3:wait:/etc/init.d/rc 3";
        let finding = finding(Severity::Warning, (&entry.file, entry.line), text, remedy);
        self.made.about.push((format!("{}.service", stem(&entry.id)), finding));
        None
    }

    fn entry(&mut self, index: usize, entry: &Entry) {
        let is_scripts = self.done.values().any(|at| *at == index);
        if is_scripts || is_single_user(entry) || matches!(entry.action, Action::Off | Action::InitDefault) {
            return;
        }
        let all = levels(entry);
        // The machine goes down when the scripts of 0 and 6 are done: nobody comes to the lines behind.
        let passed = |level: &char| self.done.get(level).is_some_and(|at| *at < index);
        let on: BTreeSet<char> = all.iter().copied().filter(|l| !("06".contains(*l) && passed(l))).collect();
        let demands: Vec<char> = ['a', 'b', 'c'].into_iter().filter(|c| entry.is_in(*c)).collect();
        if on.is_empty() && demands.is_empty() {
            if all.is_empty() {
                let text = format!("no level of Rung's is among `{}`: the line never runs", entry.levels);
                let remedy = "levels are S, 0 to 6 and a, b, c";
                self.made.findings.push(finding(Severity::Warning, (&entry.file, entry.line), text, remedy));
            }
            return;
        }
        let name = self.name(&entry.id);
        let occasions = occasions(entry.action);
        let edges = if occasions.is_empty() { self.edges(index, entry, &on) } else { String::new() };
        let text = self.unit(entry, &edges);
        self.made.items.insert(format!("inittab/{name}"), Item::Text(text));
        for level in &on {
            if occasions.is_empty() {
                let target = format!("../../inittab/{name}");
                self.made.items.insert(format!("levels/{level}/{name}"), Item::Link(target));
            }
            for occasion in occasions {
                self.on_occasion(occasion, *level, &name);
            }
        }
        for demand in demands {
            for level in '0'..='6' {
                self.on_occasion(&demand.to_string(), level, &name);
            }
        }
        if entry.action.is_waited_for() && occasions.is_empty() {
            self.waits.extend(on.iter().map(|level| (*level, name.clone())));
        }
        if let Some(terminal) = terminal(entry).filter(|_| on.iter().any(|l| ('2'..='5').contains(l))) {
            self.made.items.insert(format!("inittab/{terminal}"), Item::Link(name));
        }
    }

    fn on_occasion(&mut self, occasion: &str, level: char, name: &str) {
        let target = format!("../../../inittab/{name}");
        self.made.items.insert(format!("events/{occasion}/{level}/{name}"), Item::Link(target));
    }

    /// A name of its own.
    fn name(&mut self, id: &str) -> String {
        let stem = stem(id);
        // `~~` may stand there more than once.
        let names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}")));
        let name = names.map(|n| format!("{n}.service")).find(|n| !self.names.contains(n)).unwrap_or_default();
        self.names.insert(name.clone());
        name
    }

    /// `After=` and `Before=` lines.
    fn edges(&self, index: usize, entry: &Entry, on: &BTreeSet<char>) -> String {
        let (mut after, mut before) = (BTreeSet::new(), BTreeSet::new());
        let is_login = terminal(entry).is_some();
        for level in on {
            after.extend(self.waits.get(level).cloned());
            let scripts = || (self.around.scripts)(*level).into_iter();
            let unit = |name: String| format!("{name}.service");
            let is_awaited = |name: &String| !is_login || (self.around.is_before_login)(name);
            match self.done.get(level) {
                Some(at) if *at < index => after.extend(scripts().filter(is_awaited).map(unit)),
                Some(_) if entry.action.is_waited_for() => before.extend(scripts().map(unit)),
                _ => {}
            }
        }
        let mut text = String::new();
        if on.contains(&'S') {
            text += &format!("After={EARLY}\n");
        }
        for (key, names) in [("After", after), ("Before", before)] {
            let names: Vec<String> = names.into_iter().filter(|n| is_name(n)).collect();
            // Lines of a length that people can read.
            for some in names.chunks(8) {
                text += &format!("{key}={}\n", some.join(" "));
            }
        }
        text
    }

    fn unit(&self, entry: &Entry, edges: &str) -> String {
        let place = if entry.line == 0 { "no line".to_owned() } else { format!("{}:{}", entry.file, entry.line) };
        let action = entry.action;
        let silent = command(&entry.process).silent;
        let respawns = matches!(action, Action::Respawn | Action::OnDemand);
        let occasional = !occasions(action).is_empty();
        let mut text = format!(
            "# Made by `sysv generate` from {place}; changes here are lost.\n\n[Unit]\nDescription={}\nSourcePath={}\n\
             X-SourceLine={}\nDefaultDependencies=no\n{edges}",
            plain(&format!("{} ({}, inittab)", command(&entry.process).text.trim(), action.word())),
            plain(if entry.file.is_empty() { "/etc/inittab" } else { &entry.file }),
            entry.line,
        );
        text += if respawns { RESTARTS } else { "StartLimitIntervalSec=0\n" };
        text += "\n[Service]\n";
        text += if action.is_waited_for() { "Type=oneshot\n" } else { "Type=exec\n" };
        text += match (respawns, occasional) {
            (true, _) => "Restart=always\nRestartSec=0\n",
            (false, true) => "",
            (false, false) => "RemainAfterExit=yes\n",
        };
        text += &format!("ExecStart=-:{}\n", self.exec(entry));
        text += &format!("KillMode=group\nTimeoutStopSec={}s\nIgnoreSIGPIPE=no\n", self.around.sleep_time);
        text += &format!("EnvironmentFile=-{}\n", plain(self.around.environment));
        let single = entry.levels.chars().all(|c| "#*S".contains(c));
        if self.around.console {
            text += if action.is_waited_for() && single {
                "StandardInput=tty-force\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/console\n"
            } else {
                "StandardInput=file:/dev/console\nStandardOutput=file:/dev/console\nStandardError=file:/dev/console\n"
            };
        }
        if !silent {
            text += &format!("UtmpIdentifier={}\n", plain(&entry.id));
        }
        text
    }

    /// The words of `ExecStart=`: `sysv line` writes the record and finds the program.
    fn exec(&self, entry: &Entry) -> String {
        let command = command(&entry.process);
        let words = if self.around.initscript && entry.levels != "S" {
            vec!["/bin/sh", "/etc/initscript", &entry.id, &entry.levels, entry.action.word(), command.text]
        } else {
            match command.run {
                Run::Shell(text) => vec!["/bin/sh", "-c", text],
                Run::Words(words) if words.is_empty() => vec!["/bin/true"],
                Run::Words(words) => words,
            }
        };
        let record: &[&str] = if command.silent { &[] } else { &["-r", &entry.id] };
        let all = [&[self.around.sysv, "line"], record, &["--"], words.as_slice()].concat();
        all.into_iter().map(quote).collect::<Vec<_>>().join(" ")
    }
}

/// Characters that no unit's name may hold are written as systemd escapes them.
fn stem(id: &str) -> String {
    let mut stem = String::from("inittab-");
    for c in id.chars() {
        if c.is_ascii_alphanumeric() || ":_.+-".contains(c) {
            stem.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| stem.push_str(&format!("\\x{b:02x}")));
        }
    }
    stem
}

/// A line that gives a maintenance shell in single user mode: level 1 has one.
fn is_single_user(entry: &Entry) -> bool {
    let Run::Words(words) = command(&entry.process).run else { return false };
    entry.levels == "S" && words.first().is_some_and(|w| w.rsplit('/').next() == Some("sulogin"))
}

/// The unit of Rung's that would give a login on the same terminal.
fn terminal(entry: &Entry) -> Option<String> {
    let Run::Words(words) = command(&entry.process).run else { return None };
    let (program, rest) = words.split_first().filter(|_| entry.action == Action::Respawn)?;
    program.rsplit('/').next()?.contains("getty").then_some(())?;
    let is_terminal = |w: &&str| {
        let device = ["tty", "hvc", "hvsi", "xvc", "sclp"].iter().any(|kind| w.starts_with(kind));
        device && w.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let tty = rest.iter().map(|w| w.strip_prefix("/dev/").unwrap_or(w)).find(is_terminal)?;
    let number = tty.strip_prefix("tty").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    Some(format!("{}@{tty}.service", if number { "getty" } else { "serial-getty" }))
}

/// What can be named in `After=`.
fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.+@".contains(&b))
}

/// A value that is no list: specifiers are none.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace('%', "%%")
}

/// A word as unit files quote it.
fn quote(word: &str) -> String {
    let word = word.replace('%', "%%");
    if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+=:,@%~".contains(&b)) {
        return word;
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text + "\""
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
