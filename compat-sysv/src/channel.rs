//! `sysv fifo`: who listens at `/run/initctl`, and what inittab has for keys and a failing power. A client of Rung's
//! manager like any other; the manager passes on the signals that PID 1 gets.
//!
//! | module | what |
//! |---|---|
//! | [`meaning`] | a request or a signal → what is to be done; pure |
//! | [`variables`] | the variables that were set by the FIFO, and their file; pure |
//! | [`pipe`] | the FIFO itself: made, opened, opened anew when it was replaced |
//! | [`occasion`] | what inittab has for an occasion, as the generator left it |
//! | [`said`] | sysvinit's words, on the console and in the system log |

pub mod meaning;
pub mod occasion;
pub mod pipe;
pub mod said;
pub mod variables;

use crate::fifo::{self, Request};
use crate::pid1;
use init::client;
use init::sys::signals::Signals;
use init::sys::watch::Watch;
use init::sys::{fd, file};
use meaning::{Wish, power_status, wish};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::Pipe;
use said::{Said, say};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use variables::Variables;

/// How soon a FIFO that is gone, or can't be opened or watched, is looked at again. sysvinit takes as long, and who removed
/// it to make it anew, as a maintainer script does, is to have his turn.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Where the FIFO is that the manager has opened.
const HANDED: i32 = 3;
/// Where the power's guard says how it stands; the older place after it.
const POWER_STATUS: [&str; 2] = ["/run/powerstatus", "/etc/powerstatus"];

/// See [`environment_file`].
pub const ENVIRONMENT_FILE: &str = "environment";
/// See [`sleep_file`].
pub const SLEEP_FILE: &str = "sleep-time";

/// The file that holds the variables, below the run directory: every script and line of inittab gets them.
pub fn environment_file() -> PathBuf {
    client::run_dir().join(ENVIRONMENT_FILE)
}

/// The file that holds the seconds between SIGTERM and SIGKILL, once somebody has said them.
pub fn sleep_file() -> PathBuf {
    client::run_dir().join(SLEEP_FILE)
}

/// The seconds between SIGTERM and SIGKILL as they were said last.
pub fn sleep_time() -> u32 {
    let said = file::read_text(&sleep_file(), 64).ok().and_then(|text| text.trim().parse().ok());
    said.unwrap_or(fifo::SLEEP_TIME.unsigned_abs())
}

/// Listens until it is told to end.
///
/// # Errors
/// What the kernel refuses, without which there is nothing to listen at.
pub fn run() -> Result<(), Errno> {
    let pipe = Pipe::new(Path::new(fifo::PATH));
    // The manager has made it, for those who write before we are here.
    let pipe = match fd::take(HANDED) {
        Ok(fd) => pipe.handed(fd),
        Err(_) => pipe,
    };
    // Before the thread begins: it is to have the signals blocked as well. The manager leaves them so.
    let (signals, variables) = (Signals::new()?, Variables::default());
    let (watch, mounts) = (Watch::new().ok(), File::open("/proc/self/mountinfo").ok());
    let mut channel = Channel { signals, pipe, watch, mounts, watched: false, due: None, variables, work: None };
    let kept = file::read_text(&environment_file(), 1 << 16).unwrap_or_default();
    channel.variables.restore(&kept);
    channel.open();
    ready();
    while channel.turn() {}
    Ok(())
}

struct Channel {
    signals: Signals,
    pipe: Pipe,
    /// Tells that the FIFO was removed or replaced; the mounts tell what was put over it.
    watch: Option<Watch>,
    mounts: Option<File>,
    /// The FIFO that is open is watched.
    watched: bool,
    /// It is gone: when it is looked at again.
    due: Option<Instant>,
    variables: Variables,
    /// Who does the jobs: nobody before the first.
    work: Option<SyncSender<Job>>,
}

/// What a request or a signal asks for. The manager may take its time over it: the FIFO and the signals don't wait.
type Job = Box<dyn FnOnce() + Send>;
/// More jobs than this don't wait.
const MOST_JOBS: usize = 256;

/// Who does the jobs, one after the other. Where no thread can be had the other end is closed.
fn worker() -> SyncSender<Job> {
    let (work, jobs) = sync_channel::<Job>(MOST_JOBS);
    let _ = std::thread::Builder::new().spawn(move || jobs.into_iter().for_each(|job| job()));
    work
}

impl Channel {
    /// In the order in which they came.
    fn later(&mut self, job: impl FnOnce() + Send + 'static) {
        match self.work.get_or_insert_with(worker).try_send(Box::new(job)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => say(Said::Both, "too many requests: one is dropped"),
            Err(TrySendError::Disconnected(_)) => {
                self.work = None;
                say(Said::Both, "no thread for a request: it is dropped");
            }
        }
    }

