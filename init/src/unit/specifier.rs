//! `%i` and its kin: what a unit's text may ask of its name and of the machine.

use super::UnitName;
use super::words::Oddity;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What parsing has to know of the machine; the shell asks the system, the parser never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `%H`
    pub hostname: String,
    /// `%m`: the 32 digits of `/etc/machine-id`; empty where there is none.
    pub machine_id: String,
    /// `%b`: 32 digits.
    pub boot_id: String,
    /// `%v`: as `uname -r`.
    pub kernel: String,
    /// `%a`: as `uname -m`.
    pub arch: String,
    /// Of os-release(5): for `%A %B %M %o %w %W`.
    pub os_release: Vec<(String, String)>,
    /// `%t`: where services keep their run-time state.
    pub run_dir: PathBuf,
    /// `TimeoutStartSec=` where a unit has none.
    pub timeout_start: Option<Duration>,
    /// `TimeoutStopSec=` where a unit has none.
    pub timeout_stop: Option<Duration>,
    /// Services with `Essential=yes` where they don't say.
    pub essential: Vec<UnitName>,
    /// Which of a systemd unit and a script of one name is taken.
    pub prefer: super::conf::Prefer,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            machine_id: String::new(),
            boot_id: String::new(),
            kernel: String::new(),
            arch: String::new(),
            os_release: Vec::new(),
            run_dir: "/run".into(),
            timeout_start: Some(Duration::from_secs(90)),
            timeout_stop: Some(Duration::from_secs(90)),
            essential: Vec::new(),
            prefer: super::conf::Prefer::Unit,
        }
    }
}

impl Facts {
    /// What os-release(5) says under a name, or nothing.
    fn os(&self, name: &str) -> String {
        self.os_release.iter().rfind(|(n, _)| n == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// Puts the specifiers of `text` in. As in systemd, an unknown one stays as it is; that is told.
///
/// # Errors
/// Byte offset of a specifier that this machine has no value for, and a sentence.
pub(super) fn expand(
    text: &str,
    name: &UnitName,
    fragment: &Path,
    facts: &Facts,
    odd: &mut Vec<Oddity>,
) -> Result<String, Oddity> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some((_, letter)) = chars.next() else {
            odd.push((at, "a single `%` ends the value and stays as it is".into()));
            out.push('%');
            continue;
        };
        match value(letter, name, fragment, facts) {
            Some(v) if v.is_empty() && "mbvaH".contains(letter) => {
                return Err((at, format!("`%{letter}` is not known on this machine")));
            }
            Some(v) => out.push_str(&v),
            None => {
                odd.push((at, format!("`%{letter}` is no specifier; it stays as it is")));
                out.extend(['%', letter]);
            }
        }
    }
    Ok(out)
}

fn value(letter: char, name: &UnitName, fragment: &Path, facts: &Facts) -> Option<String> {
    let prefix = name.prefix();
    let last = prefix.rsplit_once('-').map_or(prefix, |(_, last)| last);
    let instance = name.instance().unwrap_or("");
    Some(match letter {
        '%' => "%".into(),
        'n' => name.as_str().into(),
        'N' => name.stem().into(),
        'p' => prefix.into(),
        'P' => unescape(prefix),
        'i' => instance.into(),
        'I' => unescape(instance),
        'j' => last.into(),
        'J' => unescape(last),
        'f' => format!("/{}", unescape(if instance.is_empty() { prefix } else { instance }).trim_start_matches('/')),
        'H' | 'q' => facts.hostname.clone(),
        'l' => facts.hostname.split('.').next().unwrap_or("").into(),
        'm' => facts.machine_id.clone(),
        'b' => facts.boot_id.clone(),
        'v' => facts.kernel.clone(),
        'a' => architecture(&facts.arch).into(),
        't' => facts.run_dir.to_string_lossy().into_owned(),
        'S' => "/var/lib".into(),
        'C' => "/var/cache".into(),
        'L' => "/var/log".into(),
        'E' => "/etc".into(),
        'D' => "/usr/share".into(),
        'd' => format!("{}/credentials/{}", facts.run_dir.display(), name.as_str()),
        'A' => facts.os("IMAGE_VERSION"),
        'B' => facts.os("BUILD_ID"),
        'M' => facts.os("IMAGE_ID"),
        'o' => facts.os("ID"),
        'w' => facts.os("VERSION_ID"),
        'W' => facts.os("VARIANT_ID"),
        'T' => "/tmp".into(),
        'V' => "/var/tmp".into(),
        'u' | 'g' => "root".into(), // as in systemd: of the manager, not of `User=`
        'U' | 'G' => "0".into(),
        'h' => "/root".into(),
        's' => "/bin/sh".into(),
        'y' => fragment.to_string_lossy().into_owned(),
        'Y' => fragment.parent().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default(),
        _ => return None,
    })
}

/// systemd's words for all architectures it knows.
pub(super) const ARCHITECTURES: &[&str] = &[
    "x86-64",
    "x86",
    "arm64",
    "arm64-be",
    "arm",
    "arm-be",
    "riscv64",
    "riscv32",
    "ppc64-le",
    "ppc64",
    "ppc-le",
    "ppc",
    "s390x",
    "s390",
    "loongarch64",
    "mips64-le",
    "mips64",
    "mips-le",
    "mips",
    "sparc64",
    "sparc",
    "ia64",
    "alpha",
    "parisc64",
    "parisc",
    "m68k",
    "sh64",
    "sh",
    "arc-be",
    "arc",
    "cris",
    "nios2",
    "tilegx",
];

/// `uname -m` in systemd's words.
pub(super) fn architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "x86-64",
        "i386" | "i486" | "i586" | "i686" => "x86",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" | "armv8l" => "arm",
        "ppc64le" => "ppc64-le",
        other => other,
    }
}

