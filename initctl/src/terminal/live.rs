//! The terminal, taken key by key and screen by screen for as long as a [`Live`] lives.
//!
//! It gets back its modes, cursor and screen when that is dropped, when a signal ends us, while we are stopped, and when we
//! panic; only SIGKILL can prevent that, and `stty sane` helps then.

use super::keys::{Decoder, Key};
use super::screen::{Line, Screen};
use super::{Style, size};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Terminals that keep a second screen, by the beginning of their names.
const TWO_SCREENS: &[&str] = &[
    "xterm",
    "screen",
    "tmux",
    "rxvt",
    "linux-",
    "foot",
    "alacritty",
    "kitty",
    "konsole",
    "gnome",
    "vte",
    "st-",
    "putty",
    "wezterm",
];
/// How long the rest of a key may take, over a slow line too.
const REST_OF_KEY: Duration = Duration::from_millis(150);

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The screen has another size now, or has to be drawn anew.
    Redraw,
    /// The time is up.
    Time,
    /// We are to end: a signal (its number), or the terminal is gone (SIGHUP's).
    End(i32),
}

/// How the terminal was, while it is ours; for the end by a panic.
static BEFORE: Mutex<Option<(Termios, &'static str)>> = Mutex::new(None);

/// The terminal of stdin and stdout.
#[derive(Debug)]
pub struct Live {
    signals: SignalFd,
    mask: SigSet,
    modes: Termios,
    enter: &'static str,
    leave: &'static str,
    keys: Decoder,
    screen: Screen,
    style: Style,
}

impl Live {
    /// Takes the terminal.
    ///
    /// # Errors
    /// A sentence: it isn't one, or can't be drawn on.
    pub fn open() -> Result<Self, String> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err("standard input and output are no terminal".to_owned());
        }
        let term = std::env::var("TERM").unwrap_or_default();
        if ["", "dumb", "unknown"].contains(&term.as_str()) {
            let term = if term.is_empty() { "isn't set".to_owned() } else { format!("is `{term}`") };
            return Err(format!("TERM {term}: nothing can be drawn on such a terminal"));
        }
        let two = TWO_SCREENS.iter().any(|name| term.starts_with(name));
        // What a VT100 doesn't know isn't sent to one.
        let (enter, leave) =
            if two { ("\x1b[?1049h\x1b[?25l", "\x1b[m\x1b[?25h\x1b[?1049l") } else { ("", "\x1b[m\r\n") };
        let failed = |what: &'static str| move |errno: Errno| format!("{what} failed: {errno}");
        let before = tcgetattr(io::stdin()).map_err(failed("reading the terminal's modes"))?;
        let mut modes = before.clone();
        // Keys come at once and unseen. Ctrl-C and Ctrl-Z stay signals; output is processed as before.
        modes.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        for (index, value) in [(SpecialCharacterIndices::VMIN, 1), (SpecialCharacterIndices::VTIME, 0)] {
            if let Some(place) = modes.control_chars.get_mut(index as usize) {
                *place = value;
            }
        }
        let mut ours = SigSet::empty();
        for signal in
            [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGWINCH]
        {
            ours.add(signal);
        }
        let mut mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&ours), Some(&mut mask)).map_err(failed("blocking signals"))?;
        let signals = SignalFd::with_flags(&ours, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
        let signals = signals.map_err(failed("signalfd"))?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some((before, leave));
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            hook(info);
        }));
        let mut live = Self {
            signals,
            mask,
            modes,
            enter,
            leave,
            keys: Decoder::default(),
            screen: Screen::default(),
            style: Style::of_stdout(),
        };
        live.take().map_err(failed("setting the terminal's modes"))?;
        Ok(live)
    }

    fn take(&mut self) -> Result<(), Errno> {
        tcsetattr(io::stdin(), SetArg::TCSANOW, &self.modes)?;
        send(self.enter);
        self.screen.forget();
        Ok(())
    }

    /// How many columns and rows there are.
    pub fn size(&self) -> (usize, usize) {
        size(io::stdout().as_fd())
    }

    /// Brings these lines onto the screen.
    pub fn draw(&mut self, lines: &[Line]) {
        let bytes = self.screen.draw(lines, self.size(), &self.style);
        if !bytes.is_empty() {
            // On terminals whose cursor stays to be seen it rests below the last line.
            let row = self.screen.height().saturating_add(1).min(self.size().1);
            send(&format!("{bytes}\x1b[{row};1H"));
        }
    }

    /// Waits until something happens, no longer than `until`.
    pub fn event(&mut self, until: Instant) -> Event {
        loop {
            if let Some(key) = self.keys.next(false) {
                return if key == Key::Ctrl('l') { self.redraw() } else { Event::Key(key) };
            }
            if let Some(event) = self.signal() {
                return event;
            }
            let limit = if self.keys.is_pending() { until.min(Instant::now() + REST_OF_KEY) } else { until };
            let left =
                PollTimeout::try_from(limit.saturating_duration_since(Instant::now())).unwrap_or(PollTimeout::MAX);
            let stdin = io::stdin();
            let mut fds =
                [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, left) {
                Ok(0) if self.keys.is_pending() => return self.keys.next(true).map_or(Event::Time, Event::Key),
                Ok(0) => return Event::Time,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Event::End(Signal::SIGHUP as i32),
            }
            let ready = fds.first().and_then(PollFd::revents).is_some_and(|r| !r.is_empty());
            if ready {
                let mut bytes = [0; 64];
                match nix::unistd::read(stdin.as_fd(), &mut bytes) {
                    Ok(n) if n > 0 => self.keys.push(bytes.get(..n).unwrap_or_default()),
                    Err(Errno::EINTR | Errno::EAGAIN) => {}
                    _ => return Event::End(Signal::SIGHUP as i32),
                }
            }
        }
    }

    fn signal(&mut self) -> Option<Event> {
        let number = i32::try_from(self.signals.read_signal().ok()??.ssi_signo).ok()?;
        Some(match Signal::try_from(number) {
            Ok(Signal::SIGWINCH) => self.redraw(),
            Ok(Signal::SIGTSTP) => {
                give_back();
                // A group that nobody watches can't be stopped by SIGTSTP, but by this.
                let _ = raise(Signal::SIGSTOP);
                *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) =
                    tcgetattr(io::stdin()).ok().map(|before| (before, self.leave));
                match self.take() {
                    Ok(()) => self.redraw(),
                    Err(_) => Event::End(Signal::SIGHUP as i32),
                }
            }
            _ => Event::End(number),
        })
    }

    fn redraw(&mut self) -> Event {
        self.screen.forget();
        Event::Redraw
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        give_back();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

/// Gives the terminal back as it was, once.
fn give_back() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((modes, leave)) = before {
        send(leave);
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &modes);
    }
}

/// A terminal that takes nothing more is noticed when it is read.
fn send(bytes: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes.as_bytes()).and_then(|()| stdout.flush());
}
