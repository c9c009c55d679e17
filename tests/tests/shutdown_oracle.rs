//! sysvinit's own `shutdown`, `halt`, `poweroff` and `reboot`, as Debian compiles them, beside Rung's, where another init is
//! PID 1: the same command line comes to the same words, files, records and requests. Rung may say more, never less.
//!
//! Each is run as root of a PID namespace of its own, where what ends a machine ends the namespace.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is all test code")]

use compat_sysv::fifo::{self, Request};
use compat_sysv::utmp::{Kind, LEN, Record};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use rung_tests::debian;
use rung_tests::world::{Rootfs, code, container, programs};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

/// What the root looks like before: a level in utmp, and what else a case needs. Then the command line.
const SHUTDOWN: &[(char, &str, &str)] = &[
    ('3', "", "shutdown"),
    ('3', "", "shutdown xx"),
    ('3', "", "shutdown -h"),
    ('3', "", "shutdown -P now"),
    ('3', "", "shutdown -r -H now"),
    ('3', "", "shutdown -i 9 now"),
    ('3', "", "shutdown 24:00"),
    ('3', "", "shutdown 12:60"),
    ('3', "", "shutdown now"),
    ('3', "", "shutdown -h now"),
    ('3', "", "shutdown -h -P now"),
    ('3', "", "shutdown -h -H +0"),
    ('3', "", "shutdown -hP 0 save your work"),
    ('3', "", "shutdown -r now"),
    ('3', "", "shutdown -r -t 7 now"),
    ('3', "", "shutdown -t 9 -h now bye"),
    ('3', "", "shutdown -i 5 now"),
    ('3', "", "shutdown -i 0 now"),
    ('3', "", "shutdown -i 6 now"),
    ('3', "", "shutdown -i a now"),
    ('3', "", "shutdown -g now -h"),
    ('3', "", "shutdown -y -i 6 -g now"),
    ('3', "", "shutdown -k now"),
    ('3', "", "shutdown -k -r now just so"),
    ('3', "", "shutdown -q -h now"),
    ('3', "", "shutdown -Q -h now"),
    ('3', "", "shutdown -f -h now"),
    ('3', "", "umask 0; shutdown -F -r now"),
    ('3', "", "shutdown -a -k now"),
    ('3', "echo berta >/etc/shutdown.allow", "shutdown -a -k now"),
    ('3', "", "shutdown -c"),
    ('3', "echo 99999 >/run/shutdown.pid", "shutdown -c never mind"),
    ('3', "", "setpriv --reuid=65534 --clear-groups shutdown now"),
    (
        '3',
        "",
        "umask 077; shutdown -h +3 soon & until [ -e /run/nologin ]; do sleep 0.1; done; sleep 0.3; shutdown +9; echo $?; \
         ls -l /run/nologin | { read mode rest; echo $mode; }; shutdown -c not now; wait $!; echo $?; ls /run",
    ),
    (
        '3',
        "",
        "shutdown +7 & until [ -s /run/shutdown.pid ]; do sleep 0.1; done; sleep 0.3; ls /run; shutdown -c; wait $!",
    ),
];

const HALT: &[(char, &str, &str)] = &[
    ('3', "", "halt -x"),
    ('3', "", "reboot now"),
    ('3', "", "halt -w"),
    ('0', "", "poweroff -w"),
    ('3', "", "halt"),
    ('3', "", "halt -p"),
    ('3', "rm -f /run/utmp", "halt"),
    ('3', ": >/run/utmp", "reboot"),
    ('3', "", "poweroff"),
    ('3', "", "reboot"),
    ('3', "", "reboot -p"),
    ('3', "", "poweroff -t 8"),
    ('3', "", "setpriv --reuid=65534 --clear-groups halt"),
    ('3', "", "INIT_VERSION=sysvinit-3.06 RUNLEVEL=5 halt"),
    ('0', "", "halt"),
    ('0', "", "halt -d -f -i -p -h"),
    ('0', "", "poweroff"),
    ('6', "", "reboot"),
    ('6', "", "reboot -d -f -i"),
    ('0', "", "INIT_VERSION=sysvinit-3.06 RUNLEVEL=3 poweroff"),
    ('3', "", "INIT_VERSION=sysvinit-3.06 RUNLEVEL=6 reboot"),
    ('3', "", "halt -f"),
    ('3', "", "poweroff -f -d"),
    ('3', "", "reboot -f"),
    ('3', "", "reboot -f -n"),
    ('3', "", "shutdown -n now"),
    ('3', "", "sleep 9999 & shutdown -n -h now"),
    ('3', "", "shutdown -n -t 1 -r now"),
];

