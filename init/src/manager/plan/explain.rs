//! Plans and their failures, for people.

use super::Site;
use crate::proto::pid1::STAGE_FORK;
use crate::proto::plan::{Access, Setting, Step, Steps};
use crate::unit::Unit;
use crate::unit::privileges::capability_name;
use crate::unit::words::quote;
use nix::errno::Errno;
use std::ffi::CStr;

/// `key= (place): what; remedy`
pub(super) fn sentence(unit: &Unit, site: &Site, what: &str, remedy: &str) -> String {
    let place = site.place.and_then(|p| unit.show_place(p)).map(|p| format!(" ({p})")).unwrap_or_default();
    let remedy = if remedy.is_empty() { String::new() } else { format!("; {remedy}") };
    format!("{}={place}: {what}{remedy}", site.key)
}

/// Why a process never ran. `sites` are those of its plan.
pub fn failure_sentence(unit: &Unit, sites: &[Site], stage: u16, errno: i32) -> String {
    let error = Errno::from_raw(errno);
    let why = std::io::Error::from_raw_os_error(errno).to_string(); // the wording shells use
    let why = why.split(" (os error").next().unwrap_or_default();
    match sites.get(usize::from(stage)) {
        Some(site) => sentence(unit, site, &format!("cannot {}: {why}", site.doing), remedy(site, error)),
        None if stage == STAGE_FORK => {
            let remedy = match error {
                Errno::EAGAIN => "; check how many processes run and what limits them (pids.max, ulimit -u)",
                Errno::ENOMEM => "; memory is short",
                Errno::EMFILE | Errno::ENFILE => {
                    "; process 1 has no descriptor left, raise its limit on open files (ulimit -n)"
                }
                _ => "",
            };
            format!("{}: cannot start a process: {why}{remedy}", unit.name)
        }
        None => format!("{}: step {stage} of starting the process failed: {why}", unit.name),
    }
}

fn remedy(site: &Site, error: Errno) -> &'static str {
    let exec = site.key.starts_with("Exec") && site.doing.starts_with("run ");
    match (site.key, error) {
        (_, Errno::ENOENT) if exec => "check the path, and for a script the interpreter its first line names",
        (_, Errno::EACCES) if exec => "make it executable, and let the user of the service read the folders above it",
        (_, Errno::ENOEXEC) if exec => "it is no program for this machine, and no script that begins with `#!`",
        (_, Errno::E2BIG) if exec => "shorten the arguments and the environment",
        ("WorkingDirectory", Errno::ENOENT | Errno::ENOTDIR) => {
            "make the folder, or write `-` before it to go on without it"
        }
        ("RootDirectory", Errno::ENOENT | Errno::ENOTDIR) => "make the folder, with all the service needs in it",
        ("TTYPath", Errno::EPERM | Errno::EBUSY) => "another session has the terminal",
        ("TTYPath", Errno::ENOENT | Errno::ENXIO | Errno::ENODEV | Errno::EIO) => "there is no such terminal",
        ("StandardInput", Errno::ENOENT) => "make the file, or correct its path",
        ("StandardOutput" | "StandardError", Errno::ENOENT) => "make the folder above it",
        (key, Errno::ELOOP) if key.ends_with("Directory") => {
            "a symbolic link is in its way that somebody other than root could have put there; remove it"
        }
        ("CPUAffinity", Errno::EINVAL) => "this machine has none of these CPUs",
        ("AmbientCapabilities" | "CapabilityBoundingSet" | "SecureBits", Errno::EPERM) => {
            "this init doesn't have these capabilities itself, or may not pass them on"
        }
        (_, Errno::EMFILE | Errno::ENFILE) => {
            "raise the unit's LimitNOFILE=, or the limit on open files (ulimit -n) of what starts process 1"
        }
        (_, Errno::EROFS) => "the file system is read-only",
        ("User" | "Group" | "Nice" | "OOMScoreAdjust", Errno::EPERM | Errno::EACCES) => {
            "this init doesn't run with the privilege it takes"
        }
        (key, Errno::EPERM | Errno::EINVAL) if key.starts_with("Limit") => {
            "it is above what this init may set (its own hard limit, or fs.nr_open)"
        }
        (_, Errno::EACCES | Errno::EPERM) => "check who may do this",
        _ => "",
    }
}

/// A plan, a line or more for each of its steps.
pub fn steps(bytes: &[u8]) -> Vec<Vec<String>> {
    let Ok(steps) = Steps::new(bytes) else { return vec![vec!["(no plan)".into()]] };
    let lines_of = |step: Result<Step<'_>, _>| match step {
        Ok(step) => {
            let mut lines = Vec::new();
            line(step, &mut lines);
            lines
        }
        Err(_) => vec!["(the plan breaks off)".into()],
    };
    steps.map(lines_of).collect()
}

/// A plan, step by step.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    steps(bytes).concat()
}

