//! `shutdown`: the machine goes down at a time, and everybody is told before.
//!
//! [`wish`] is the pure part: arguments → what is wanted, and when whom to warn.

mod wish;

use super::clock::ctime;
use super::wall::wall;
use super::{err, err_plain};
use crate::fifo::SLEEP_TIME;
use crate::pid1;
use init::proto::control::errors;
use init::sys::syslog::{self, Priority};
use init::unit::Level;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use wish::{Goal, Wish};

pub(super) const HELP: &str = "NAME0 [-hPHrkfFnqQab] [-i LEVEL] [-t SECONDS] TIME [MESSAGE]
       NAME0 -c [MESSAGE]

Brings the machine down at TIME, and warns everybody who is logged in. Waits in the
foreground until then, unless told otherwise by -b; interrupting it cancels.

TIME:  now, +MINUTES, +HH:MM, HH:MM (today, or tomorrow if that is past)

What happens:
  (nothing)      single user, level 1
  -h             power off, or what HALT= in /etc/default/halt says
  -h -P          power off          -h -H               halt, power stays on
  -r             reboot             -i LEVEL            that level (0 1 5 6 a b c S)
  -k             only warn          -c                  cancel a waiting shutdown

Options:
  -b, --background  wait in the background, and leave the terminal alone
  -q, -Q         fewer warnings; only the last one
  -n             with -h and -r: kill and unmount at once, stop no services in order
  -f, -F         leave /fastboot or /forcefsck behind, for scripts that look for it
  -a             only while root or a user named in /etc/shutdown.allow is logged in
                 on a console
  -t SECONDS     from now on, seconds between SIGTERM and SIGKILL for lines of
                 /etc/inittab, as with telinit
  -g TIME, -y    as other systems write it
  --help, --version

Five minutes before, /run/nologin appears and nobody but root can log in; /etc/nologin
where /var/run is no link to /run.";

const PID_FILE: &str = "/run/shutdown.pid";
/// Set for the one that waits in the background.
const BACKGROUND: &str = "RUNG_SHUTDOWN_BACKGROUND";
const FLAGS: [&str; 2] = ["/fastboot", "/forcefsck"];

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    // Login programs read what is written here.
    nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
    let now = i64::from(crate::utmp::files::now().0);
    let local = (now + i64::from(init::sys::localtime::offset(now))).rem_euclid(86_400);
    let wish = Wish::parse(args, local);
    if !pid1::may_ask() {
        return err(name, "you must be root to do that!");
    }
    let wish = match wish {
        Ok(wish) => wish,
        Err(why) => {
            err(name, &why);
            return err_plain("Usage: shutdown [-hPHrkfFnqQab] [-i LEVEL] [-t SECONDS] TIME [MESSAGE] | -c [MESSAGE]");
        }
    };
    if wish.authorize && !authorized() {
        let text = "shutdown: no authorized users logged in.";
        // Ctrl-Alt-Del runs this with nobody at its stderr: tell the console.
        let _ = fs::write("/dev/console", format!("\r\n{text}\r\n"));
        return err_plain(text);
    }
    match wish.goal {
        Goal::Cancel => cancel(name, &wish),
        _ if wish.background && wish.minutes > 0 && std::env::var_os(BACKGROUND).is_none() => {
            background(name, &wish, args, now)
        }
        _ => later(name, &wish),
    }
}

fn cancel(name: &str, wish: &Wish) -> u8 {
    if !Path::new(PID_FILE).exists() {
        return err(name, "cannot find pid of running shutdown.");
    }
    let _ = pid1::unset_halt();
    if running().is_none_or(|pid| kill(pid, Signal::SIGINT).is_err()) {
        return err(name, "not running.");
    }
    syslog::send(Priority::UserNotice, &format!("{name}[{}]", std::process::id()), "cancelled a shutdown");
    if !wish.message.is_empty() {
        wall(&wish.message);
    }
    0
}

/// The shutdown that waits; a pid file whose process is another program now doesn't count.
fn running() -> Option<Pid> {
    let pid: i32 = fs::read_to_string(PID_FILE).ok()?.trim().parse().ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    (pid > 1 && line.windows(8).any(|w| w == b"shutdown")).then(|| Pid::from_raw(pid))
}

/// Makes the pid file, in one piece: whoever finds it finds the pid in it, and of two at the same time one gets it.
///
/// False: another one waits. A file that can't be made hinders no shutdown.
fn claim() -> bool {
    let pid = std::process::id();
    let whole = format!("{PID_FILE}.{pid}");
    let mut mine = fs::write(&whole, format!("{pid}\n"));
    if mine.is_ok() {
        mine = fs::hard_link(&whole, PID_FILE);
        if mine.is_err() && running().is_none() {
            let _ = fs::remove_file(PID_FILE);
            mine = fs::hard_link(&whole, PID_FILE);
        }
        let _ = fs::remove_file(&whole);
    }
    mine.is_ok() || running().is_none()
}

/// Starts the one that waits, in a session of its own, and returns once it does.
fn background(name: &str, wish: &Wish, args: &[String], now: i64) -> u8 {
    if running().is_some() {
        return err(name, "already running.");
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg("shutdown").args(args).env(BACKGROUND, "1").current_dir("/");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(e) => return err(name, &format!("it can't be left in the background: {e}")),
    };
    // It closes this when it waits; what it says before is why it doesn't.
    let mut said = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        let _ = pipe.read_to_string(&mut said);
    }
    if let Ok(Some(status)) = child.try_wait() {
        let _ = std::io::stderr().write_all(said.as_bytes());
        return status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    }
    let at = now.saturating_add(i64::from(wish.minutes) * 60);
    err_plain(&format!("{} at {}; `{name} -c` cancels.", wish.logged(), ctime(at)));
    0
}

