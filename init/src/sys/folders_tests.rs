//! Folders in a scratch folder: made, owned, linked, removed, and never through another's link.
use super::*;
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

struct Scratch(PathBuf, CString);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rung-folders-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
        let text = CString::new(path.to_str().expect("text")).expect("no NUL");
        Self(path, text)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const PLAIN: Wanted = Wanted { mode: 0o750, uid: u32::MAX, gid: u32::MAX, always: true };

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
}

#[test]
fn folders_are_made_with_their_modes_and_removed() {
    let root = Scratch::new("made");
    make(&root.1, c"a/b/c", &PLAIN).expect("made");
    assert_eq!((mode(&root.join("a")), mode(&root.join("a/b")), mode(&root.join("a/b/c"))), (0o755, 0o755, 0o750));
    // The one that is there gets the mode, unless it is to be left alone.
    make(&root.1, c"a", &Wanted { mode: 0o700, always: false, ..PLAIN }).expect("there");
    assert_eq!(mode(&root.join("a")), 0o755);
    make(&root.1, c"a", &Wanted { mode: 0o2711, ..PLAIN }).expect("there");
    assert_eq!(mode(&root.join("a")), 0o2711);
    for index in 0..200 {
        fs::write(root.join(&format!("a/b/a-file-with-a-rather-long-name-{index}")), "x").expect("a file");
    }
    symlink("/etc", root.join("a/link")).expect("a link");
    remove(&root.1, c"a").expect("removed");
    assert!(!root.join("a").exists() && Path::new("/etc/passwd").exists());
    remove(&root.1, c"a").expect("missing is fine");
    assert_eq!(make(&root.1, c"x/../y", &PLAIN), Err(Errno::EINVAL));
}

#[test]
fn links_are_made_once() {
    let root = Scratch::new("links");
    link(&root.1, c"a/l", c"../b").expect("made");
    link(&root.1, c"a/l", c"../b").expect("it is there");
    assert_eq!(fs::read_link(root.join("a/l")).expect("a link"), Path::new("../b"));
    assert_eq!(link(&root.1, c"a/l", c"elsewhere"), Err(Errno::EEXIST));
    remove(&root.1, c"a/l").expect("removed");
    assert!(fs::symlink_metadata(root.join("a/l")).is_err());
}

#[test]
fn a_link_of_somebody_else_is_never_followed() {
    let root = Scratch::new("attack");
    fs::create_dir_all(root.join("victim")).expect("a folder");
    fs::set_permissions(root.join("victim"), fs::Permissions::from_mode(0o700)).expect("ours");
    // Root's own link in root's own folder is the administrator's wish.
    symlink("victim", root.join("moved")).expect("a link");
    make(&root.1, c"moved", &Wanted { mode: 0o711, ..PLAIN }).expect("followed");
    assert_eq!(mode(&root.join("victim")), 0o711);
    // In a folder that others can write, nobody knows whose it is.
    fs::create_dir(root.join("open")).expect("a folder");
    fs::set_permissions(root.join("open"), fs::Permissions::from_mode(0o777)).expect("ours");
    symlink("../victim", root.join("open/x")).expect("a link");
    assert_eq!(make(&root.1, c"open/x", &PLAIN), Err(Errno::ELOOP));
    assert_eq!(make(&root.1, c"open/x/y", &PLAIN), Err(Errno::ELOOP));
    assert_eq!(remove(&root.1, c"open/x/y"), Err(Errno::ELOOP));
    remove(&root.1, c"open/x").expect("the link itself");
    assert!(root.join("victim").exists());
    assert_eq!(mode(&root.join("victim")), 0o711);
}

#[test]
fn a_tree_gets_an_owner_but_not_what_comes_from_elsewhere() {
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    let root = Scratch::new("owner");
    fs::create_dir_all(root.join("d/sub")).expect("folders");
    fs::write(root.join("d/sub/file"), "").expect("a file");
    fs::write(root.join("secret"), "").expect("a file");
    std::os::unix::fs::chown(root.join("d"), Some(1000), Some(1000)).expect("root may");
    fs::hard_link(root.join("secret"), root.join("d/stolen")).expect("a second name");
    symlink("../secret", root.join("d/link")).expect("a link");
    make(&root.1, c"d", &Wanted { mode: 0o700, uid: 12, gid: 13, always: true }).expect("taken");
    let owner = |name: &str| {
        let found = fs::symlink_metadata(root.join(name)).expect("it is there");
        (found.uid(), found.gid())
    };
    for name in ["d", "d/sub", "d/sub/file", "d/link"] {
        assert_eq!(owner(name), (12, 13), "{name}");
    }
    assert_eq!(owner("secret"), (0, 0));
}
