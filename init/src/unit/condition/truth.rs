//! A condition and what the machine shows of itself → whether it holds. Of [`Test::touches_files`] nothing is here.

use super::compare::{self, Operator};
use super::{Condition, Test, Truth, virtualization};
use crate::unit::scalar::boolean;
use crate::unit::specifier::{Facts, architecture};
use crate::unit::{glob, words};

/// What tells of the machine. Its paths are the kernel's own files and a few of the root's: none of them can hang
/// without the machine.
pub trait Probe {
    /// The text of a file; `None`: it isn't there.
    fn read(&self, path: &str) -> Option<String>;
    /// Names in a folder; empty where there is none.
    fn list(&self, folder: &str) -> Vec<String>;
    /// Whether something is there.
    fn exists(&self, path: &str) -> bool;
    /// A variable of the manager's environment.
    fn variable(&self, name: &str) -> Option<String>;
    /// Names and numbers of the machine.
    fn facts(&self) -> &Facts;
    /// The kernel's command line; in a container, PID 1's.
    fn command_line(&self) -> String;
    /// In a PID namespace of its own.
    fn in_container(&self) -> bool;
    /// The signature of the hypervisor that the processor tells of; empty where it tells of none.
    fn hypervisor(&self) -> String;
    /// Controllers of the cgroup tree that is ours; `None` where there is no such tree.
    fn controllers(&self) -> Option<Vec<String>>;
    /// Whether this is the machine's first boot.
    fn first_boot(&self) -> bool;
}

/// Whether the test of a condition holds.
///
/// # Errors
/// Why that can't be told.
pub fn truth(condition: &Condition, probe: &dyn Probe) -> Truth {
    let value = condition.value.as_str();
    let holds = match condition.test {
        Test::KernelCommandLine => on_command_line(&probe.command_line(), value),
        Test::KernelVersion => version(&probe.facts().kernel, value)?,
        Test::Version => match value.split_once(char::is_whitespace) {
            Some(("kernel", rest)) => version(&probe.facts().kernel, rest)?,
            _ => false,
        },
        Test::KernelModuleLoaded => module(value, probe),
        Test::Virtualization => virtualized(value, probe),
        Test::Architecture => {
            let own = architecture(&probe.facts().arch);
            value == own || value == "native"
        }
        Test::Host => host(value, probe.facts()),
        Test::ACPower => boolean(value)? == on_mains(probe),
        Test::Capability => capable(value, probe)?,
        Test::User => value == "@system" || number_of(value, "/etc/passwd", probe) == Some(0),
        Test::Group => value == "@system" || number_of(value, "/etc/group", probe) == Some(0),
        Test::CPUs => {
            let (operator, wanted) = compare::number(value, &|t| t.parse().ok())?;
            compare::numbers(operator, processors(probe)?, wanted)
        }
        Test::CPUFeature => cpu_feature(value, probe),
        Test::Memory => {
            let (operator, wanted) = compare::number(value, &compare::bytes)?;
            compare::numbers(operator, memory(probe)?, wanted)
        }
        Test::Environment => match value.split_once('=') {
            Some((name, wanted)) => probe.variable(name).is_some_and(|v| v == wanted),
            None => probe.variable(value).is_some(),
        },
        Test::FirstBoot => boolean(value)? == first_boot(probe),
        Test::ControlGroupController => controllers(value, probe),
        Test::Security => secured(value, probe),
        Test::Credential => credential(value, probe),
        Test::Firmware => firmware(value, probe)?,
        Test::OSRelease => os_release(value, probe)?,
        test if test.touches_files() => return Err(format!("{} is for a process that may hang", test.name())),
        _ => false,
    };
    Ok(holds)
}

fn command_words(line: &str) -> Vec<String> {
    match words::split(line, &mut Vec::new()) {
        Ok(words) => words.into_iter().map(|w| w.text).collect(),
        Err(_) => line.split_whitespace().map(str::to_owned).collect(),
    }
}

/// A word with a `=` is meant as it stands; one without also as what stands before a `=`.
fn on_command_line(line: &str, wanted: &str) -> bool {
    let before = |word: &str| word.split_once('=').is_some_and(|(name, _)| name == wanted);
    command_words(line).iter().any(|word| word == wanted || (!wanted.contains('=') && before(word)))
}

fn version(have: &str, wanted: &str) -> Truth {
    Ok(compare::expressions(wanted)?.iter().all(|(operator, reference)| operator.compare(have, reference)))
}

/// One that is built in has no `initstate`.
fn module(name: &str, probe: &dyn Probe) -> bool {
    let folder = format!("/sys/module/{}", name.replace('-', "_"));
    let state = probe.read(&format!("{folder}/initstate"));
    probe.exists(&folder) && state.is_none_or(|s| s.trim() == "live")
}