/// What a command line has come to.
#[derive(Debug)]
struct Seen {
    done: Done,
    terminal: Vec<String>,
    said: Vec<String>,
    syslog: Vec<String>,
}

impl Seen {
    /// Whether this is as sysvinit has it.
    fn is_as(&self, theirs: &Self) -> bool {
        // Of any level but 0 sysvinit logs a reboot; Rung says where to.
        let elsewhere = |request: &String| request.starts_with("level ") && !request.contains(['0', '6']);
        let logs = self.done.requests.iter().any(elsewhere) || theirs.syslog.iter().all(|l| self.syslog.contains(l));
        // Who tells the others is a child of sysvinit's, that is killed where all are.
        let told = self.terminal == theirs.terminal || (theirs.terminal.is_empty() && theirs.done.code > 128);
        self.done == theirs.done && told && logs && theirs.said.iter().all(|line| self.said.contains(line))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Done {
    code: i32,
    requests: Vec<String>,
    files: Vec<String>,
    records: Vec<String>,
}

/// A record of utmp.
fn record(kind: Kind, user: &str, line: &str, pid: i32) -> Record {
    Record { kind, user: user.into(), line: line.into(), pid, ..Record::boot((7, 0)) }
}

struct Machine {
    rootfs: Rootfs,
    shown: File,
    terminal: String,
    _slave: std::os::fd::OwnedFd,
}

impl Machine {
    fn new(theirs: &Path) -> Self {
        let rootfs =
            Rootfs::new().program("/usr/bin/setpriv").file("sbin/init", "#!/bin/sh\necho \"$*\" >>/asked\n", 0o755);
        let rootfs = rootfs.file("dev/tty9", "", 0o600).file("dev/null", "", 0o666);
        let root = rootfs.path();
        for folder in ["theirs", "ours", "var/log"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        symlink("../run", root.join("var/run")).unwrap();
        for tool in ["shutdown", "halt"] {
            rootfs.give(&theirs.join(tool), &format!("/theirs/{tool}"));
        }
        for tool in ["poweroff", "reboot"] {
            symlink("halt", root.join("theirs").join(tool)).unwrap();
        }
        rung_tests::copy_program(programs().join("sysv"), root.join("ours/sysv")).unwrap();
        for tool in ["shutdown", "halt", "poweroff", "reboot"] {
            symlink("sysv", root.join("ours").join(tool)).unwrap();
        }
        let pty = nix::pty::openpty(None, None).unwrap();
        let terminal = nix::unistd::ttyname(&pty.slave).unwrap().display().to_string();
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        Self { rootfs, shown: pty.master.into(), terminal, _slave: pty.slave }
    }

    fn run(&mut self, side: &str, (level, setup, line): (char, &str, &str)) -> Seen {
        let root = self.rootfs.path();
        for left in ["sbin/shutdown", "asked", "fastboot", "forcefsck", "etc/shutdown.allow", "dev/log"] {
            let _ = fs::remove_file(root.join(left));
        }
        let _ = fs::remove_dir_all(root.join("run"));
        fs::create_dir(root.join("run")).unwrap();
        symlink(format!("/{side}/shutdown"), root.join("sbin/shutdown")).unwrap();
        let in_level = record(Kind::RunLevel, "runlevel", "~", i32::from(u8::try_from(level).unwrap()));
        let utmp = [in_level, record(Kind::UserProcess, "anna", "tty9", 1)];
        fs::write(root.join("run/utmp"), utmp.map(|r| r.encode()).concat()).unwrap();
        fs::write(root.join("var/log/wtmp"), "").unwrap();
        let fifo = root.join("run/initctl");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        let flags = OFlag::O_NONBLOCK.bits();
        let mut fifo = OpenOptions::new().read(true).write(true).custom_flags(flags).open(fifo).unwrap();
        let log = UnixDatagram::bind(root.join("dev/log")).unwrap();
        log.set_nonblocking(true).unwrap();

        let inside = "cd \"$0\" && mount --bind /dev/null dev/null && mount --bind \"$1\" dev/tty9 && \
                      mount -t proc proc proc && exec chroot . /bin/sh -c \"$2\"";
        // sysvinit leaves the telling to a child, which would end with PID 1.
        let text = format!("cd /; PATH=/{side}:/bin:/usr/bin; {setup}\n{line}\ncode=$?; sleep 0.3; exit $code");
        // `halt -i` takes all network interfaces down.
        let mut command = container::unshare(&["--net"]);
        command.args(["sh", "-c", inside]).arg(&root).arg(&self.terminal).arg(text);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("RUNG_RUNDIR", "/run/rung");
        let out = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();

        let mut requests = Vec::new();
        let mut bytes = [0; fifo::LEN];
        while fifo.read(&mut bytes).is_ok_and(|n| n == fifo::LEN) {
            requests.push(match Request::decode(&bytes).unwrap() {
                Request::SetEnv(list) => list.join(" "),
                Request::RunLevel { level, sleep_time } => asked(&format!("-t {sleep_time} {}", char::from(level))),
                other => format!("{other:?}"),
            });
        }
        requests.extend(fs::read_to_string(root.join("asked")).unwrap_or_default().lines().map(asked));
        let mut syslog = Vec::new();
        let mut bytes = [0; 1024];
        while let Ok(length) = log.recv(&mut bytes) {
            syslog.push(logged(&String::from_utf8_lossy(&bytes[..length])));
        }
        let mut shown = Vec::new();
        let _ = self.shown.read_to_end(&mut shown);
        let files = ["run/nologin", "etc/nologin", "fastboot", "forcefsck"].into_iter();
        let files = files.filter_map(|name| {
            let found = fs::metadata(root.join(name)).ok()?;
            Some(format!("{name} {:o} {}", found.mode() & 0o7777, found.len()))
        });
        let wtmp = fs::read(root.join("var/log/wtmp")).unwrap();
        let records = wtmp.chunks_exact(LEN).filter_map(Record::decode);
        let done = Done {
            code: code(out.status),
            requests,
            files: files.collect(),
            records: records.map(|r| format!("{:?} {} {} {} {}", r.kind, r.id, r.line, r.user, r.pid)).collect(),
        };
        Seen { done, terminal: plain(&shown), said: plain(&[out.stdout, out.stderr].concat()), syslog }
    }
}

/// `-t SECONDS LEVEL` or `LEVEL`, as init is called: with the seconds that count.
fn asked(words: &str) -> String {
    let seconds = words.strip_prefix("-t ").and_then(|rest| rest.split_once(' '));
    let (seconds, level) = seconds.unwrap_or(("3", words));
    format!("level {level}, {seconds} s")
}

/// Priority, name and text, without time and pid.
fn logged(line: &str) -> String {
    let (head, text) = line.split_once("]: ").unwrap_or(("", line));
    let name = head.rsplit([' ', '>']).next().unwrap_or_default().split('[').next().unwrap_or_default();
    format!("{}{name}: {}", line.split_inclusive('>').next().unwrap_or_default(), text.trim_end())
}

/// The lines, without what is different at each call, and up to how it is to be used.
fn plain(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).replace(['\r', '\x07'], "");
    let lines = text.lines().map(str::trim_end).take_while(|line| !line.to_lowercase().starts_with("usage:"));
    let lines = lines.filter(|line| !line.is_empty());
    let sender = |line: &str| line.starts_with("Broadcast message from root@");
    lines.map(|line| if sender(line) { "Broadcast message" } else { line }.to_owned()).collect()
}

/// Debian's package, unpacked; fetched once.
fn package() -> Result<&'static Path, &'static str> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sysvinit");
    let found = FOUND.get_or_init(|| debian::packages(&target, &["sysvinit-core"], &["./sbin"]));
    found.as_deref().map_err(|why| why.lines().next().unwrap_or_default())
}

fn compare(cases: &[(char, &str, &str)]) {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: it takes root");
    }
    let package = match package() {
        Ok(folder) => folder,
        Err(why) => return println!("skipped: sysvinit's programs: {why}"),
    };
    let mut machine = Machine::new(&package.join("sysvinit-core/sbin"));
    let mut wrong = Vec::new();
    for case in cases {
        let [theirs, ours] = ["theirs", "ours"].map(|side| machine.run(side, *case));
        if !ours.is_as(&theirs) {
            wrong.push(format!("level {}: {} {}\n  sysvinit {theirs:#?}\n  Rung {ours:#?}", case.0, case.1, case.2));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn rungs_shutdown_does_what_sysvinits_does() {
    compare(SHUTDOWN);
}

#[test]
fn rungs_halt_and_what_ends_at_once_do_what_sysvinits_do() {
    compare(HALT);
}
