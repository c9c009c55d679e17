//! A real PID 1 in a PID namespace, with the test as its manager.
//!
//! The program that stands in for `init-manager` hands its end of the socket to the test, which speaks the frames
//! itself. Everything dies with the test: `unshare --kill-child`, a parent-death signal, and `Drop`.

use init::proto::pid1::{BUNDLE, Event, Exit, FRAME_LEN, Key, Life, Name, Request, VERSION};
use init::proto::plan::{Plan, Step, Strings, strings};
use init::sys::seqpacket::{self, Fds, Received};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, accept4, bind, listen, socket};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// How the PID 1 is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Under a filter that answers this errno to the newer calls.
    pub filter: Option<i32>,
    /// As this user, in a user namespace.
    pub user: Option<u32>,
    /// In a root with nothing but the two programs, descriptors 0–2 closed, no `/proc`.
    pub bare: bool,
    /// As `bare`, with this terminal as its console and the tests' helper as this program.
    pub console: Option<(PathBuf, &'static str)>,
    /// Executed by somebody who ignores SIGCHLD.
    pub ignored: bool,
    /// Not as PID 1, but as a subreaper in a namespace where a shell is PID 1.
    pub subreaper: bool,
}

/// A PID namespace with our PID 1 in it.
#[derive(Debug)]
pub struct World {
    /// Folder with the two programs.
    pub dir: PathBuf,
    helper: PathBuf,
    subreaper: bool,
    listener: OwnedFd,
    child: Child,
}

/// A manager: the test's view of it.
#[derive(Debug)]
pub struct Manager {
    /// Its pid, as this process sees it.
    pub pid: i32,
    /// What it said when it started: its pid in the namespace, the limit on open files.
    pub said: String,
    socket: OwnedFd,
    /// Events that came with one that was told already.
    bundle: RefCell<VecDeque<Event>>,
    test: OwnedFd,
}

/// Builds `init` and says where it is.
pub fn init_program() -> PathBuf {
    static BUILT: Once = Once::new();
    let own = std::env::current_exe().expect("own path");
    let folder = own.ancestors().nth(2).expect("target folder").to_owned();
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "init", "--bin", "init"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo").success(), "init doesn't build");
    });
    folder.join("init")
}

/// Copies a program, in another process: a descriptor of ours for writing could be held by a child that another test
/// is just forking, and then nobody may execute the copy.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().expect("cp").success());
}

/// Waits until `holds`, looking again every few milliseconds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        let _ = poll(&mut [], PollTimeout::from(5u8));
    }
}

fn readable(fd: BorrowedFd<'_>, end: Instant) -> bool {
    let left = end.saturating_duration_since(Instant::now()).as_millis();
    let mut wait = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut wait, PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX))).is_ok_and(|n| n > 0)
}

