//! The pipes that are open. Most are silent most of the time, and there may be thousands: each costs a record of its
//! instance, and a name that the instances of one unit share. What a line has begun with is kept beside them.

use super::frame::Framer;
use crate::proto::logger::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// One pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PipeId {
    /// The instance.
    pub token: u64,
    /// Which of its outputs.
    pub stream: Stream,
}

impl PipeId {
    /// As an epoll set carries it. The token is below 2⁶³.
    pub fn to_data(self) -> u64 {
        self.token << 1 | u64::from(self.stream == Stream::Err)
    }

    /// Reads [`Self::to_data`]'s.
    pub fn of_data(data: u64) -> Self {
        let stream = if data & 1 == 0 { Stream::Out } else { Stream::Err };
        Self { token: data >> 1, stream }
    }
}

/// An instance's.
#[derive(Debug)]
struct Run {
    token: u64,
    name: Rc<str>,
    out: Option<OwnedFd>,
    err: Option<OwnedFd>,
}

impl Run {
    fn end(&mut self, stream: Stream) -> &mut Option<OwnedFd> {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Pipes {
    /// By token: these count up, so that a new one mostly goes to the end.
    runs: Vec<Run>,
    /// A name goes with the last run that has it.
    names: BTreeSet<Rc<str>>,
    /// Lines that have begun.
    begun: BTreeMap<PipeId, Framer>,
}

impl Pipes {
    fn place(&self, token: u64) -> Result<usize, usize> {
        self.runs.binary_search_by_key(&token, |run| run.token)
    }

    /// The pipe, and the log that its lines go to.
    pub fn get(&self, id: PipeId) -> Option<(BorrowedFd<'_>, &Rc<str>)> {
        let run = self.runs.get(self.place(id.token).ok()?)?;
        let end = match id.stream {
            Stream::Out => &run.out,
            Stream::Err => &run.err,
        };
        Some((end.as_ref()?.as_fd(), &run.name))
    }

    /// Adds one that isn't there. Its instance's first names the log for both.
    pub fn add(&mut self, id: PipeId, name: &str, fd: OwnedFd) {
        let place = self.place(id.token).unwrap_or_else(|free| {
            let known = self.names.get(name).map(Rc::clone);
            let name = known.unwrap_or_else(|| Rc::from(name));
            self.names.insert(Rc::clone(&name));
            self.runs.insert(free, Run { token: id.token, name, out: None, err: None });
            free
        });
        if let Some(run) = self.runs.get_mut(place) {
            *run.end(id.stream) = Some(fd);
        }
    }

    /// Takes one out. With it comes the name of its log, if it was the last one of that.
    pub fn remove(&mut self, id: PipeId) -> Option<(OwnedFd, Option<Rc<str>>)> {
        let place = self.place(id.token).ok()?;
        let run = self.runs.get_mut(place)?;
        let fd = run.end(id.stream).take()?;
        self.begun.remove(&id);
        if run.out.is_some() || run.err.is_some() {
            return Some((fd, None));
        }
        let name = self.runs.remove(place).name;
        // One is ours, one the set's.
        let last = Rc::strong_count(&name) == 2;
        if last {
            self.names.remove(&name);
        }
        Some((fd, last.then_some(name)))
    }

    /// Gives back the room of a burst.
    pub fn pack(&mut self) {
        self.runs.shrink_to_fit();
        self.names = std::mem::take(&mut self.names).into_iter().collect();
    }

    /// Whether lines may still come for this log.
    pub fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The framer of a pipe, in the middle of a line or fresh. It is given back by [`Self::put_framer`].
    pub fn take_framer(&mut self, id: PipeId) -> Framer {
        self.begun.remove(&id).unwrap_or_default()
    }

    /// Keeps a framer for as long as it holds something.
    pub fn put_framer(&mut self, id: PipeId, framer: Framer) {
        if !framer.is_idle() {
            self.begun.insert(id, framer);
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<PipeId> {
        let ids = |run: &Run| {
            let (out, err) = (run.out.as_ref().map(|_| Stream::Out), run.err.as_ref().map(|_| Stream::Err));
            let token = run.token;
            [out, err].into_iter().flatten().map(move |stream| PipeId { token, stream })
        };
        self.runs.iter().flat_map(ids).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stream::{Err, Out};

    fn id(token: u64, stream: Stream) -> PipeId {
        PipeId { token, stream }
    }

    fn fd() -> OwnedFd {
        std::fs::File::open("/dev/null").expect("null").into()
    }

    #[test]
    fn a_name_goes_with_its_last_pipe() {
        let mut pipes = Pipes::default();
        for (pipe, name) in [(id(20, Out), "a"), (id(18, Out), "b"), (id(18, Err), "b"), (id(30, Err), "a")] {
            assert!(pipes.get(pipe).is_none());
            pipes.add(pipe, name, fd());
            assert_eq!(pipes.get(pipe).map(|(_, name)| &**name), Some(name));
            assert_eq!(PipeId::of_data(pipe.to_data()), pipe);
        }
        assert_eq!(pipes.all(), [id(18, Out), id(18, Err), id(20, Out), id(30, Err)]);
        let mut gone =
            |token, stream| pipes.remove(id(token, stream)).map(|(_, name)| name.as_deref().map(str::to_owned));
        assert_eq!(gone(20, Err), None);
        assert_eq!(gone(20, Out), Some(None));
        assert_eq!(gone(18, Out), Some(None));
        assert_eq!(gone(18, Err), Some(Some("b".to_owned())));
        assert_eq!(gone(30, Err), Some(Some("a".to_owned())));
        assert!(pipes.all().is_empty() && !pipes.has_name("a") && !pipes.has_name("b"));
    }

    #[test]
    fn only_what_a_line_has_begun_with_is_kept() {
        let mut pipes = Pipes::default();
        let pipe = id(16, Out);
        pipes.add(pipe, "a", fd());
        for (bytes, kept) in [("one\n", 0), ("tw", 1), ("o\n", 0), ("thr", 1)] {
            let mut framer = pipes.take_framer(pipe);
            framer.feed(bytes.as_bytes(), |_| ());
            pipes.put_framer(pipe, framer);
            assert_eq!(pipes.begun.len(), kept, "{bytes:?}");
        }
        pipes.remove(pipe);
        assert!(pipes.begun.is_empty());
    }

    #[test]
    fn a_silent_instance_costs_32_bytes_and_its_name() {
        assert_eq!(size_of::<Run>(), 32);
    }
}
