//! The process that becomes the sandbox's PID 1: builds the world around itself, then executes `init`.

use super::binaries::Binaries;
use super::cgroup::Group;
use super::error::{Doing, Error};
use super::mounts::{self, HOST};
use super::report::{Record, Teller};
use super::{mask, root, units};
use init::sys::{net, ns};
use init::unit::Level;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::SigSet;
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, pivot_root, sethostname};
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What is to be built.
#[derive(Debug)]
pub struct Plan {
    /// Folders of units, in order.
    pub units: Vec<PathBuf>,
    /// The root it is laid over; absolute.
    pub root: PathBuf,
    /// The level it boots to.
    pub level: Level,
    /// Keep the root's own units, scripts and levels.
    pub all: bool,
    /// Share the host's network.
    pub host_net: bool,
    /// Where what is written is kept; else in memory.
    pub kept: Option<PathBuf>,
    /// Where Rung's programs are.
    pub programs: PathBuf,
    /// In a user namespace.
    pub user: bool,
    /// The control group.
    pub group: Option<Group>,
}

/// Capabilities with which root could change the machine rather than the sandbox: `SYS_MODULE`, `SYS_RAWIO`, `SYS_TIME`,
/// `MKNOD`, `MAC_ADMIN`, `SYSLOG`, `WAKE_ALARM`.
const DANGEROUS: [u32; 7] = [16, 17, 25, 27, 33, 34, 35];

/// Builds the sandbox and executes `init`; comes back only if that failed. `grouped`: we are in the control group by now.
pub fn become_init(plan: &Plan, grouped: bool, console: &OwnedFd, teller: &Teller) -> Error {
    match prepare(plan, grouped, console) {
        Ok(()) => {}
        Err(error) => return error,
    }
    teller.tell(&Record::Built);
    execute(plan.level)
}

fn prepare(plan: &Plan, grouped: bool, console: &OwnedFd) -> Result<(), Error> {
    let mut spaces = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    if !plan.host_net {
        spaces |= CloneFlags::CLONE_NEWNET;
    }
    unshare(spaces).doing(|| "make the sandbox's namespaces".into())?;
    let grouped = grouped && unshare(CloneFlags::CLONE_NEWCGROUP).is_ok();
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .doing(|| "cut the sandbox's mounts off from the host's".into())
        .map_err(|e| if plan.user { e.hint(super::keeper::USER_HINT) } else { e })?;

    // Opened before anything is mounted over them.
    let folders = plan.units.iter().map(|p| hold(p)).collect::<Result<Vec<_>, _>>()?;
    let programs = Binaries::open(&plan.programs)?;
    let base = base_units(&plan.programs).map(|p| hold(&p)).transpose()?;
    let resolver = if plan.host_net { fs::read("/etc/resolv.conf").ok() } else { None };

    enter_root(plan)?;
    mounts::all(mounts::Kind { host_net: plan.host_net, cgroup: grouped, user: plan.user })?;
    if !plan.all {
        mask::hide()?;
    }
    programs.show()?;
    if let Some(base) = base {
        units::add_base(&by_descriptor(&base))?;
    }
    for (folder, shown) in folders.iter().zip(&plan.units) {
        units::add(&by_descriptor(folder), shown, plan.level)?;
    }
    if let Some(text) = resolver {
        // Often a link to where the host's resolver keeps it, below /run.
        let _ = fs::remove_file("/etc/resolv.conf").and_then(|()| fs::write("/etc/resolv.conf", text));
    }
    umount2(HOST, MntFlags::MNT_DETACH).doing(|| "let go of the host's root".into())?;
    fs::remove_dir(HOST).doing(|| format!("remove `{HOST}`"))?;

    sethostname("sandbox").doing(|| "set the sandbox's host name".into())?;
    if !plan.host_net {
        net::loopback_up().doing(|| "bring the loopback interface up".into())?;
    }
    if !plan.user {
        drop_dangerous();
    }
    let input = fs::File::open("/dev/null").doing(|| "open `/dev/null` in the sandbox".into())?;
    dup2_stdin(&input)
        .and_then(|()| dup2_stdout(console))
        .and_then(|()| dup2_stderr(console))
        .doing(|| "set up init's standard streams".into())?;
    ns::close_on_exec_from(3).doing(|| "keep the caller's descriptors from init".into())?;
    SigSet::all().thread_unblock().doing(|| "unblock signals".into())
}

/// From the next execution on. One that this kernel doesn't know, or that we never had, needs no dropping.
pub fn drop_dangerous() {
    for number in DANGEROUS {
        let _ = ns::drop_capability(number);
    }
}

fn hold(path: &Path) -> Result<fs::File, Error> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path).doing(|| format!("open `{}`", path.display()))
}

fn by_descriptor(file: &fs::File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Rung's own units: beside the programs where they are installed, in the source tree where they were built there.
fn base_units(programs: &Path) -> Option<PathBuf> {
    let built = programs.ancestors().map(|a| a.join("etc-skel/rung/units"));
    std::iter::once(programs.join("units")).chain(built).chain([PathBuf::from(units::BASE)]).find(|p| p.is_dir())
}

/// The new root takes the old one's place; that is seen under [`HOST`] for the time being.
fn enter_root(plan: &Plan) -> Result<(), Error> {
    let root = hold(&plan.root)?;
    let stage = match &plan.kept {
        Some(folder) => folder.clone(),
        None => {
            mount(Some("rung-sandbox"), "/tmp", Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
                .doing(|| "mount memory for what the sandbox writes".into())?;
            PathBuf::from("/tmp")
        }
    };
    // `--root /tmp/x` is hidden by now, except to who holds it open.
    let source = if plan.root == Path::new("/") { plan.root.clone() } else { by_descriptor(&root) };
    let new = root::Builder::new(&source, &plan.root, stage, plan.user)?.build()?;
    let put_old = new.join(HOST.trim_start_matches('/'));
    fs::create_dir(&put_old).doing(|| format!("make `{HOST}` in the sandbox"))?;
    pivot_root(&new, &put_old).doing(|| "make the overlay the root folder".into())?;
    chdir("/").doing(|| "enter the new root folder".into())
}

/// As the kernel would start it: the level is one of its words.
fn execute(level: Level) -> Error {
    let strings = |list: &[&str]| list.iter().filter_map(|s| CString::new(*s).ok()).collect::<Vec<_>>();
    let term = format!("TERM={}", std::env::var("TERM").unwrap_or_else(|_| "linux".into()));
    let path = format!("PATH={}", super::PATH);
    let (word, program) = (level.to_string(), format!("{}/init", super::binaries::FOLDER));
    let argv = strings(&["init", &word]);
    let envp = strings(&["container=rung-sandbox", &term, &path]);
    let Some(file) = strings(&[&program]).pop() else { return Error::new("no path of init") };
    let result = nix::unistd::execve(&file, &argv, &envp).map(drop).doing(|| format!("execute `{program}`"));
    result.err().unwrap_or_else(|| Error::new("init did not start"))
}
