//! `sd_notify` for shell scripts and tests, byte by byte.
//!
//! `world-notify WORD…` sends each word as a datagram to `$NOTIFY_SOCKET`. `world-notify --barrier` returns once everything
//! sent before has been taken in. `world-notify --serve FIFO` is a daemon that does what lines in the FIFO say:
//! `say TEXT` (`|` is a newline), `write FD TEXT`, `barrier`, `hup` (waits for SIGHUP and says RELOADING=1), `exit N`.

use init::sys::{seqpacket, wait};
use nix::sys::signal::{SigSet, Signal};
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

fn socket() -> Result<UnixDatagram, Error> {
    let path = std::env::var_os("NOTIFY_SOCKET").ok_or(Error::other("no NOTIFY_SOCKET"))?;
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    Ok(socket)
}

fn barrier() -> Result<(), Error> {
    let (mut read, write) = std::io::pipe()?;
    seqpacket::send(socket()?.as_fd(), b"BARRIER=1", &[write.as_fd()])?;
    drop(write);
    // Nobody writes: the end comes when the other end is closed.
    read.read(&mut [0]).map(drop)
}

fn obey(line: &str, signals: &SigSet) -> Result<(), Error> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "say" => socket()?.send(rest.replace('|', "\n").as_bytes()).map(drop),
        "write" => {
            let (fd, text) = rest.split_once(' ').unwrap_or((rest, ""));
            File::options()
                .write(true)
                .open(format!("/proc/self/fd/{fd}"))?
                .write_all(text.replace('|', "\n").as_bytes())
        }
        "barrier" => barrier(),
        "hup" => {
            signals.wait()?;
            let text = format!("RELOADING=1\nMONOTONIC_USEC={}", wait::monotonic_ms() * 1000 + 999);
            socket()?.send(text.as_bytes()).map(drop)
        }
        "exit" => std::process::exit(rest.parse().unwrap_or(99)),
        _ => Err(Error::other(format!("no such order: {line}"))),
    }
}

fn serve(path: &str) -> Result<(), Error> {
    let signals = SigSet::from(Signal::SIGHUP);
    signals.thread_block()?;
    // Opened for both, it never ends.
    let fifo = BufReader::new(File::options().read(true).write(true).open(path)?);
    fifo.lines().try_for_each(|line| obey(&line?, &signals))
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let text = |at: usize| words.get(at).and_then(|w| w.to_str());
    let done = match (text(0), text(1)) {
        (Some("--barrier"), _) => barrier(),
        (Some("--serve"), Some(path)) => serve(path),
        _ => socket().and_then(|s| words.iter().try_for_each(|word| s.send(word.as_bytes()).map(drop))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("world-notify: {e}");
            ExitCode::FAILURE
        }
    }
}
