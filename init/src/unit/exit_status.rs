//! Exit statuses by number and name, as in the table of systemd.exec(5) ("Process Exit Codes"), and sets of them.

use super::fields::Show;
use super::finding::did_you_mean;
use super::scalar;
use super::value::{Bad, Value};

/// How a process may end, in `SuccessExitStatus=` and its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `exit(n)`
    Code(u8),
    /// Killed by a signal.
    Signal(i32),
}

/// C, LSB, BSD's `<sysexits.h>`, and what systemd's own processes exit with before `execve`.
const NAMES: &[(&str, u8)] = &[
    ("SUCCESS", 0),
    ("FAILURE", 1),
    ("INVALIDARGUMENT", 2),
    ("NOTIMPLEMENTED", 3),
    ("NOPERMISSION", 4),
    ("NOTINSTALLED", 5),
    ("NOTCONFIGURED", 6),
    ("NOTRUNNING", 7),
    ("USAGE", 64),
    ("DATAERR", 65),
    ("NOINPUT", 66),
    ("NOUSER", 67),
    ("NOHOST", 68),
    ("UNAVAILABLE", 69),
    ("SOFTWARE", 70),
    ("OSERR", 71),
    ("OSFILE", 72),
    ("CANTCREAT", 73),
    ("IOERR", 74),
    ("TEMPFAIL", 75),
    ("PROTOCOL", 76),
    ("NOPERM", 77),
    ("CONFIG", 78),
    ("CHDIR", 200),
    ("NICE", 201),
    ("FDS", 202),
    ("EXEC", 203),
    ("MEMORY", 204),
    ("LIMITS", 205),
    ("OOM_ADJUST", 206),
    ("SIGNAL_MASK", 207),
    ("STDIN", 208),
    ("STDOUT", 209),
    ("CHROOT", 210),
    ("IOPRIO", 211),
    ("TIMERSLACK", 212),
    ("SECUREBITS", 213),
    ("SETSCHEDULER", 214),
    ("CPUAFFINITY", 215),
    ("GROUP", 216),
    ("USER", 217),
    ("CAPABILITIES", 218),
    ("CGROUP", 219),
    ("SETSID", 220),
    ("CONFIRM", 221),
    ("STDERR", 222),
    ("PAM", 224),
    ("NETWORK", 225),
    ("NAMESPACE", 226),
    ("NO_NEW_PRIVILEGES", 227),
    ("SECCOMP", 228),
    ("SELINUX_CONTEXT", 229),
    ("PERSONALITY", 230),
    ("APPARMOR_PROFILE", 231),
    ("ADDRESS_FAMILIES", 232),
    ("RUNTIME_DIRECTORY", 233),
    ("CHOWN", 235),
    ("SMACK_PROCESS_LABEL", 236),
    ("KEYRING", 237),
    ("STATE_DIRECTORY", 238),
    ("CACHE_DIRECTORY", 239),
    ("LOGS_DIRECTORY", 240),
    ("CONFIGURATION_DIRECTORY", 241),
    ("NUMA_POLICY", 242),
    ("CREDENTIALS", 243),
    ("BPF", 245),
    ("KSM", 246),
    ("EXCEPTION", 255),
];

/// What a program exits with that could not be executed, by systemd's count.
pub const EXEC: u8 = 203;

/// A number is an exit status, a name an exit status or a signal (with or without `SIG`).
fn status(text: &str) -> Option<Status> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.parse().ok().map(Status::Code);
    }
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, code)| Status::Code(*code));
    named.or_else(|| scalar::signal(text).ok().map(Status::Signal))
}

/// Statuses, separated by spaces.
pub(super) fn statuses(v: &Value<'_>) -> Result<Vec<Status>, Bad> {
    let read = |word: super::words::Word| {
        status(&word.text).ok_or_else(|| {
            let usual = || "expected is a number from 0 to 255, e.g. `143`, or a name, e.g. `TEMPFAIL`, `SIGKILL`";
            let hint = did_you_mean(&word.text, NAMES.iter().map(|(name, _)| *name));
            Bad::new(word.at, format!("`{}` is no exit status and no signal", word.text))
                .hint(hint.unwrap_or_else(|| usual().to_owned()))
        })
    };
    v.words()?.into_iter().map(read).collect()
}

impl Show for Vec<Status> {
    fn show(&self) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let one = |status: &Status| match status {
            Status::Code(code) => code.to_string(),
            Status::Signal(signal) => scalar::show_signal(*signal),
        };
        vec![self.iter().map(one).collect::<Vec<_>>().join(" ")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_signals() {
        for (text, wanted) in [
            ("0", Some(Status::Code(0))),
            ("255", Some(Status::Code(255))),
            ("TEMPFAIL", Some(Status::Code(75))),
            ("NOTRUNNING", Some(Status::Code(7))),
            ("EXEC", Some(Status::Code(EXEC))),
            ("SIGKILL", Some(Status::Signal(9))),
            ("TERM", Some(Status::Signal(15))),
            ("RTMIN+1", Some(Status::Signal(35))),
            ("256", None),
            ("-1", None),
            ("1x", None),
            ("tempfail", None),
            ("", None),
        ] {
            assert_eq!(status(text), wanted, "{text}");
        }
    }

    #[test]
    fn no_name_is_a_signal_too() {
        assert!(NAMES.iter().all(|(name, _)| scalar::signal(name).is_err()));
        let mut codes: Vec<u8> = NAMES.iter().map(|(_, code)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), NAMES.len());
    }
}
