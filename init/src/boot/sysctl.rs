//! The kernel's settings below `/proc/sys`.

use super::{Job, Outcome, conf, glob, say};
use crate::sys::file;
use nix::errno::Errno;
use std::path::{Path, PathBuf};

pub const JOB: Job = Job {
    name: "sysctl",
    arguments: "",
    what: "writes the settings of sysctl.d and /etc/sysctl.conf",
    help: "Writes the lines `KEY = VALUE` of /{etc,run,usr/local/lib,usr/lib}/sysctl.d/*.conf and /etc/sysctl.conf. The last\nline of a key counts; a key may be a pattern (net.ipv4.conf.*.rp_filter), which leaves out the keys that stand for\nthemselves, also those without a value (`-KEY`). `-` before a key: a failure is no matter. What the kernel doesn't have,\nor a container may not change, is said and passed over.",
    run,
};
const FOLDERS: &[&str] = &["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    /// Below `/proc/sys`.
    path: String,
    /// None: it only keeps patterns away.
    value: Option<String>,
    /// Its failure is no matter.
    optional: bool,
    /// `file:line`.
    place: String,
}

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    let root = Path::new("/");
    let mut files = conf::files(root, FOLDERS);
    // Debian's 99-sysctl.conf is a link to it.
    let last = PathBuf::from("/etc/sysctl.conf");
    if !files.iter().any(|f| f.canonicalize().is_ok_and(|real| real == last)) {
        files.push(last);
    }
    Outcome::done_if(set(&files))
}

/// What `sysctl --system` of procps sets: `/run` comes before `/etc`, and `/etc/sysctl.conf` last in any case.
pub(super) fn as_procps() -> bool {
    const ALL: &[&str] =
        &["/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
    let mut files = conf::files(Path::new("/"), ALL);
    files.push(PathBuf::from("/etc/sysctl.conf"));
    set(&files)
}

fn set(files: &[PathBuf]) -> bool {
    let mut settings = Vec::new();
    for path in files {
        let Some(text) = conf::text(path) else { continue };
        settings.extend(parse(&path.display().to_string(), &text));
    }
    apply(&settings, Path::new("/proc/sys"))
}

/// The settings of a text; a line that is none is said.
fn parse(name: &str, text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (number, line) in conf::lines(text) {
        let place = format!("{name}:{number}");
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim().to_owned())),
            None => (line, None),
        };
        let (key, optional) = key.strip_prefix('-').map_or((key, false), |key| (key.trim(), true));
        let path = path_of(key);
        let leaves = path.is_empty() || path.split('/').any(|part| part.is_empty() || part == "..");
        if leaves || key.contains(char::is_whitespace) || (value.is_none() && !optional) {
            say(&format!("{place}: `{line}` isn't `KEY = VALUE`; the line is passed over"));
            continue;
        }
        settings.push(Setting { path, value, optional, place });
    }
    settings
}

/// `net.ipv4.conf.eth0/1.x`: dots part a key and slashes stand for dots, unless a slash comes first.
fn path_of(key: &str) -> String {
    match key.find(['.', '/']).and_then(|at| key.get(at..)) {
        Some(rest) if rest.starts_with('.') => key
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
        _ => key.trim_start_matches('/').to_owned(),
    }
}

/// Patterns first, each without what is named itself; then of each name its last line. Whether all is well.
fn apply(settings: &[Setting], base: &Path) -> bool {
    let is_named = |path: &str| settings.iter().any(|s| s.path == path);
    let mut fine = true;
    for setting in settings.iter().filter(|s| glob::is_pattern(&s.path)) {
        for path in expand(base, &setting.path).iter().filter(|path| !is_named(path)) {
            fine &= write(setting, path, base);
        }
    }
    for (index, setting) in settings.iter().enumerate().filter(|(_, s)| !glob::is_pattern(&s.path)) {
        let later = settings.get(index.saturating_add(1)..).unwrap_or(&[]);
        if !later.iter().any(|s| s.path == setting.path && s.value.is_some()) {
            fine &= write(setting, &setting.path, base);
        }
    }
    fine
}

fn write(setting: &Setting, path: &str, base: &Path) -> bool {
    let Some(value) = &setting.value else { return true };
    match file::poke(&base.join(path), &format!("{value}\n")) {
        Ok(()) => true,
        Err(_) if setting.optional => true,
        Err(e) => {
            let passed = matches!(e, Errno::ENOENT | Errno::EACCES | Errno::EPERM | Errno::EROFS);
            let end = if passed { "; passed over" } else { "" };
            say(&format!("{}: {path} can't be set to `{value}`: {}{end}", setting.place, e.desc()));
            passed
        }
    }
}

/// The keys that a pattern matches, in order.
fn expand(base: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for folder in &found {
            let join = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !glob::is_pattern(part) {
                next.push(join(part));
                continue;
            }
            let entries = std::fs::read_dir(base.join(folder)).into_iter().flatten().flatten();
            let names = entries.filter_map(|e| e.file_name().into_string().ok());
            next.extend(names.filter(|name| glob::matches(part, name)).map(|name| join(&name)));
        }
        found = next;
    }
    found.retain(|path| base.join(path).is_file());
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_paths() {
        assert_eq!(path_of("kernel.sysrq"), "kernel/sysrq");
        assert_eq!(path_of("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(path_of("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(path_of("/kernel/x"), "kernel/x");
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        let settings = parse("a.conf", "kernel.a = 1\n-kernel.b=2\n- kernel.c\nnonsense\na..b=1\n= 3\n# x\nk.d =\n");
        let shown: Vec<_> = settings.iter().map(|s| (s.path.as_str(), s.value.as_deref(), s.optional)).collect();
        assert_eq!(
            shown,
            [
                ("kernel/a", Some("1"), false),
                ("kernel/b", Some("2"), true),
                ("kernel/c", None, true),
                ("k/d", Some(""), false)
            ]
        );
        assert_eq!(settings.last().map(|s| s.place.as_str()), Some("a.conf:8"));
    }

    #[test]
    fn the_last_line_counts_and_names_go_before_patterns() {
        let base = std::env::temp_dir().join(format!("rung-boot-sysctl-{}", std::process::id()));
        for name in ["all", "eth0", "lo", "wlan0"] {
            std::fs::create_dir_all(base.join("net").join(name)).unwrap();
            std::fs::write(base.join("net").join(name).join("rp"), "0").unwrap();
        }
        let value = |name: &str| std::fs::read_to_string(base.join("net").join(name).join("rp")).unwrap();
        let text =
            "net.eth0.rp = 5\nnet.*.rp = 1\n-net.lo.rp\nnet.all.rp=2\nnet.all.rp=3\n-net.none.x=1\nnet.none.y=1\n";
        assert!(apply(&parse("x", text), &base));
        assert_eq!([value("all"), value("eth0"), value("lo"), value("wlan0")], ["3\n", "5\n", "0", "1\n"]);
        // A folder can't be written.
        assert!(!apply(&parse("x", "net.lo = 1"), &base) && apply(&parse("x", "-net.lo = 1"), &base));
        std::fs::remove_dir_all(base).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a./*=\n -]{0,60}") {
            for setting in parse("x", &text) {
                prop_assert!(!setting.path.starts_with('/') && !setting.path.split('/').any(|p| p == ".."));
            }
        }
    }
}
