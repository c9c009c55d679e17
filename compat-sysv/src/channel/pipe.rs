//! The FIFO: made where it is missing, opened, and opened anew when another lies in its place, as after something was
//! mounted over `/run`.

use crate::fifo;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The FIFO.
#[derive(Debug)]
pub struct Pipe {
    path: PathBuf,
    fd: Option<OwnedFd>,
    /// It stays closed.
    closed: bool,
    /// The trouble that was told last.
    told: Option<String>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// What may be a request.
    Request(Vec<u8>),
    /// Nothing more now.
    Nothing,
}

impl Pipe {
    /// Not opened yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), fd: None, closed: false, told: None }
    }

    /// To wait for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Closes it, and leaves it so until [`Pipe::open_anew`].
    pub fn close(&mut self) {
        self.fd = None;
        self.closed = true;
    }

    /// The next look opens it, even after [`Pipe::close`].
    pub fn open_anew(&mut self) {
        self.fd = None;
        self.closed = false;
    }

    /// Makes it and opens it where need be.
    ///
    /// # Errors
    /// A sentence, once for each trouble.
    pub fn look(&mut self) -> Result<(), String> {
        let trouble = self.try_look().err();
        let news = trouble.clone().filter(|_| trouble != self.told);
        self.told = trouble;
        news.map_or(Ok(()), Err)
    }

    fn try_look(&mut self) -> Result<(), String> {
        if self.closed {
            return Ok(());
        }
        let place = |s: nix::sys::stat::FileStat| (s.st_dev, s.st_ino);
        let there = stat(&self.path);
        if there == Err(Errno::ENOENT) {
            let _ = nix::unistd::mkfifo(&self.path, Mode::S_IRUSR | Mode::S_IWUSR);
        }
        let there = stat(&self.path);
        if let Some(fd) = &self.fd {
            if there.map(place).ok() == fstat(fd).map(place).ok() {
                return Ok(());
            }
            self.fd = None;
        }
        let at = |e: Errno| format!("{}: {}", self.path.display(), e.desc());
        if !SFlag::from_bits_truncate(there.map_err(at)?.st_mode).contains(SFlag::S_IFIFO) {
            return Err(format!("{} is not a fifo", self.path.display()));
        }
        // For writing too: it never ends, whoever closes it.
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        self.fd = Some(open(&self.path, flags, Mode::empty()).map_err(at)?);
        Ok(())
    }

    /// One request: it was written at once, and is read at once.
    pub fn read(&self) -> Read {
        let mut bytes = [0; fifo::LEN];
        match self.fd.as_ref().map(|fd| nix::unistd::read(fd, &mut bytes)) {
            Some(Ok(length @ 1..)) => Read::Request(bytes.get(..length).unwrap_or_default().to_vec()),
            _ => Read::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_read_and_found_again_when_it_was_replaced() {
        let path = std::env::temp_dir().join(format!("rung-pipe-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut pipe = Pipe::new(&path);
        assert_eq!(pipe.look(), Ok(()));
        assert_eq!(std::fs::metadata(&path).expect("a FIFO").permissions().mode() & 0o777, 0o600);
        let write = |bytes: &[u8]| std::fs::write(&path, bytes).expect("written");
        write(&[1; 384]);
        write(&[2; 383]);
        assert_eq!(pipe.read(), Read::Request(vec![1; 384]));
        assert_eq!(pipe.read(), Read::Request(vec![2; 383]));
        assert_eq!(pipe.read(), Read::Nothing);

        std::fs::remove_file(&path).expect("removed");
        assert_eq!(pipe.look(), Ok(()));
        write(&[3; 384]);
        assert_eq!(pipe.read(), Read::Request(vec![3; 384]));

        pipe.close();
        assert_eq!((pipe.look(), pipe.fd().is_none()), (Ok(()), true));
        pipe.open_anew();
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "").expect("a file");
        assert!(pipe.look().expect_err("a file").ends_with("is not a fifo"));
        assert_eq!(pipe.look(), Ok(()), "told once");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!((pipe.look(), pipe.fd().is_some()), (Ok(()), true));
        std::fs::remove_file(&path).expect("removed");
    }
}
