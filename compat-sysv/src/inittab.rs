//! `/etc/inittab` and `/etc/inittab.d/*.tab`, read as sysvinit reads them; pure.
//!
//! A line is `id:runlevels:action:process`. A broken line is passed over and reported with sysvinit's own reason; the
//! others count. What is checked, in this order, and the last check that fails gives the reason: an id, runlevels, a
//! process, an action; an id of at most 4 characters, runlevels of at most 11, a process of at most 253, an action of at
//! most 32; then the action's name, and whether the id is taken.

mod command;
pub mod units;

pub use command::{Command, Run, command};

/// Longest id: what fits into a utmp record.
const MAX_ID: usize = 4;
const MAX_LEVELS: usize = 11;
const MAX_ACTION: usize = 32;
/// sysvinit 3.14; it was 127 up to 3.06.
const MAX_PROCESS: usize = 253;
/// This id alone may be given more than once.
const NOBODY: &str = "~~";
/// What stands for single user mode where nothing else does.
const SULOGIN: &str = "/sbin/sulogin";

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// In its levels; again whenever it ends.
    Respawn,
    /// When the level is entered; the lines after it wait.
    Wait,
    /// When the level is entered.
    Once,
    /// During boot; nobody waits.
    Boot,
    /// During boot; the lines after it wait.
    BootWait,
    /// The power fails; nobody waits.
    PowerFail,
    /// The power fails and the battery is low.
    PowerFailNow,
    /// The power fails; the lines after it wait.
    PowerWait,
    /// The power is back.
    PowerOkWait,
    /// Ctrl-Alt-Del.
    CtrlAltDel,
    /// Never.
    Off,
    /// When `telinit a`, `b` or `c` asks; again whenever it ends.
    OnDemand,
    /// No process: the level to boot into.
    InitDefault,
    /// Before all others.
    SysInit,
    /// The key combination for it on the keyboard.
    KbRequest,
}

impl Action {
    /// All, with the words of the third field.
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::Respawn, "respawn"),
        (Self::Wait, "wait"),
        (Self::Once, "once"),
        (Self::Boot, "boot"),
        (Self::BootWait, "bootwait"),
        (Self::PowerFail, "powerfail"),
        (Self::PowerFailNow, "powerfailnow"),
        (Self::PowerWait, "powerwait"),
        (Self::PowerOkWait, "powerokwait"),
        (Self::CtrlAltDel, "ctrlaltdel"),
        (Self::Off, "off"),
        (Self::OnDemand, "ondemand"),
        (Self::InitDefault, "initdefault"),
        (Self::SysInit, "sysinit"),
        (Self::KbRequest, "kbrequest"),
    ];

    /// Its word, in either case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(action, _)| *action)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(action, _)| *action == self).map_or("", |(_, word)| word)
    }

    /// Whether the lines after it wait for its end.
    pub fn is_waited_for(self) -> bool {
        matches!(
            self,
            Self::SysInit
                | Self::BootWait
                | Self::Wait
                | Self::PowerWait
                | Self::PowerFailNow
                | Self::PowerOkWait
                | Self::CtrlAltDel
        )
    }

    /// Power and Ctrl-Alt-Del: such lines stand before all others.
    pub fn is_power(self) -> bool {
        matches!(self, Self::PowerFail | Self::PowerFailNow | Self::PowerWait | Self::PowerOkWait | Self::CtrlAltDel)
    }

    /// What the level field is, whatever is written; an empty one has a meaning of its own.
    fn levels(self, written: &str) -> String {
        match self {
            Self::SysInit => "#".to_owned(),
            Self::Boot | Self::BootWait => "*".to_owned(),
            _ if !written.is_empty() => written.replace('s', "S"),
            _ if self.is_power() => "S0123456789".to_owned(),
            _ => "0123456789".to_owned(),
        }
    }
}

/// One line that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 to 4 characters.
    pub id: String,
    /// `#` for `sysinit`, `*` for `boot` and `bootwait`; else the levels' letters, which needn't all be known ones.
    pub levels: String,
    /// What it is for.
    pub action: Action,
    /// The rest of the line; [`command`] tells how it is run.
    pub process: String,
    /// The file it stands in; empty for a line that no file has.
    pub file: String,
    /// Its line there, from 1.
    pub line: u32,
}

impl Entry {
    /// Whether it belongs to a level, or to `a`, `b`, `c` in either case.
    pub fn is_in(&self, level: char) -> bool {
        let same = |c: char| if level.is_ascii_alphabetic() { c.eq_ignore_ascii_case(&level) } else { c == level };
        self.levels.chars().any(same)
    }
}

/// A line that doesn't count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// Why, in sysvinit's words.
    pub reason: String,
}

/// What the files say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// In the order they are run: power and Ctrl-Alt-Del first, else as they stand.
    pub entries: Vec<Entry>,
    /// In the order of the files.
    pub faults: Vec<Fault>,
}

/// A file's path, for the messages, and its text.
pub type File<'a> = (&'a str, &'a str);

