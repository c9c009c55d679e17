//! A root directory for tests, removed in the end.

use init::load::Root;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The folder.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// One that holds an empty `etc/init.d`.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("rung-scratch-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("etc/init.d")).expect("mkdir");
        Self(folder)
    }

    /// A file that can be executed, with its folders.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.place(path);
        fs::write(&path, text).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    /// A link, with its folders.
    pub(crate) fn link(&self, path: &str, target: &str) {
        symlink(target, self.place(path)).expect("link");
    }

    fn place(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        path
    }

    /// It as an image.
    pub(crate) fn root(&self) -> Root {
        Root::image(self.0.clone())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
