//! From a request to a running process: reserve the slot, fork, hear how the child fared.

use super::slots::Slots;
use super::{Tag, tag};
use crate::proto::pid1::{Exit, Key, Life, STAGE_FORK};
use crate::sys::child::{self, Order, Source};
use crate::sys::epoll::Epoll;
use crate::sys::seqpacket::Fds;
use crate::sys::sharing::Sharing;
use crate::sys::{fd, process};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Starts processes.
#[derive(Debug)]
pub struct Spawner {
    epoll: &'static Epoll,
    ignored: u64,
    sharing: Sharing,
}

/// What comes beside a request: descriptors for its plan, and the cgroup to be born in.
pub type Given = (Fds, Option<OwnedFd>);

/// What to start.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Its plan.
    pub plan: Source<'a>,
    /// The descriptors of the plan.
    pub fds: &'a [RawFd],
    /// Execute this open file, not the plan's path.
    pub exe: Option<RawFd>,
    /// The cgroup to be born in.
    pub cgroup: Option<RawFd>,
}

impl Spawner {
    /// Tries out what the kernel allows.
    pub fn new(epoll: &'static Epoll) -> Self {
        Self { epoll, ignored: child::ignored(), sharing: Sharing::new() }
    }

    /// Starts what a request asks for, in a cgroup if there is one. With an empty `plan` its first descriptor is the plan.
    ///
    /// # Errors
    /// As [`Slots::insert`]; `EBADF` without a plan. A fork that fails is an end of the slot, not an error.
    pub fn requested(&mut self, slots: &mut Slots, key: Key, (fds, cgroup): Given, plan: &[u8]) -> Result<(), Errno> {
        let numbers = fds.numbers();
        let given = numbers.get(..fds.len()).unwrap_or(&[]);
        let (plan, rest) = match given.split_first() {
            _ if !plan.is_empty() => (Source::Bytes(plan), given),
            Some((plan, rest)) => (Source::Fd(*plan), rest),
            None => return Err(Errno::EBADF),
        };
        // Where no place is free, what the others have reported meanwhile may free some.
        for slot in self.sharing.crowd() {
            self.reported(slots, slot);
        }
        let program = Program { plan, fds: rest, exe: None, cgroup: cgroup.as_ref().map(AsRawFd::as_raw_fd) };
        let shared = self.start(slots, key, program, self.sharing.allows(given))?;
        if let Some((slot, report)) = shared {
            self.sharing.hold(slot, fds, report);
        }
        Ok(())
    }

    /// Starts a program of PID 1's own.
    ///
    /// # Errors
    /// As [`Slots::insert`].
    pub fn own(&mut self, slots: &mut Slots, key: Key, program: Program<'_>) -> Result<(), Errno> {
        self.start(slots, key, program, false).map(drop)
    }

    /// Gives slot and report's end if the child shares our descriptors.
    fn start(
        &mut self,
        slots: &mut Slots,
        key: Key,
        Program { plan, fds, exe, cgroup }: Program<'_>,
        share: bool,
    ) -> Result<Option<(usize, OwnedFd)>, Errno> {
        let (index, slot) = slots.insert(key, Life::Forked)?;
        let before = process::boot_ticks();
        let started = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).and_then(|(read, report)| {
            // Noted before the fork: the child's report must find a reader, whatever happens to this image.
            slot.watch.put(read);
            self.epoll.add_recorded(&slot.watch, tag(Tag::Report, index));
            let share = share && report.as_raw_fd() < fd::KEPT && slots.parks() >= fd::MANY;
            let ignored = self.ignored;
            let order = Order { plan, fds, report: report.as_raw_fd(), exe, cgroup, ignored, pid: &slot.pid, share };
            Ok((child::start(&order)?, share.then_some((index, report))))
        });
        match started {
            Ok((pid, shared)) => {
                slots.started(index, pid, process::start_time_since(before, pid).unwrap_or(0));
                Ok(shared)
            }
            Err(e) => {
                self.epoll.drop_recorded(&slot.watch);
                slots.set(index, Life::Over(Exit::NotRun { stage: STAGE_FORK, errno: e as i32 }));
                Ok(None)
            }
        }
    }

    /// Reads what the child of a slot has reported.
    pub fn reported(&mut self, slots: &mut Slots, index: usize) {
        let Some((slot, Life::Forked)) = slots.get(index) else { return };
        let Some(pipe) = slot.watch.get() else { return };
        let report = child::read_report(pipe);
        if report.detached {
            self.sharing.release(index);
        }
        if let Some((stage, errno)) = report.failure {
            slot.fail(stage, errno);
        }
        if report.over {
            self.epoll.drop_recorded(&slot.watch);
            if slot.failure().is_none() {
                slots.set(index, Life::Running);
            }
        }
    }

    /// The process of a slot has been reaped: its end, a reported failure first.
    pub fn ended(&mut self, slots: &mut Slots, index: usize, exit: Exit) {
        self.reported(slots, index);
        self.sharing.release(index);
        let Some((slot, _)) = slots.get(index) else { return };
        self.epoll.drop_recorded(&slot.watch);
        slots.set(index, slot.failure().unwrap_or(Life::Over(exit)));
    }
}