impl World {
    /// Starts PID 1. `helper`: the tests' helper program.
    pub fn start(helper: &str, options: &Options) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rung-pid1-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&dir).expect("folder");
        copy_program(&init_program(), &dir.join("init"));
        copy_program(Path::new(helper), &dir.join("init-manager"));
        let flags = SockFlag::SOCK_CLOEXEC;
        let listener = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("socket");
        bind(listener.as_raw_fd(), &UnixAddr::new_abstract(name.as_bytes()).expect("address")).expect("bind");
        listen(&listener, Backlog::new(8).expect("backlog")).expect("listen");

        let mut words: Vec<String> = ["unshare", "--pid", "--fork", "--kill-child", "--mount"].map(String::from).into();
        let path = |p: &Path| p.to_str().expect("UTF-8").to_owned();
        if options.user.is_some() {
            words.extend(["--user", "--map-current-user"].map(String::from));
        }
        if !options.bare && options.console.is_none() {
            words.push("--mount-proc".into());
        }
        if let Some(errno) = options.filter {
            words.extend([path(Path::new(helper)), "filter".into(), errno.to_string()]);
        }
        if let Some((terminal, program)) = &options.console {
            let program = dir.join(program);
            for folder in [dir.join("dev").as_path(), program.parent().expect("folder")] {
                std::fs::create_dir_all(folder).expect("folder");
            }
            std::fs::write(dir.join("dev/console"), "").expect("console");
            copy_program(Path::new(helper), &program);
            let script =
                "mount --bind \"$1\" \"$0/dev/console\" && exec chroot \"$0\" /init a b <&- >&- 2>&-".to_owned();
            words.extend(["sh".into(), "-c".into(), script, path(&dir), path(terminal)]);
        } else if options.bare {
            let script = "exec chroot \"$0\" /init a b <&- >&- 2>&-".to_owned();
            words.extend(["sh".into(), "-c".into(), script, path(&dir)]);
        } else if options.subreaper {
            let script = "\"$0\" --subreaper -- a; exit $?".to_owned();
            words.extend(["sh".into(), "-c".into(), script, path(&dir.join("init"))]);
        } else {
            if options.ignored {
                words.extend(["env", "--ignore-signal=CHLD"].map(String::from));
            }
            words.extend([path(&dir.join("init")), "a".into(), "b".into()]);
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("RUNG_TEST_SOCKET", &name).stdin(std::process::Stdio::null());
        if let Some(user) = options.user {
            command.uid(user).gid(user);
        }
        // SAFETY: one system call, which a forked child may make.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.spawn().expect("unshare");
        Self { dir, helper: helper.into(), subreaper: options.subreaper, listener, child }
    }

    /// The next manager that PID 1 starts.
    pub fn manager(&self) -> Manager {
        let end = Instant::now() + PATIENCE;
        assert!(readable(self.listener.as_fd(), end), "no manager was started");
        let raw = accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).expect("accept");
        // SAFETY: the kernel has just given us this descriptor.
        let test = unsafe { OwnedFd::from_raw_fd(raw) };
        let mut said = [0; 64];
        assert!(readable(test.as_fd(), end));
        let Ok(Received::Packet(length, mut fds)) = seqpacket::recv(test.as_fd(), &mut said) else {
            panic!("the manager said nothing")
        };
        let peer = nix::sys::socket::getsockopt(&test, nix::sys::socket::sockopt::PeerCredentials).expect("peer");
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        Manager { pid: peer.pid(), said, socket: fds.take(0).expect("socket"), bundle: RefCell::default(), test }
    }

    /// A manager that has been welcomed, and the welcome.
    pub fn greeted(&self) -> (Manager, Event) {
        let manager = self.manager();
        manager.send(Request::Hello { version: VERSION });
        let welcome = manager.expect("welcome", |event, _| matches!(event, Event::Welcome { .. }).then_some(event));
        (manager, welcome)
    }

    /// PID 1, as this process sees it.
    pub fn pid1(&self) -> i32 {
        let child = |pid: i32| -> i32 {
            let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("children");
            text.split_whitespace().next().expect("child").parse().expect("pid")
        };
        let first = child(self.child.id() as i32);
        if self.subreaper { child(first) } else { first }
    }

    /// The helper program.
    pub fn helper(&self) -> &str {
        self.helper.to_str().expect("UTF-8")
    }

    /// Sends PID 1 a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid1()), signal).expect("kill");
    }

    /// Processes in the namespace.
    pub fn processes(&self) -> Vec<i32> {
        let entries = std::fs::read_dir(format!("/proc/{}/root/proc", self.pid1())).expect("proc");
        entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
    }

    /// The status with which PID 1 ended.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        until("the end of PID 1", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("it has ended")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // `--kill-child` takes PID 1 along, and that its namespace.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// What a sync tells: slots, parked names, highest token.
pub type Synced = (BTreeMap<Key, (i32, Life)>, Vec<(u64, String)>, u64);

/// The key most tests use.
pub fn key(token: u64) -> Key {
    Key { token, step: 0 }
}

/// A plan that executes a program, in a session of its own with no signal blocked.
pub fn plan_of(words: &[&str]) -> Vec<u8> {
    plan_with(&[Step::Session, Step::Signals { ignore: 0 }], words)
}