fn virtualized(value: &str, probe: &dyn Probe) -> bool {
    if value == "private-users" {
        let map = probe.read("/proc/self/uid_map").unwrap_or_default();
        return !map.is_empty() && !map.split_whitespace().eq(["0", "0", "4294967295"]);
    }
    let kind = virtualization::detect(probe);
    match (value, boolean(value)) {
        ("vm", _) => kind.is_some_and(virtualization::is_vm),
        ("container", _) => kind.is_some_and(|k| !virtualization::is_vm(k)),
        (_, Ok(wanted)) => kind.is_some() == wanted,
        (name, Err(_)) => kind == Some(name),
    }
}

fn host(value: &str, facts: &Facts) -> bool {
    let id = value.replace('-', "").to_ascii_lowercase();
    let same = |known: &str| !known.is_empty() && known == id;
    let name = facts.hostname.to_ascii_lowercase();
    same(&facts.machine_id) || same(&facts.boot_id) || glob::matches(&value.to_ascii_lowercase(), &name)
}

/// Mains that are on; where nothing tells of mains, a machine without a battery.
fn on_mains(probe: &dyn Probe) -> bool {
    let folder = "/sys/class/power_supply";
    let field = |supply: &str, name: &str| {
        probe.read(&format!("{folder}/{supply}/{name}")).map(|t| t.trim().to_owned()).unwrap_or_default()
    };
    let supplies = probe.list(folder);
    let mains: Vec<&String> =
        supplies.iter().filter(|s| ["Mains", "USB"].contains(&field(s, "type").as_str())).collect();
    if mains.iter().any(|s| field(s, "online") == "1") {
        return true;
    }
    let battery = |s: &&String| field(s, "type") == "Battery" && field(s, "scope") != "Device";
    mains.is_empty() && !supplies.iter().any(|s| battery(&s) && field(s, "status") == "Discharging")
}

const CAPABILITIES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The number of a capability.
pub(super) fn capability(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    CAPABILITIES.iter().position(|known| *known == name)
}

pub(super) fn capabilities() -> impl Iterator<Item = &'static str> {
    CAPABILITIES.into_iter()
}

fn capable(name: &str, probe: &dyn Probe) -> Truth {
    let status = probe.read("/proc/self/status").ok_or("/proc is not mounted")?;
    let set = status.lines().find_map(|l| l.strip_prefix("CapBnd:")).ok_or("/proc tells of no capabilities")?;
    let set = u64::from_str_radix(set.trim(), 16).map_err(|_| "/proc tells of no capabilities")?;
    Ok(capability(name).is_some_and(|bit| set & 1u64.checked_shl(u32::try_from(bit).unwrap_or(64)).unwrap_or(0) != 0))
}

/// The number of a user or group: itself, or as the file has it.
fn number_of(name: &str, file: &str, probe: &dyn Probe) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let text = probe.read(file).unwrap_or_else(|| "root:x:0:".to_owned());
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

/// How many processors we may run on: `0-3,8`.
fn processors(probe: &dyn Probe) -> Result<u64, String> {
    let status = probe.read("/proc/self/status").ok_or("/proc is not mounted")?;
    let list =
        status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).ok_or("/proc tells of no processors")?;
    let ranges = list.trim().split(',').filter_map(|range| {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        high.parse::<u64>().ok()?.checked_sub(low.parse().ok()?)?.checked_add(1)
    });
    Ok(ranges.fold(0, u64::saturating_add))
}

