//! Looking at a unit's conditions when its start runs. What the kernel shows is read here; paths that a unit names may
//! lie on a file server that is dead, so where the kernel doesn't know them by heart a process looks at them that may hang:
//! `init-boot look`, a child of PID 1.

use super::facts::Shown;
use super::spawn::{PATH, beside};
use super::state::Manager;
use crate::core::{Event, UnitId};
use crate::proto::pid1::{Exit, Key, Request};
use crate::sys::cached::{Glimpse, glimpse};
use crate::sys::{file, memfd, wait};
use crate::unit::Unit;
use crate::unit::condition::{Condition, Test, Truth, Verdict, truth};
use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::path::Path;

/// The token of these processes.
pub const TOKEN: u64 = 4;
/// One may take this long, in milliseconds.
const PATIENCE: u64 = 10_000;
/// So many look at a time; the others wait.
const MOST: usize = 16;
/// What is said of a file system that doesn't answer.
const NO_ANSWER: &str = "its file system doesn't answer";
/// Longest answer.
const MAX_ANSWER: usize = 64 << 10;

/// A process that looks.
#[derive(Debug)]
struct Look {
    unit: UnitId,
    token: u64,
    out: OwnedFd,
    deadline: u64,
}

/// All that look, by the step of their key, and what waits for one of them to end.
#[derive(Debug, Default)]
pub struct Looks {
    open: BTreeMap<u32, Look>,
    /// Given up, and not even SIGKILL has ended them yet: a unit has one of these at most.
    stuck: BTreeMap<u32, UnitId>,
    waiting: VecDeque<(UnitId, u64)>,
}

impl Looks {
    /// When the first of them has taken too long.
    pub fn next_deadline(&self) -> Option<u64> {
        self.open.values().map(|l| l.deadline).min()
    }

    /// A process has ended: what it looked at, if anybody still waits for that.
    fn over(&mut self, step: u32) -> Option<Look> {
        self.stuck.remove(&step);
        self.open.remove(&step)
    }

    /// Those that have taken too long.
    fn give_up(&mut self, now: u64) -> BTreeMap<u32, Look> {
        let late: BTreeMap<u32, Look> = self.open.extract_if(.., |_, l| l.deadline <= now).collect();
        self.stuck.extend(late.iter().map(|(step, look)| (*step, look.unit)));
        late
    }

    /// A process that looked for this unit is still in the kernel: another one would stay there too.
    fn is_stuck(&self, unit: UnitId) -> bool {
        self.stuck.values().any(|other| *other == unit)
    }
}

/// As the process takes it: `PathExists=/x`.
fn argument(condition: &Condition) -> String {
    format!("{}={}", condition.test.name(), condition.value)
}

/// The truth of a condition by what the process has said: a digit for each argument. Pure.
fn told(arguments: &[String], answer: &str, condition: &Condition) -> Truth {
    let at = arguments.iter().position(|a| *a == argument(condition));
    match at.and_then(|at| answer.as_bytes().get(at)) {
        Some(b'1') => Ok(true),
        Some(b'0') => Ok(false),
        _ => Err("it couldn't be looked at".to_owned()),
    }
}

fn arguments(unit: &Unit) -> Vec<String> {
    unit.conditions.all().filter(|c| c.test.touches_files()).map(argument).collect()
}

/// Whether the test of a condition holds, as far as the kernel tells that without asking anybody.
fn at_hand(condition: &Condition, mounts: &OnceCell<Option<String>>) -> Option<bool> {
    let seen = match condition.test {
        Test::PathExists | Test::PathIsDirectory | Test::PathIsReadWrite => glimpse(Path::new(&condition.value)),
        _ => Glimpse::Unknown,
    };
    match (seen, condition.test) {
        (Glimpse::Unknown, _) => None,
        (Glimpse::Missing, _) => Some(false),
        (Glimpse::There { folder, .. }, Test::PathIsDirectory) => Some(folder),
        (Glimpse::There { mount, .. }, Test::PathIsReadWrite) => {
            let read = || file::read_text(Path::new("/proc/self/mountinfo"), 8 << 20).ok();
            is_writable(mounts.get_or_init(read).as_ref()?, mount)
        }
        (Glimpse::There { .. }, _) => Some(true),
    }
}

