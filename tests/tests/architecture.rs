//! The shape of the sources: who may use whom, where `unsafe` lives, how long things are. What a reader is told in the
//! design is checked here, so that it stays true.

#![allow(clippy::expect_used, reason = "tests' helpers fail by it")]

#[path = "architecture/elf.rs"]
mod elf;
#[path = "architecture/source.rs"]
mod source;

use source::{Source, repository, sources};
use std::fs;

/// Modules of `init/src`, and the paths below `crate::` that each may use. Its own is always allowed.
const ARROWS: &[(&str, &[&str])] = &[
    ("unit", &[]),
    ("core", &["unit", "proto::pid1"]),
    ("proto", &["core", "unit"]),
    ("sys", &["proto::pid1", "proto::plan"]),
    ("stage", &["sys", "proto::pid1", "proto::plan"]),
    ("pid1", &["stage", "sys", "proto::pid1", "proto::plan"]),
    ("load", &["core::Definition", "sys", "unit"]),
    ("levels", &["core::LevelMark", "core::RcRule", "proto::control", "sys", "unit"]),
    ("switch", &["core::Definition", "levels", "load", "proto::control", "unit"]),
    ("manager", &["client", "core", "levels", "load", "log", "proto", "switch", "sys", "unit"]),
    ("log", &["sys", "proto", "unit"]),
    ("boot", &["sys", "unit::accounts", "unit::condition", "unit::scalar"]),
    ("client", &["sys", "proto", "core::RequestId"]),
];

/// What a module may not even name: the pure ones ask nothing of the system, PID 1 parses nothing.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("unit", SYSTEM),
    ("core", SYSTEM),
    ("core", &["HashMap", "HashSet"]),
    ("proto", SYSTEM),
    ("pid1", &["serde", "serde_json", "serde_ini", "clap", "log::", "env_logger", "std::thread"]),
    ("stage", &["serde", "serde_json", "serde_ini", "clap", "log::", "env_logger", "std::thread"]),
    ("sys", &["serde", "serde_json", "serde_ini", "clap"]),
    ("manager", &["std::thread"]),
    ("log", &["std::thread"]),
];
const SYSTEM: &[&str] = &[
    "signal_hook",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "std::os",
    "Instant",
    "SystemTime",
];

const LONGEST_FILE: usize = 600;
const LONGEST_PID1: usize = 1500;

/// Sources of one module of `init`, those of its tests apart.
fn module<'a>(all: &'a [Source], name: &str) -> impl Iterator<Item = &'a Source> {
    let (folder, file) = (format!("init/src/{name}/"), format!("init/src/{name}.rs"));
    all.iter().filter(move |s| (s.path.starts_with(&folder) || s.path == file) && !s.is_test())
}

/// Fails with all findings, not only the first.
fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn arrows_point_one_way() {
    let all = sources();
    let mut findings = Vec::new();
    for (name, allowed) in ARROWS {
        for source in module(&all, name) {
            // A macro that is exported stands at the crate's root, whoever defines it.
            let home = |path: &str| match all.iter().find(|s| s.defines_macro(path)) {
                Some(s) => s.path.trim_start_matches("init/src/").split('/').next().unwrap_or("").to_owned(),
                None => path.to_owned(),
            };
            // Frames and plans are read by PID 1, which links nothing else.
            let alone = ["init/src/proto/pid1", "init/src/proto/plan"].iter().any(|p| source.path.starts_with(p));
            let allowed: &[&str] = if alone { &["proto::pid1", "proto::plan"] } else { allowed };
            for (line, path) in source.crate_paths().into_iter().map(|(line, path)| (line, home(&path))) {
                let own = !alone && (path == *name || path.starts_with(&format!("{name}::")));
                let hit = |a: &str| path == a || path.starts_with(&format!("{a}::"));
                if !own && !allowed.iter().any(|a| hit(a)) {
                    findings.push(format!("{}:{line}: {name} may not use crate::{path}", source.path));
                }
            }
        }
    }
    none(&findings, "the table in init/src/lib.rs says which module uses which");
}

#[test]
fn every_module_of_init_is_in_the_table() {
    let lib = fs::read_to_string(repository().join("init/src/lib.rs")).expect("lib.rs");
    let modules: Vec<&str> = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() >= 8, "{modules:?}");
    for name in modules {
        assert!(ARROWS.iter().any(|(n, _)| *n == name), "{name} has no arrows");
    }
}

