//! A PID 1 for the tests of the first and last steps: it does one of them and nothing else. Starts at C `main`, as the
//! real one does, because Rust's own start needs `/dev/null`.
#![no_main]

use init::proto::pid1::Power;
use init::proto::plan::{Plan, Step, Strings, strings};
use init::stage::first;
use init::stage::last::End;
use init::stage::unmount::{Scope, everything};
use init::sys::child::{self, Order, Source};
use init::sys::helper::{self, Ended};
use init::sys::{fd, image, tty};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::getpid;
use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicI32;
use std::time::{Duration, Instant};

#[unsafe(no_mangle)]
extern "C" fn main(_: i32, _: *const *const i8) -> i32 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["prepare"] => prepare(),
        ["end", how, grace_ms, command @ ..] => end(how, grace_ms.parse().unwrap_or(0), command),
        ["unmount", folder] => unmount(folder),
        ["late"] => late(),
        ["foreground"] => foreground(),
        ["dead-fuse", folder] => dead_fuse(folder),
        ["image", command @ ..] => from_image(command),
        _ => 2,
    }
}

/// The report goes to descriptor 1 where that was open, else to the file `/report`.
fn prepare() -> i32 {
    let setup = first::prepare();
    let open = [0, 1, 2].map(fd::is_open);
    let mut report = format!("container {}\nstdio {:?}\nopen {open:?}\n", setup.container, setup.stdio);
    report += &format!("nofile {:?}\nfailed {:?}\n", setup.nofile, setup.failed);
    report += &format!("next {}\n", fd::copy(0, 3).map_or(-1, |fd| std::os::fd::AsRawFd::as_raw_fd(&fd)));
    report += &format!("proc {}\n", std::path::Path::new("/proc/self").exists());
    let written =
        if setup.stdio[1] { std::io::stdout().write_all(report.as_bytes()) } else { std::fs::write("/report", report) };
    i32::from(written.is_err())
}

/// Starts a command, waits for its first line, ends everything.
fn end(how: &str, grace_ms: u64, command: &[&str]) -> i32 {
    let how = if how == "reboot" { Power::Reboot } else { Power::PowerOff };
    let Some((program, args)) = command.split_first() else { return 2 };
    if getpid().as_raw() != 1 && nix::sys::prctl::set_child_subreaper(true).is_err() {
        return 3;
    }
    let Ok(child) = Command::new(program).args(args).stdout(Stdio::piped()).spawn() else { return 3 };
    let Some(output) = child.stdout else { return 3 };
    let _ = BufReader::new(output).read_line(&mut String::new());
    let end = End::new(how, 7, true).with_grace(Duration::from_millis(grace_ms));
    let Ok(finishing) = end.start() else { return 3 };
    loop {
        let pid = match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
            Ok(_) => continue,
            Err(_) => return 4,
        };
        if pid.as_raw() == finishing {
            end.last().perform();
        }
    }
}

fn unmount(folder: &str) -> i32 {
    let say = |text: &str| println!("{text}");
    let left = everything(&Scope::Below(folder.into()), Instant::now() + Duration::from_secs(20), &say);
    i32::from(!left.is_empty())
}

/// A helper that never ends is given up when its time is over.
fn late() -> i32 {
    let (started, mut told) = (Instant::now(), 0);
    let forever = || loop {
        nix::unistd::pause();
    };
    let ended = helper::run(started + Duration::from_millis(1500), || told += 1, forever);
    let quick = helper::run(Instant::now() + Duration::from_secs(20), || {}, || 7);
    println!("{ended:?} {quick:?} told {told}");
    i32::from(started.elapsed() > Duration::from_secs(5) || ended != Ok(Ended::Late))
}

/// A child whose plan says so leads the foreground group of a terminal that this session has.
fn foreground() -> i32 {
    let Ok(pty) = nix::pty::openpty(None, None) else { return 77 };
    let Ok(path) = nix::unistd::ttyname(&pty.slave) else { return 77 };
    let Ok(path) = CString::new(path.into_os_string().into_encoded_bytes()) else { return 77 };
    // Fails for a PID 1 that leads one already.
    let _ = nix::unistd::setsid();
    if tty::take(&path, false, false, false).is_err() {
        return 77;
    }
    let (args, env) = (strings(["cat"]), strings([]));
    let mut plan = Plan::default();
    plan.push(Step::Signals { ignore: 0 });
    plan.push(Step::Foreground);
    plan.push(Step::Exec { program: c"/bin/cat", args: Strings::new(&args), env: Strings::new(&env) });
    let (Some(plan), Ok((mut report, writing))) = (plan.finish(), std::io::pipe()) else { return 3 };
    let (pid, report_fd) = (AtomicI32::new(0), std::os::fd::AsRawFd::as_raw_fd(&writing));
    let order = Order {
        plan: Source::Bytes(&plan),
        fds: &[],
        report: report_fd,
        exe: None,
        cgroup: None,
        ignored: 0,
        pid: &pid,
        share: false,
    };
    let started = child::start(&order);
    drop(writing);
    // Closed by the execve.
    let mut failure = Vec::new();
    let _ = std::io::Read::read_to_end(&mut report, &mut failure);
    let group = nix::unistd::tcgetpgrp(std::io::stdin()).map(nix::unistd::Pid::as_raw);
    println!("in front {} failed {}", group == started, failure.len() >= child::FAILURE_LEN);
    // A key typed there reaches the command, not us.
    let _ = nix::unistd::write(&pty.master, b"\x03");
    println!("{:?}", waitpid(None, None).map(|s| matches!(s, WaitStatus::Signaled(_, Signal::SIGINT, _))));
    0
}

/// A file system whose server never answers.
fn dead_fuse(folder: &str) -> i32 {
    let Ok(server) = std::fs::File::options().read(true).write(true).open("/dev/fuse") else { return 77 };
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", std::os::fd::AsRawFd::as_raw_fd(&server));
    let flags = nix::mount::MsFlags::empty();
    let at = format!("{folder}/dead");
    if nix::mount::mount(Some("dead"), at.as_str(), Some("fuse"), flags, Some(options.as_str())).is_err() {
        return 77;
    }
    println!("mounted");
    unmount(folder)
}

/// Executes itself from memory, then the command as a child: the file can be replaced, its file system unmounted.
fn from_image(command: &[&str]) -> i32 {
    let Ok(image) = image::of_self() else { return 3 };
    let texts: Vec<_> = ["init", "end", "poweroff", "0"].iter().chain(command).map(|s| s.to_string()).collect();
    let texts: Vec<_> = texts.into_iter().filter_map(|s| std::ffi::CString::new(s).ok()).collect();
    let texts: Vec<_> = texts.iter().map(|s| s.as_c_str()).collect();
    image::execute(image.as_fd(), &texts, &[c"PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) as i32
}
