//! Who is PID 1, and how it is asked: Rung by its control socket, another init by `/run/initctl`.

use crate::call::{self, Error};
use crate::fifo::{self, Request};
use init::proto::control::{PowerRequest, PowerWord, Progress, Runlevel, SetLevel};
use init::unit::Level;
use nix::errno::Errno;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// How long a question that is answered at once may take.
pub const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

/// Whether the caller may change anything at all: root, or whoever runs this Rung (a container without root).
pub fn may_ask() -> bool {
    let euid = nix::unistd::geteuid().as_raw();
    euid == 0 || std::fs::metadata(call::socket()).is_ok_and(|m| m.file_type().is_socket() && m.uid() == euid)
}

/// Whether Rung's manager has its socket here. Only then its answers count; else another init is PID 1.
pub fn is_rung() -> bool {
    std::fs::metadata(call::socket()).is_ok_and(|m| m.file_type().is_socket())
}

/// Names a request of ours, so that the manager can tell it from others.
pub fn request_id() -> u64 {
    let mut bytes = [0; 8];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if random.is_err() {
        let (seconds, micros) = crate::utmp::files::now();
        bytes = (u64::from(seconds) << 32 ^ u64::from(micros) << 12 ^ u64::from(std::process::id())).to_le_bytes();
    }
    // Other readers of JSON hold numbers in 53 bits.
    u64::from_le_bytes(bytes) >> 11
}

/// Asks Rung for a level, and doesn't wait for it. 0 and 6 end the machine.
///
/// # Errors
/// [`Error`]
pub fn set_level(level: Level) -> Result<(), Error> {
    match level {
        Level::HALT => power(PowerWord::PowerOff, false),
        Level::REBOOT => power(PowerWord::Reboot, false),
        level => {
            let wish = SetLevel { level, request: request_id(), wait: false };
            call::call::<Progress>("SetLevel", &wish, PATIENCE).map(drop)
        }
    }
}

/// Asks Rung to end the machine, and doesn't wait for it.
///
/// # Errors
/// [`Error`]
pub fn power(how: PowerWord, force: bool) -> Result<(), Error> {
    let wish = PowerRequest { how, request: request_id(), wait: false, force };
    call::call::<Progress>("Power", &wish, PATIENCE).map(drop)
}

/// Asks Rung for a method that has no parameters and whose reply doesn't matter.
///
/// # Errors
/// [`Error`]
pub fn plain(method: &str) -> Result<(), Error> {
    call::call::<Value>(method, &json!({}), PATIENCE).map(drop)
}

/// The levels Rung knows.
///
/// # Errors
/// [`Error`]
pub fn runlevel() -> Result<Runlevel, Error> {
    call::call("Runlevel", &json!({}), PATIENCE)
}

/// Writes one request to another init's FIFO. Nobody reads there: an error at once, no waiting.
///
/// # Errors
/// A sentence.
pub fn write_fifo(path: &Path, request: &Request) -> Result<(), String> {
    let bytes = request.encode().ok_or("variables don't fit into a request")?;
    let at = |e: std::io::Error| format!("{}: {e}", path.display());
    let is_fifo = std::fs::metadata(path).map_err(at)?.file_type().is_fifo();
    if !is_fifo {
        return Err(format!("{} is not a fifo", path.display()));
    }
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(
        |e| match e.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENXIO) => format!("no init reads {}", path.display()),
            _ => at(e),
        },
    )?;
    file.write_all(&bytes).map_err(at)
}

/// Asks another init, by its FIFO, to end the machine.
///
/// # Errors
/// A sentence.
pub fn power_by_fifo(how: PowerWord, sleep_time: i32) -> Result<(), String> {
    let path = Path::new(fifo::PATH);
    let (variable, level) = match how {
        PowerWord::Halt => ("INIT_HALT=HALT", b'0'),
        PowerWord::PowerOff => ("INIT_HALT=POWEROFF", b'0'),
        PowerWord::Reboot => ("INIT_HALT", b'6'),
    };
    write_fifo(path, &Request::SetEnv(vec![variable.into()]))?;
    write_fifo(path, &Request::RunLevel { level, sleep_time })
}

/// The sentence for a command that found neither.
pub fn nobody(fifo: &str) -> String {
    format!("PID 1 can't be asked: no Rung at {}, and {fifo}", call::socket().display())
}
