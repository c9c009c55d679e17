//! Looking at processes by `/proc`.

use std::fs;

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|p| field(*p, "PPid:").is_some_and(|f| f.parse() == Ok(pid))).collect()
}

/// Whether there is such a process that isn't a zombie.
pub fn exists(pid: i32) -> bool {
    field(pid, "State:").is_some_and(|state| !state.starts_with('Z'))
}

fn field(pid: i32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned())
}

/// Of the processes below `initctl sandbox`: the keeper and the sandbox's PID 1.
pub fn find_init(initctl: u32) -> Option<(i32, i32)> {
    let initctl = i32::try_from(initctl).ok()?;
    let pairs = children(initctl).into_iter().flat_map(|k| children(k).into_iter().map(move |c| (k, c)));
    pairs.into_iter().find(|(_, c)| field(*c, "NSpid:").is_some_and(|ids| ids.split_whitespace().last() == Some("1")))
}
