//! Processes of the manager's own: the logger, `getent`, `sysv record`. Children of PID 1 like any other.

use super::control::scripts;
use super::spawn::beside;
use super::state::Manager;
use super::{accounts, conditions, directories, generate, holds};
use crate::proto::pid1::{Exit, Key};
use crate::proto::plan::{Access, Plan, Step, Strings, strings};
use crate::unit::{Source, Unit};
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

/// Tokens below this one aren't services'.
const FIRST_SERVICE: u64 = crate::core::FIRST_TOKEN;
/// The token of those whose end nobody waits for.
pub const FORGOTTEN: u64 = 3;
/// Where it is written who is there, and which level.
const UTMP: &str = "/run/utmp";

/// The plan of a helper. Of the descriptors that go with it the first becomes `targets[0]`, and so on; those of 0 to 2
/// that aren't among these are `/dev/null`. `None` for what can't be handed to the kernel.
pub fn plan(program: &Path, args: &[&str], env: &[String], cgroup: Option<&Path>, targets: &[i32]) -> Option<Vec<u8>> {
    let path = |p: &Path| CString::new(p.as_os_str().as_bytes()).ok();
    let program = path(program)?;
    let cgroup = match cgroup {
        Some(folder) => Some(path(folder)?),
        None => None,
    };
    let mut plan = Plan::default();
    plan.push(Step::Session);
    plan.push(Step::Signals { ignore: 0 });
    if let Some(path) = &cgroup {
        plan.push(Step::Cgroup { path, required: false });
    }
    for target in (0..3).filter(|n| !targets.contains(n)) {
        plan.push(Step::Open { path: c"/dev/null", access: Access::ReadWrite, target });
    }
    for (index, target) in (0..).zip(targets) {
        plan.push(Step::Fd { index, target: *target });
    }
    let (args, env) = (strings(args.iter().copied()), strings(env.iter().map(String::as_str)));
    plan.push(Step::Exec { program: &program, args: Strings::new(&args), env: Strings::new(&env) });
    plan.finish()
}

/// Whether a token is one of helpers that do one thing and end.
pub fn is_short(token: u64) -> bool {
    const SHORT: [u64; 7] = [
        accounts::TOKEN,
        conditions::TOKEN,
        directories::TOKEN,
        generate::TOKEN,
        holds::TOKEN,
        scripts::TOKEN,
        FORGOTTEN,
    ];
    SHORT.contains(&token)
}

/// Whether a token is one of helpers.
pub fn is_helper(token: u64) -> bool {
    token < FIRST_SERVICE
}

impl Manager {
    /// Starts a helper under this key. `false`: it can't be.
    pub fn start_helper(
        &mut self,
        key: Key,
        program: &Path,
        args: &[&str],
        env: &[String],
        fds: Vec<(Rc<OwnedFd>, i32)>,
    ) -> bool {
        let cgroup = self.tree.as_ref().map(super::cgroup::Tree::own);
        let targets: Vec<i32> = fds.iter().map(|(_, target)| *target).collect();
        let Some(bytes) = plan(program, args, env, cgroup.as_deref(), &targets) else { return false };
        let fds = fds.into_iter().map(|(fd, _)| fd).collect();
        let born = self.tree.as_ref().and_then(super::cgroup::Tree::own_folder);
        self.link.spawn(key, &bytes, fds, born).is_ok()
    }

    /// One has ended.
    pub(super) fn on_helper_over(&mut self, key: Key, exit: Exit) {
        match key.token {
            accounts::TOKEN => self.on_answer(key.step, exit),
            conditions::TOKEN => self.on_looked(key.step, exit),
            directories::TOKEN => self.on_removed(key.step),
            generate::TOKEN => self.on_generated(key.step, exit),
            scripts::TOKEN => self.on_switched(key.step, exit),
            _ => {}
        }
    }

    /// A step for a helper's key that no manager before us has used.
    pub fn helper_step(&mut self) -> u32 {
        self.helpers = self.helpers.wrapping_add(1) & 0x7fff_ffff;
        self.helpers
    }