/// Whether neither a mount nor its file system is read-only, by the kernel's table. Pure.
fn is_writable(mountinfo: &str, mount: u64) -> Option<bool> {
    let number = mount.to_string();
    let line = mountinfo.lines().find(|line| line.split(' ').next() == Some(&number))?;
    let (own, system) = line.split_once(" - ")?;
    let options = own.split(' ').nth(5)?.split(',').chain(system.rsplit(' ').next()?.split(','));
    Some(options.into_iter().all(|word| word != "ro"))
}

impl Manager {
    /// Looks at a unit's conditions; [`Event::Checked`] follows, at once or when a process has looked at its paths.
    pub fn check(&mut self, unit: UnitId, token: u64) {
        // Without a definition (it is gone since) nothing can be started either, and that has its own sentence.
        let Some(definition) = self.core.view(unit).unit.cloned() else {
            return self.push(Event::Checked { token, verdict: Verdict::Met });
        };
        // Read where a condition asks for them, and once: both times it is the same machine.
        let (shown, mounts) = (OnceCell::new(), OnceCell::new());
        // At best and at worst; a process that could change nothing isn't started.
        let judge = |favourable: bool| {
            definition.conditions.judge(&definition, &mut |c| match c.test.touches_files() {
                true => Ok(at_hand(c, &mounts).unwrap_or(c.negated != favourable)),
                false => truth(c, shown.get_or_init(|| self.shown())),
            })
        };
        let best = judge(true);
        if matches!(best, Verdict::Skip(_)) || judge(false) == best {
            return self.push(Event::Checked { token, verdict: best });
        }
        if self.looks.is_stuck(unit) {
            self.checked(unit, token, Err(NO_ANSWER));
        } else if self.looks.open.len() >= MOST {
            self.looks.waiting.push_back((unit, token));
        } else if !self.look(unit, token, &definition) {
            self.checked(unit, token, Err("init-boot, which looks at it, can't be started"));
        }
    }

    fn shown(&self) -> Shown {
        Shown {
            facts: crate::load::conf::facts(&self.machine.run_dir, &self.machine.conf),
            command_line: self.machine.command_line.clone(),
            container: self.machine.container,
            cgroup: self.tree.as_ref().and_then(|t| Some(t.own().parent()?.to_owned())),
            run_dir: self.machine.run_dir.clone(),
        }
    }

    fn look(&mut self, unit: UnitId, token: u64, definition: &Unit) -> bool {
        let Ok(out) = memfd::or_file(c"rung-look") else { return false };
        let Ok(theirs) = out.try_clone() else { return false };
        let key = Key { token: TOKEN, step: self.helper_step() };
        let arguments = arguments(definition);
        let words: Vec<&str> = ["init-boot", "look"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        let container = std::env::var("container").ok().map(|name| format!("container={name}"));
        let env: Vec<String> = std::iter::once(format!("PATH={PATH}")).chain(container).collect();
        let started = self.start_helper(key, &beside("init-boot"), &words, &env, vec![(theirs.into(), 1)]);
        if started {
            let deadline = wait::now_ms().saturating_add(PATIENCE);
            self.looks.open.insert(key.step, Look { unit, token, out, deadline });
        }
        started
    }

    /// A process has looked, or has ended without.
    pub fn on_looked(&mut self, step: u32, exit: Exit) {
        let Some(look) = self.looks.over(step) else { return };
        let bytes = if exit == Exit::Code(0) { file::read_all(look.out, MAX_ANSWER).ok() } else { None };
        let answer = bytes.map(|b| String::from_utf8_lossy(&b).into_owned());
        self.checked(look.unit, look.token, answer.as_deref().ok_or("init-boot, which looks at it, has failed"));
        self.look_on();
    }

    fn look_on(&mut self) {
        while self.looks.open.len() < MOST
            && let Some((unit, token)) = self.looks.waiting.pop_front()
        {
            // Its start may have been called off meanwhile.
            if self.core.token_unit(token) == Some(unit) {
                self.check(unit, token);
            }
        }
    }

    fn checked(&mut self, unit: UnitId, token: u64, answer: Result<&str, &str>) {
        let Some(definition) = self.core.view(unit).unit.cloned() else { return };
        let (shown, arguments) = (self.shown(), arguments(&definition));
        let verdict = definition.conditions.judge(&definition, &mut |c| match answer {
            _ if !c.test.touches_files() => truth(c, &shown),
            Ok(answer) => told(&arguments, answer, c),
            Err(why) => Err(why.to_owned()),
        });
        self.push(Event::Checked { token, verdict });
    }

    /// Those that have taken too long have seen nothing.
    pub fn looks_due(&mut self, now: u64) {
        for (step, look) in self.looks.give_up(now) {
            let key = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key, signal: libc::SIGKILL, group: true }, Vec::new());
            self.checked(look.unit, look.token, Err(NO_ANSWER));
        }
        self.look_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Place;

