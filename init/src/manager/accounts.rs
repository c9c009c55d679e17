//! `User=` and `Group=` as numbers: from `/etc/passwd` and `/etc/group`; what these lack (LDAP, NIS, …) the root's own
//! `getent` is asked for, as a child of PID 1. Until it has answered, the process that is to be started waits.

use super::spawn::{PATH, find_program};
use super::state::Manager;
use crate::core::{Event, UnitId};
use crate::proto::pid1::{Exit, Key, Life, Request};
use crate::sys::{file, memfd, wait};
use crate::unit::accounts::{Accounts, Identity, Missing};
use crate::unit::{ExecKind, Unit};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The token of `getent`.
pub const TOKEN: u64 = 2;
/// `getent` may take this long, in milliseconds.
const PATIENCE: u64 = 10_000;
/// Longest `/etc/passwd`, `/etc/group`, and answer.
const MAX_FILE: usize = 8 << 20;

/// A process that is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Whose.
    pub unit: UnitId,
    /// Under which key.
    pub key: Key,
    /// Which commands.
    pub kind: ExecKind,
    /// Which of them.
    pub index: usize,
    /// For `$MAINPID`.
    pub main_pid: Option<i32>,
}

/// What `getent` is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    User(String),
    /// The groups a user is in.
    Groups(String),
    Group(String),
}

impl Question {
    fn words(&self) -> [&str; 3] {
        let (table, name) = match self {
            Self::User(name) => ("passwd", name),
            Self::Groups(name) => ("initgroups", name),
            Self::Group(name) => ("group", name),
        };
        ["getent", table, name]
    }
}

/// What it has said for one process: lines as of the two files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    passwd: String,
    group: String,
    asked: Vec<Question>,
}

impl Answers {
    /// Takes in an answer. Pure.
    fn add(&mut self, question: Question, text: &str) {
        match &question {
            Question::User(_) => self.passwd.push_str(text),
            Question::Group(_) => self.group.push_str(text),
            // `name  gid gid …`: groups without names, which the user is a member of.
            Question::Groups(user) => {
                for gid in text.split_ascii_whitespace().skip(1).filter(|w| w.parse::<u32>().is_ok()) {
                    self.group.push_str(&format!("{gid}:x:{gid}:{user}\n"));
                }
            }
        }
        self.asked.push(question);
    }

    /// The identity, or what is to be asked first.
    fn identity(&self, passwd: &str, group: &str, unit: &Unit) -> Result<Identity, Question> {
        let accounts = Accounts::parse(&format!("{passwd}\n{}", self.passwd), &format!("{group}\n{}", self.group));
        let service = &unit.service;
        let found =
            accounts.identity(service.user.as_deref(), service.group.as_deref(), &service.exec.supplementary_groups);
        let identity = found.map_err(|missing| match missing {
            Missing::User(name) => Question::User(name),
            Missing::Group(name) => Question::Group(name),
        })?;
        let foreign = self.asked.iter().any(|q| matches!(q, Question::User(_)));
        let groups = Question::Groups(identity.name.clone());
        if foreign && !identity.name.is_empty() && !self.asked.contains(&groups) { Err(groups) } else { Ok(identity) }
    }
}

/// A question under way.
#[derive(Debug)]
struct Lookup {
    wish: Wish,
    answers: Answers,
    question: Question,
    out: OwnedFd,
    deadline: u64,
}

/// All questions under way, by the step of their `getent`.
#[derive(Debug, Default)]
pub struct Lookups {
    open: BTreeMap<u32, Lookup>,
}

impl Lookups {
    /// When the first of them has taken too long.
    pub fn next_deadline(&self) -> Option<u64> {
        self.open.values().map(|l| l.deadline).min()
    }
}

impl Manager {
    /// Whom a unit's process runs as; `None` while that is being asked: then [`Manager::spawn`] comes again.
    ///
    /// # Errors
    /// A sentence.
    pub fn identity(&mut self, wish: Wish, unit: &Unit, answers: &Answers) -> Result<Option<Identity>, String> {
        let service = &unit.service;
        if service.user.is_none() && service.group.is_none() && service.exec.supplementary_groups.is_empty() {
            return Ok(Some(Identity::default()));
        }
        let text = |path| file::read_text(Path::new(path), MAX_FILE).unwrap_or_default();
        let question = match answers.identity(&text("/etc/passwd"), &text("/etc/group"), unit) {
            Ok(identity) => return Ok(Some(identity)),
            Err(question) => question,
        };
        let known = answers.asked.contains(&question);
        if !known && self.ask(wish, answers.clone(), question.clone()) {
            return Ok(None);
        }
        Err(sentence(unit, &question))
    }

    /// Whom a unit's process runs as, by the two files alone; `None` where they don't say.
    pub fn known_identity(&self, unit: &Unit) -> Option<Identity> {
        if unit.service.user.is_none() && unit.service.group.is_none() {
            return Some(Identity::default());
        }
        let text = |path| file::read_text(Path::new(path), MAX_FILE).unwrap_or_default();
        Answers::default().identity(&text("/etc/passwd"), &text("/etc/group"), unit).ok()
    }

