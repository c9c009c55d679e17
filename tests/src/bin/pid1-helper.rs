//! What PID 1's tests run under it: a manager that hands its socket to the test, and processes of bad habits.

#![allow(clippy::expect_used, clippy::panic, reason = "test support")]

use init::sys::{fd, seqpacket};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let word = |i: usize| args.get(i).map_or("", String::as_str);
    if ["sulogin", "sh"].iter().any(|name| word(0).ends_with(name)) {
        return login(word(0));
    }
    match word(1) {
        "orphans" => orphans(word(2).parse().expect("number")),
        "filter" => filter(word(2).parse().expect("errno"), &args[3..]),
        _ => manager(),
    }
}

/// Connects to the test and gives it the socket to PID 1; then waits to be killed.
fn manager() {
    let test = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).expect("socket");
    let name = std::env::var("RUNG_TEST_SOCKET").expect("RUNG_TEST_SOCKET");
    let address = UnixAddr::new_abstract(name.as_bytes()).expect("address");
    connect(test.as_raw_fd(), &address).expect("connect");
    let line = fd::take(3).expect("descriptor 3");
    let said = format!("{} {}", std::process::id(), std::env::var("RUNG_NOFILE").unwrap_or_default());
    seqpacket::send(test.as_fd(), said.as_bytes(), &[line.as_fd()]).expect("send");
    // Until the test hangs up.
    let mut byte = [0];
    let _ = nix::unistd::read(&test, &mut byte);
    std::process::exit(i32::from(byte[0]));
}

/// Says its name on its terminal, which has to be its own, and ends at the first line typed there.
fn login(name: &str) {
    use std::io::Write;
    let own = nix::unistd::tcgetpgrp(std::io::stdin()) == Ok(nix::unistd::getpid());
    let _ = writeln!(std::io::stdout(), "login {name} own {own}");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Makes `count` orphans, as fast as fork can.
fn orphans(count: u32) {
    use nix::unistd::{ForkResult, fork};
    let mut left = count;
    while left > 0 {
        let batch = left.min(100);
        left -= batch;
        // SAFETY: one thread; the children only fork and exit.
        if let Ok(ForkResult::Child) = unsafe { fork() } {
            for _ in 0..batch {
                // SAFETY: as above.
                if let Ok(ForkResult::Child) = unsafe { fork() } {
                    std::process::exit(7);
                }
            }
            std::process::exit(0);
        }
    }
}

/// Executes a program under a filter that answers `errno` to the newer calls.
fn filter(errno: u32, command: &[String]) {
    let calls = [
        libc::SYS_clone3,
        libc::SYS_unshare,
        libc::SYS_mount,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_memfd_create,
        libc::SYS_close_range,
    ];
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    // The number of the call is the first word the filter sees.
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for call in calls {
        let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        program.push(libc::sock_filter { code, jt: 0, jf: 1, k: call as u32 });
        program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: plain numbers, and a filter that lives through the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter), 0);
    }
    panic!("{}", std::process::Command::new(&command[0]).args(&command[1..]).exec());
}