/// In the background: leaves the caller's session, and its terminal.
fn leave() {
    if std::env::var_os(BACKGROUND).is_some() {
        let _ = nix::unistd::setsid();
        if let Ok(null) = OpenOptions::new().write(true).open("/dev/null") {
            let _ = nix::unistd::dup2_stderr(null);
        }
    }
}

fn later(name: &str, wish: &Wish) -> u8 {
    if running().is_some() {
        return err(name, "already running.");
    }
    // Blocked before the files are made, so that a signal in between leaves none behind.
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    let told = signals.thread_block().and_then(|()| SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC));
    let told = match told {
        Ok(told) => told,
        Err(e) => return err(name, &format!("signals: {e}")),
    };
    if wish.goal != Goal::Warn && !claim() {
        return err(name, "already running.");
    }
    for (flag, wanted) in FLAGS.iter().zip([wish.fast, wish.check]) {
        if !wanted {
            continue;
        }
        if let Err(e) = fs::write(flag, "") {
            err(name, &format!("{flag}: {e}"));
        }
    }
    leave();
    let nologin = nologin();
    let mut closed = false;
    let mut left = wish.minutes;
    while left > 0 {
        if wish.warns_at(left) {
            wall(&wish.warning(left));
        }
        // One that the administrator made stays his.
        if left <= 5 && wish.goal != Goal::Warn && !nologin.exists() {
            let at = i64::from(crate::utmp::files::now().0).saturating_add(i64::from(left) * 60);
            closed = fs::write(nologin, format!("\r\nThe system is going down on {}\r\n", ctime(at))).is_ok();
        }
        let mut fds = [PollFd::new(told.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(60_000_u16)) {
            Ok(0) => left -= 1,
            Err(nix::errno::Errno::EINTR) => {}
            _ => {
                clear(nologin, closed);
                FLAGS.iter().for_each(|flag| drop(fs::remove_file(flag)));
                err_plain("\r\nShutdown cancelled.");
                return 0;
            }
        }
    }
    wall(&wish.warning(0));
    clear(nologin, closed);
    if wish.goal == Goal::Warn {
        err_plain("\r\nShutdown cancelled.");
        return 0;
    }
    syslog::send(Priority::UserNotice, &format!("{name}[{}]", std::process::id()), &wish.logged());
    nix::unistd::sync();
    end(name, wish)
}

/// Where login programs look: PAM's in `/run` of today, those of older trees in `/etc`.
fn nologin() -> &'static Path {
    let linked = fs::canonicalize("/var/run").is_ok_and(|path| path == Path::new("/run"));
    Path::new(if linked || !Path::new("/var/run").exists() { "/run/nologin" } else { "/etc/nologin" })
}

fn clear(nologin: &Path, closed: bool) {
    let _ = fs::remove_file(PID_FILE);
    if closed {
        let _ = fs::remove_file(nologin);
    }
}

fn end(name: &str, wish: &Wish) -> u8 {
    let goal = match wish.goal {
        Goal::Level(Level::HALT) if wish.at_once => Goal::Power(pid1::default_end()),
        goal => goal,
    };
    let by_fifo = || match goal {
        Goal::Power(how) => pid1::power_by_fifo(how, wish.sleep_time),
        Goal::Level(level) => pid1::level_by_fifo(level, wish.sleep_time),
        Goal::Demand(_) | Goal::Warn | Goal::Cancel => Ok(()),
    };
    // Rung keeps the seconds, for this and what comes later; it is told them as sysvinit is.
    let tells = wish.sleep_time != SLEEP_TIME && !wish.at_once && Path::new(crate::fifo::PATH).exists();
    if tells && matches!(goal, Goal::Power(_) | Goal::Level(_)) {
        return by_fifo().map_or_else(|why| err(name, &pid1::nobody(&why)), |()| 0);
    }
    if wish.at_once && pid1::is_rung() {
        super::halt::note_end();
    }
    let asked = match goal {
        Goal::Power(how) => match pid1::power(how, wish.at_once) {
            Err(e) if pid1::is_absent(&e) && wish.at_once => {
                return super::halt::without_init(name, how, wish.sleep_time);
            }
            answer => answer,
        },
        Goal::Demand(letter) => {
            let _ = pid1::unset_halt();
            return super::telinit::run(name, &[letter.to_string()]);
        }
        Goal::Level(level) => pid1::set_level(level),
        Goal::Warn | Goal::Cancel => return 0,
    };
    match asked {
        Ok(()) => 0,
        Err(e) if pid1::is_absent(&e) => match by_fifo() {
            Ok(()) => 0,
            Err(why) => err(name, &pid1::nobody(&why)),
        },
        Err(e) if e.is(errors::DENIED) => err(name, "you must be root to do that!"),
        Err(e) => err(name, &e.to_string()),
    }
}

/// `-a`: whether root, or somebody `/etc/shutdown.allow` names, is logged in on a console. Without that file, yes.
fn authorized() -> bool {
    let Ok(text) = fs::read_to_string("/etc/shutdown.allow") else {
        return true;
    };
    let here = crate::utmp::files::read(Path::new("/run/utmp")).unwrap_or_default();
    let console = |line: &str| line.strip_prefix("tty").and_then(|n| n.parse::<u8>().ok()).is_some_and(|n| n < 64);
    here.iter().any(|r| {
        r.kind == crate::utmp::Kind::UserProcess
            && console(&r.line)
            && (r.user == "root" || wish::allowed(&text, &r.user))
    })
}