    fn ask(&mut self, wish: Wish, answers: Answers, question: Question) -> bool {
        let words = question.words();
        // Not every getent knows `--`; no account's name begins with a dash.
        if words.iter().any(|w| w.starts_with('-')) {
            return false;
        }
        let Some(program) = find_program("getent") else { return false };
        let Ok(out) = memfd::or_file(c"rung-getent") else { return false };
        let Ok(theirs) = out.try_clone() else { return false };
        let key = Key { token: TOKEN, step: self.helper_step() };
        let env = [format!("PATH={PATH}")];
        let started = self.start_helper(key, &program, &words, &env, vec![(theirs.into(), 1)]);
        if started {
            let deadline = wait::now_ms().saturating_add(PATIENCE);
            self.lookups.open.insert(key.step, Lookup { wish, answers, question, out, deadline });
        }
        started
    }

    /// A `getent` has ended: what waited for it goes on.
    pub fn on_answer(&mut self, step: u32, exit: Exit) {
        let Some(lookup) = self.lookups.open.remove(&step) else { return };
        let Lookup { wish, mut answers, question, out, .. } = lookup;
        let bytes = if exit == Exit::Code(0) { file::read_all(out, MAX_FILE).unwrap_or_default() } else { Vec::new() };
        answers.add(question, &String::from_utf8_lossy(&bytes));
        let view = self.core.view(wish.unit);
        if [view.main_key, view.control_key].contains(&Some(wish.key)) {
            self.spawn(wish, &answers);
        }
    }

    /// Those that have taken too long count as having found nothing.
    pub fn lookups_due(&mut self, now: u64) {
        let late = self.lookups.open.iter().filter(|(_, l)| l.deadline <= now).map(|(step, _)| *step);
        for step in late.collect::<Vec<_>>() {
            let key = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key, signal: libc::SIGKILL, group: true }, Vec::new());
            self.on_answer(step, Exit::Signal(libc::SIGKILL));
        }
    }

    /// A process of the instance that waits for an answer is to get a signal: it ends before it was.
    pub fn signal_waiting(&mut self, token: u64, key: Option<Key>, signal: i32) {
        let ends = ![0, libc::SIGCONT].contains(&signal);
        let concerned = |l: &Lookup| ends && l.wish.key.token == token && key.is_none_or(|k| k == l.wish.key);
        let steps: Vec<u32> = self.lookups.open.iter().filter(|(_, l)| concerned(l)).map(|(s, _)| *s).collect();
        for step in steps {
            let Some(lookup) = self.lookups.open.remove(&step) else { continue };
            let helper = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key: helper, signal: libc::SIGKILL, group: true }, Vec::new());
            let life = Life::Over(Exit::Signal(signal));
            self.push(Event::Process { key: lookup.wish.key, pid: 0, life });
        }
    }
}

fn sentence(unit: &Unit, question: &Question) -> String {
    let (key, what, name, file, add) = match question {
        Question::User(name) | Question::Groups(name) => ("User", "user", name, "/etc/passwd", "adduser --system"),
        Question::Group(name) => {
            let key = if unit.service.group.as_ref() == Some(name) { "Group" } else { "SupplementaryGroups" };
            (key, "group", name, "/etc/group", "addgroup --system")
        }
    };
    let place = unit.placed(&format!("Service.{key}"));
    format!("{key}={place}: there is no {what} `{name}` in {file}; make it ({add} {name}) or correct the name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::UnitName;

    #[test]
    fn what_the_files_lack_is_asked_one_after_the_other() {
        let mut unit = Unit::new(UnitName::new("a").expect("name"));
        unit.service.user = Some("ann".into());
        unit.service.group = Some("staff".into());
        let mut answers = Answers::default();
        let mut ask = |answer: &str, expected: [&str; 3]| {
            let question = answers.identity("root:x:0:0::/:", "root:x:0:", &unit).expect_err("a question");
            assert_eq!(question.words(), expected);
            answers.add(question, answer);
        };
        ask("staff:x:50:\n", ["getent", "group", "staff"]);
        ask("ann:x:1007:1008:Ann:/home/ann:/bin/sh\n", ["getent", "passwd", "ann"]);
        ask("ann                   1008 27\n", ["getent", "initgroups", "ann"]);
        let identity = answers.identity("", "", &unit).expect("all is known");
        assert_eq!(
            (identity.uid, identity.gid, identity.groups.as_slice()),
            (Some(1007), Some(50), [50, 1008, 27].as_slice())
        );
        assert_eq!(identity.home, "/home/ann");
    }

    #[test]
    fn local_accounts_need_no_question_and_a_no_is_final() {
        let mut unit = Unit::new(UnitName::new("a").expect("name"));
        unit.service.user = Some("ann".into());
        let mut answers = Answers::default();
        assert!(answers.identity("ann:x:7:7::/:", "", &unit).is_ok());
        let question = answers.identity("", "", &unit).expect_err("a question");
        answers.add(question.clone(), "");
        assert_eq!(answers.identity("", "", &unit), Err(question.clone()));
        assert!(answers.asked.contains(&question) && sentence(&unit, &question).contains("there is no user `ann`"));
    }
}
