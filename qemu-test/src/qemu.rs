//! Running QEMU.

use crate::error::{Context, Result, fail};
use crate::host;
use crate::image::{Disks, Machine};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How the guest's instructions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// By the processor.
    Kvm,
    /// By QEMU's translator.
    Tcg,
}

/// How long KVM has to show that it works.
const PROBE: Duration = Duration::from_secs(10);

/// Which to use. `/dev/kvm` may open and hang all the same, so a kernel with no root must come to its panic in time.
/// The answer is kept for as long as the host runs.
pub fn accel(cache: &Path, kernel: &Path) -> Result<Accel> {
    if std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(Accel::Tcg);
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let note = cache.join("accel");
    if let Some(answer) = std::fs::read_to_string(&note).ok().as_deref().and_then(|n| n.strip_prefix(&boot)) {
        return Ok(if answer == "kvm" { Accel::Kvm } else { Accel::Tcg });
    }
    println!("trying whether KVM works (at most {} s) ...", PROBE.as_secs());
    let mut qemu = base(Accel::Kvm);
    qemu.args(["-m", "256", "-nic", "none", "-serial", "stdio", "-append", "console=ttyS0 panic=-1 quiet", "-kernel"])
        .arg(kernel);
    let mut child = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("qemu")?;
    let out = child.stdout.take();
    let mut machine = Guard(child);
    let works = match out {
        Some(out) => crate::shell::Reader::new(out.into())?.wait_for("Kernel panic", Instant::now() + PROBE).is_ok(),
        None => false,
    };
    machine.end();
    let accel = if works { Accel::Kvm } else { Accel::Tcg };
    std::fs::write(&note, boot + if works { "kvm" } else { "tcg" }).on("write", &note)?;
    Ok(accel)
}

/// Kills a child when we are done with it, however that comes.
#[derive(Debug)]
pub struct Guard(pub Child);

impl Guard {
    /// Ends it now.
    pub fn end(&mut self) {
        // Both fail only when it is over already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// QEMU with a processor, no screen, and no second try after a reset; killed by the kernel when we die.
fn base(accel: Accel) -> Command {
    let mut qemu = host::command("setpriv");
    qemu.args([
        "--pdeathsig",
        "KILL",
        "--",
        "qemu-system-x86_64",
        "-display",
        "none",
        "-monitor",
        "none",
        "-no-reboot",
    ]);
    match accel {
        Accel::Kvm => qemu.args(["-accel", "kvm", "-cpu", "host"]),
        Accel::Tcg => qemu.args(["-accel", "tcg", "-cpu", "max"]),
    };
    qemu
}

/// Where the host reaches the machine.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Its port 22.
    pub ssh: u16,
    /// Its port 80.
    pub http: u16,
}

impl Ports {
    /// Two that are free now.
    pub fn free() -> Result<Self> {
        let bind = || TcpListener::bind("127.0.0.1:0").context("bind 127.0.0.1");
        let (a, b) = (bind()?, bind()?);
        let port = |l: &TcpListener| l.local_addr().context("port").map(|a| a.port());
        Ok(Self { ssh: port(&a)?, http: port(&b)? })
    }
}

/// What holds the machine's root.
#[derive(Debug)]
pub enum Root {
    /// Disks.
    Disks(Disks),
    /// An archive that the kernel unpacks into memory.
    Initramfs(PathBuf),
}

/// Adds a machine that has memory only.
fn add_tiny(qemu: &mut Command, machine: &Machine, initramfs: &Path, words: &str) {
    qemu.args(["-m", "512", "-smp", "2", "-nic", "none", "-kernel"]).arg(&machine.kernel);
    qemu.arg("-initrd").arg(initramfs);
    qemu.arg("-append").arg(format!("console=ttyS0 panic=-1 {words}"));
}

/// Adds the machine: its memory, disks and network, and the kernel with its command line.
fn add_machine(qemu: &mut Command, machine: &Machine, disks: &Disks, ports: Ports, words: &str) {
    let Ports { ssh, http } = ports;
    qemu.args(["-m", "512", "-smp", "2", "-device", "nvme,id=nvme,serial=rung"]);
    for (number, disk) in [(1, &disks.root), (2, &disks.swap)] {
        qemu.arg("-drive").arg(format!("file={},format=raw,if=none,id=disk{number}", disk.display()));
        qemu.arg("-device").arg(format!("nvme-ns,drive=disk{number},nsid={number}"));
    }
    let forward = |port: u16, to: u16| format!("hostfwd=tcp:127.0.0.1:{port}-:{to}");
    qemu.arg("-nic").arg(format!("user,model=virtio-net-pci,{},{}", forward(ssh, 22), forward(http, 80)));
    qemu.arg("-kernel").arg(&machine.kernel);
    qemu.arg("-append").arg(format!("root=/dev/nvme0n1 rootwait ro console=ttyS0 net.ifnames=0 panic=-1 {words}"));
}

/// Boots the machine at this terminal. It is well when it was powered off by hand.
pub fn by_hand(machine: &Machine, disks: &Disks, accel: Accel, words: &str) -> Result<bool> {
    let ports = Ports::free()?;
    println!("Log in as root with the password `rung`; web: http://127.0.0.1:{}/", ports.http);
    println!(
        "ssh: ssh -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p {} root@127.0.0.1",
        machine.key.display(),
        ports.ssh
    );
    println!("To leave: `initctl poweroff`, or Ctrl-A X to pull the plug. Its disk is thrown away.\n");
    let mut qemu = base(accel);
    add_machine(&mut qemu, machine, disks, ports, words);
    qemu.args(["-serial", "mon:stdio"]).stdin(Stdio::inherit());
    let mut child = Guard(qemu.spawn().context("qemu-system-x86_64")?);
    Ok(child.0.wait().context("qemu-system-x86_64")?.success())
}

/// Typed on the serial line (Ctrl-A C), it leads to QEMU's monitor and back.
pub const MONITOR: &str = "\x01c";

/// A machine whose serial line we hold.
#[derive(Debug)]
pub struct Qemu {
    child: Guard,
    /// Where the host reaches it.
    pub ports: Ports,
    /// When it was switched on.
    pub since: Instant,
}

impl Qemu {
    /// Switches it on; its serial line comes as two descriptors, to write and to read. QEMU's monitor is on the same
    /// line: [`MONITOR`] leads there and back.
    pub fn start(machine: &Machine, root: &Root, accel: Accel, words: &str) -> Result<(Self, OwnedFd, OwnedFd)> {
        let ports = Ports::free()?;
        let mut qemu = base(accel);
        match root {
            Root::Disks(disks) => add_machine(&mut qemu, machine, disks, ports, words),
            Root::Initramfs(archive) => add_tiny(&mut qemu, machine, archive, words),
        }
        qemu.args(["-serial", "mon:stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Guard(qemu.spawn().context("qemu-system-x86_64")?);
        let ends: (Option<ChildStdin>, Option<ChildStdout>) = (child.0.stdin.take(), child.0.stdout.take());
        let (Some(to), Some(from)) = ends else { return fail("qemu: no serial line") };
        Ok((Self { child, ports, since: Instant::now() }, to.into(), from.into()))
    }

    /// Pulls the plug.
    pub fn cut(&mut self) {
        self.child.end();
    }

    /// Whether it ended well; asked when its serial line has been closed, so there is little to wait for.
    pub fn ended(&mut self) -> Result<()> {
        let status = self.child.0.wait().context("qemu-system-x86_64")?;
        if status.success() { Ok(()) } else { fail(format!("qemu-system-x86_64: {status}")) }
    }
}
