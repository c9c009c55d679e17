//! The first steps of a PID 1: descriptors 0–2, API file systems, console, limits. Everything here may fail; nothing
//! that fails is fatal. Runs once, not after PID 1 has executed itself anew.

use crate::sys::mount::Flags;
use crate::sys::{args, child, console, mount, namespace, process, random, reboot, stdio};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, SFlag, makedev, mknod, stat, umask};
use nix::unistd::{getpid, setsid};
use std::os::unix::fs::symlink;
use std::path::Path;

/// What [`prepare`] found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Not the init of a machine: in a PID namespace of its own, or not PID 1 (a subreaper).
    pub container: bool,
    /// Which of descriptors 0, 1 and 2 were open at the start; the others are `/dev/null` or a dead end now.
    pub stdio: [bool; 3],
    /// `RLIMIT_NOFILE`, soft and hard, as it was: what services get.
    pub nofile: (u64, u64),
    /// What could not be mounted though it was missing.
    pub failed: Vec<(&'static str, Errno)>,
}

/// A file system that programs expect.
struct Api {
    path: &'static str,
    kind: &'static str,
    flags: Flags,
    options: &'static str,
}

const NO_EXEC: Flags = Flags::MS_NOSUID.union(Flags::MS_NODEV).union(Flags::MS_NOEXEC);
const NO_DEV: Flags = Flags::MS_NOSUID.union(Flags::MS_NODEV);
const PROC: Api = Api { path: "/proc", kind: "proc", flags: NO_EXEC, options: "" };
const DEV: Api = Api { path: "/dev", kind: "devtmpfs", flags: Flags::MS_NOSUID, options: "mode=755" };
/// In the order they are mounted.
const MACHINE: [Api; 6] = [
    Api { path: "/sys", kind: "sysfs", flags: NO_EXEC, options: "" },
    DEV,
    Api {
        path: "/dev/pts",
        kind: "devpts",
        flags: Flags::MS_NOSUID.union(Flags::MS_NOEXEC),
        options: "mode=620,ptmxmode=666,gid=5",
    },
    Api { path: "/dev/shm", kind: "tmpfs", flags: NO_DEV, options: "mode=1777" },
    Api { path: "/run", kind: "tmpfs", flags: NO_DEV, options: "mode=755" },
    // Without `favordynmods` (Linux 6.0) the move of each service into its cgroup waits for all processors, 10 to 20 ms.
    Api { path: "/sys/fs/cgroup", kind: "cgroup2", flags: NO_EXEC, options: "nsdelegate,favordynmods" },
];

/// Makes the process a PID 1 that others can live under.
pub fn prepare() -> Setup {
    let stdio = stdio::which_are_open();
    // Before anything is opened: else it would get one of these numbers.
    let _ = stdio::fill(stdio);
    umask(Mode::from_bits_truncate(0o022));
    // The kernel gives its first process HOME and TERM only.
    args::set_default("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let mut setup = Setup { container: false, stdio, nofile: raise_nofile(), failed: Vec::new() };
    let is_init = getpid().as_raw() == 1;
    if is_init {
        // Also where this turns out to be a container: without it nothing can be told.
        setup.mount(&PROC);
    }
    setup.container = !is_init || is_container();
    if !setup.container {
        for api in &MACHINE {
            setup.mount(api);
        }
        link_dev();
        let _ = console::make_sane(Path::new(console::CONSOLE));
        gather_randomness();
    }
    // `/dev/null` may be there now.
    let _ = stdio::fill(stdio);
    if is_init && (!setup.container || !has_terminal()) {
        // Fails where it leads a session already, which is as good.
        let _ = setsid();
    }
    setup
}

/// Asks for a signal on Ctrl-Alt-Del on the way, which only a machine's init gets.
fn is_container() -> bool {
    let ctrl_alt_del = reboot::ctrl_alt_del_is_a_signal();
    match namespace::is_initial_pid() {
        Some(initial) => !initial,
        // No /proc, and none to be had. In another namespace than the initial one that request is refused.
        None => ctrl_alt_del.is_err(),
    }
}

/// Whether there is a controlling terminal: a foreground command needs it, and a new session would lose it.
fn has_terminal() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    open("/dev/tty", flags, Mode::empty()).is_ok()
}

impl Setup {
    fn mount(&mut self, api: &Api) {
        let path = Path::new(api.path);
        if mount::is_mounted(path) {
            return;
        }
        let mut done = mount::virtual_fs(api.kind, path, api.flags, api.options);
        // Options the kernel doesn't know: the last ones go first.
        let mut options = api.options;
        while done.is_err() && !options.is_empty() {
            options = options.rsplit_once(',').map_or("", |(fewer, _)| fewer);
            done = mount::virtual_fs(api.kind, path, api.flags, options);
        }
        if done.is_err() && api.path == DEV.path {
            done = make_dev();
        }
        if let Err(e) = done {
            self.failed.push((api.path, e));
        }
    }
}

/// `/dev` by hand where there is no devtmpfs: a tmpfs unless device nodes are there, then what programs can't do
/// without.
fn make_dev() -> Result<(), Errno> {
    let is_device = |path: &str| stat(path).is_ok_and(|s| s.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFCHR.bits());
    if !is_device("/dev/null") {
        mount::virtual_fs("tmpfs", Path::new("/dev"), Flags::MS_NOSUID, "mode=755")?;
    }
    let nodes = [
        ("/dev/null", 0o666, (1, 3)),
        ("/dev/zero", 0o666, (1, 5)),
        ("/dev/full", 0o666, (1, 7)),
        ("/dev/random", 0o666, (1, 8)),
        ("/dev/urandom", 0o666, (1, 9)),
        ("/dev/kmsg", 0o600, (1, 11)),
        ("/dev/tty", 0o666, (5, 0)),
        ("/dev/console", 0o600, (5, 1)),
        ("/dev/ptmx", 0o666, (5, 2)),
    ];
    // The umask would take the others' right to write.
    let before = umask(Mode::empty());
    let mut done = Ok(());
    for (path, mode, (major, minor)) in nodes {
        let made = mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(mode), makedev(major, minor));
        done = done.and(made.or_else(|e| if e == Errno::EEXIST { Ok(()) } else { Err(e) }));
    }
    umask(before);
    done
}

/// The links that scripts expect in `/dev` and the kernel doesn't make.
fn link_dev() {
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ] {
        let _ = symlink(target, link);
    }
}

/// Where the processor has no random numbers to give, the first program that asks the kernel for some waits a second while
/// it makes them. A child asks now, so that they are there when level S comes to the seed and to the network; it runs
/// only when nobody else wants to.
fn gather_randomness() {
    if random::is_awaited() {
        let _ = child::fork_work(|| {
            process::be_last();
            random::wait();
            0
        });
    }
}

/// Room for the descriptors of many services; gives back what the limit was.
fn raise_nofile() -> (u64, u64) {
    const WANTED: u64 = 1 << 20;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return (1024, 4096) };
    let most = hard.max(WANTED);
    if setrlimit(Resource::RLIMIT_NOFILE, most, most).is_err() {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    (soft, hard)
}
