//! What each request of the manager does.

use super::adopt;
use super::link::Got;
use super::reactor::Reactor;
use super::recover;
use crate::proto::pid1::{Event, Key, Life, Request, VERSION};
use crate::sys::args;
use crate::sys::seqpacket::Fds;
use crate::sys::shared::Field;
use crate::sys::wait::monotonic_ms;
use nix::errno::Errno;

impl Reactor {
    /// Reads one request and does what it says.
    pub(super) fn request(&mut self) -> Got {
        let mut got = self.link.receive();
        match &mut got {
            Got::Request(request, fds) => {
                if let Err(errno) = self.perform(*request, std::mem::take(fds)) {
                    self.link.refuse(request.kind(), request.key(), errno);
                }
            }
            Got::Bad(kind, errno) => self.link.refuse(*kind, Key::default(), *errno),
            Got::Nothing | Got::Closed => return got,
        }
        self.link.done();
        recover::progress(self.table);
        got
    }

    /// A fault of ours has interrupted this request. Questions are answered now; of the rest the manager hears that it
    /// has to ask again (its descriptors are lost), unless a slot tells how far it came.
    pub(super) fn resume(&mut self, request: Request) {
        match request {
            Request::Hello { .. } | Request::Sync | Request::Fetch { .. } | Request::Ack { .. } => {
                let _ = self.perform(request, Fds::default());
            }
            Request::Spawn { key, .. } | Request::Adopt { key, .. } if self.slots.find(key).is_some() => {}
            _ => self.link.refuse(request.kind(), request.key(), Errno::EINTR),
        }
    }

    fn perform(&mut self, request: Request, mut fds: Fds) -> Result<(), Errno> {
        let after = |ms: u32| monotonic_ms().saturating_add(ms.into());
        match request {
            _ if fds.are_cut() => return Err(Errno::EMFILE),
            Request::Hello { version } => self.welcome(version),
            Request::Ready => self.keeper.ready(&self.slots),
            Request::Sync => self.link.sync(&mut self.slots),
            // Token 0 is PID 1's own.
            Request::Spawn { key, .. } | Request::Signal { key, .. } | Request::Adopt { key, .. } if key.token == 0 => {
                return Err(Errno::EPERM);
            }
            Request::Spawn { .. } if self.table.head.paused.get() == 1 => return Err(Errno::ECANCELED),
            Request::Spawn { key, cgroup } => {
                let cgroup = if cgroup { fds.pop() } else { None };
                self.spawner.requested(&mut self.slots, key, (fds, cgroup), self.link.plan())?;
            }
            Request::Signal { key, signal, group } => {
                let (slot, _) = self.slots.find(key).and_then(|i| self.slots.get(i)).ok_or(Errno::ESRCH)?;
                adopt::signal(slot, signal, group)?;
            }
            Request::Adopt { key, pid, start_time } => {
                adopt::adopt(self.table, &mut self.slots, self.epoll, key, pid, start_time)?;
                self.poll();
            }
            // Each, whatever comes of the others.
            Request::Ack { keys } => return keys.map(|key| self.acknowledged(key)).into_iter().collect(),
            Request::Park { token, name } => {
                for (index, name) in name.list().enumerate() {
                    let fd = fds.take(index).filter(|_| !name.as_bytes().is_empty()).ok_or(Errno::EINVAL)?;
                    self.parked.put(token, &name, fd)?;
                }
            }
            Request::Fetch { token, name } => {
                let found = self.parked.get(token, &name).and_then(|fd| fd.try_clone_to_owned().ok());
                self.link.answer(Event::Fd { token, name, found: found.is_some() }, found);
            }
            Request::Drop { token, name } => name.list().for_each(|name| self.parked.close(token, &name)),
            Request::Title { text } => {
                self.table.head.title.set(text.to_bytes());
                args::set_title(text.as_bytes());
            }
            Request::Down { how, deadline_ms, status } => self.down.arm(how, status, after(deadline_ms), false),
            Request::Later { deadline_ms } => self.down.later(after(deadline_ms)),
            Request::End { how, status } => self.down.arm(how, status, after(0), false),
            Request::Reexec => {
                self.table.head.replace.set(1);
                recover::again(Some(&self.path));
                self.table.head.replace.set(0);
                return Err(Errno::ENOEXEC);
            }
            Request::AckSignal { signal } => {
                self.pending.acknowledged(signal);
                self.link.progress();
                if self.meaning(signal).is_some() {
                    self.down.answered();
                }
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, key: Key) -> Result<(), Errno> {
        // Acknowledged twice is no error: a new manager can't know what the one before still sent.
        let Some(index) = self.slots.find(key).filter(|_| key.token != 0) else { return Ok(()) };
        let Some((_, Life::Over(_))) = self.slots.get(index) else { return Err(Errno::EBUSY) };
        self.slots.free(index);
        self.link.progress();
        Ok(())
    }

    fn welcome(&mut self, version: u16) {
        let (head, (left_ms, status)) = (&self.table.head, self.down.left());
        let event = Event::Welcome {
            version: VERSION,
            managers: head.managers.get().saturating_sub(1),
            reexecs: head.reexecs.get(),
            container: self.container(),
            booted_ms: head.booted_ms.get(),
            down: self.down.told(),
            left_ms,
            status,
        };
        self.link.answer(event, None);
        self.link.greet(version);
    }
}