/// Reads inittab, then the first line that is no comment of each of the others. `cmdline`: the kernel's words.
pub fn parse(inittab: Option<File<'_>>, tabs: &[File<'_>], cmdline: &str) -> Table {
    let mut table = Table::default();
    for (number, line) in inittab.into_iter().flat_map(|(file, text)| lines(text).map(move |l| (file, l))).map(at) {
        table.read(number, line);
    }
    if !table.entries.iter().any(|e| e.is_in('S')) {
        table.add(entry("~~", "S", Action::Wait, SULOGIN.to_owned()));
    }
    for (file, text) in tabs {
        if let Some(first) = lines(text).next() {
            let (number, line) = at((file, first));
            table.read(number, line);
        }
    }
    for tty in consoles(cmdline) {
        let id = tty.strip_prefix("tty").unwrap_or(&tty).to_owned();
        if !id.is_empty() && !table.entries.iter().any(|e| e.id == id) {
            let process = format!("/sbin/agetty -L -s 115200,38400,9600 {tty} vt102");
            table.add(entry(&id, "2345", Action::Respawn, process));
        }
    }
    table
}

/// Whether a file of inittab.d is one to read.
pub fn is_tab(name: &str) -> bool {
    name.len() >= 5 && name.ends_with(".tab")
}

type Place<'a> = (&'a str, u32);

/// The lines that are more than blanks and comment, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let numbered = (1..).zip(text.lines().map(|l| l.trim_start_matches([' ', '\t'])));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn at<'a>((file, (number, line)): (&'a str, (u32, &'a str))) -> (Place<'a>, &'a str) {
    ((file, number), line)
}

fn entry(id: &str, levels: &str, action: Action, process: String) -> Entry {
    Entry { id: id.into(), levels: levels.into(), action, process, file: String::new(), line: 0 }
}

/// Serial terminals and others that `init.autocon=1` gives a login.
fn consoles(cmdline: &str) -> Vec<String> {
    let words = || cmdline.split_ascii_whitespace();
    if !words().any(|w| w == "init.autocon=1") {
        return Vec::new();
    }
    let device = |w: &str| Some(w.strip_prefix("console=")?.split(',').next()?.to_owned());
    words().filter_map(device).collect()
}

impl Table {
    /// The level to boot into: the highest letter of the first `initdefault` line, if it is a level at all.
    pub fn initdefault(&self) -> Option<char> {
        let entry = self.entries.iter().find(|e| e.action == Action::InitDefault)?;
        let highest = entry.levels.chars().max()?.to_ascii_uppercase();
        "0123456789S".contains(highest).then_some(highest)
    }

    /// Power and Ctrl-Alt-Del go before the others.
    fn add(&mut self, entry: Entry) {
        let place = if entry.action.is_power() {
            self.entries.iter().take_while(|e| e.action.is_power()).count()
        } else {
            self.entries.len()
        };
        self.entries.insert(place, entry);
    }

    fn read(&mut self, (file, line): Place<'_>, text: &str) {
        match self.judge(text) {
            Ok(entry) => self.add(Entry { file: file.to_owned(), line, ..entry }),
            Err(reason) => self.faults.push(Fault { file: file.to_owned(), line, reason }),
        }
    }

    fn judge(&self, text: &str) -> Result<Entry, String> {
        let mut fields = text.splitn(4, ':');
        let (id, levels, action, process) = (fields.next(), fields.next(), fields.next(), fields.next());
        let missing = |field: Option<&str>| field.is_none_or(str::is_empty);
        let longer = |field: Option<&str>, most: usize| field.is_some_and(|f| f.len() > most);
        let checks = [
            (missing(id), "missing id field".to_owned()),
            (levels.is_none(), "missing runlevel field".to_owned()),
            (process.is_none(), "missing process field".to_owned()),
            (missing(action), "missing action field".to_owned()),
            (longer(id, MAX_ID), format!("id field too long (max {MAX_ID} characters)")),
            (longer(levels, MAX_LEVELS), format!("rlevel field too long (max {MAX_LEVELS} characters)")),
            (longer(process, MAX_PROCESS), format!("process field too long (max {MAX_PROCESS} characters)")),
            (longer(action, MAX_ACTION), "action field too long".to_owned()),
        ];
        if let Some((_, reason)) = checks.into_iter().rfind(|(fails, _)| *fails) {
            return Err(reason);
        }
        let (id, levels) = (id.unwrap_or_default(), levels.unwrap_or_default());
        let (word, process) = (action.unwrap_or_default(), process.unwrap_or_default());
        let action = Action::from_word(word).ok_or_else(|| format!("{word}: unknown action field"))?;
        if id != NOBODY && self.entries.iter().any(|e| e.id == id) {
            return Err(format!("duplicate ID field \"{id}\""));
        }
        Ok(entry(id, &action.levels(levels), action, process.to_owned()))
    }
}

#[cfg(test)]
#[path = "inittab_tests.rs"]
mod tests;
