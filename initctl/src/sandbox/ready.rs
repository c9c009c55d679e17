//! Waiting until the sandbox has reached its level: the control socket's appearance, then the runlevel, asked until it is
//! the one. Asking changes nothing: to request the level again would replace the boot's own switch, level `S` and all.

use init::proto::control::{Call, INTERFACE, LoadState, Reply, Runlevel, Units};
use init::unit::Level;
use nix::poll::PollTimeout;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two questions: short beside a boot, and the interface has no event for it.
const PAUSE: Duration = Duration::from_millis(25);

/// How it stands.
#[derive(Debug)]
pub enum Step {
    /// Wait on.
    Wait,
    /// The level is reached; which units could not be started.
    Reached(Vec<String>),
    /// The manager refused.
    Refused(String),
}

/// What the answer that is awaited belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Runlevel,
    Units,
}

/// The wait.
#[derive(Debug)]
pub struct Ready {
    folder: PathBuf,
    watch: Inotify,
    level: Level,
    stream: Option<UnixStream>,
    buffer: Vec<u8>,
    asked: Asked,
    again: Instant,
}

impl Ready {
    /// Begins to wait for the sandbox whose PID 1 has this pid here.
    pub fn new(init: i32, level: Level) -> Result<Self, nix::errno::Errno> {
        let folder = PathBuf::from(format!("/proc/{init}/root/run/rung"));
        let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let events = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
        watch.add_watch(&folder, events)?;
        let again = Instant::now();
        Ok(Self { folder, watch, level, stream: None, buffer: Vec::new(), asked: Asked::Nothing, again })
    }

    /// What to wait on (for reading) before the next [`Ready::step`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_ref().map_or_else(|| self.watch.as_fd(), AsFd::as_fd)
    }

    /// The longest wait: until the next question is due, or the socket, which is there a moment before anybody listens on
    /// it, is tried again.
    pub fn timeout(&self) -> PollTimeout {
        let due = match (&self.stream, self.asked) {
            (Some(_), Asked::Nothing) => self.again.saturating_duration_since(Instant::now()),
            (None, _) if self.folder.join("control").exists() => PAUSE,
            _ => return PollTimeout::NONE,
        };
        PollTimeout::try_from(due + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO)
    }

    /// Goes on as far as it can without waiting.
    pub fn step(&mut self) -> Step {
        while self.watch.read_events().is_ok() {}
        if self.stream.is_none() {
            self.stream = UnixStream::connect(self.folder.join("control")).ok();
            self.again = Instant::now();
        }
        if self.asked == Asked::Nothing && Instant::now() >= self.again {
            self.ask("Runlevel", Asked::Runlevel);
        }
        let Some(text) = self.answer() else { return Step::Wait };
        let Ok(reply) = serde_json::from_slice::<Reply>(&text) else {
            return Step::Refused("the manager's answer can't be understood".into());
        };
        if let Some(error) = reply.error {
            let text = reply.parameters.get("text").and_then(Value::as_str).unwrap_or_default();
            return Step::Refused(format!("{error}: {text}"));
        }
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Units => return Step::Reached(failures(reply.parameters)),
            Asked::Runlevel if self.is_reached(reply.parameters) => self.ask("List", Asked::Units),
            _ => self.again = Instant::now() + PAUSE,
        }
        Step::Wait
    }

    fn is_reached(&self, parameters: Value) -> bool {
        serde_json::from_value::<Runlevel>(parameters)
            .is_ok_and(|now| now.current == Some(self.level) && now.switching_to.is_none())
    }

    fn ask(&mut self, method: &str, asked: Asked) {
        let method = format!("{INTERFACE}.{method}");
        let call = Call { method, parameters: serde_json::json!({}), more: false, oneway: false };
        let mut text = serde_json::to_vec(&call).unwrap_or_default();
        text.push(0);
        // Small: it fits the socket's buffer.
        let sent = self
            .stream
            .as_mut()
            .is_some_and(|stream| stream.set_nonblocking(true).is_ok() && stream.write_all(&text).is_ok());
        if sent {
            self.asked = asked;
        } else {
            self.lost();
        }
    }

    /// The manager is gone, or not there yet; its successor is asked anew.
    fn lost(&mut self) {
        self.stream = None;
        self.asked = Asked::Nothing;
        self.buffer.clear();
    }

    /// One whole answer, if it has come.
    fn answer(&mut self) -> Option<Vec<u8>> {
        let stream = self.stream.as_mut()?;
        let mut chunk = [0; 4096];
        loop {
            match stream.read(&mut chunk) {
                Ok(n) if n > 0 => {
                    self.buffer.extend_from_slice(chunk.get(..n).unwrap_or_default());
                    if let Some(end) = self.buffer.iter().position(|b| *b == 0) {
                        let mut text: Vec<u8> = self.buffer.drain(..=end).collect();
                        text.pop();
                        return Some(text);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.lost();
                    return None;
                }
            }
        }
    }
}

/// The units that could not be started or read, each with the reason.
fn failures(parameters: Value) -> Vec<String> {
    let units = serde_json::from_value::<Units>(parameters).unwrap_or_default().units;
    let bad = units.into_iter().filter(|u| u.load == LoadState::Bad || u.state == init::core::State::Failed);
    bad.map(|u| {
        let reason = u.reason.or(u.load_error).unwrap_or_else(|| "failed".to_owned());
        format!("{}: {reason}", u.name.as_str())
    })
    .collect()
}
