//! A message to every terminal somebody is logged in on. A terminal that takes nothing is passed over.

use crate::utmp::{Kind, Record, files};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Sends `text`, under a head that says who sends it.
pub(super) fn wall(text: &str) {
    let Ok(records) = files::read(Path::new("/run/utmp")) else {
        return;
    };
    let message = compose(&sender(), text);
    for line in terminals(&records) {
        let open = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(line);
        if let Ok(mut terminal) = open {
            let _ = terminal.write_all(message.as_bytes());
        }
    }
}

/// Devices of those who are logged in. `ut_line` was written by login programs; what would leave `/dev` is no terminal.
fn terminals(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records
        .iter()
        .filter(|r| r.kind == Kind::UserProcess && !r.line.is_empty() && !r.line.starts_with('/'))
        .filter(|r| !r.line.split('/').any(|part| part == ".." || part.is_empty()))
        .map(|r| format!("/dev/{}", r.line))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

fn sender() -> String {
    let uid = nix::unistd::getuid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let tty = std::fs::read_link("/proc/self/fd/0")
        .ok()
        .and_then(|path| path.strip_prefix("/dev").ok()?.to_str().map(str::to_owned));
    let tty = tty.filter(|tty| tty.starts_with("tty") || tty.starts_with("pts/") || tty == "console");
    let tty = tty.map(|tty| format!(" ({tty})")).unwrap_or_default();
    format!("{}@{}{tty}", user.unwrap_or(&uid), host.trim())
}

/// Lines end as a terminal in raw mode needs it; other control characters don't get through.
fn compose(sender: &str, text: &str) -> String {
    let mut message = format!("\x07\x07\r\nBroadcast message from {sender}:\r\n\r\n");
    for line in text.lines() {
        message.extend(line.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }));
        message += "\r\n";
    }
    message + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_of_users_and_each_once() {
        let user = |line: &str| {
            let record = Record::init_process("1", 1, (0, 0));
            Record { kind: Kind::UserProcess, line: line.into(), ..record }
        };
        let records = [
            user("tty2"),
            user("pts/0"),
            user("tty2"),
            user("../etc/passwd"),
            user("/etc/passwd"),
            user(":0"),
            Record::init_process("2", 2, (0, 0)),
        ];
        assert_eq!(terminals(&records), ["/dev/:0", "/dev/pts/0", "/dev/tty2"]);
    }

    #[test]
    fn control_characters_stay_out() {
        let message = compose("root@host", "one\x1b[2J\ntwo");
        assert_eq!(message, "\x07\x07\r\nBroadcast message from root@host:\r\n\r\none?[2J\r\ntwo\r\n\r\n");
    }
}
