//! Completion scripts and man pages: the shells and man take them without a word.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder without a manager.
struct System {
    dir: PathBuf,
}

impl System {
    fn bare(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rung-pages-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("mkdir");
        Self { dir }
    }

    fn initctl(&self, args: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_initctl")).args(args).env("RUNG_RUNDIR", &self.dir).output();
        let output = output.expect("initctl runs");
        (output.status.code().expect("exited"), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A folder with `initctl` on its path, and a shell run there; `None`: the shell isn't installed.
fn shell(system: &System, words: &[&str]) -> Option<Output> {
    let bin = system.dir.join("bin");
    std::fs::create_dir_all(&bin).expect("mkdir");
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_initctl"), bin.join("initctl"));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new(words[0])
        .args(&words[1..])
        .env("PATH", path)
        .env("RUNG_RUNDIR", &system.dir)
        .env("HOME", &system.dir)
        .output();
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            println!("skipped: {} isn't installed", words[0]);
            None
        }
    }
}

fn stdout(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The README's table of verbs has all of them.
#[test]
fn the_readme_lists_every_verb() {
    let output = Command::new(env!("CARGO_BIN_EXE_initctl")).arg("schema").output().expect("initctl runs");
    let out = String::from_utf8_lossy(&output.stdout);
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("README.md");
    let table = readme.split("\n## ").find(|s| s.starts_with("initctl\n")).expect("the section");
    let words: Vec<&str> = table.split(|c: char| !c.is_ascii_alphabetic() && c != '-').collect();
    let verbs: Vec<&str> = out.lines().filter_map(|l| l.split('\t').next()).filter(|v| *v != "emit").collect();
    let missing: Vec<&&str> = verbs.iter().filter(|v| !words.contains(v)).collect();
    assert!(verbs.len() > 30 && missing.is_empty(), "{missing:?}");
}

#[test]
fn bash_completes_verbs_flags_and_keys() {
    let system = System::bare("bash");
    let ask = |words: &str| {
        let script = format!(
            "source <(initctl completion bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             f=$(complete -p initctl | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \"$f\" initctl \"${{COMP_WORDS[-1]}}\" \
             \"${{COMP_WORDS[-2]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        shell(&system, &["bash", "--norc", "-c", &script]).map(|o| stdout(&o))
    };
    let Some(verbs) = ask("initctl re") else { return };
    for verb in ["restart", "reload", "revert", "reset-failed"] {
        assert!(verbs.lines().any(|l| l.trim() == verb), "{verb}: {verbs}");
    }
    assert!(ask("initctl enable --le").expect("bash").contains("--levels"));
    assert!(ask("initctl set x Nic").expect("bash").contains("Nice="));
    for (words, whole) in [
        ("kill -s TER", "TERM"),
        ("kill -s SIGTE", "SIGTERM"),
        ("man rung", "rung.unit"),
        ("schema revers", ""),
        ("schema reve", "revert"),
        ("enable --levels 23", "2345"),
    ] {
        assert_eq!(ask(&format!("initctl {words}")).expect("bash").lines().next().unwrap_or_default().trim(), whole);
    }
    // No manager, no units: nothing, and no error.
    assert_eq!(ask("initctl start no-such-unit-here").expect("bash").trim(), "");
}

#[test]
fn zsh_and_fish_take_their_scripts() {
    let system = System::bare("zsh");
    if let Some(fish) =
        shell(&system, &["fish", "-N", "-c", "initctl completion fish | source; complete -C 'initctl res'"])
    {
        assert!(stdout(&fish).contains("restart"));
    }
    if let Some(zsh) = shell(&system, &["zsh", "-f", "-c", "initctl completion zsh >s; zsh -n s; rm s; echo taken"]) {
        assert_eq!(stdout(&zsh), "taken\n");
    }
}

#[test]
fn man_pages_are_clean_and_say_what_help_says() {
    let system = System::bare("man");
    let (status, _) = system.initctl(&["man", "--write", system.dir.join("man").to_str().expect("path")]);
    assert_eq!(status, 0);
    let pages = ["man1/initctl.1", "man5/rung.unit.5", "man5/init.conf.5", "man8/init.8", "man8/init-manager.8"];
    for page in pages {
        let path = system.dir.join("man").join(page);
        let text = std::fs::read_to_string(&path).expect(page);
        assert!(text.contains(".SH NAME") && text.contains(".SH \"SEE ALSO\""), "{page}");
        lint(&path);
    }
    let unit = std::fs::read_to_string(system.dir.join("man/man5/rung.unit.5")).expect("page");
    for key in init::unit::keys() {
        assert!(unit.contains(&format!("{}=", key.name)), "{}", key.name);
    }
    let (status, stderr) = system.initctl(&["man", "nonsense"]);
    assert!(status == 1 && stderr.contains("rung.unit"), "{stderr}");
}

/// groff finds nothing to complain about.
fn lint(page: &Path) {
    let Ok(output) = Command::new("groff").args(["-Kutf8", "-man", "-ww", "-Tutf8", "-z"]).arg(page).output() else {
        println!("skipped: groff isn't installed");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", page.display());
}
