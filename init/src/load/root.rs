//! The root that files are looked for in: this system's, or an image's, whose links are followed as they would be there
//! and never lead out of it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Most links on the way to one file, as in the kernel.
const MAX_LINKS: usize = 40;

/// A root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Root(Option<PathBuf>);

impl Root {
    /// This system's own.
    pub fn system() -> Self {
        Self(None)
    }

    /// An image's: the folder that is `/` in it.
    pub fn image(folder: PathBuf) -> Self {
        Self(Some(folder))
    }

    /// Whether it is an image's.
    pub fn is_image(&self) -> bool {
        self.0.is_some()
    }

    /// A path of the root as it is shown to people: with the image's folder before it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        match &self.0 {
            None => path.to_owned(),
            Some(folder) => folder.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    /// Where to find what is shown as `shown`, all links followed; it holds none where it lies in an image. A path that
    /// doesn't lie in the image is one of this system and stays as it is.
    pub fn place(&self, shown: &Path) -> PathBuf {
        self.follow(shown, true)
    }

    /// The same, but the last part itself isn't followed.
    pub fn entry(&self, shown: &Path) -> PathBuf {
        self.follow(shown, false)
    }

    fn follow(&self, shown: &Path, last: bool) -> PathBuf {
        let Some((folder, inside)) = self.0.as_deref().and_then(|f| Some((f, shown.strip_prefix(f).ok()?))) else {
            return shown.to_owned();
        };
        let mut links = 0;
        let mut done: Vec<OsString> = Vec::new();
        let mut work: VecDeque<OsString> = VecDeque::new();
        push_front(&mut work, inside, &mut done);
        while let Some(part) = work.pop_front() {
            if part == ".." {
                done.pop();
                continue;
            }
            let here: PathBuf = folder.components().as_path().join(done.iter().collect::<PathBuf>()).join(&part);
            match fs::read_link(&here) {
                Ok(target) if (last || !work.is_empty()) && links < MAX_LINKS => {
                    links += 1;
                    push_front(&mut work, &target, &mut done);
                }
                _ => done.push(part),
            }
        }
        folder.join(done.iter().collect::<PathBuf>())
    }
}

/// Puts the parts of a path before what is still to be walked; an absolute one begins at the root again.
fn push_front(work: &mut VecDeque<OsString>, path: &Path, done: &mut Vec<OsString>) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => work.push_front(name.to_owned()),
            Component::ParentDir => work.push_front("..".into()),
            Component::RootDir => done.clear(),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_inside() {
        let folder = std::env::temp_dir().join(format!("rung-root-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("usr/bin")).expect("mkdir");
        fs::write(folder.join("usr/bin/true"), "").expect("write");
        let link = |target: &str, at: &str| symlink(target, folder.join(at)).expect("symlink");
        link("usr/bin", "bin");
        link("/bin/true", "usr/yes");
        link("../../../../etc/passwd", "out");
        link("round", "round");
        let root = Root::image(folder.clone());
        let at = |path: &str| root.place(&root.shown(Path::new(path)));
        assert_eq!(at("/bin/true"), folder.join("usr/bin/true"));
        assert_eq!(at("/usr/yes"), folder.join("usr/bin/true"));
        assert_eq!(at("/out"), folder.join("etc/passwd"));
        assert_eq!(at("/usr/../../bin/no/such"), folder.join("usr/bin/no/such"));
        assert!(at("/round").starts_with(&folder));
        assert_eq!(root.entry(&folder.join("usr/yes")), folder.join("usr/yes"));
        assert_eq!(root.place(Path::new("/etc")), Path::new("/etc"));
        assert_eq!(Root::system().place(Path::new("/etc")), Path::new("/etc"));
        fs::remove_dir_all(&folder).expect("remove");
    }
}
