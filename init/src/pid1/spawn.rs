//! From a request to a running process: reserve the slot, fork, hear how the child fared.

use super::slots::Slots;
use super::table::{Field, pack, unpack};
use super::{Tag, tag};
use crate::proto::pid1::{Exit, Key, Life, MAX_FDS, STAGE_FORK};
use crate::sys::child::{self, DETACHED, FAILURE_LEN, Order, Source};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::seqpacket::Fds;
use crate::sys::{fd, process};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

/// Children that share PID 1's descriptor table at one time; further ones copy it.
const SHARING: usize = 16;

/// Starts processes.
#[derive(Debug)]
pub struct Spawner {
    epoll: &'static Epoll,
    can_share: bool,
    held: [Option<Held>; SHARING],
}

/// What a child that shares our descriptors still needs open.
#[derive(Debug)]
struct Held {
    slot: usize,
    _fds: Fds,
    _report: OwnedFd,
}

/// A process of PID 1's own making.
#[derive(Debug)]
pub struct Own<'a> {
    /// Its plan.
    pub plan: &'a [u8],
    /// The descriptors of the plan.
    pub fds: &'a [RawFd],
    /// Execute this open file, not the plan's path.
    pub exe: Option<RawFd>,
}

impl Spawner {
    /// Tries out what the kernel allows.
    pub fn new(epoll: &'static Epoll) -> Self {
        Self { epoll, can_share: child::can_share(), held: Default::default() }
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
        let place = self.held.iter().position(Option::is_none).filter(|_| self.can_share && low);
        let shared = self.start(slots, key, Source::Fd(*plan), rest, None, place.is_some())?;
        if let (Some((slot, report)), Some(place)) = (shared, place.and_then(|i| self.held.get_mut(i))) {
            *place = Some(Held { slot, _fds: fds, _report: report });
        }
        Ok(())
    }

    /// Starts a process of PID 1's own.
    ///
    /// # Errors
    /// As [`Slots::insert`].
    pub fn own(&mut self, slots: &mut Slots, key: Key, own: &Own<'_>) -> Result<(), Errno> {
        self.start(slots, key, Source::Bytes(own.plan), own.fds, own.exe, false).map(drop)
    }

    /// Gives slot and report's end if the child shares our descriptors.
    fn start(
        &mut self,
        slots: &mut Slots,
        key: Key,
        plan: Source<'_>,
        fds: &[RawFd],
        exe: Option<RawFd>,
        share: bool,
    ) -> Result<Option<(usize, OwnedFd)>, Errno> {
        let index = slots.insert(key, Life::Forked)?;
        let Some((slot, _)) = slots.get(index) else { return Err(Errno::ENOSPC) };
        let failed = |slots: &mut Slots, errno: Errno| {
            slots.set(index, Life::Over(Exit::NotRun { stage: STAGE_FORK, errno: errno as i32 }));
        };
        let (read, report) = match nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK) {
            Ok((read, write)) => (fd::keep(read), write),
            Err(e) => {
                failed(slots, e);
                return Ok(None);
            }
        };
        // Noted before the fork: the child's report must find a reader, whatever happens to this image.
        let _ = self.epoll.add(&read, Ready::EPOLLIN, tag(Tag::Report, index));
        slot.report.set(read.into_raw_fd());
        let share = share && report.as_raw_fd() < fd::KEPT;
        let order = Order { plan, fds, report: report.as_raw_fd(), exe, pid: &slot.pid, share };
        match child::start(&order) {
            Ok(pid) => slots.started(index, pid, process::start_time(pid).unwrap_or(0)),
            Err(e) => {
                self.close(slots, index);
                failed(slots, e);
                return Ok(None);
            }
        }
        Ok(share.then_some((index, report)))
    }

    /// Reads what the child of a slot has reported.
    pub fn reported(&mut self, slots: &mut Slots, index: usize) {
        let Some((slot, Life::Forked)) = slots.get(index) else { return };
        // Zero is none, and not our standard input: reading that would block.
        let raw = slot.report.get();
        let Some(report) = fd::borrow(raw).filter(|_| raw > 0) else { return };
        let mut bytes = [0u8; 1 + FAILURE_LEN];
        loop {
            match nix::unistd::read(report, &mut bytes) {
                Ok(0) => break,
                Ok(length) => {
                    if length % FAILURE_LEN == 1 && bytes.first() == Some(&DETACHED) {
                        self.release(index);
                    }
                    let failure = bytes.get(..length).and_then(|b| b.last_chunk::<FAILURE_LEN>());
                    if let Some([a, b, _, _, errno @ ..]) = failure {
                        let (stage, errno) = (u16::from_le_bytes([*a, *b]), i32::from_le_bytes(*errno));
                        slot.failure.set(pack(Life::Over(Exit::NotRun { stage, errno })));
                    }
                }
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
        // The end of the report: the exec has closed it, or the process is gone.
        self.close(slots, index);
        if slot.failure.get() == 0 {
            slots.set(index, Life::Running);
        }
    }

    /// The process of a slot has been reaped: its end, a reported failure first.
    pub fn ended(&mut self, slots: &mut Slots, index: usize, exit: Exit) {
        self.reported(slots, index);
        self.release(index);
        self.close(slots, index);
        let failure = slots.get(index).and_then(|(slot, _)| unpack(slot.failure.get()));
        slots.set(index, failure.unwrap_or(Life::Over(exit)));
    }

    fn release(&mut self, index: usize) {
        self.held
            .iter_mut()
            .filter(|held| held.as_ref().is_some_and(|h| h.slot == index))
            .for_each(|held| *held = None);
    }

    fn close(&self, slots: &Slots, index: usize) {
        if let Some((slot, _)) = slots.get(index) {
            let raw = slot.report.get();
            slot.report.set(0);
            // A child may hold the pipe open still: it doesn't leave the set by itself.
            if let Some(report) = fd::borrow(raw).filter(|_| raw > 0) {
                let _ = self.epoll.remove(report);
                fd::close(raw);
            }
        }
    }
}