    /// Waits for something and sees to it; `false`: it is told to end.
    fn turn(&mut self) -> bool {
        let settled = self.pipe.is_settled() && (self.watched || self.pipe.fd().is_none());
        let wait = match self.due {
            Some(due) => Some(due.saturating_duration_since(Instant::now())),
            None => (!settled).then_some(LOOK_EVERY),
        };
        // Rounded up, so that a rest of less than a millisecond isn't a busy loop.
        let timeout = wait.and_then(|wait| PollTimeout::try_from(wait + Duration::from_millis(1)).ok());
        let inputs = [self.pipe.fd(), self.watch.as_ref().map(Watch::fd)].into_iter().flatten();
        let mut fds: Vec<PollFd<'_>> =
            [self.signals.as_fd()].into_iter().chain(inputs).map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        fds.extend(self.mounts.as_ref().map(|file| PollFd::new(file.as_fd(), PollFlags::POLLPRI)));
        let _ = poll(&mut fds, timeout.unwrap_or(PollTimeout::NONE));
        drop(fds);
        while let Some((signal, _)) = self.signals.take() {
            if !self.signalled(signal) {
                return false;
            }
        }
        for bytes in self.pipe.read() {
            self.requested(&bytes);
        }
        if self.pipe.is_settled() && self.pipe.is_gone() {
            self.watch.iter().for_each(Watch::clear);
            if *self.due.get_or_insert_with(|| Instant::now() + LOOK_EVERY) > Instant::now() {
                return true;
            }
        }
        self.open();
        true
    }

    fn open(&mut self) {
        self.due = None;
        self.look();
        let watch = self.watch.as_ref().filter(|_| self.pipe.fd().is_some() && self.mounts.is_some());
        watch.inspect(|w| w.clear());
        self.watched = watch.is_some_and(|w| w.add(self.pipe.path()).is_ok());
        if self.watched {
            // It may have been replaced before it was watched: by then what is watched is the new one.
            self.look();
        }
    }

    fn look(&mut self) {
        if let Err(why) = self.pipe.look() {
            say(Said::Both, &why);
        }
    }

    fn signalled(&mut self, signal: i32) -> bool {
        match signal {
            libc::SIGTERM => return false,
            libc::SIGUSR1 => self.pipe.open_anew(),
            libc::SIGUSR2 => self.pipe.close(),
            libc::SIGINT => self.later(|| occasion::happened("ctrlaltdel")),
            libc::SIGWINCH => self.later(|| occasion::happened("kbrequest")),
            libc::SIGPWR => {
                let word = power_status(read_power_status());
                self.later(|| occasion::happened(word));
            }
            _ => {}
        }
        true
    }

    fn requested(&mut self, bytes: &[u8]) {
        match Request::decode(bytes) {
            Err(_) => say(Said::Both, "got bogus initrequest"),
            Ok(Request::SetEnv(list)) => {
                self.variables.change(&list);
                if let Err(e) = file::replace_text(&environment_file(), &self.variables.text()) {
                    say(Said::Both, &format!("{}: {e}", environment_file().display()));
                }
            }
            Ok(request) => {
                let wish = wish(&request, self.variables.get("INIT_HALT"));
                if let Some(seconds) = wish.as_ref().and_then(|_| request.sleep_time()) {
                    self.later(move || set_sleep_time(seconds));
                }
                match wish {
                    Some(wish) => self.later(|| carry_out(wish)),
                    None => say(Said::Both, "got unimplemented initrequest."),
                }
            }
        }
    }
}

fn carry_out(wish: Wish) {
    let asked = match wish {
        Wish::Level(level) => pid1::set_level(level),
        Wish::Power(how) => pid1::power(how, false),
        Wish::Read => {
            say(Said::Log, "Re-reading inittab");
            pid1::reload()
        }
        Wish::Execute => {
            say(Said::Log, "Trying to re-exec init");
            pid1::reexec()
        }
        Wish::Demand(letter) => {
            say(Said::Log, &format!("Activating demand-procedures for '{letter}'"));
            let read = pid1::reload();
            occasion::happened(&letter.to_ascii_lowercase().to_string());
            read
        }
        Wish::Occasion(word) => {
            occasion::happened(word);
            Ok(())
        }
        Wish::No(text) => {
            say(Said::Both, &text);
            Ok(())
        }
    };
    if let Err(e) = asked {
        say(Said::Both, &e.to_string());
    }
}

/// From now on this is how long SIGTERM may take: the lines' units are made anew with it.
fn set_sleep_time(seconds: i32) {
    let seconds = u32::try_from(seconds).unwrap_or(0);
    if seconds != sleep_time() && file::replace_text(&sleep_file(), &format!("{seconds}\n")).is_ok() {
        let _ = pid1::reload();
    }
}

/// The first byte of the first of the two files; it is removed.
fn read_power_status() -> Option<u8> {
    POWER_STATUS.iter().find_map(|path| {
        let text = file::read_text(Path::new(path), 64).ok()?;
        let _ = std::fs::remove_file(path);
        text.bytes().next()
    })
}

/// A unit of somebody's own may wait for it.
fn ready() {
    if let (Some(path), Ok(socket)) = (std::env::var_os("NOTIFY_SOCKET"), std::os::unix::net::UnixDatagram::unbound()) {
        let _ = socket.send_to(b"READY=1", path);
    }
}
