//! The end of the machine or container: a child kills, unmounts and syncs, with a deadline for each step; PID 1 goes
//! on with its loop and ends by [`Final::perform`] when the child is over or late.

use super::{unmount, ups};
use crate::proto::pid1::Power;
use crate::sys::processes::{self, Process};
use crate::sys::{console, fd, helper, namespace, pidfd, reboot};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a container's PID 1 exits with to be started again, where it may not say so by `reboot(2)`.
pub const EXIT_REBOOT: i32 = 133;
/// After SIGKILL: what is still there hangs in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(2);
/// Unmount, swap and sync together.
const DISKS: Duration = Duration::from_secs(90);
/// What a line for people may take, so that it fits a serial console.
const COLUMNS: usize = 79;

/// The last thing PID 1 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Final {
    /// `reboot(2)`.
    Reboot(Power),
    /// `exit(2)`, in a container.
    Exit(i32),
}

impl Final {
    /// Does it.
    pub fn perform(self) -> ! {
        let is_init = getpid().as_raw() == 1;
        match self {
            Self::Reboot(how) if is_init => {
                let mode = match how {
                    Power::Halt => reboot::Mode::RB_HALT_SYSTEM,
                    Power::PowerOff | Power::Cut => reboot::Mode::RB_POWER_OFF,
                    Power::Reboot => reboot::Mode::RB_AUTOBOOT,
                };
                reboot::now(mode);
                if namespace::is_initial_pid() == Some(true) {
                    // The machine's init may not exit, whatever the firmware said.
                    reboot::now(reboot::Mode::RB_HALT_SYSTEM);
                    loop {
                        nix::unistd::pause();
                    }
                }
                std::process::exit(if how == Power::Reboot { EXIT_REBOOT } else { 0 })
            }
            // In the initial namespace reboot(2) would be about somebody else's machine.
            Self::Reboot(how) => std::process::exit(if how == Power::Reboot { EXIT_REBOOT } else { 0 }),
            Self::Exit(status) => std::process::exit(status),
        }
    }
}

/// An end as it was asked for.
#[derive(Debug, Clone, Copy)]
pub struct End {
    how: Power,
    status: i32,
    container: bool,
    /// Between SIGTERM and SIGKILL: 5 s, in a container 2 s, unless told otherwise.
    pub grace: Duration,
}

impl End {
    /// Plans an end; `status` is what a container exits with.
    pub fn new(how: Power, status: i32, container: bool) -> Self {
        let grace = Duration::from_secs(if container { 2 } else { 5 });
        Self { how, status, container, grace }
    }

    /// Gives processes this long between SIGTERM and SIGKILL.
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Forks the finishing child: its pid. However that ends, [`Self::last`] is next.
    ///
    /// # Errors
    /// As `fork(2)`: without a child there is only [`Self::last`] left.
    pub fn start(&self) -> Result<i32, Errno> {
        let parent = getpid().as_raw();
        let work = Finish { parent, container: self.container, grace: self.grace, off: self.tells_ups() };
        helper::start(move || work.run())
    }

    /// Whether a UPS is to be told.
    fn tells_ups(&self) -> bool {
        self.how == Power::PowerOff
    }

    /// Milliseconds after [`Self::start`] at which [`Self::last`] is due even if the child isn't over.
    pub fn deadline_ms(&self) -> u64 {
        let disks = if self.container {
            Duration::from_millis(500)
        } else {
            DISKS.saturating_add(ups::PATIENCE).saturating_add(Duration::from_secs(5))
        };
        u64::try_from(self.grace.saturating_add(AFTER_KILL).saturating_add(disks).as_millis()).unwrap_or(u64::MAX)
    }

    /// What this end ends with. In a container power-off is an exit with the status asked for; a reboot is told to
    /// the parent by `reboot(2)` (it sees SIGHUP) or by exit status [`EXIT_REBOOT`].
    pub fn last(&self) -> Final {
        match (self.container, self.how, getpid().as_raw()) {
            (false, how, 1) | (true, how @ Power::Reboot, 1) => Final::Reboot(how),
            (_, Power::Reboot, _) => Final::Exit(EXIT_REBOOT),
            _ => Final::Exit(self.status),
        }
    }
}

/// What the finishing child does.
struct Finish {
    /// PID 1, or the subreaper.
    parent: i32,
    container: bool,
    grace: Duration,
    /// The power is to go, and a UPS to hear of it.
    off: bool,
}

impl Finish {
    fn run(&self) -> i32 {
        fd::close_from(3);
        self.signal_all(Signal::SIGTERM);
        // A stopped process would not see it.
        self.signal_all(Signal::SIGCONT);
        if !self.wait_gone(helper::after(self.grace), "SIGKILL") {
            self.signal_all(Signal::SIGKILL);
            self.wait_gone(helper::after(AFTER_KILL), "going on without them");
        }
        if !self.container && self.parent == 1 && namespace::is_initial_pid() != Some(false) {
            let say = |text: &str| self.say(text);
            unmount::everything(&unmount::Scope::Machine, helper::after(DISKS), &say);
            if self.off {
                ups::tell(ups::SCRIPT, helper::after(ups::PATIENCE), &say);
            }
        }
        0
    }

