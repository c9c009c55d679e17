//! What a child sets for itself in the kernel between fork and exec: scheduling, capabilities, and single numbers.

use super::child::write_number;
use crate::proto::plan::Setting;
use nix::errno::Errno;
use std::ffi::c_ulong;

/// `struct __user_cap_header_struct`, version 3.
const CAP_VERSION_3: u32 = 0x2008_0522;
const IOPRIO_WHO_PROCESS: i32 = 1;
const KEYCTL_JOIN_SESSION_KEYRING: i32 = 1;
const KEYCTL_LINK: i32 = 8;
const KEY_SPEC_SESSION_KEYRING: i32 = -3;
const KEY_SPEC_USER_KEYRING: i32 = -4;
const PR_SET_MEMORY_MERGE: i32 = 67;

fn check(result: libc::c_long) -> Result<(), Errno> {
    Errno::result(result).map(drop)
}

fn prctl(option: i32, argument: u64, second: u64) -> Result<i32, Errno> {
    let zero: c_ulong = 0;
    // SAFETY: none of the options used here takes a pointer.
    Errno::result(unsafe { libc::prctl(option, argument, second, zero, zero) })
}

/// Sets one number.
///
/// # Errors
/// As the system call of the setting.
pub fn set(what: Setting, value: u64) -> Result<(), Errno> {
    match what {
        // SAFETY: takes no pointers.
        Setting::IoPriority => check(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) }),
        Setting::TimerSlack => prctl(libc::PR_SET_TIMERSLACK, value, 0).map(drop),
        // SAFETY: takes no pointers.
        Setting::Personality => check(unsafe { libc::syscall(libc::SYS_personality, value) }),
        Setting::SecureBits => prctl(libc::PR_SET_SECUREBITS, value, 0).map(drop),
        Setting::BoundingSet => bound(value),
        Setting::AmbientSet => raise_ambient(value),
        Setting::KeepCapabilities => prctl(libc::PR_SET_KEEPCAPS, value, 0).map(drop),
        Setting::NoNewPrivileges => prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop),
        Setting::CoredumpFilter => write_number(c"/proc/self/coredump_filter", i64::try_from(value).unwrap_or(0)),
        Setting::Keyring => join_keyring(value != 0),
        Setting::MemoryMerge => prctl(PR_SET_MEMORY_MERGE, value, 0).map(drop),
    }
}

/// A resource limit; without the privilege to raise it the nearest that is allowed, as in systemd.
///
/// # Errors
/// As `prlimit(2)`.
pub fn limit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let set = |soft: u64, hard: u64| {
        let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
        let none = std::ptr::null_mut::<libc::rlimit64>();
        // SAFETY: `limit` lives through the call.
        check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const limit, none) })
    };
    match set(soft, hard) {
        Err(Errno::EPERM) => {
            let mut now = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
            let none = std::ptr::null::<libc::rlimit64>();
            // SAFETY: `now` lives through the call.
            check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, none, &raw mut now) })?;
            set(soft.min(now.rlim_max), hard.min(now.rlim_max))
        }
        other => other,
    }
}

/// `sched_setscheduler(2)`.
///
/// # Errors
/// As the system call.
pub fn schedule(policy: i32, priority: i32) -> Result<(), Errno> {
    // SAFETY: the kernel reads one int, `struct sched_param`.
    check(unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) })
}

/// `sched_setaffinity(2)`; bit n of `cpus` stands for CPU n.
///
/// # Errors
/// As the system call: `EINVAL` when none of them is there.
pub fn pin(cpus: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel copies so many bytes, of any alignment.
    check(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, cpus.len(), cpus.as_ptr()) })
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Low and high 32 bits of the three sets.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Applies `change` to the inheritable set.
fn change_inheritable(change: impl Fn(u64) -> u64) -> Result<(), Errno> {
    let mut header = Header { version: CAP_VERSION_3, pid: 0 };
    let mut halves = [Half::default(); 2];
    // SAFETY: header and both halves, as version 3 wants them.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) })?;
    let [low, high] = &mut halves;
    let bytes = change(u64::from(low.inheritable) | u64::from(high.inheritable) << 32).to_le_bytes();
    let [a, b, c, d, e, f, g, h] = bytes;
    (low.inheritable, high.inheritable) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    // SAFETY: as above.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr()) })
}

fn bound(keep: u64) -> Result<(), Errno> {
    for capability in 0..64u64 {
        match prctl(libc::PR_CAPBSET_READ, capability, 0) {
            // No such capability: that was the last one.
            Err(_) => break,
            Ok(1) if keep >> capability & 1 == 0 => drop(prctl(libc::PR_CAPBSET_DROP, capability, 0)?),
            Ok(_) => {}
        }
    }
    change_inheritable(|set| set & keep)
}

fn raise_ambient(wanted: u64) -> Result<(), Errno> {
    change_inheritable(|set| set | wanted)?;
    for capability in (0..64u64).filter(|c| wanted >> c & 1 == 1) {
        prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE.unsigned_abs().into(), capability)?;
    }
    Ok(())
}

/// A kernel without keyrings, or a filter against them, has none to share either.
fn join_keyring(shared: bool) -> Result<(), Errno> {
    // SAFETY: a NULL name makes an anonymous keyring.
    let joined = check(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) });
    match joined {
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EACCES) => return Ok(()),
        other => other?,
    }
    if !shared {
        return Ok(());
    }
    let (user, session) = (KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_LINK, user, session, 0, 0) })
}
