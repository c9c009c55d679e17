//! What a process may do: capabilities and their kin (systemd.exec(5), capabilities(7)).

use super::fields::Show;
use super::value::{Bad, Value};

/// The keys about privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges {
    /// `NoNewPrivileges=`
    pub no_new: bool,
    /// `CapabilityBoundingSet=`; all.
    pub bounding: Bounding,
    /// `AmbientCapabilities=`
    pub ambient: Capabilities,
    /// `SecureBits=`
    pub secure_bits: SecureBits,
    /// `KeyringMode=`
    pub keyring: Keyring,
}

/// A set of capabilities, bit n for number n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u64);

/// The set beyond which no program gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounding(pub u64);

impl Default for Bounding {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

/// Flags of `PR_SET_SECUREBITS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecureBits(pub u32);

/// `KeyringMode=`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keyring {
    /// A session keyring of its own.
    #[default]
    Private,
    /// The same, with the user's keyring linked into it.
    Shared,
    /// PID 1's.
    Inherit,
}

pub(super) const KEYRINGS: &[(&str, Keyring)] =
    &[("private", Keyring::Private), ("shared", Keyring::Shared), ("inherit", Keyring::Inherit)];

/// By number, as in `linux/capability.h`; each begins with `CAP_`.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The number of a capability, by name (in any case) or number.
pub fn capability(text: &str) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("CAP_");
    let by_name = short.and_then(|s| NAMES.iter().position(|n| *n == s));
    by_name.and_then(|n| u32::try_from(n).ok()).or_else(|| text.parse().ok().filter(|n| *n < 63))
}

/// The name of a capability.
pub fn capability_name(number: u32) -> String {
    let name = usize::try_from(number).ok().and_then(|n| NAMES.get(n));
    name.map_or_else(|| number.to_string(), |n| format!("CAP_{n}"))
}

/// Adds the value to a set, as systemd does: `~` takes out; what comes first, or is empty, replaces. `initial`: the set
/// before anything was said.
fn merge(set: u64, initial: u64, v: &Value<'_>) -> Result<u64, Bad> {
    let (inverted, at) = if v.text.starts_with('~') { (true, 1) } else { (false, 0) };
    let mut sum = 0u64;
    for word in v.words()? {
        let name = word.text.strip_prefix('~').filter(|_| word.at == 0).unwrap_or(&word.text);
        if name.is_empty() {
            continue;
        }
        let near = || super::finding::did_you_mean(name.trim_start_matches("CAP_"), NAMES.into_iter());
        let number = capability(name).ok_or_else(|| {
            let bad = Bad::new(if word.at == 0 { at } else { word.at }, format!("`{name}` is no capability"));
            match near() {
                Some(hint) => bad.hint(hint),
                None => bad.hint("capabilities(7) lists them, e.g. CAP_NET_BIND_SERVICE"),
            }
        })?;
        sum |= 1 << number;
    }
    Ok(match (sum == 0 || set == initial, inverted) {
        (true, true) => !sum,
        (true, false) => sum,
        (false, true) => set & !sum,
        (false, false) => set | sum,
    })
}

pub(super) fn bounding(set: &mut Bounding, v: &Value<'_>) -> Result<(), Bad> {
    set.0 = merge(set.0, u64::MAX, v)?;
    Ok(())
}

pub(super) fn ambient(set: &mut Capabilities, v: &Value<'_>) -> Result<(), Bad> {
    set.0 = merge(set.0, 0, v)?;
    Ok(())
}

const SECURE_BITS: [(&str, u32); 6] = [
    ("noroot", 1),
    ("noroot-locked", 1 << 1),
    ("no-setuid-fixup", 1 << 2),
    ("no-setuid-fixup-locked", 1 << 3),
    ("keep-caps", 1 << 4),
    ("keep-caps-locked", 1 << 5),
];

pub(super) fn secure_bits(bits: &mut SecureBits, v: &Value<'_>) -> Result<(), Bad> {
    if v.text.is_empty() {
        bits.0 = 0;
    }
    for word in v.words()? {
        let bit = SECURE_BITS.iter().find(|(name, _)| *name == word.text);
        bits.0 |= bit.ok_or_else(|| Bad::new(word.at, format!("`{}` is no secure bit", word.text)))?.1;
    }
    Ok(())
}

fn names(set: u64) -> String {
    (0..63).filter(|n| set >> n & 1 == 1).map(capability_name).collect::<Vec<_>>().join(" ")
}

impl Show for Capabilities {
    fn show(&self) -> Vec<String> {
        if self.0 == 0 { Vec::new() } else { vec![names(self.0)] }
    }
}

impl Show for Bounding {
    fn show(&self) -> Vec<String> {
        match self.0 {
            u64::MAX => vec!["~".into()],
            // More is in it than has a name: what isn't.
            set if set >> 63 == 1 => vec![format!("~{}", names(!set))],
            set => vec![names(set)],
        }
    }
}

impl Show for SecureBits {
    fn show(&self) -> Vec<String> {
        let set: Vec<_> = SECURE_BITS.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| *name).collect();
        if set.is_empty() { Vec::new() } else { vec![set.join(" ")] }
    }
}

impl Show for Keyring {
    fn show(&self) -> Vec<String> {
        KEYRINGS.iter().filter(|(_, k)| k == self).map(|(name, _)| (*name).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Source, SourceFile, UnitName, parse};
    use super::*;

    #[test]
    fn sets_add_up_as_in_systemd() {
        let read = |text: &str| {
            let file = SourceFile { path: "/a.service".into(), text: format!("[Service]\nExecStart=/a\n{text}") };
            parse(&UnitName::new("a").expect("name"), Source::Native, &file, &[], &Facts::default())
        };
        let bounding = |lines: &[&str]| {
            let text: String = lines.iter().map(|l| format!("CapabilityBoundingSet={l}\n")).collect();
            read(&text).unit.service.privileges.bounding
        };
        assert_eq!(bounding(&["CAP_CHOWN cap_kill"]), Bounding(1 | 1 << 5));
        assert_eq!(bounding(&["CAP_CHOWN CAP_KILL", "~CAP_CHOWN"]), Bounding(1 << 5));
        assert_eq!(bounding(&["~CAP_CHOWN CAP_KILL"]), Bounding(!(1 | 1 << 5)));
        assert_eq!(bounding(&["CAP_CHOWN", "40"]), Bounding(1 | 1 << 40));
        assert_eq!((bounding(&[""]), bounding(&["CAP_KILL", "~"])), (Bounding(0), Bounding(u64::MAX)));
        assert_eq!(Bounding(!(1 | 1 << 5)).show(), ["~CAP_CHOWN CAP_KILL"]);
        let bad = read("AmbientCapabilities=CAP_KILL CAP_NET_AMDIN\n");
        assert!(bad.is_bad() && format!("{:?}", bad.findings).contains("NET_ADMIN"), "{:?}", bad.findings);
        let bits = read("SecureBits=noroot keep-caps-locked\n").unit.service.privileges.secure_bits;
        assert_eq!(bits, SecureBits(1 | 1 << 5));
    }
}