#[test]
fn pure_modules_name_nothing_of_the_system() {
    let all = sources();
    let mut findings = Vec::new();
    for (name, words) in FORBIDDEN {
        for source in module(&all, name) {
            for (line, text) in source.code_lines() {
                for word in words.iter().filter(|word| source::names(text, word)) {
                    findings.push(format!("{}:{line}: {name} may not name {word}", source.path));
                }
                if words == &SYSTEM {
                    let calls = source::calls_of_the_system(text);
                    findings
                        .extend(calls.into_iter().map(|c| format!("{}:{line}: {name} may not name {c}", source.path)));
                }
            }
        }
    }
    none(&findings, "what a module may not name");
}

#[test]
fn front_ends_have_no_private_door() {
    let all = sources();
    let mut findings = Vec::new();
    for source in all.iter().filter(|s| s.path.starts_with("initctl/src") || s.path.starts_with("compat-sysv/src")) {
        for (line, text) in source.code_lines() {
            for word in ["init::pid1", "init::stage", "init::manager"] {
                if source::names(text, word) {
                    findings.push(format!("{}:{line}: names {word}", source.path));
                }
            }
        }
    }
    none(&findings, "initctl and compat-sysv ask by the control socket");
}

#[test]
fn unsafe_lives_in_sys() {
    let mut findings = Vec::new();
    // PID 1 starts at C's `main`, and hands what the C runtime gave it straight to sys.
    let apart = |path: &str| ["init/src/sys/", "init/src/bin/init.rs", "tests/"].iter().any(|p| path.starts_with(p));
    for source in sources().iter().filter(|s| !apart(&s.path)) {
        for (line, text) in source.code_lines() {
            if source::names(text, "unsafe") {
                findings.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    none(&findings, "unsafe only under init/src/sys");
}

#[test]
fn long_lived_processes_print_nothing() {
    let all = sources();
    let mut findings = Vec::new();
    let bins = ["init/src/bin/init.rs", "init/src/bin/init-manager.rs", "init/src/bin/init-log.rs"];
    let parts = ["pid1", "stage", "manager", "log", "core", "sys", "proto", "unit"];
    let long_lived = parts.iter().flat_map(|name| module(&all, name));
    for source in long_lived.chain(all.iter().filter(|s| bins.contains(&s.path.as_str()))) {
        for (line, text) in source.code_lines() {
            if ["println!", "eprintln!", "print!", "eprint!", "dbg!"].iter().any(|m| source::names(text, m)) {
                findings.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    none(&findings, "a print macro panics or blocks when nobody reads");
}

#[test]
fn nothing_is_left_for_later() {
    let mut findings = Vec::new();
    for source in sources() {
        for (line, text) in source.code_lines() {
            if ["todo!", "unimplemented!", "#[ignore"].iter().any(|m| text.contains(m)) {
                findings.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    none(&findings, "no todo, no ignored test");
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|s| s.lines() > LONGEST_FILE)
        .map(|s| format!("{}: {} lines", s.path, s.lines()))
        .collect();
    none(&long, "at most 600 lines a file");
}

#[test]
fn pid_1_can_be_read_in_one_sitting() {
    let pid1: usize = module(&sources(), "pid1").map(Source::lines_of_code).sum();
    assert!(pid1 <= LONGEST_PID1, "pid1/ has {pid1} lines of code; about 1,200 are wanted");
}

#[test]
fn the_top_level_is_fixed() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "init",
        "initctl",
        "compat-sysv",
        "etc-skel",
        "tests",
        "qemu-test",
        "README.md",
        "LICENSE",
        "target",
    ];
    for entry in fs::read_dir(repository()).expect("repository") {
        let name = entry.expect("entry").file_name().into_string().expect("text");
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} doesn't belong here");
    }
}

/// Release builds keep their symbols (`debug = "line-tables-only"`, not stripped), so what PID 1 links can be read off
/// its symbol table. Debug builds aren't looked at; where no release build is there, there is nothing to look at.
#[test]
fn pid_1_links_no_parser() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), Into::into);
    let Ok(bytes) = fs::read(target.join("x86_64-unknown-linux-gnu/release/init")) else {
        return;
    };
    let names = elf::symbol_names(&bytes).expect("an ELF file with a symbol table");
    assert!(names.iter().any(|name| name == "main"), "no `main` among {} symbols", names.len());
    let strangers: Vec<&String> =
        names.iter().filter(|n| ["serde", "clap", "env_logger"].iter().any(|word| n.contains(word))).collect();
    assert!(strangers.is_empty(), "PID 1 links {strangers:?}");
}
