//! From a request to a running process: reserve the slot, fork, hear how the child fared.

use super::slots::Slots;
use super::{Tag, tag};
use crate::proto::pid1::{Exit, Key, Life, MAX_FDS, STAGE_FORK};
use crate::sys::child::{self, Order, Source};
use crate::sys::epoll::Epoll;
use crate::sys::seqpacket::Fds;
use crate::sys::shared::Field;
use crate::sys::{fd, process};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Children that share PID 1's descriptor table at one time; further ones copy it.
const SHARING: usize = 48;

/// Starts processes.
#[derive(Debug)]
pub struct Spawner {
    epoll: &'static Epoll,
    can_share: bool,
    ignored: u64,
    held: [Option<Held>; SHARING],
}

/// What a child that shares our descriptors still needs open.
#[derive(Debug)]
struct Held {
    slot: usize,
    _fds: Fds,
    _report: OwnedFd,
}

/// What to start.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Its plan.
    pub plan: Source<'a>,
    /// The descriptors of the plan.
    pub fds: &'a [RawFd],
    /// Execute this open file, not the plan's path.
    pub exe: Option<RawFd>,
}

impl Spawner {
    /// Tries out what the kernel allows.
    pub fn new(epoll: &'static Epoll) -> Self {
        let held = std::array::from_fn(|_| None);
        Self { epoll, can_share: child::can_share(), ignored: child::ignored(), held }
    }

    /// A place for what a child needs; where none is free, what the others have reported meanwhile may free some.
    fn place(&mut self, slots: &mut Slots) -> Option<usize> {
        if self.held.iter().all(Option::is_some) {
            for place in 0..SHARING {
                let slot = self.held.get(place).and_then(|held| Some(held.as_ref()?.slot));
                self.reported(slots, slot.unwrap_or(usize::MAX));
            }
        }
        self.held.iter().position(Option::is_none)
    }

    /// Starts what a request asks for: its first descriptor is the plan.
    ///
    /// # Errors
    /// As [`Slots::insert`]; `EBADF` without a plan. A fork that fails is an end of the slot, not an error.
    pub fn requested(&mut self, slots: &mut Slots, key: Key, fds: Fds) -> Result<(), Errno> {
        let mut numbers = [-1; MAX_FDS];
        for (index, to) in numbers.iter_mut().enumerate() {
            *to = fds.raw(index).unwrap_or(-1);
        }
        let given = numbers.get(..fds.len()).unwrap_or(&[]);
        let Some((plan, rest)) = given.split_first() else { return Err(Errno::EBADF) };
        // Shared numbers must lie below what the child doesn't copy.
        let low = given.iter().all(|raw| *raw < fd::KEPT);
        let place = self.place(slots).filter(|_| self.can_share && low);
        let program = Program { plan: Source::Fd(*plan), fds: rest, exe: None };
        let shared = self.start(slots, key, program, place.is_some())?;
        if let (Some((slot, report)), Some(place)) = (shared, place.and_then(|i| self.held.get_mut(i))) {
            *place = Some(Held { slot, _fds: fds, _report: report });
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
        Program { plan, fds, exe }: Program<'_>,
        share: bool,
    ) -> Result<Option<(usize, OwnedFd)>, Errno> {
        let (index, slot) = slots.insert(key, Life::Forked)?;
        let before = process::boot_ticks();
        let started = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).and_then(|(read, report)| {
            // Noted before the fork: the child's report must find a reader, whatever happens to this image.
            slot.report.put(read);
            self.epoll.add_recorded(&slot.report, tag(Tag::Report, index));
            let share = share && report.as_raw_fd() < fd::KEPT;
            let ignored = self.ignored;
            let order = Order { plan, fds, report: report.as_raw_fd(), exe, ignored, pid: &slot.pid, share };
            Ok((child::start(&order)?, share.then_some((index, report))))
        });
        match started {
            Ok((pid, shared)) => {
                slots.started(index, pid, process::start_time_since(before, pid).unwrap_or(0));
                Ok(shared)
            }
            Err(e) => {
                self.epoll.drop_recorded(&slot.report);
                slots.set(index, Life::Over(Exit::NotRun { stage: STAGE_FORK, errno: e as i32 }));
                Ok(None)
            }
        }
    }

    /// Reads what the child of a slot has reported.
    pub fn reported(&mut self, slots: &mut Slots, index: usize) {
        let Some((slot, Life::Forked)) = slots.get(index) else { return };
        let Some(pipe) = slot.report.get() else { return };
        let report = child::read_report(pipe);
        if report.detached {
            self.release(index);
        }
        if let Some((stage, errno)) = report.failure {
            slot.failure.set(Life::Over(Exit::NotRun { stage, errno }).to_word());
        }
        if report.over {
            self.epoll.drop_recorded(&slot.report);
            if slot.failure.get() == 0 {
                slots.set(index, Life::Running);
            }
        }
    }

    /// The process of a slot has been reaped: its end, a reported failure first.
    pub fn ended(&mut self, slots: &mut Slots, index: usize, exit: Exit) {
        self.reported(slots, index);
        self.release(index);
        let Some((slot, _)) = slots.get(index) else { return };
        self.epoll.drop_recorded(&slot.report);
        slots.set(index, Life::from_word(slot.failure.get()).unwrap_or(Life::Over(exit)));
    }

    fn release(&mut self, index: usize) {
        let of_slot = |held: &&mut Option<Held>| held.as_ref().is_some_and(|held| held.slot == index);
        self.held.iter_mut().filter(of_slot).for_each(|held| *held = None);
    }
}
