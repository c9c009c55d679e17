//! A root directory as a container has it: Rung by `etc-skel/install`, a shell and a few commands, nothing else.

use super::programs;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// What the boot helpers and the tests' units call.
const COMMANDS: [&str; 12] = [
    "/bin/sh",
    "/bin/sleep",
    "/bin/cat",
    "/bin/dd",
    "/bin/ls",
    "/bin/rm",
    "/bin/mkdir",
    "/bin/chmod",
    "/usr/bin/install",
    "/usr/bin/id",
    "/bin/mount",
    "/usr/bin/setsid",
];

/// A folder that is removed with its value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rung-{what}-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A root directory of one's own.
#[derive(Debug)]
pub struct Rootfs {
    folder: Folder,
    _base: Arc<Folder>,
}

impl Rootfs {
    /// Made of hard links to one that all tests of a program share.
    pub fn new() -> Self {
        static BASE: Mutex<Weak<Folder>> = Mutex::new(Weak::new());
        let mut shared = BASE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let base = shared.upgrade().unwrap_or_else(|| Arc::new(install()));
        *shared = Arc::downgrade(&base);
        drop(shared);
        let folder = Folder::new("rootfs");
        run(Command::new("cp").arg("-al").arg(base.0.join("root")).arg(folder.0.join("root")));
        Self { folder, _base: base }
    }

    /// The root.
    pub fn path(&self) -> PathBuf {
        self.folder.0.join("root")
    }

    /// A folder beside it, for what belongs to the test.
    pub fn beside(&self) -> &Path {
        &self.folder.0
    }

    /// One more program of the host, by its path.
    #[must_use]
    pub fn program(self, path: &str) -> Self {
        program(&self.path(), path);
        self
    }

    /// Puts a program from anywhere to this place, with its libraries.
    pub fn give(&self, program: &Path, to: &str) {
        give(&self.path(), program, Path::new(to));
    }

    /// A file, with its folders.
    #[must_use]
    pub fn file(self, path: &str, text: &str, mode: u32) -> Self {
        let at = self.path().join(path);
        fs::create_dir_all(at.parent().expect("a folder")).expect("folders are made");
        // Not through a hard link that others share.
        let _ = fs::remove_file(&at);
        fs::write(&at, text).expect("a file is written");
        fs::set_permissions(&at, fs::Permissions::from_mode(mode)).expect("it is ours");
        self
    }

    /// A link, with its folders.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        let at = self.path().join(path);
        fs::create_dir_all(at.parent().expect("a folder")).expect("folders are made");
        std::os::unix::fs::symlink(target, at).expect("a link");
        self
    }

    /// A unit that is on in level 3.
    #[must_use]
    pub fn unit(self, name: &str, text: &str) -> Self {
        let etc = self.path().join("etc/rung");
        fs::write(etc.join("units").join(name), text).expect("a unit file");
        let link = etc.join("levels/3").join(name);
        std::os::unix::fs::symlink(format!("../../units/{name}"), link).expect("a link");
        self
    }
}

impl Default for Rootfs {
    fn default() -> Self {
        Self::new()
    }
}

fn install() -> Folder {
    let base = Folder::new("rootfs-base");
    let root = base.0.join("root");
    for folder in ["bin", "dev", "proc", "sys", "run", "tmp", "etc", "root"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").expect("passwd");
    COMMANDS.iter().for_each(|command| program(&root, command));
    let skel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel/install");
    run(Command::new(skel).arg("--root").arg(&root).arg("--bin").arg(programs()));
    base
}

/// Copies a program of the host with its libraries.
fn program(root: &Path, path: &str) {
    give(root, Path::new(path), Path::new(path));
}

fn give(root: &Path, program: &Path, to: &Path) {
    copy(root, program, to);
    let out = Command::new("ldd").arg(program).output().expect("ldd");
    for word in String::from_utf8_lossy(&out.stdout).split_whitespace().filter(|w| w.starts_with('/')) {
        copy(root, Path::new(word), Path::new(word));
    }
}

fn copy(root: &Path, file: &Path, to: &Path) {
    let at = root.join(to.strip_prefix("/").expect("absolute"));
    fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
    if !at.exists() {
        crate::copy_program(file, at).expect("a file");
    }
}

fn run(command: &mut Command) {
    let out = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}
