//! Stands in for `init` where a test is about the sandbox alone: says which arguments it got, reaches any level at once,
//! ends on SIGTERM with status 0. With `/etc/rung/init.conf` saying `die`, it ends before it is up.

#![allow(clippy::expect_used, reason = "this is all test code")]

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    println!("stand-in: {} as pid {}", words.join(" "), std::process::id());
    match std::fs::read_to_string("/etc/rung/init.conf").unwrap_or_default().trim() {
        "die" => {
            println!("stand-in: told to die");
            std::process::exit(7);
        }
        "hang" => loop {
            std::thread::park();
        },
        _ => {}
    }
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGCHLD);
    mask.thread_block().expect("signals are blocked");
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC).expect("a signalfd");
    let listener = UnixListener::bind("/run/rung/control").expect("the control socket");
    loop {
        let mut fds =
            [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::NONE);
        let [signal, client] = fds.map(|f| f.any().unwrap_or(false));
        if signal && signals.read_signal().is_ok_and(|s| s.is_some_and(|s| s.ssi_signo == Signal::SIGTERM as u32)) {
            std::process::exit(0);
        }
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(s) if s != WaitStatus::StillAlive) {}
        if client && let Ok((mut stream, _)) = listener.accept() {
            let mut call = Vec::new();
            let _ = BufReader::new(&stream).read_until(0, &mut call);
            let _ = stream.write_all(b"{\"parameters\":{\"done\":true}}\0");
        }
    }
}