    #[test]
    fn a_process_that_cant_be_killed_is_the_last_for_its_unit() {
        let mut looks = Looks::default();
        for (step, deadline) in [(1, 100), (2, 200)] {
            let out = std::fs::File::open("/dev/null").expect("it is there").into();
            looks.open.insert(step, Look { unit: UnitId(step), token: 16, out, deadline });
        }
        assert_eq!(looks.next_deadline(), Some(100));
        assert_eq!(looks.give_up(150).into_keys().collect::<Vec<_>>(), [1]);
        assert_eq!((looks.is_stuck(UnitId(1)), looks.is_stuck(UnitId(2))), (true, false));
        assert!(looks.over(1).is_none(), "nobody waits for it any more");
        assert!(!looks.is_stuck(UnitId(1)) && looks.over(2).is_some());
    }

    #[test]
    fn a_mount_is_writable_if_it_and_its_file_system_are() {
        let table = "21 1 0:19 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,mode=755\n\
                     22 1 0:20 / /a\\040b ro,relatime - ext4 /dev/a rw\n\
                     23 1 0:21 / /b rw - ext4 /dev/b ro,errors=remount-ro\n";
        assert_eq!(
            [21, 22, 23, 2].map(|mount| is_writable(table, mount)),
            [Some(true), Some(false), Some(false), None]
        );
    }

    #[test]
    fn what_the_kernel_knows_by_heart_needs_no_process() {
        let seen = |test, path: &str, negated| {
            let condition =
                Condition { test, triggering: false, negated, value: path.to_owned(), place: Place::default() };
            at_hand(&condition, &OnceCell::new())
        };
        assert!(std::env::temp_dir().is_dir());
        for test in [Test::PathExists, Test::PathIsDirectory] {
            // Where the kernel is older nothing is known, which is right too.
            assert_ne!(seen(test, "/proc", false), Some(false));
            assert_eq!(seen(test, "/proc", false), seen(test, "/proc", true));
            assert_ne!(seen(test, "/proc/there is no such file", false), Some(true));
        }
        assert_eq!(seen(Test::DirectoryNotEmpty, "/proc", false), None);
    }

    #[test]
    fn answers_belong_to_their_arguments() {
        let condition = |value: &str| Condition {
            test: Test::PathExists,
            triggering: false,
            negated: true,
            value: value.to_owned(),
            place: Place::default(),
        };
        let arguments = ["PathExists=/a".to_owned(), "PathExists=/b".to_owned(), "PathExists=/c".to_owned()];
        let truth = |path: &str| told(&arguments, "01?\n", &condition(path));
        assert_eq!((truth("/a"), truth("/b")), (Ok(false), Ok(true)));
        assert!(truth("/c").is_err() && truth("/d").is_err());
        assert!(told(&arguments, "0", &condition("/b")).is_err());
    }
}