    /// Has `sysv record` write into utmp and wtmp. Nobody waits for it, and a failure is its own.
    pub fn record_event(&mut self, words: &[&str]) {
        let program = beside("sysv");
        if !program.exists() || (self.machine.container && !Path::new(UTMP).exists()) {
            return;
        }
        let key = Key { token: FORGOTTEN, step: self.helper_step() };
        let args: Vec<&str> = ["sysv", "record"].iter().chain(words).copied().collect();
        let env = [format!("PATH={}", super::spawn::PATH)];
        self.start_helper(key, &program, &args, &env, Vec::new());
    }

    /// `UtmpIdentifier=`: writes down that a process has started, or how it has ended. Only main processes count.
    pub fn note_seat(&mut self, key: Key, end: Option<Exit>) {
        let Some(id) = self.core.token_unit(key.token) else { return };
        let view = self.core.view(id);
        let main = view.main_pid.filter(|_| view.main_key == Some(key));
        let (Some(pid), Some(unit)) = (main, view.unit.cloned()) else { return };
        let words = seat(&unit, pid, end);
        if !words.is_empty() {
            self.record_event(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

/// The words for `sysv record`; none where there is no `UtmpIdentifier=`, or nothing ran.
fn seat(unit: &Unit, pid: i32, end: Option<Exit>) -> Vec<String> {
    let terminal = &unit.service.terminal;
    let Some(id) = terminal.short_id() else { return Vec::new() };
    let numbers = match end {
        // A line of inittab does it itself, before it becomes its program.
        None if unit.source == Source::Inittab => return Vec::new(),
        None => {
            // The console, which stands there by default, is nobody's seat.
            let line = unit.place("Service.TTYPath").and_then(|_| terminal.line()).unwrap_or_default();
            let mode = terminal.utmp_mode.word();
            let user = unit.service.user.as_deref().unwrap_or("root");
            return ["start", id, &pid.to_string(), mode, line, user].map(str::to_owned).into();
        }
        Some(Exit::NotRun { .. }) => return Vec::new(),
        Some(Exit::Code(status)) => (0, status),
        Some(Exit::Signal(signal) | Exit::Core(signal)) => (signal, 0),
        Some(Exit::Unknown) => (0, 0),
    };
    ["end", id, &pid.to_string(), &numbers.0.to_string(), &numbers.1.to_string()].map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::plan::lines;

    #[test]
    fn a_seat_is_told_with_its_terminal_and_its_end() {
        let unit = |text: &str| {
            let name = crate::unit::UnitName::new("getty@ttyS10.service").expect("name");
            let file = crate::unit::SourceFile { path: "/x".into(), text: format!("[Service]\nExecStart=/x\n{text}") };
            let facts = crate::unit::Facts::default();
            crate::unit::parse(&name, crate::unit::Source::Native, &file, &[], &facts).unit
        };
        let getty = unit("UtmpIdentifier=%I\nTTYPath=/dev/%I\n");
        assert_eq!(seat(&getty, 7, None), ["start", "yS10", "7", "init", "ttyS10", "root"]);
        let user = unit("UtmpIdentifier=u\nUtmpMode=user\nTTYPath=/dev/pts/1\nUser=joe\n");
        assert_eq!(seat(&user, 7, None), ["start", "u", "7", "user", "pts/1", "joe"]);
        assert_eq!(seat(&user, 7, Some(Exit::Core(11))), ["end", "u", "7", "11", "0"]);
        assert_eq!(seat(&user, 7, Some(Exit::Code(3))), ["end", "u", "7", "0", "3"]);
        assert!(seat(&user, 7, Some(Exit::NotRun { stage: 1, errno: 2 })).is_empty());
        assert_eq!(seat(&unit("UtmpIdentifier=x\n"), 7, None), ["start", "x", "7", "init", "", "root"]);
        assert!(seat(&unit(""), 7, None).is_empty());
    }

    #[test]
    fn streams_that_arent_given_are_null() {
        let bytes = plan(Path::new("/bin/x"), &["x", "y"], &["A=1".to_owned()], None, &[3, 1]).expect("plan");
        let text = lines(&bytes).join("\n");
        for line in [
            "descriptor 0: open /dev/null (read and write)",
            "descriptor 2: open /dev/null (read and write)",
            "descriptor 3: number 0 of those passed",
            "descriptor 1: number 1 of those passed",
            "execute /bin/x as: x y",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("descriptor 1: open"), "{text}");
    }
}
