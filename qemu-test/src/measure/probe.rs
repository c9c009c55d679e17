//! Inside the machine: what sees when the daemons are up, the same under each init.
//!
//! The kernel starts this program as its first process. It leaves a child behind, which watches, and executes the init
//! that is to be measured, so that this one is process 1. The child tells what it saw through the kernel's log.

use crate::error::{Context, Result};
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// How often it looks.
const TURN: Duration = Duration::from_millis(100);
/// Not longer than this.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the line begins with, once all are up.
pub const UP: &str = "measured:";

/// Ports that are listened at: nginx, ssh, redis, haproxy; chrony's is of UDP.
const TCP: [u16; 4] = [80, 22, 6379, 8404];
const UDP: u16 = 323;
/// The processes of the nine.
const PROCESSES: [&str; 9] =
    ["atd", "chronyd", "cron", "dbus-daemon", "haproxy", "nginx", "redis-server", "rsyslogd", "sshd"];

/// Where this program lies in the machine.
pub const PLACE: &str = "/sbin/measured";
/// The variable, a word of the kernel's command line, that names the init.
pub const INIT: &str = "MEASURED";

/// What this program does when it isn't the host's: as the kernel's first process, as the watcher that leaves behind, or
/// asked for memory. `None`: it is the host's.
pub fn run(mut args: impl Iterator<Item = String>) -> Option<Result<()>> {
    if let Some(path) = std::env::var_os(INIT).filter(|_| std::process::id() == 1) {
        let watcher = Command::new(PLACE).arg("--watch").env_remove(INIT).spawn();
        let failed = watcher.err().unwrap_or_else(|| Command::new(&path).env_remove(INIT).exec());
        return Some(Err(failed).context(&path.to_string_lossy()));
    }
    match args.next()?.as_str() {
        "--watch" => watch(Instant::now()),
        "--memory" => memory(&args.collect::<Vec<_>>()),
        _ => return None,
    }
    Some(Ok(()))
}

/// Prints what process 1, and all processes of these names, have for themselves, in kB.
fn memory(own: &[String]) {
    let dirty = |pid: &str| -> u64 {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let of = |line: &str| line.strip_prefix("Private_Dirty:")?.trim().strip_suffix(" kB")?.parse().ok();
        text.lines().find_map(of).unwrap_or(0)
    };
    let is_own = |name: &String| own.contains(name);
    let all: u64 = processes().iter().filter(|(_, name)| is_own(name)).map(|(pid, _)| dirty(pid)).sum();
    println!("{} {all}", dirty("1"));
}

/// Looks until all are up, then says so.
fn watch(since: Instant) {
    while since.elapsed() < PATIENCE {
        std::thread::sleep(TURN);
        let tcp = listened("/proc/net/tcp", "0A");
        if !TCP.iter().all(|port| tcp.contains(port)) || !listened("/proc/net/udp", "07").contains(&UDP) {
            continue;
        }
        let there = processes();
        if PROCESSES.iter().all(|name| there.iter().any(|(_, n)| n == name)) {
            let text = format!("<0>{UP} {:.2} s, {} processes\n", since.elapsed().as_secs_f64(), forked());
            let _ = fs::OpenOptions::new().write(true).open("/dev/kmsg").and_then(|mut f| f.write_all(text.as_bytes()));
            return;
        }
    }
}

/// The ports of a table of sockets, of those in a state.
fn listened(table: &str, state: &str) -> Vec<u16> {
    let text =
        fs::read_to_string(table).unwrap_or_default() + &fs::read_to_string(format!("{table}6")).unwrap_or_default();
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, port) = fields.next()?.rsplit_once(':')?;
        (fields.nth(1)? == state).then(|| u16::from_str_radix(port, 16).ok())?
    };
    text.lines().filter_map(port).collect()
}

/// All processes: their numbers and names.
fn processes() -> Vec<(String, String)> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
    let named = |pid: String| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some((pid, name.trim_end().to_owned()))
    };
    pids.filter_map(named).collect()
}

/// Processes since the kernel's start.
fn forked() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("processes ")?.parse().ok()).unwrap_or(0)
}