/// The reverse of systemd-escape(1): `-` is `/`, `\xHH` a byte.
pub fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.strip_prefix(b"x").and_then(|t| t.get(..2)).and_then(|h| std::str::from_utf8(h).ok());
        let byte = hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|b| *b != 0);
        (bytes, rest) = match (first, byte) {
            (b'\\', Some(byte)) => (push(bytes, byte), tail.get(3..).unwrap_or(&[])),
            (b'-', _) => (push(bytes, b'/'), tail),
            (other, _) => (push(bytes, *other), tail),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn push(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_are_put_in() {
        let os_release = vec![("ID".into(), "debian".into()), ("VERSION_ID".into(), "13".into())];
        let facts = Facts { hostname: "box.lan".into(), arch: "x86_64".into(), os_release, ..Facts::default() };
        let name = UnitName::new("a-my\\x2dapp@dev-sda\\x31.service").expect("name");
        let mut odd = Vec::new();
        let mut at = |text| expand(text, &name, "/etc/u/a@.service".as_ref(), &facts, &mut odd);
        assert_eq!(
            at("%n %N %p"),
            Ok("a-my\\x2dapp@dev-sda\\x31.service a-my\\x2dapp@dev-sda\\x31 a-my\\x2dapp".into())
        );
        assert_eq!(at("%i|%I|%j|%J|%P|%f"), Ok("dev-sda\\x31|dev/sda1|my\\x2dapp|my-app|a/my-app|/dev/sda1".into()));
        assert_eq!(at("100%% %H %l %a %t %Y"), Ok("100% box.lan box x86-64 /run /etc/u".into()));
        assert_eq!(
            at("%o%w-%W %D %d"),
            Ok("debian13- /usr/share /run/credentials/a-my\\x2dapp@dev-sda\\x31.service".into())
        );
        assert!(at("%m").expect_err("none").1.contains("`%m`"));
        assert_eq!(at("ab%z c%"), Ok("ab%z c%".into()));
        assert_eq!(odd.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 6]);
    }
}