fn line(step: Step<'_>, lines: &mut Vec<String>) {
    let text = match step {
        Step::Session => "begin a session".into(),
        Step::Foreground => "a process group of its own, in the foreground of the terminal".into(),
        Step::Signals { ignore: 0 } => "signals: all to their defaults".into(),
        Step::Signals { ignore } => {
            let names = (1..=64).filter(|n| ignore & (1 << (n - 1)) != 0).map(crate::unit::scalar::show_signal);
            format!("signals: all to their defaults, ignore {}", names.collect::<Vec<_>>().join(" "))
        }
        Step::Fd { index, target } => format!("descriptor {target}: number {index} of those passed"),
        Step::Open { path, access, target } => format!("descriptor {target}: open {} ({})", word(path), mode(access)),
        Step::Tty { path, force, reset, hangup } => {
            let flags = [(force, ", by force"), (reset, ", reset"), (hangup, ", hung up first")];
            let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, text)| *text).collect();
            format!("descriptor 0: terminal {}{flags}", word(path))
        }
        Step::Terminal { path, reset, hangup, clear } => {
            let done = [(hangup, "hang up"), (reset, "reset"), (clear, "free or clear")];
            let done: Vec<&str> = done.iter().filter(|(on, _)| *on).map(|(_, text)| *text).collect();
            format!("terminal {}: {}", word(path), done.join(", "))
        }
        Step::Dup { from, to } => format!("descriptor {to}: as descriptor {from}"),
        Step::Limit { resource, soft, hard } => {
            format!("limit {}: {}:{}", resource_name(resource), amount(soft), amount(hard))
        }
        Step::Umask { mask } => format!("umask {mask:04o}"),
        Step::Nice { value } => format!("nice {value}"),
        Step::OomScore { value } => format!("OOM score {value}"),
        Step::Cgroup { path, required } => {
            format!("join cgroup {}{}", word(path), if required { "" } else { " (if possible)" })
        }
        Step::Groups { ids } => {
            let ids: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
            format!("groups {}", if ids.is_empty() { "none".into() } else { ids.join(" ") })
        }
        Step::Gid { id } => format!("group {id}"),
        Step::Uid { id } => format!("user {id}"),
        Step::Chroot { path } => format!("root folder {}", word(path)),
        Step::Chdir { path, optional } => {
            format!("folder {}{}", word(path), if optional { " (if it exists)" } else { "" })
        }
        Step::PidEnv { name } => format!("environment: {}: its own pid", word(name)),
        Step::Set { what, value } => setting(what, value),
        Step::Scheduler { policy, priority } => {
            let reset = if policy & 0x4000_0000 != 0 { ", reset in children" } else { "" };
            let name = ["other", "fifo", "rr", "batch", "", "idle"];
            let name = usize::try_from(policy & 0xffff).ok().and_then(|p| name.get(p)).copied().unwrap_or("?");
            format!("scheduling policy {name}, priority {priority}{reset}")
        }
        Step::Affinity { cpus } => {
            let set = cpus.as_bytes().iter().enumerate().flat_map(|(n, byte)| {
                (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| (n * 8 + bit).to_string())
            });
            format!("CPUs {}", set.collect::<Vec<_>>().join(" "))
        }
        Step::Folder { base, name, mode, uid, gid, always } => {
            let owner = |id: u32| if id == u32::MAX { "as it is".to_owned() } else { id.to_string() };
            let rest = match (uid, gid) {
                _ if !always => ", left as it is if it is there".to_owned(),
                (u32::MAX, u32::MAX) => String::new(),
                _ => format!(", user {}, group {}", owner(uid), owner(gid)),
            };
            format!("make the folder {}/{}, mode {mode:04o}{rest}", word(base), word(name))
        }
        Step::Link { base, name, target } => {
            format!("make the link {}/{} to {}", word(base), word(name), word(target))
        }
        Step::Remove { base, name } => format!("remove {}/{}", word(base), word(name)),
        Step::End => "end".into(),
        Step::Exec { program, args, env } => {
            // The steps before have said what comes into these.
            let told = |entry: &&CStr| !super::environment::is_filled_in(entry);
            lines.extend(env.iter().filter(told).map(|entry| format!("environment: {}", word(entry))));
            let args: Vec<String> = args.iter().map(word).collect();
            format!("execute {} as: {}", word(program), args.join(" "))
        }
    };
    lines.push(text);
}

fn setting(what: Setting, value: u64) -> String {
    let capabilities = |set: u64| {
        let names: Vec<_> = (0..63).filter(|n| set >> n & 1 == 1).map(capability_name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" ") }
    };
    match what {
        Setting::IoPriority => format!("I/O priority: class {}, level {}", value >> 13, value & 0x1fff),
        Setting::TimerSlack => format!("timer slack {value} ns"),
        Setting::Personality => format!("personality {value:#x}"),
        Setting::SecureBits => format!("secure bits {value:#x}"),
        Setting::BoundingSet if value >> 63 == 1 => format!("capabilities: all but {}", capabilities(!value)),
        Setting::BoundingSet => format!("capabilities: at most {}", capabilities(value)),
        Setting::AmbientSet => format!("ambient capabilities: {}", capabilities(value)),
        Setting::KeepCapabilities => "keep capabilities over the change of the user".into(),
        Setting::NoNewPrivileges => "no new privileges".into(),
        Setting::CoredumpFilter => format!("core dump filter {value:#x}"),
        Setting::Keyring if value == 0 => "a session keyring of its own".into(),
        Setting::Keyring => "a session keyring of its own, with the user's linked into it".into(),
        Setting::MemoryMerge => format!("merge equal memory: {}", if value == 0 { "no" } else { "yes" }),
    }
}

fn word(text: &CStr) -> String {
    quote(&text.to_string_lossy()).replace("%%", "%")
}

fn mode(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Append => "append",
        Access::Truncate => "empty it, write",
        Access::ReadWrite => "read and write",
    }
}

fn amount(value: u64) -> String {
    if value == u64::MAX { "infinity".into() } else { value.to_string() }
}

/// Limits by number, as on all machines but Alpha, MIPS and SPARC.
const RESOURCES: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

fn resource_name(resource: u32) -> String {
    let name = usize::try_from(resource).ok().and_then(|r| RESOURCES.get(r));
    name.map_or_else(|| resource.to_string(), |n| (*n).to_owned())
}