/// systemd's names where they differ from the kernel's.
fn cpu_feature(name: &str, probe: &dyn Probe) -> bool {
    let name = match name {
        "pclmul" => "pclmulqdq",
        "fma3" => "fma",
        "osxsave" => "xsave",
        other => other,
    };
    let text = probe.read("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().filter_map(|l| l.split_once(':'));
    let mut flags = flags.filter(|(key, _)| ["flags", "Features"].contains(&key.trim()));
    flags.any(|(_, flags)| flags.split_whitespace().any(|flag| flag == name))
}

/// What the machine has, or the container may use.
fn memory(probe: &dyn Probe) -> Result<u64, String> {
    let text = probe.read("/proc/meminfo").ok_or("/proc is not mounted")?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:")).ok_or("/proc/meminfo tells no total")?;
    let kilobytes: Option<u64> = line.split_whitespace().next().and_then(|n| n.parse().ok());
    let total = kilobytes.and_then(|k| k.checked_mul(1024)).ok_or("/proc/meminfo tells no total")?;
    let limit = probe.read("/sys/fs/cgroup/memory.max").and_then(|t| t.trim().parse().ok());
    Ok(limit.map_or(total, |limit: u64| limit.min(total)))
}

fn first_boot(probe: &dyn Probe) -> bool {
    let word = |name: &str| {
        command_words(&probe.command_line()).iter().find_map(|w| boolean(w.strip_prefix(name)?.strip_prefix('=')?).ok())
    };
    let told = word("systemd.condition_first_boot").or_else(|| word("systemd.condition-first-boot"));
    told.unwrap_or_else(|| probe.first_boot())
}

fn controllers(value: &str, probe: &dyn Probe) -> bool {
    let unified = probe.exists("/sys/fs/cgroup/cgroup.controllers");
    match value {
        "v2" => unified,
        "v1" => !unified && probe.exists("/sys/fs/cgroup"),
        words => {
            let there = probe.controllers().unwrap_or_default();
            words.split_whitespace().all(|word| there.iter().any(|c| c == word))
        }
    }
}

pub(super) const SECURITY: [&str; 10] =
    ["selinux", "apparmor", "tomoyo", "ima", "smack", "audit", "uefi-secureboot", "tpm2", "cvm", "measured-uki"];

fn secured(value: &str, probe: &dyn Probe) -> bool {
    // An EFI variable's value stands behind four bytes of attributes.
    let efi = |name: &str| {
        probe.read(&format!("/sys/firmware/efi/efivars/{name}")).is_some_and(|text| text.as_bytes().get(4) == Some(&1))
    };
    match value {
        "selinux" => probe.exists("/sys/fs/selinux/enforce"),
        "apparmor" => probe.read("/sys/module/apparmor/parameters/enabled").is_some_and(|t| t.starts_with('Y')),
        "tomoyo" => probe.exists("/sys/kernel/security/tomoyo/version"),
        "ima" => probe.exists("/sys/kernel/security/ima"),
        "smack" => probe.exists("/sys/fs/smackfs"),
        "audit" => probe.exists("/proc/self/loginuid"),
        "uefi-secureboot" => efi("SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"),
        "tpm2" => !probe.list("/sys/class/tpmrm").is_empty(),
        "cvm" => ["sev-guest", "tdx_guest"].iter().any(|d| probe.exists(&format!("/sys/class/misc/{d}"))),
        "measured-uki" => {
            probe.exists("/sys/firmware/efi/efivars/StubPcrKernelImage-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f")
        }
        _ => false,
    }
}

fn credential(name: &str, probe: &dyn Probe) -> bool {
    let given =
        ["CREDENTIALS_DIRECTORY", "ENCRYPTED_CREDENTIALS_DIRECTORY"].into_iter().filter_map(|v| probe.variable(v));
    let system = ["/run/credentials/@system", "/run/credentials/@encrypted"].map(str::to_owned);
    !name.contains('/') && given.chain(system).any(|folder| probe.exists(&format!("{folder}/{name}")))
}

/// `name(inside)`
fn call<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

pub(super) fn is_firmware(value: &str) -> bool {
    let known = ["uefi", "device-tree"].contains(&value) || call(value, "device-tree-compatible").is_some();
    known || call(value, "smbios-field").is_some_and(|inside| fields(inside).is_ok())
}

fn firmware(value: &str, probe: &dyn Probe) -> Truth {
    let tree = ["/sys/firmware/devicetree/base", "/proc/device-tree"];
    if let Some(wanted) = call(value, "device-tree-compatible") {
        let text = tree.iter().find_map(|t| probe.read(&format!("{t}/compatible"))).unwrap_or_default();
        return Ok(text.split('\0').any(|word| word == wanted));
    }
    if let Some(inside) = call(value, "smbios-field") {
        return Ok(fields(inside)?.iter().all(|(field, operator, wanted)| {
            let text = probe.read(&format!("/sys/class/dmi/id/{field}")).filter(|_| !field.contains('/'));
            text.is_some_and(|text| operator.compare(text.trim_end(), wanted))
        }));
    }
    Ok(match value {
        "uefi" => probe.exists("/sys/firmware/efi"),
        "device-tree" => tree.iter().any(|t| probe.exists(t)),
        _ => false,
    })
}

/// `ID=debian "VERSION_ID >= 12"`: field, operator, value.
pub(super) fn fields(text: &str) -> Result<Vec<(String, Operator, String)>, String> {
    // With one comparison its parts may stand apart.
    let split = words::split(text, &mut Vec::new()).map_err(|(_, message)| message)?;
    let whole = |w: &str| {
        w.contains(['=', '<', '>']) && !w.ends_with(['=', '<', '>']) && !w.starts_with(['=', '<', '>', '!', '$'])
    };
    let parts: Vec<String> = match split.iter().all(|w| whole(&w.text)) {
        true => split.into_iter().map(|w| w.text).collect(),
        false => vec![split.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")],
    };
    let read = |part: String| {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at_checked(end).unwrap_or((&part, ""));
        match compare::operator(rest.trim_start()) {
            (Some(operator), value) if !name.is_empty() => Ok((name.to_owned(), operator, value.trim_end().to_owned())),
            _ => Err(format!("`{part}` compares nothing; expected is e.g. `ID=debian` or `VERSION_ID >= 12`")),
        }
    };
    parts.into_iter().map(read).collect()
}

/// A field that isn't there is empty.
fn os_release(value: &str, probe: &dyn Probe) -> Truth {
    let text = probe.read("/etc/os-release").or_else(|| probe.read("/usr/lib/os-release"));
    let (known, _) = crate::unit::envfile::parse(&text.ok_or("there is no os-release")?);
    let have = |name: &str| known.iter().rev().find(|(key, _)| key == name).map_or("", |(_, v)| v.as_str());
    Ok(fields(value)?.iter().all(|(name, operator, wanted)| operator.compare(have(name), wanted)))
}
