//! What holds a shutdown up, shown on the console itself, with keys to do something about it: `initctl shutdown-jobs
//! --console`, a child of PID 1 like any other. Nothing waits for it: it may be missing, die or hang.

use super::spawn::{PATH, beside, find_program};
use super::state::Manager;
use crate::proto::pid1::{Key, Life, Request};
use crate::proto::plan::{Plan, Step, Strings, strings};
use crate::sys::console::CONSOLE;
use std::ffi::CString;
use std::io::IsTerminal;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The token of that child.
pub const TOKEN: u64 = 6;
/// One that ends is started again no more than this often.
const TRIES: u8 = 3;
/// Which terminals the kernel's console is.
const ACTIVE: &str = "/sys/class/tty/console/active";

/// The one that runs, and how many were started.
#[derive(Debug, Default)]
pub struct Panel {
    key: Option<Key>,
    tries: u8,
}

impl Panel {
    /// Whether it has the console.
    pub fn is_shown(&self) -> bool {
        self.key.is_some()
    }
}

/// Where it is shown.
enum Seat<'a> {
    /// The machine's console, taken from whoever has it.
    Machine(&'a Path),
    /// The terminal a container was given, which is the first descriptor.
    Given,
}

/// Its plan. Pure; `None` for what can't be handed to the kernel.
fn plan(program: &Path, seat: &Seat<'_>, env: &[String], cgroup: Option<&Path>) -> Option<Vec<u8>> {
    let path = |p: &Path| CString::new(p.as_os_str().as_bytes()).ok();
    let mut plan = Plan::default();
    plan.push(Step::Session);
    plan.push(Step::Signals { ignore: 0 });
    if let Some(path) = cgroup.and_then(path) {
        plan.push(Step::Cgroup { path: &path, required: false });
    }
    match seat {
        Seat::Machine(terminal) => {
            plan.push(Step::Tty { path: &path(terminal)?, force: true, reset: true, hangup: false })
        }
        Seat::Given => plan.push(Step::Fd { index: 0, target: 0 }),
    };
    plan.push(Step::Dup { from: 0, to: 1 });
    plan.push(Step::Dup { from: 0, to: 2 });
    let (args, env) = (strings(["initctl", "shutdown-jobs", "--console"]), strings(env.iter().map(String::as_str)));
    plan.push(Step::Exec { program: &path(program)?, args: Strings::new(&args), env: Strings::new(&env) });
    plan.finish()
}

/// `TERM` of the machine's console: a virtual terminal, or a serial line with at least a VT100. Pure.
fn machine_term(active: &str) -> &'static str {
    let last = active.split_ascii_whitespace().last().unwrap_or_default();
    let number = |name: &str| name.strip_prefix("tty").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if number(last) { "linux" } else { "vt100" }
}

impl Manager {
    /// Has it shown, where there is a terminal for it, and as long as it stays.
    pub fn show_panel(&mut self) {
        if self.panel.is_shown() || self.panel.tries >= TRIES {
            return;
        }
        let beside = beside("initctl");
        let program: Option<PathBuf> = if beside.exists() { Some(beside) } else { find_program("initctl") };
        let Some(program) = program else { return };
        let given = if self.machine.container { self.given_terminal() } else { None };
        let (seat, term) = match &given {
            Some(_) => (Seat::Given, std::env::var("TERM").unwrap_or_else(|_| "vt100".to_owned())),
            None if self.machine.container => return,
            None => {
                let active = std::fs::read_to_string(ACTIVE).unwrap_or_default();
                (Seat::Machine(Path::new(CONSOLE)), machine_term(&active).to_owned())
            }
        };
        let rundir = format!("RUNG_RUNDIR={}", self.machine.run_dir.display());
        let env = [format!("PATH={PATH}"), format!("TERM={term}"), rundir];
        let cgroup = self.tree.as_ref().map(super::cgroup::Tree::own);
        let bytes = plan(&program, &seat, &env, cgroup.as_deref());
        let Some(bytes) = bytes else { return };
        let key = Key { token: TOKEN, step: self.helper_step() };
        let born = self.tree.as_ref().and_then(super::cgroup::Tree::own_folder);
        if self.link.spawn(key, &bytes, given.into_iter().map(Into::into).collect(), born).is_err() {
            return;
        }
        self.panel = Panel { key: Some(key), tries: self.panel.tries.saturating_add(1) };
        self.console.hold();
    }

    /// A container's terminal: both what is typed and what is shown there are ours.
    fn given_terminal(&mut self) -> Option<OwnedFd> {
        let [stdin, stderr] = ["stdin", "stderr"].map(|name| self.link.fetch(0, name).ok().flatten());
        stdin.filter(|fd| fd.is_terminal() && stderr.is_some_and(|fd| fd.is_terminal()))
    }

    /// News of it, also of one that a manager before us had started.
    pub fn on_panel(&mut self, key: Key, life: Life) {
        match life {
            Life::Over(_) if self.panel.key == Some(key) => {
                self.panel.key = None;
                self.console.release();
            }
            Life::Over(_) => {}
            Life::Forked | Life::Running => {
                self.panel.key = Some(key);
                self.console.hold();
            }
        }
    }

    /// There is nothing left to be decided: the terminal is given back.
    pub fn end_panel(&mut self) {
        if let Some(key) = self.panel.key.take() {
            self.link.send(Request::Signal { key, signal: libc::SIGTERM, group: false }, Vec::new());
            self.console.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::plan::lines;

    #[test]
    fn a_virtual_terminal_knows_more_than_a_serial_line() {
        for (active, term) in
            [("tty0\n", "linux"), ("tty0 ttyS0\n", "vt100"), ("ttyS0 tty1", "linux"), ("hvc0", "vt100"), ("", "vt100")]
        {
            assert_eq!(machine_term(active), term, "{active}");
        }
    }

    #[test]
    fn a_machines_console_is_taken_and_a_containers_terminal_is_used() {
        let text = |seat| {
            let bytes = plan(Path::new("/usr/bin/initctl"), &seat, &["TERM=x".to_owned()], None).expect("a plan");
            lines(&bytes)[2..].join("\n")
        };
        let rest = "\ndescriptor 1: as descriptor 0\ndescriptor 2: as descriptor 0\nenvironment: TERM=x\n\
                    execute /usr/bin/initctl as: initctl shutdown-jobs --console";
        let machine = text(Seat::Machine(Path::new("/dev/console")));
        assert_eq!(machine, format!("descriptor 0: terminal /dev/console, by force, reset{rest}"));
        assert_eq!(text(Seat::Given), format!("descriptor 0: number 0 of those passed{rest}"));
    }
}
