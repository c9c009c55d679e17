//! A container: `init` as PID 1 of a root directory, by plain `unshare`.

use super::{Output, Rootfs, children, code, deadline};
use init::sys::pidfd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `unshare`'s words for what is the container's own.
pub const SPACES: [&str; 5] = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"];

/// What prepares a root directory, from inside its mount namespace.
pub const PLAIN: &str = "mount --rbind /dev dev && mount -t tmpfs tmpfs run && mount -t proc proc proc";

/// `unshare` with [`SPACES`] and more, up to the command.
pub fn unshare(more: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(SPACES).args(more).arg("--").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Output {
    let out = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output { code: code(out.status), stdout: text(&out.stdout), stderr: text(&out.stderr) }
}

/// A container under way, whose output goes to a file.
#[derive(Debug)]
pub struct Container {
    /// The `unshare` around it.
    pub child: Child,
    /// Its root directory.
    pub rootfs: Rootfs,
}

impl Container {
    /// One that was started by hand; what it says goes to `out` beside the root directory.
    pub fn of(child: Child, rootfs: Rootfs) -> Self {
        Self { child, rootfs }
    }

    /// Boots `rootfs`; `script` prepares it from inside its mount namespace, `wrap` stands before `chroot`.
    pub fn boot(rootfs: Rootfs, script: &str, wrap: &[&str]) -> Self {
        Self { child: Self::started(&rootfs, script, wrap), rootfs }
    }

    fn started(rootfs: &Rootfs, script: &str, wrap: &[&str]) -> Child {
        let mut command = Self::command(rootfs, script, wrap);
        let out = fs::File::create(rootfs.beside().join("out")).expect("a file");
        command.stdout(out.try_clone().expect("a descriptor")).stderr(out);
        command.spawn().expect("unshare")
    }

    /// What boots `rootfs`, not started.
    pub fn command(rootfs: &Rootfs, script: &str, wrap: &[&str]) -> Command {
        let root = rootfs.path();
        let script = format!("cd \"$0\" && {script}\nexec \"$@\"");
        let mut command = unshare(&[]);
        command.args(["sh", "-c", &script]).arg(&root).args(wrap).arg("chroot").arg(&root).args(["/sbin/init", "3"]);
        command.env_remove("RUNG_RUNDIR");
        command
    }

    /// Ends it in order, and boots its root directory again.
    pub fn boot_again(&mut self) {
        kill(Pid::from_raw(self.init()), Signal::SIGTERM).expect("PID 1 is there");
        self.ended(Duration::from_secs(20));
        self.child = Self::started(&self.rootfs, PLAIN, &[]);
    }

    /// Boots it with [`PLAIN`].
    pub fn plain(rootfs: Rootfs) -> Self {
        Self::boot(rootfs, PLAIN, &[])
    }

    /// As with `docker run -it`; what is typed is written into the second.
    pub fn on_a_terminal(rootfs: Rootfs) -> (Self, fs::File) {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        let streams = [0, 1, 2].map(|_| pty.slave.try_clone().expect("a descriptor"));
        let [stdin, stdout, stderr] = streams;
        let mut command = Self::command(&rootfs, PLAIN, &[]);
        command.stdin(stdin).stdout(stdout).stderr(stderr).env("TERM", "vt100");
        let mut out = fs::File::create(rootfs.beside().join("out")).expect("a file");
        let child = command.spawn().expect("unshare");
        let mut shown = fs::File::from(pty.master.try_clone().expect("a descriptor"));
        // Ends when the last process at the terminal has.
        std::thread::spawn(move || std::io::copy(&mut shown, &mut out));
        (Self { child, rootfs }, pty.master.into())
    }

    /// Its PID 1, by the pid it has here.
    pub fn init(&self) -> i32 {
        let unshare = i32::try_from(self.child.id()).expect("a pid");
        self.wait_for("PID 1", |_| children(unshare).first().copied())
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.rootfs.beside().join("out")).unwrap_or_default()).into_owned()
    }

    /// Looks again and again until there is something; panics when that takes too long.
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let until = deadline(20);
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < until, "waiting for {what}: too late\n{}", self.said());
            let _ = poll(&mut [], PollTimeout::from(20u8));
        }
    }

    /// Waits until it has said that.
    pub fn wait_said(&self, text: &str) {
        self.wait_for(text, |c| c.said().contains(text).then_some(()));
    }

    /// Runs a command inside.
    pub fn run(&self, words: &[&str]) -> Output {
        let pid = self.init().to_string();
        finish(Command::new("nsenter").args(["-t", &pid, "-m", "-p", "-r", "-w", "--"]).args(words))
    }

    /// How it ended, within `limit`.
    pub fn ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        let end = pidfd::open(i32::try_from(self.child.id()).expect("a pid")).expect("a child");
        let mut fds = [PollFd::new(end.as_fd(), PollFlags::POLLIN)];
        let got = poll(&mut fds, PollTimeout::try_from(limit).expect("short"));
        assert_eq!(got, Ok(1), "it doesn't end\n{}", self.said());
        self.child.wait().expect("a child")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
