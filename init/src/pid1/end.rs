//! The last things: everything is killed in a child, PID 1 waits for it.

use crate::proto::pid1::Power;
use crate::sys::{child, process};

/// How PID 1 itself ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Final {
    /// `reboot(2)`.
    Reboot(Power),
    /// Exit, of a container.
    Exit(i32),
}

/// The end under way.
#[derive(Debug)]
pub struct End {
    how: Power,
    status: i32,
    container: bool,
    child: i32,
    deadline: Option<u64>,
}

impl End {
    /// Nothing has begun yet.
    pub fn new(how: Power, status: i32, container: bool) -> Self {
        Self { how, status, container, child: 0, deadline: None }
    }

    /// Forks the finishing child.
    pub fn start(&mut self) {
        self.deadline = Some(process::now_ms().saturating_add(10_000));
        self.child = child::fork_work(|| i32::from(process::kill(-1, libc::SIGKILL).is_err())).unwrap_or(0);
    }

    /// A child without a slot has ended.
    pub fn child_exited(&mut self, pid: i32, _status: i32) -> Option<Final> {
        (pid == self.child).then(|| self.last())
    }

    /// When PID 1 goes on without the child.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// The deadline is over.
    pub fn expired(&mut self) -> Option<Final> {
        Some(self.last())
    }

    fn last(&self) -> Final {
        if self.container { Final::Exit(self.status) } else { Final::Reboot(self.how) }
    }
}

/// `reboot(2)`; the exit status if that is refused.
pub fn reboot(how: Power) -> i32 {
    use nix::sys::reboot::{RebootMode, reboot};
    let mode = match how {
        Power::Halt => RebootMode::RB_HALT_SYSTEM,
        Power::PowerOff => RebootMode::RB_POWER_OFF,
        Power::Reboot => RebootMode::RB_AUTOBOOT,
    };
    match reboot(mode) {
        Ok(never) => match never {},
        Err(_) => 1,
    }
}
