//! The repository's Rust files, their comments and strings blanked, so that words in them don't count.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub struct Source {
    /// From the repository's top.
    pub path: String,
    code: String,
}

/// The repository's top.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("parent").to_owned()
}

/// All Rust files of the workspace's crates.
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for part in ["init", "initctl", "compat-sysv", "tests", "qemu-test"] {
        walk(&repository().join(part), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "only {} files", found.len());
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            let path = path.strip_prefix(repository()).expect("inside").to_string_lossy().into_owned();
            found.push(Source { path, code: blank(&text) });
        }
    }
}

impl Source {
    /// Whether the file holds nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("_tests.rs") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// All lines.
    pub fn lines(&self) -> usize {
        self.code.lines().count()
    }

    /// Lines before the tests at its end that aren't blank or comment.
    pub fn lines_of_code(&self) -> usize {
        let lines = self.code.lines().take_while(|line| *line != "#[cfg(test)]");
        lines.filter(|line| !line.trim().is_empty()).count()
    }

    /// Whether a macro of that name is defined here.
    pub fn defines_macro(&self, name: &str) -> bool {
        self.code.contains(&format!("macro_rules! {name} "))
    }

    /// (number, code) of each line.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// (line, path) of each use of another part of the crate: what stands behind `crate::`, groups taken apart, and
    /// what `super::` reaches outside the file's own module.
    pub fn crate_paths(&self) -> Vec<(usize, String)> {
        let mut paths = Vec::new();
        let line = |at: usize| self.code[..at].matches('\n').count() + 1;
        for (at, found) in self.code.match_indices("crate::") {
            if !self.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                expand("", &self.code[at + found.len()..], &mut |path| paths.push((line(at), path)));
            }
        }
        // init/src/unit/mod.rs is one level below the root, init/src/unit/model.rs two.
        let below = self.path.trim_start_matches("init/src/").trim_end_matches("/mod.rs").matches('/').count() + 1;
        let out = "super::".repeat(below);
        for (at, _) in self.code.match_indices(&out) {
            if !self.code[..at].ends_with("::") && !self.code[..at].contains("\nmod tests {") {
                expand("", &self.code[at + out.len()..], &mut |path| paths.push((line(at), path)));
            }
        }
        paths
    }
}

/// Hands each path of `a::{b, c::d}` to `take`, up to two segments.
fn expand(prefix: &str, text: &str, take: &mut dyn FnMut(String)) {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let join = |word: &str| if prefix.is_empty() { word.to_owned() } else { format!("{prefix}::{word}") };
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => return expand(prefix, group[start..at].trim_start(), take),
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(prefix, group[start..at].trim_start(), take);
                    start = at + 1;
                }
                _ => {}
            }
        }
    } else if let Some(rest) = text[word.len()..].strip_prefix("::").filter(|_| prefix.is_empty()) {
        expand(&join(&word), rest, take);
    } else if !word.is_empty() {
        take(join(&word));
    } else if !prefix.is_empty() {
        take(prefix.to_owned());
    }
}

/// Whether `code` names `word` as a whole word (`nix` in `nix::libc`, not in `unix`).
pub fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let after = &code[at + word.len()..];
        !code[..at].ends_with(part)
            && !code[..at].ends_with("r#")
            && !(word.ends_with(part) && after.starts_with(part))
            && !(word.starts_with("log::") && code[..at].ends_with("::"))
    })
}

/// What of `nix` and `libc` a line names beyond names for numbers (`libc::SIGTERM`, `Errno`, `Signal`).
pub fn calls_of_the_system(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, fine) in [("libc::", &["c_", "$"][..]), ("nix::", &["errno::Errno", "sys::signal::Signal"][..])] {
        for (at, _) in code.match_indices(start) {
            let rest = &code[at + start.len()..];
            let number = start == "libc::" && rest.starts_with(|c: char| c.is_ascii_uppercase());
            if names(&code[at..], &start[..start.len() - 2]) && !number && !fine.iter().any(|f| rest.starts_with(f)) {
                found.push(code[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect());
            }
        }
    }
    found
}

/// Comments and the insides of strings and characters become spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest).filter(|_| !out.ends_with(|c: char| c.is_alphanumeric())) {
            length
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

/// Length of the quoted text that `rest` starts with.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of the raw string (`r"…"`, `r#"…"#`) that `rest` starts with.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len()))
}

#[test]
fn words_in_comments_and_strings_do_not_count() {
    let code = blank("a(\"unsafe \\\" b\"); // unsafe\nlet c = '\"'; let l: &'a str = r#\"un\"safe\"#; d");
    assert!(!code.contains("safe") && code.contains("d") && code.contains("&'a str"), "{code}");
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn uses_are_taken_apart() {
    let source = Source {
        path: "init/src/unit/model.rs".into(),
        code: "use crate::{core::{A, B}, sys::epoll::Epoll, unit};\nlet x = crate::proto::pid1::Key;\nuse super::super::sys::x;\nuse super::y;".into(),
    };
    let paths: Vec<String> = source.crate_paths().into_iter().map(|(line, path)| format!("{line} {path}")).collect();
    assert_eq!(paths, ["1 core::A", "1 core::B", "1 sys::epoll", "1 unit", "2 proto::pid1", "3 sys::x"]);
}

#[test]
fn constants_are_no_calls() {
    assert_eq!(calls_of_the_system("libc::SIGTERM + libc::c_int + libc::kill(1)"), ["libc::kill"]);
    assert_eq!(calls_of_the_system("use nix::errno::Errno; use nix::unistd::Pid;"), ["nix::unistd::Pid"]);
}

#[test]
fn whole_words_only() {
    assert!(names("use nix::errno;", "nix") && names("unsafe { x }", "unsafe") && names("println!(x)", "println!"));
    assert!(!names("std::os::unix::x", "nix") && !names("eprintln!(x)", "println!") && !names("not_unsafe", "unsafe"));
    assert!(names("log::info!(x)", "log::") && !names("crate::log::x", "log::"));
}
