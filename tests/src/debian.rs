//! Debian packages: fetched by apt from the mirror this host uses, unpacked, kept under `target`.
//!
//! apt gets folders of its own, so that neither the host's release nor its package lists matter, and nothing of the host
//! changes.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Debian's release.
const SUITE: &str = "bookworm";

/// These packages, unpacked in a folder each, as far as `paths` (`./lib/systemd`; none: whole), below `target`. They are
/// kept for the next time. `Err`: why there are none.
///
/// # Errors
/// What failed, with its output.
pub fn packages(target: &Path, packages: &[&str], paths: &[&str]) -> Result<PathBuf, String> {
    if !["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].iter().all(|program| Path::new(program).exists()) {
        return Err("there are no apt-get and dpkg-deb".to_owned());
    }
    let mut hash = DefaultHasher::new();
    (packages, paths).hash(&mut hash);
    let kept = target.join(format!("{SUITE}-{:016x}", hash.finish()));
    if kept.exists() {
        return Ok(kept);
    }
    let mirror = mirror()?;
    fs::create_dir_all(target).map_err(|e| format!("{}: {e}", target.display()))?;
    let work = target.join(format!("new-{}", std::process::id()));
    let made = fetch(&work, &mirror, packages, paths).and_then(|units| {
        let _ = fs::remove_dir_all(&kept);
        fs::rename(&units, &kept).map_err(|e| e.to_string())
    });
    let _ = fs::remove_dir_all(&work);
    made.map(|()| kept)
}

/// The Debian mirror that the host's apt uses.
fn mirror() -> Result<String, String> {
    let ask = || run(Command::new("apt-get").args(["indextargets", "--format", "$(ORIGIN) $(SUITE) $(REPO_URI)"]));
    let debian = |list: String| {
        let lines = list.lines().filter_map(|l| l.strip_prefix("Debian ")?.split_once(' '));
        let main = lines.filter(|(suite, _)| !suite.contains("security") && !suite.contains("updates"));
        main.map(|(_, uri)| uri.to_owned()).next()
    };
    let known = debian(ask()?);
    if known.is_none() && nix::unistd::geteuid().is_root() {
        run(Command::new("apt-get").args(["-q", "update"]))?;
    }
    known.or(debian(ask()?)).ok_or("apt knows no Debian mirror here; run `apt-get update` as root".to_owned())
}

/// Downloads the packages and unpacks them; the folder of these.
fn fetch(work: &Path, mirror: &str, packages: &[&str], paths: &[&str]) -> Result<PathBuf, String> {
    let folder = |name: &str| {
        let path = work.join(name);
        fs::create_dir_all(&path).map(|()| path).map_err(|e| format!("{}: {e}", work.display()))
    };
    let (lists, cache, debs, units) = (folder("lists/partial")?, folder("cache")?, folder("debs")?, folder("units")?);
    let sources = work.join("sources.list");
    fs::write(&sources, format!("deb {mirror} {SUITE} main\n")).map_err(|e| e.to_string())?;
    let status = work.join("status");
    fs::write(&status, "").map_err(|e| e.to_string())?;
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args([
            "-q",
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "APT::Architecture=amd64",
            "-o",
            "Acquire::Languages=none",
        ]);
        for (option, path) in [
            ("Dir::State::Lists", lists.parent().unwrap_or(&lists)),
            ("Dir::State::status", &status),
            ("Dir::Cache", &cache),
            ("Dir::Etc::SourceList", &sources),
            ("Dir::Etc::SourceParts", Path::new("/nowhere")),
        ] {
            apt.arg("-o").arg(format!("{option}={}", path.display()));
        }
        run(apt.args(args).current_dir(&debs))
    };
    apt(&["update"])?;
    apt(&[&["download"], packages].concat())?;
    // tar says that a package has none by its exit status; what was unpacked is looked at later.
    let shell = r#"set -e
        for deb in *.deb; do
            mkdir "$to/${deb%%_*}"
            dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$to/${deb%%_*}" "$@" 2>/dev/null || true
        done"#;
    run(Command::new("bash").args(["-c", shell, "sh"]).args(paths).env("to", &units).current_dir(&debs))?;
    Ok(units)
}

/// What it printed.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } =
        command.env("LC_ALL", "C.UTF-8").output().map_err(|e| format!("{name}: {e}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(format!("{name}: {status}\n{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}
