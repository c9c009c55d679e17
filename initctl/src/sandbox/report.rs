//! What the processes of a sandbox tell the one the user started: records over a pipe, each ended by NUL.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The sandbox's PID 1, by the pid it has here.
    Pid(i32),
    /// The sandbox is built; its PID 1 is about to execute `init`.
    Built,
    /// It could not be made: a sentence.
    Failed(String),
    /// PID 1 exited with this status.
    Exited(i32),
    /// PID 1 was killed by this signal.
    Killed(i32),
}

impl Record {
    fn encode(&self) -> String {
        match self {
            Self::Pid(pid) => format!("pid {pid}\0"),
            Self::Built => "built \0".to_owned(),
            Self::Failed(text) => format!("failed {}\0", text.replace('\0', " ")),
            Self::Exited(code) => format!("exited {code}\0"),
            Self::Killed(signal) => format!("killed {signal}\0"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ')?;
        match word {
            "pid" => rest.parse().ok().map(Self::Pid),
            "built" => Some(Self::Built),
            "failed" => Some(Self::Failed(rest.to_owned())),
            "exited" => rest.parse().ok().map(Self::Exited),
            "killed" => rest.parse().ok().map(Self::Killed),
            _ => None,
        }
    }
}

/// The end that tells.
#[derive(Debug)]
pub struct Teller(File);

impl Teller {
    /// Over this pipe.
    pub fn new(pipe: OwnedFd) -> Self {
        Self(pipe.into())
    }

    /// Tells. A reader that has gone is no failure: it wants nothing any more.
    pub fn tell(&self, record: &Record) {
        let _ = (&self.0).write_all(record.encode().as_bytes());
    }
}

/// The end that listens.
#[derive(Debug)]
pub struct Listener {
    pipe: File,
    buffer: Vec<u8>,
}

impl Listener {
    /// Over this pipe.
    pub fn new(pipe: OwnedFd) -> Self {
        Self { pipe: pipe.into(), buffer: Vec::new() }
    }

    /// Reads once and gives what is complete; `None` at the end.
    pub fn read(&mut self) -> Option<Vec<Record>> {
        let mut chunk = [0; 4096];
        let n = match self.pipe.read(&mut chunk) {
            Ok(0) => return None,
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Some(Vec::new()),
            Err(_) => return None,
        };
        self.buffer.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let mut records = Vec::new();
        while let Some(end) = self.buffer.iter().position(|b| *b == 0) {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let text = line.get(..end).unwrap_or_default();
            records.extend(Record::decode(&String::from_utf8_lossy(text)));
        }
        Some(records)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_arrive_as_told() {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("a pipe");
        let teller = Teller::new(write);
        let sent =
            [Record::Pid(7), Record::Built, Record::Failed("a\nb c".into()), Record::Exited(3), Record::Killed(9)];
        sent.iter().for_each(|r| teller.tell(r));
        drop(teller);
        let mut listener = Listener::new(read);
        let mut got = Vec::new();
        while let Some(records) = listener.read() {
            got.extend(records);
        }
        assert_eq!(got, sent);
    }
}
