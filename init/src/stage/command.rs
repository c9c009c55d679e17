//! What a start of `init` means, from its pid and arguments.

use crate::sys::{args, fd};
use nix::errno::Errno;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// What to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// PID 1. The arguments (words of the kernel command line, or `-- CMD ARGS…`) are the manager's to read.
    Init {
        /// All but the zeroth.
        args: Vec<OsString>,
    },
    /// A subreaper that isn't PID 1: `--subreaper -- CMD ARGS…`.
    Subreaper {
        /// `-- CMD ARGS…`
        args: Vec<OsString>,
    },
    /// `telinit`, under its old name: `init 3`.
    Telinit {
        /// All but the zeroth.
        args: Vec<OsString>,
    },
    /// Print the version.
    Version,
    /// Print the usage.
    Help,
    /// Say this and exit with status 2.
    Refuse(&'static str),
}

/// The usage of a start that isn't PID 1's.
pub const USAGE: &str = include_str!("usage.txt");

/// Decides. The zeroth argument is the program's own name.
pub fn decide(pid: i32, argv: impl IntoIterator<Item = OsString>) -> Start {
    let args: Vec<OsString> = argv.into_iter().skip(1).collect();
    if pid == 1 {
        return Start::Init { args };
    }
    let word = |index: usize| args.get(index).map(OsString::as_os_str);
    match word(0).and_then(OsStr::to_str) {
        None if args.is_empty() => Start::Refuse(USAGE),
        Some("--version") if args.len() == 1 => Start::Version,
        Some("--help" | "-h") if args.len() == 1 => Start::Help,
        Some("--subreaper") => match args.get(1..) {
            Some([dashes, command, ..]) if dashes == "--" && !command.is_empty() => {
                Start::Subreaper { args: args.into_iter().skip(1).collect() }
            }
            _ => Start::Refuse("init: --subreaper needs a command: init --subreaper -- CMD ARGS...\n"),
        },
        Some("--") => Start::Refuse("init: this is not process 1: init --subreaper -- CMD ARGS... runs a command\n"),
        _ => Start::Telinit { args },
    }
}

/// What PID 1 or a subreaper gives to its manager as arguments; any other start is done with here, and gives its exit
/// status.
///
/// # Errors
/// The exit status.
pub fn start(args: &[CString]) -> Result<Vec<OsString>, i32> {
    let words = args.iter().map(|arg| OsStr::from_bytes(arg.as_bytes()).to_owned());
    let say = |to: i32, text: &str| fd::borrow(to).map(|fd| nix::unistd::write(fd, text.as_bytes()));
    match decide(nix::unistd::getpid().as_raw(), words) {
        Start::Init { args } | Start::Subreaper { args } => Ok(args),
        Start::Telinit { args } => {
            let own = args::own_path();
            let error = exec_telinit(own.parent().unwrap_or(Path::new("/usr/lib/rung")), args);
            say(2, &format!("init: this is not process 1, and sysv can't be executed: {}\n", error.desc()));
            Err(1)
        }
        Start::Version => {
            say(1, concat!("Rung ", env!("CARGO_PKG_VERSION"), "\n"));
            Err(0)
        }
        Start::Help => {
            say(1, USAGE);
            Err(0)
        }
        Start::Refuse(why) => {
            say(2, why);
            Err(2)
        }
    }
}

/// Becomes `sysv init ARGS…`, from the folder `beside`. Returns only when that failed.
pub fn exec_telinit(beside: &Path, args: Vec<OsString>) -> Errno {
    let text = |s: OsString| CString::new(s.into_vec());
    let program = text(beside.join("sysv").into_os_string());
    let words = [OsString::from("sysv"), OsString::from("init")].into_iter().chain(args);
    let (Ok(program), Ok(args)) = (program, words.map(text).collect::<Result<Vec<_>, _>>()) else {
        return Errno::EINVAL;
    };
    match nix::unistd::execv(&program, &args) {
        Err(e) => e,
        Ok(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(pid: i32, args: &[&str]) -> Start {
        decide(pid, std::iter::once("init").chain(args.iter().copied()).map(OsString::from))
    }

    fn words(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn process_one_is_init_whatever_the_arguments() {
        for args in [&[] as &[&str], &["single", "quiet"], &["--", "sh", "-c", "x"], &["--version"], &["--subreaper"]] {
            assert_eq!(start(1, args), Start::Init { args: words(args) });
        }
    }

    #[test]
    fn others_are_subreaper_telinit_or_refused() {
        assert_eq!(start(7, &["--subreaper", "--", "sh"]), Start::Subreaper { args: words(&["--", "sh"]) });
        assert_eq!(start(7, &["3"]), Start::Telinit { args: words(&["3"]) });
        assert_eq!(start(7, &["-t", "3", "1"]), Start::Telinit { args: words(&["-t", "3", "1"]) });
        assert_eq!(start(7, &["--version"]), Start::Version);
        for help in ["--help", "-h"] {
            assert_eq!(start(7, &[help]), Start::Help);
        }
        let refused: [&[&str]; 5] =
            [&[], &["--", "sh"], &["--subreaper"], &["--subreaper", "--"], &["--subreaper", "sh", "x"]];
        for args in refused {
            assert!(matches!(start(7, args), Start::Refuse(_)), "{args:?}");
        }
    }

    #[test]
    fn telinit_is_looked_for_beside() {
        assert_eq!(exec_telinit(Path::new("/proc/no such folder"), words(&["3"])), Errno::ENOENT);
    }
}
