//! A message to every terminal somebody is logged in on. A terminal that takes nothing is passed over.

use super::args::Args;
use super::clock::ctime;
use super::{err, err_plain};
use crate::utmp::{Kind, Record, files};
use init::sys::syslog::{self, Priority};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(super) const HELP: &str = "NAME0 [-n] [MESSAGE... | FILE]

Writes a message to the terminal of everybody who is logged in: the words, the text of a
file, or what comes on standard input; 4096 bytes at most.

Options:
  -n, --nobanner     without the line that says who sends it (root only)
  -t, --timeout SECONDS  accepted: a terminal that takes nothing is never waited for
  -g, --group GROUP  refused: everybody is told
  --help, --version";

/// Longest message, in bytes.
const MOST: u64 = 4096;

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let wrong = |why: &str| err_plain(&format!("{name}: {why}\nUsage: {name} [-n] [MESSAGE... | FILE]"));
    // `--timeout 5` and `--timeout=5`, as util-linux's.
    let long = |arg: &String| match arg.strip_prefix("--timeout") {
        Some("") => "-t".to_owned(),
        Some(value) => value.strip_prefix('=').map_or(arg.clone(), |value| format!("-t{value}")),
        None if arg == "--group" || arg.starts_with("--group=") => "-g-".to_owned(),
        None => arg.clone(),
    };
    let args = match Args::parse(&args.iter().map(long).collect::<Vec<_>>(), "nt:g:", &[("nobanner", 'n')]) {
        Ok(args) => args,
        Err(why) => return wrong(&why),
    };
    if args.has('g') {
        return wrong("-g: it tells everybody, and no group alone");
    }
    if let Some(value) = args.value('t').filter(|value| !value.parse::<u32>().is_ok_and(|seconds| seconds > 0)) {
        return wrong(&format!("-t wants a number of seconds, and `{value}` is none"));
    }
    let read = |from: &mut dyn Read| {
        let mut bytes = Vec::new();
        from.take(MOST).read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = match args.words.as_slice() {
        [] => read(&mut std::io::stdin()),
        // As util-linux's: a file's name is its text.
        [file] if Path::new(file).is_file() => File::open(file).and_then(|mut file| read(&mut file)),
        words => Ok(words.join(" ")),
    };
    let text = match text {
        Ok(text) => text,
        Err(e) => return err(name, &format!("the message can't be read: {e}")),
    };
    let banner = !(args.has('n') && nix::unistd::geteuid().is_root());
    send(&text, banner);
    syslog::send(Priority::UserNotice, &format!("{name}[{}]", std::process::id()), text.trim());
    0
}

/// Sends `text`, under a head that says who sends it.
pub(super) fn wall(text: &str) {
    send(text, true);
}

fn send(text: &str, banner: bool) {
    let Ok(records) = files::read(Path::new("/run/utmp")) else {
        return;
    };
    let message = if banner { compose(&sender(), text) } else { body(text) };
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
    format!("{}@{}{tty} ({})", user.unwrap_or(&uid), host.trim(), ctime(files::now().0.into()))
}

/// Lines end as a terminal in raw mode needs it; other control characters don't get through.
fn compose(sender: &str, text: &str) -> String {
    format!("\x07\x07\r\nBroadcast message from {sender}:\r\n\r\n") + &body(text) + "\r\n"
}

fn body(text: &str) -> String {
    let mut message = String::new();
    for line in text.lines() {
        message.extend(line.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }));
        message += "\r\n";
    }
    message
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