    /// Every process but PID 1 and this one. A subreaper may only mean its own descendants.
    fn signal_all(&self, signal: Signal) {
        if self.parent == 1 && getppid().as_raw() == 1 {
            // ESRCH: nobody is there.
            let _ = kill(Pid::from_raw(-1), signal);
        } else {
            for process in self.others().unwrap_or_default() {
                let _ = kill(Pid::from_raw(process.pid), signal);
            }
        }
    }

    /// The processes that are to go; `None` where `/proc` doesn't show them.
    fn others(&self) -> Option<Vec<Process>> {
        let all = processes::all()?;
        let own = getpid().as_raw();
        let mut parents: Vec<(i32, i32)> = all.iter().map(|p| (p.pid, p.parent)).collect();
        parents.sort_unstable();
        let parent_of = |pid: i32| {
            let at = parents.binary_search_by_key(&pid, |(p, _)| *p).ok()?;
            parents.get(at).map(|(_, parent)| *parent)
        };
        // The table isn't read at one instant, so that a chain could be a loop: it is followed for so long only.
        let is_ours = |pid: i32| {
            self.parent == 1
                || std::iter::successors(parent_of(pid), |p| parent_of(*p)).take(64).any(|p| p == self.parent)
        };
        let goes = |p: &Process| {
            p.pid != own && p.pid != self.parent && !p.kernel && !p.zombie && p.parent != own && is_ours(p.pid)
        };
        Some(all.iter().filter(|p| goes(p)).cloned().collect())
    }

    /// Waits until all are gone; says who isn't each second. Whether they are.
    fn wait_gone(&self, until: Instant, next: &str) -> bool {
        let mut tell = helper::after(Duration::from_secs(1));
        loop {
            let now = Instant::now();
            let Some(left) = self.others() else {
                // No /proc: whether there is anybody at all can still be asked.
                if self.parent != 1 || kill(Pid::from_raw(-1), None) == Err(Errno::ESRCH) {
                    return true;
                }
                if now >= until {
                    return false;
                }
                helper::pause(until, &[]);
                continue;
            };
            if left.is_empty() || now >= until {
                return left.is_empty();
            }
            if now >= tell {
                let seconds = until.saturating_duration_since(now).as_secs().saturating_add(1);
                self.say(&waiting_for(&left, seconds, next));
                tell = helper::after(Duration::from_secs(1));
            }
            let pidfds: Vec<_> = left.iter().take(64).filter_map(|p| pidfd::open(p.pid).ok()).collect();
            let pidfds: Vec<_> = pidfds.iter().map(AsFd::as_fd).collect();
            helper::pause(until.min(tell), &pidfds);
        }
    }

    /// A line for whoever watches; lost where nobody takes it at once.
    fn say(&self, text: &str) {
        let line = format!("{text}\n");
        let _ = if self.container {
            console::write_stderr(&line)
        } else {
            console::write(Path::new(console::CONSOLE), &line)
        };
    }
}

/// `waiting for cat (17), sh (9) and 3 more; 4 s until SIGKILL`, at most [`COLUMNS`] wide.
fn waiting_for(left: &[Process], seconds: u64, next: &str) -> String {
    let end = |more: usize| {
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{more}; {seconds} s until {next}")
    };
    let mut line = String::from("waiting for ");
    for (index, process) in left.iter().enumerate() {
        let name: String = process.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let item = format!("{}{name} ({})", if index > 0 { ", " } else { "" }, process.pid);
        let whole = [line.as_str(), item.as_str(), &end(left.len())].map(|part| part.chars().count());
        if index > 0 && whole.into_iter().fold(0, usize::saturating_add) > COLUMNS {
            return line + &end(left.len().saturating_sub(index));
        }
        line += &item;
    }
    line + &end(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, name: &str) -> Process {
        Process { pid, parent: 1, name: name.into(), kernel: false, zombie: false }
    }

    #[test]
    fn who_is_waited_for_fits_a_line() {
        let few = [process(17, "cat"), process(9, "s\nh")];
        assert_eq!(waiting_for(&few, 4, "SIGKILL"), "waiting for cat (17), s?h (9); 4 s until SIGKILL");
        let many: Vec<_> = (0..500).map(|n| process(4_000_000 + n, "a-long-name-xyz")).collect();
        let line = waiting_for(&many, 90, "SIGKILL");
        assert!(line.len() <= COLUMNS && line.contains("and 49"), "{line}");
    }

    #[test]
    fn a_ups_is_told_only_in_order() {
        let tells = |how| End::new(how, 0, false).tells_ups();
        assert!(tells(Power::PowerOff) && !tells(Power::PowerOff.forced()));
        assert!(!tells(Power::Halt) && !tells(Power::Reboot));
        for how in [Power::Halt, Power::Reboot] {
            assert_eq!(how.forced(), how);
        }
        assert_eq!(Power::from_number(Power::Cut as u8), Some(Power::Cut));
    }

    #[test]
    fn what_is_not_process_one_never_reboots() {
        for (how, status) in [(Power::Halt, 7), (Power::PowerOff, 7), (Power::Reboot, EXIT_REBOOT)] {
            for container in [false, true] {
                assert_eq!(End::new(how, 7, container).last(), Final::Exit(status));
            }
        }
    }
}
