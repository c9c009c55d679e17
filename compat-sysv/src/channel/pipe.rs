//! The FIFO: made where it is missing, opened, and opened anew when another lies in its place, as after something was
//! mounted over `/run`.

use crate::fifo;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
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

/// As much as a pipe holds.
const ROOM: usize = 64 << 10;

/// What was written, request by request: what doesn't begin as one is a piece of its own, up to where the next begins.
/// Each was written at once, so what is cut short was written so.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut rest, magic) = (Vec::new(), bytes, fifo::MAGIC.to_ne_bytes());
    while !rest.is_empty() {
        let next = rest.windows(magic.len()).skip(1).position(|w| w == magic).map_or(rest.len(), |at| at + 1);
        let length = if rest.starts_with(&magic) { next.min(fifo::LEN) } else { next };
        let (piece, more) = rest.split_at(length);
        pieces.push(piece);
        rest = more;
    }
    pieces
}

impl Pipe {
    /// Not opened yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), fd: None, closed: false, told: None }
    }

    /// The same, open already: whoever wrote into it before isn't forgotten. What isn't the FIFO at that path, or not open
    /// as it shall be, is passed over.
    pub fn handed(mut self, fd: OwnedFd) -> Self {
        let place = |s: nix::sys::stat::FileStat| (s.st_dev, s.st_ino);
        let flags = fcntl(&fd, FcntlArg::F_GETFL).map_or(OFlag::empty(), OFlag::from_bits_truncate);
        let same = fstat(&fd).map(place).ok() == stat(&self.path).map(place).ok();
        self.fd = Some(fd).filter(|_| same && flags.contains(OFlag::O_RDWR | OFlag::O_NONBLOCK));
        self
    }

    /// To wait for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is as it shall be: open, or closed for good.
    pub fn is_settled(&self) -> bool {
        self.fd.is_some() || self.closed
    }

    /// Whether nothing is in its place.
    pub fn is_gone(&self) -> bool {
        stat(&self.path) == Err(Errno::ENOENT)
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

    /// What was written since: requests, and what is none.
    pub fn read(&self) -> Vec<Vec<u8>> {
        let mut bytes = vec![0; ROOM];
        let length = self.fd.as_ref().and_then(|fd| nix::unistd::read(fd, &mut bytes).ok()).unwrap_or(0);
        pieces(bytes.get(..length).unwrap_or_default()).into_iter().map(<[u8]>::to_vec).collect()
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
        let request = fifo::Request::PowerOk { sleep_time: 3 }.encode().expect("a request").to_vec();
        let (none, short) = (vec![1; 384], request[..383].to_vec());
        for bytes in [&none, &request, &short, &request, &request] {
            write(bytes);
        }
        assert!(pipe.read() == [none, request.clone(), short, request.clone(), request.clone()]);
        assert!(pipe.read().is_empty());

        std::fs::remove_file(&path).expect("removed");
        assert_eq!(pipe.look(), Ok(()));
        write(&request);
        assert!(pipe.read() == [request]);

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
