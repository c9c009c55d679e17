//! Units of an image's init scripts and inittab: made in a folder for the time of the look, by the program that the manager
//! has make them.

use super::inittab;
use init::client;
use init::load::{self, Root, findings};
use init::unit::{Finding, Severity, Source, Unit};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What such units are made of.
const SOURCES: [&str; 3] = ["/etc/init.d", "/etc/rc.d/init.d", "/etc/inittab"];
/// Where it is installed.
const INSTALLED: &str = "/usr/lib/rung";

/// The units, and what is to be said of what they are made of.
#[derive(Debug)]
pub struct Generated {
    /// An image's, as long as they are looked at.
    folder: Option<PathBuf>,
    pub findings: Vec<Finding>,
}

impl Generated {
    /// Those of the running system, which its manager keeps up to date, or those of an image.
    pub fn of(root: &Root) -> Self {
        let read = |folder: &Path| findings::read(&folder.join("findings"));
        if !root.is_image() {
            return Self { folder: None, findings: read(&load::generated(&client::run_dir())) };
        }
        if !SOURCES.iter().any(|path| root.place(&root.shown(Path::new(path))).exists()) {
            return Self { folder: None, findings: Vec::new() };
        }
        let image = root.shown(Path::new("/"));
        match make(&image) {
            Ok(folder) => Self { findings: read(&folder), folder: Some(folder) },
            Err(why) => {
                let text = format!("its init scripts and inittab weren't looked at: {why}");
                Self { folder: None, findings: vec![Finding::whole(Severity::Warning, &image, text)] }
            }
        }
    }

    /// The folders of units, in search order, as they are shown.
    pub fn folders<'a>(&'a self, root: &'a Root) -> impl Iterator<Item = (Source, PathBuf)> + 'a {
        let folders = load::system_folders(&client::run_dir()).into_iter();
        folders.map(move |(source, path)| (source, self.place(root, path)))
    }

    /// Where to look for a path of the root.
    pub fn place(&self, root: &Root, path: PathBuf) -> PathBuf {
        match (&self.folder, path.strip_prefix(load::generated(&client::run_dir()))) {
            (Some(folder), Ok(rest)) => folder.join(rest),
            _ => root.shown(&path),
        }
    }

    /// Where a file of that folder will lie once the image runs.
    pub fn origin(&self, file: &Path) -> PathBuf {
        let inside = self.folder.as_ref().and_then(|folder| file.strip_prefix(folder).ok());
        inside.map_or_else(|| file.to_owned(), |rest| load::generated(&client::run_dir()).join(rest))
    }
}

impl Generated {
    /// What was made is told of what it was made from: what lies in an image's folder is gone afterwards, and nobody edits
    /// the unit of a line of inittab.
    pub fn tell_origin(&self, root: &Root, unit: &Unit, findings: &mut [Finding]) {
        let Some(origin) = &unit.source_path else { return };
        let is_line = unit.source == Source::Inittab;
        let is_made = |path: &Path| match &self.folder {
            Some(folder) => path.starts_with(folder),
            None => is_line && unit.files.first().is_some_and(|file| file == path),
        };
        let line = unit.files.first().filter(|_| is_line).and_then(|file| fs::read_to_string(root.place(file)).ok());
        let line = line.and_then(|text| inittab::line(&text)).unwrap_or(0);
        let is_shown = origin.starts_with(root.shown(Path::new("/")));
        let path = if is_shown { origin.to_path_buf() } else { root.shown(origin) };
        for finding in findings.iter_mut().filter(|f| is_made(&f.path)) {
            (finding.path, finding.line, finding.excerpt) = (path.clone(), line, None);
            // The keys are the unit's, not the line's.
            finding.key = finding.key.take().filter(|_| !is_line);
        }
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The program `sysv` that belongs to us.
///
/// # Errors
/// Where it was looked for.
pub fn sysv() -> Result<PathBuf, String> {
    let own = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("sysv")));
    let program = own.into_iter().chain([Path::new(INSTALLED).join("sysv")]).find(|path| path.exists());
    program.ok_or_else(|| format!("there is no program `sysv` beside initctl nor in {INSTALLED}"))
}

/// Has them made; the folder that holds them.
fn make(image: &Path) -> Result<PathBuf, String> {
    let program = sysv()?;
    let folder = nix::unistd::mkdtemp(&std::env::temp_dir().join("rung-verify-XXXXXX"))
        .map_err(|e| format!("no folder can be made in {}: {}", std::env::temp_dir().display(), e.desc()))?;
    let mut command = Command::new(&program);
    command.args(["generate", "--root"]).arg(image).arg("--out").arg(&folder);
    let done = command.stdin(Stdio::null()).output();
    let failed = match done {
        Ok(done) if done.status.success() => return Ok(folder),
        Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        Err(e) => format!("{}: {e}", program.display()),
    };
    let _ = fs::remove_dir_all(&folder);
    Err(failed)
}
