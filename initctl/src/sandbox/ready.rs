//! Waiting until the sandbox has reached its level: the control socket's appearance, then one call that ends with the
//! switch. A manager that dies meanwhile is asked again, by the same request number, which joins what is under way.

use init::proto::control::{Call, Progress, Reply, SetLevel};
use init::unit::Level;
use nix::poll::PollTimeout;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

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

/// The wait.
#[derive(Debug)]
pub struct Ready {
    folder: PathBuf,
    watch: Inotify,
    call: Vec<u8>,
    stream: Option<UnixStream>,
    buffer: Vec<u8>,
    failed: Vec<String>,
}

impl Ready {
    /// Begins to wait for the sandbox whose PID 1 has this pid here.
    pub fn new(init: i32, level: Level) -> Result<Self, nix::errno::Errno> {
        let folder = PathBuf::from(format!("/proc/{init}/root/run/rung"));
        let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let events = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
        watch.add_watch(&folder, events)?;
        let request = SetLevel { level, request: request_number(), wait: true };
        let parameters = serde_json::to_value(&request).unwrap_or_default();
        let call = Call { method: "org.rung.Manager.SetLevel".into(), parameters, more: false, oneway: false };
        let mut call = serde_json::to_vec(&call).unwrap_or_default();
        call.push(0);
        Ok(Self { folder, watch, call, stream: None, buffer: Vec::new(), failed: Vec::new() })
    }

    /// What to wait on (for reading) before the next [`Ready::step`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_ref().map_or_else(|| self.watch.as_fd(), AsFd::as_fd)
    }

    /// The longest wait: a socket is there a moment before anybody listens on it, and no event tells of that.
    pub fn timeout(&self) -> PollTimeout {
        let there = self.stream.is_none() && self.folder.join("control").exists();
        if there { PollTimeout::from(50_u8) } else { PollTimeout::NONE }
    }

    /// Goes on as far as it can without waiting.
    pub fn step(&mut self) -> Step {
        while self.watch.read_events().is_ok() {}
        if self.stream.is_none() && !self.connect() {
            return Step::Wait;
        }
        let Some(stream) = &mut self.stream else { return Step::Wait };
        let mut chunk = [0; 4096];
        loop {
            match stream.read(&mut chunk) {
                Ok(n) if n > 0 => {
                    self.buffer.extend_from_slice(chunk.get(..n).unwrap_or_default());
                    if let Some(end) = self.buffer.iter().position(|b| *b == 0) {
                        let text: Vec<u8> = self.buffer.drain(..=end).collect();
                        return self.reply(text.get(..end).unwrap_or_default());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.stream = None;
                    self.buffer.clear();
                    return Step::Wait;
                }
            }
        }
    }

    fn connect(&mut self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.folder.join("control")) else { return false };
        let sent = stream.write_all(&self.call).is_ok() && stream.set_nonblocking(true).is_ok();
        if sent {
            self.stream = Some(stream);
        }
        sent
    }

    fn reply(&mut self, text: &[u8]) -> Step {
        let Ok(reply) = serde_json::from_slice::<Reply>(text) else {
            return Step::Refused("the manager's answer can't be understood".into());
        };
        if let Some(error) = reply.error {
            let text = reply.parameters.get("text").and_then(|t| t.as_str()).unwrap_or_default();
            return Step::Refused(format!("{error}: {text}"));
        }
        let progress: Progress = serde_json::from_value(reply.parameters).unwrap_or_default();
        let failure =
            |end: init::proto::control::JobEnd| end.reason.map(|reason| format!("{}: {reason}", end.name.as_str()));
        self.failed.extend(progress.ended.into_iter().filter_map(failure));
        if progress.done { Step::Reached(std::mem::take(&mut self.failed)) } else { Step::Wait }
    }
}

/// Any number that is not used twice soon.
fn request_number() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (u64::from(std::process::id()) << 32) ^ now.as_secs().rotate_left(20) ^ u64::from(now.subsec_nanos())
}