/// A plan with these steps before the program.
pub fn plan_with(steps: &[Step<'_>], words: &[&str]) -> Vec<u8> {
    let (program, args) = (CString::new(words[0]).expect("no NUL"), strings(words.iter().copied()));
    let env = strings(["PATH=/usr/bin:/bin"]);
    let mut plan = Plan::default();
    for step in steps {
        plan.push(*step);
    }
    plan.push(Step::Exec { program: &program, args: Strings::new(&args), env: Strings::new(&env) });
    plan.finish().expect("short")
}

/// A file with this content.
pub fn memory(bytes: &[u8]) -> OwnedFd {
    let fd = init::sys::memfd::create(c"plan").expect("memfd");
    assert_eq!(nix::unistd::write(&fd, bytes).expect("write"), bytes.len());
    init::sys::memfd::seal(fd.as_fd()).expect("seal");
    fd
}

impl Manager {
    /// Sends a request.
    pub fn send(&self, request: Request) {
        self.send_with(request, &[]);
    }

    /// Sends a request and descriptors, waiting for room.
    pub fn send_with(&self, request: Request, fds: &[BorrowedFd<'_>]) {
        let end = Instant::now() + PATIENCE;
        loop {
            match seqpacket::send(self.socket.as_fd(), &request.encode(), fds) {
                Err(Errno::EAGAIN) => {
                    assert!(Instant::now() < end, "PID 1 doesn't read");
                    let _ = poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)], PollTimeout::from(100u8));
                }
                result => return result.expect("send"),
            }
        }
    }

    /// Sends bytes that are no frame.
    pub fn send_garbage(&self, bytes: &[u8]) {
        seqpacket::send(self.socket.as_fd(), bytes, &[]).expect("send");
    }

    /// The next event.
    pub fn event(&self) -> (Event, Fds) {
        if let Some(event) = self.bundle.borrow_mut().pop_front() {
            return (event, Fds::default());
        }
        assert!(readable(self.socket.as_fd(), Instant::now() + PATIENCE), "PID 1 says nothing");
        let mut frames = [0; FRAME_LEN * BUNDLE];
        match seqpacket::recv(self.socket.as_fd(), &mut frames).expect("receive") {
            Received::Packet(length, fds) => {
                let (frames, rest) = frames[..length].as_chunks::<FRAME_LEN>();
                assert!(rest.is_empty() && (frames.len() == 1 || fds.is_empty()), "{length} bytes");
                let mut events = frames.iter().map(|frame| Event::decode(frame).expect("event"));
                let first = events.next().expect("an event");
                self.bundle.borrow_mut().extend(events);
                (first, fds)
            }
            Received::Closed => panic!("PID 1 has hung up"),
        }
    }

    /// How many more events came in one packet with the one told last.
    pub fn bundled(&self) -> usize {
        self.bundle.borrow().len()
    }

    fn ask(&self) -> u64 {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let token = u64::from(ASKED.fetch_add(1, Ordering::Relaxed)) + (1 << 40);
        self.send(Request::Fetch { token, name: Name::new("nothing") });
        token
    }

    /// Whether PID 1 says nothing but the answer to a question asked now.
    pub fn quiet(&self) -> bool {
        let asked = self.ask();
        matches!(self.event().0, Event::Fd { token, .. } if token == asked)
    }

    /// Waits for the answer to a question asked now.
    pub fn answered(&self) {
        let asked = self.ask();
        self.expect("answer", |event, _| matches!(event, Event::Fd { token, .. } if token == asked).then_some(()));
    }

    /// Waits for the first event that `wanted` takes.
    pub fn expect<T>(&self, what: &str, mut wanted: impl FnMut(Event, Fds) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "not in time: {what}");
            let (event, fds) = self.event();
            if let Some(found) = wanted(event, fds) {
                return found;
            }
        }
    }

    /// Asks for a process.
    pub fn spawn(&self, key: Key, words: &[&str]) {
        self.spawn_plan(key, &plan_of(words), &[]);
    }

    /// Asks for a process with this plan and these descriptors.
    pub fn spawn_plan(&self, key: Key, plan: &[u8], fds: &[BorrowedFd<'_>]) {
        let plan = memory(plan);
        let all: Vec<_> = std::iter::once(plan.as_fd()).chain(fds.iter().copied()).collect();
        self.send_with(Request::Spawn { key, cgroup: false }, &all);
    }

    /// Waits until the slot runs; its pid in the namespace.
    pub fn running(&self, wanted: Key) -> i32 {
        self.expect("running", |event, _| match event {
            Event::Slot { key, pid, life: Life::Running, .. } if key == wanted => Some(pid),
            Event::Slot { key, life: Life::Over(exit), .. } if key == wanted => panic!("over: {exit:?}"),
            _ => None,
        })
    }

    /// Waits for the end of the slot.
    pub fn over(&self, wanted: Key) -> Exit {
        self.expect("the end", |event, _| match event {
            Event::Slot { key, life: Life::Over(exit), .. } if key == wanted => Some(exit),
            _ => None,
        })
    }

    /// Waits for the refusal of a request; its errno.
    pub fn refused(&self) -> (Key, Errno) {
        self.expect("refusal", |event, _| match event {
            Event::Refused { key, errno, .. } => Some((key, Errno::from_raw(errno))),
            _ => None,
        })
    }

    /// Syncs: slots, parked names, highest token.
    pub fn sync(&self) -> Synced {
        let (mut slots, mut parked) = (BTreeMap::new(), Vec::new());
        self.send(Request::Sync);
        let highest = self.expect("end of sync", |event, _| match event {
            Event::Slot { key, pid, life, .. } => {
                slots.insert(key, (pid, life));
                None
            }
            Event::Parked { token, name } => {
                parked.push((token, name.as_str().to_owned()));
                None
            }
            Event::SyncEnd { highest_token } => Some(highest_token),
            _ => None,
        });
        (slots, parked, highest)
    }

    /// Sends the manager itself a signal.
    pub fn kill(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid), signal).expect("kill");
    }

    /// Makes the manager exit with this status.
    pub fn exit(self, status: u8) {
        seqpacket::send(self.test.as_fd(), &[status], &[]).expect("send");
    }
}
