//! What the manager learns once at its start: where it runs and what it was told.

use crate::sys::file;
use crate::unit::Level;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What to run: a machine with levels, or one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Level S, then this one (`None`: by configuration).
    Levels {
        /// The kernel command line's choice.
        level: Option<Level>,
        /// A shell before anything else.
        emergency: bool,
    },
    /// `init -- CMD ARGS…`
    Command(Vec<String>),
}

/// The words PID 1 was started with. The last level named wins, as in sysvinit. Pure.
pub fn purpose(args: &[String]) -> Purpose {
    if let Some(at) = args.iter().position(|a| a == "--") {
        let command: Vec<String> = args.iter().skip(at + 1).cloned().collect();
        if !command.is_empty() {
            return Purpose::Command(command);
        }
    }
    let (mut level, mut emergency) = (None, false);
    for word in args {
        match word.as_str() {
            "single" | "-s" | "S" | "s" => level = Some(Level::SINGLE),
            "emergency" | "-b" => emergency = true,
            digit if digit.len() == 1 => {
                level = digit.chars().next().and_then(Level::from_char).filter(|l| !l.is_down()).or(level);
            }
            _ => {}
        }
    }
    Purpose::Levels { level, emergency }
}

/// The terminals named by `console=` words of a kernel command line, each once, in order. Pure.
pub fn consoles(cmdline: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in cmdline.split_ascii_whitespace() {
        let Some(value) = word.strip_prefix("console=") else { continue };
        let name = value.split(',').next().unwrap_or_default().to_owned();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// `initdefault` of an inittab: the highest level of the first such line's field; `S` is single user mode. Pure.
pub fn initdefault(inittab: &str) -> Option<Level> {
    for line in inittab.lines().map(str::trim_start).filter(|l| !l.starts_with('#')) {
        let mut fields = line.splitn(4, ':').skip(1);
        if let (Some(levels), Some(action)) = (fields.next(), fields.next())
            && action.eq_ignore_ascii_case("initdefault")
        {
            let highest = levels.chars().max()?.to_ascii_uppercase();
            let level = Level::from_char(highest).filter(|l| !l.is_down())?;
            return Some(if level == Level::S { Level::SINGLE } else { level });
        }
    }
    None
}

/// Where the run directory is: `$RUNG_RUNDIR`, else `/run/rung`, else under `/tmp`; made if need be.
pub fn run_dir() -> PathBuf {
    let given = std::env::var_os("RUNG_RUNDIR").map(PathBuf::from);
    let fallback = PathBuf::from(format!("/tmp/rung-{}", nix::unistd::getuid()));
    let candidates = given.into_iter().chain([PathBuf::from("/run/rung"), fallback.clone()]);
    let mut last = PathBuf::from("/run/rung");
    for path in candidates {
        // In `/tmp` somebody else may have put something of that name there.
        let safe = path != fallback || is_private(&path);
        let made = safe && std::fs::create_dir_all(path.join("notify")).is_ok() && is_writable(&path);
        if made {
            return path;
        }
        last = path;
    }
    last
}

/// A folder of our own and no link; makes it if there is nothing.
fn is_private(path: &Path) -> bool {
    let _ = std::fs::DirBuilder::new().mode(0o755).create(path);
    std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == nix::unistd::geteuid().as_raw())
}

fn is_writable(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok()
}

/// The kernel's command line; empty without `/proc`.
pub fn cmdline() -> String {
    file::read_text(Path::new("/proc/cmdline"), 64 << 10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_ascii_whitespace().map(String::from).collect()
    }

    #[test]
    fn words_of_the_kernel_choose() {
        let levels =
            |level: Option<char>, emergency| Purpose::Levels { level: level.and_then(Level::from_char), emergency };
        for (text, level, emergency) in [
            ("", None, false),
            ("auto 3 foo", Some('3'), false),
            ("2 single", Some('1'), false),
            ("single 5", Some('5'), false),
            ("emergency", None, true),
            ("0 6 12", None, false),
        ] {
            assert_eq!(purpose(&words(text)), levels(level, emergency), "{text}");
        }
        assert_eq!(purpose(&words("-- sh -c 3")), Purpose::Command(words("sh -c 3")));
        assert_eq!(purpose(&words("3 --")), levels(Some('3'), false));
    }

    #[test]
    fn a_folder_in_tmp_must_be_our_own() {
        let base = std::env::temp_dir().join(format!("rung-private-{}", std::process::id()));
        std::fs::create_dir(&base).expect("folder");
        let link = base.join("link");
        std::os::unix::fs::symlink(&base, &link).expect("link");
        let (own, again) = (is_private(&base.join("new")), is_private(&base.join("new")));
        let others = nix::unistd::geteuid().is_root() && {
            nix::unistd::chown(&base.join("new"), Some(12345.into()), None).expect("chown");
            is_private(&base.join("new"))
        };
        let linked = is_private(&link);
        std::fs::remove_dir_all(&base).expect("clean");
        assert_eq!((own, again, linked, others), (true, true, false, false));
    }

    #[test]
    fn consoles_and_initdefault_are_found() {
        let line = "root=/dev/x console=tty0 console=ttyS0,115200n8 console=tty0";
        assert_eq!(consoles(line), ["tty0", "ttyS0"]);
        assert_eq!(initdefault("# id:5:initdefault:\nid:2:initdefault:\nx:3:wait:y"), Level::from_char('2'));
        assert_eq!(initdefault("id:35:InitDefault:"), Level::from_char('5'));
        assert_eq!(initdefault("a:4:initdefault:\nb:5:initdefault:"), Level::from_char('4'));
        assert_eq!(initdefault("a:3S:initdefault:"), Some(Level::SINGLE));
        for none in ["garbage", "a:6:initdefault:", "a:9:initdefault:", "a::initdefault:"] {
            assert_eq!(initdefault(none), None, "{none}");
        }
    }
}
