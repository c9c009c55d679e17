use super::*;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicU32, Ordering};

/// A root directory; removed in the end.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("rung-tmpfiles-{}-{count}", std::process::id()));
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/sh\n").unwrap();
        fs::write(root.join("etc/group"), "root:x:0:\nutmp:x:43:\nweb:x:33:\n").unwrap();
        Self(root)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Does the lines, as at boot; whether all is well.
    fn boot(&self, lines: &str) -> bool {
        let file = self.at("lines.conf");
        fs::write(&file, lines).unwrap();
        let options = Options { boot: true, root: Some(self.0.clone()), files: vec![file], ..Options::default() };
        self.with(&options)
    }

    fn with(&self, options: &Options) -> bool {
        let text = |path: &str| fs::read_to_string(self.at(path)).unwrap();
        let workshop = Workshop {
            tree: Tree::open(&self.0).unwrap(),
            accounts: Accounts::parse(&text("etc/passwd"), &text("etc/group")),
            free_hard_links: true,
        };
        let (items, fine) = read(options, &self.0);
        work(&workshop, &items, options) && fine
    }

    fn mode(&self, path: &str) -> u32 {
        self.at(path).symlink_metadata().unwrap().permissions().mode() & 0o7777
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn each_kind_makes_what_it_says() {
    let root = Root::new();
    fs::create_dir_all(root.at("usr/share/factory/etc/pam/deep")).unwrap();
    fs::write(root.at("usr/share/factory/etc/pam/deep/x"), "copied").unwrap();
    let lines = "d /run/a/b 1777\nf /run/a/file 0640 - - - one\\ntwo\nL /run/link - - - - a/b\np /run/fifo 0600\n\
                 C /etc/pam\nC /etc/none\nL+ /var/run - - - - ../run\nd /var/run/c 0700\nw /run/a/file - - - - new\n\
                 w+ /run/a/f* - - - - er\nw /run/none - - - - x\n";
    assert!(root.boot(lines));
    assert_eq!((root.mode("run/a"), root.mode("run/a/b"), root.mode("run/c")), (0o755, 0o1777, 0o700));
    assert_eq!((root.text("run/a/file"), root.mode("run/a/file")), ("newer".into(), 0o640));
    assert_eq!(fs::read_link(root.at("run/link")).unwrap(), Path::new("a/b"));
    assert!(root.at("run/fifo").metadata().unwrap().file_type().is_fifo());
    assert_eq!(root.text("etc/pam/deep/x"), "copied");
    assert!(!root.at("etc/none").exists() && !root.at("run/none").exists());
    // A second time: `f` leaves the text alone, `F` and `f+` don't.
    assert!(root.boot("f /run/a/file 0600 - - - again\nd /run/a/b 0711\n"));
    assert_eq!(
        (root.text("run/a/file"), root.mode("run/a/file"), root.mode("run/a/b")),
        ("newer".into(), 0o600, 0o711)
    );
    assert!(root.boot("f+ /run/a/file - - - - x\nF /run/F - - - - y\n"));
    assert_eq!((root.text("run/a/file"), root.text("run/F")), ("x".into(), "y".into()));
}

#[test]
fn what_is_to_go_goes_only_when_asked() {
    let root = Root::new();
    for file in ["tmp/a/b", "tmp/.hidden", "tmp/.X1-lock", "keep/x", "gone/x/y", "full/x"] {
        fs::create_dir_all(root.at(file).parent().unwrap()).unwrap();
        fs::write(root.at(file), "").unwrap();
    }
    let lines = "D /tmp 1777\nr! /keep/x\nR /go*\nr /full\n";
    let file = root.at("lines.conf");
    fs::write(&file, lines).unwrap();
    let plain = Options { files: vec![file.clone()], ..Options::default() };
    assert!(root.with(&plain) && root.at("tmp/a/b").exists() && root.at("gone/x/y").exists());
    assert!(root.with(&Options { remove: true, ..plain.clone() }));
    assert!(root.at("tmp").exists() && !root.at("tmp/a").exists() && !root.at("tmp/.hidden").exists());
    assert!(!root.at("gone").exists() && root.at("keep/x").exists(), "`!` is for booting only");
    assert!(root.at("full/x").exists(), "`r` takes no folder that holds something");
    assert!(root.with(&Options { boot: true, ..plain }) && !root.at("keep/x").exists());
}

#[test]
fn the_first_line_of_a_path_counts_and_folders_stand_in_for_folders() {
    let root = Root::new();
    for (file, text) in [
        ("usr/lib/rung/tmpfiles.conf", "f /run/utmp 0664\nr! /run/nologin\nD /tmp 1777\n"),
        ("usr/lib/tmpfiles.d/a.conf", "f+! /run/utmp 0600 - - - lost\nf+! /run/nologin\nd /run/a 0700\n"),
        ("usr/lib/tmpfiles.d/b.conf", "d /run/b\n"),
        ("usr/lib/tmpfiles.d/c.conf", "d /run/c\nnonsense\n"),
        ("etc/tmpfiles.d/b.conf", "d /run/b2\n"),
        ("etc/tmpfiles.d/z.conf", "d /tmp 0700\n"),
    ] {
        fs::create_dir_all(root.at(file).parent().unwrap()).unwrap();
        fs::write(root.at(file), text).unwrap();
    }
    let options = Options { boot: true, ..Options::default() };
    assert!(root.with(&options), "a package's line that is wrong is no matter");
    assert_eq!((root.text("run/utmp"), root.mode("run/utmp")), (String::new(), 0o664));
    assert!(!root.at("run/nologin").exists() && root.at("run/a").exists() && root.at("run/c").exists());
    assert!(root.at("run/b2").exists() && !root.at("run/b").exists());
    assert_eq!(root.mode("tmp"), 0o700, "the administrator's come first");
    symlink("/dev/null", root.at("etc/tmpfiles.d/00rung.conf")).unwrap();
    assert!(root.with(&options));
    assert_eq!(root.mode("run/utmp"), 0o600, "Rung's own file can be masked");
}

#[test]
fn modes_and_owners() {
    let root = Root::new();
    fs::create_dir_all(root.at("d/sub")).unwrap();
    fs::write(root.at("d/sub/file"), "").unwrap();
    fs::set_permissions(root.at("d/sub/file"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(root.boot("d /d :0700\nd /new :0700\nZ /d/su* ~0755\n"));
    assert_eq!((root.mode("d"), root.mode("new")), (0o755, 0o700), "`:` is for what is new");
    assert_eq!((root.mode("d/sub"), root.mode("d/sub/file")), (0o755, 0o644), "no file is made executable by `~`");
    assert!(!root.boot("d /x - nobody-here\n") && !root.at("x").exists());
    assert!(root.boot("d- /x - nobody-here\n"), "`-`: its failure is no matter");
    if is_root() {
        assert!(root.boot("d /w 2750 web 43\nz /d/sub/file 4755 web utmp\n"));
        let meta = root.at("w").metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid(), root.mode("w")), (33, 43, 0o2750));
        assert_eq!(root.mode("d/sub/file"), 0o4755, "the mode survives the change of owner");
    }
}

#[test]
fn other_kinds_stay_unless_told() {
    let root = Root::new();
    fs::write(root.at("x"), "keep").unwrap();
    fs::write(root.at("y"), "keep").unwrap();
    fs::write(root.at("l"), "keep").unwrap();
    assert!(!root.boot("d /x\n") && root.text("x") == "keep");
    assert!(!root.boot("p /y\n") && root.boot("p+ /y\n") && root.boot("d= /x\n"));
    assert!(root.at("x").is_dir() && root.at("y").metadata().unwrap().file_type().is_fifo());
    assert!(root.boot("L /l - - - - t\n") && root.text("l") == "keep" && root.boot("L+ /l - - - - t\n"));
    assert!(root.at("l").is_symlink());
}

/// What a user put there leads nowhere, at any place of a path, for any kind of line.
#[test]
fn a_users_symlink_is_not_followed() {
    if !is_root() {
        return;
    }
    let lines = [
        "d /home/web/link/new",
        "f /home/web/link/new 0666",
        "f+ /home/web/link/secret 0666 web web - x",
        "F /home/web/file 0666 web - - x",
        "w /home/web/link/secret - - - - x",
        "w /home/web/file - - - - x",
        "z /home/web/link/secret 0666 web",
        "z /home/web/file 0666 web",
        "Z /home/web 0777 web",
        "e /home/web/link 0777 web",
        "d /home/web/link 0777 web",
        "D /home/web/link 0777 web",
        "r /home/web/link/secret",
        "R /home/web/link/*",
        "R /home/web/*",
        "R /home/web",
        "L+ /home/web/link/secret - - - - x",
        "C /home/web/link/new - - - - /etc/passwd",
        "p /home/web/link/fifo",
        "z /tmp/link/secret 0666 web",
        "D /tmp 1777",
    ];
    // Seen from the root they lead into it; seen from the host, as a naive program would take them, too.
    for (line, from_host) in lines.iter().flat_map(|line| [(line, false), (line, true)]) {
        let root = Root::new();
        fs::create_dir_all(root.at("home/web/tree")).unwrap();
        fs::create_dir_all(root.at("tmp")).unwrap();
        fs::set_permissions(root.at("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        fs::create_dir(root.at("safe")).unwrap();
        fs::set_permissions(root.at("safe"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(root.at("safe/secret"), "secret").unwrap();
        fs::set_permissions(root.at("safe/secret"), fs::Permissions::from_mode(0o600)).unwrap();
        for (target, link) in [
            ("/safe", "home/web/link"),
            ("/safe/secret", "home/web/file"),
            ("/safe", "home/web/tree/link"),
            ("/safe", "tmp/link"),
        ] {
            let target = if from_host { root.at(target.trim_start_matches('/')) } else { target.into() };
            symlink(&target, root.at(link)).unwrap();
            std::os::unix::fs::lchown(root.at(link), Some(33), Some(33)).unwrap();
        }
        for folder in ["home/web", "home/web/tree"] {
            std::os::unix::fs::chown(root.at(folder), Some(33), Some(33)).unwrap();
        }
        root.boot(&format!("{line}\n"));
        let names: Vec<_> = fs::read_dir(root.at("safe")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"], "{line}");
        let owner = root.at("safe/secret").metadata().unwrap().uid();
        assert_eq!((root.text("safe/secret"), root.mode("safe/secret"), owner), ("secret".into(), 0o600, 0), "{line}");
        let owner = root.at("safe").metadata().unwrap().uid();
        assert_eq!((root.mode("safe"), owner), (0o700, 0), "{line}");
    }
}

#[test]
fn a_users_hard_link_is_not_changed() {
    if !is_root() {
        return;
    }
    let root = Root::new();
    fs::write(root.at("secret"), "secret").unwrap();
    fs::set_permissions(root.at("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(root.at("home")).unwrap();
    fs::hard_link(root.at("secret"), root.at("home/file")).unwrap();
    for line in ["z /home/file 0666 web", "Z /home 0666 web", "f /home/file 0666 web", "w /home/file - - - - x"] {
        root.boot(&format!("{line}\n"));
        let owner = root.at("secret").metadata().unwrap().uid();
        assert_eq!((root.text("secret"), root.mode("secret"), owner), ("secret".into(), 0o600, 0), "{line}");
    }
}

/// Deeper than a stack of calls or of descriptors would last.
#[test]
fn a_deep_tree_goes_and_changes() {
    let root = Root::new();
    let tree = Tree::open(&root.0).unwrap();
    let mut here = tree.folder("/", false).unwrap();
    nix::sys::stat::mkdirat(&here, "top", nix::sys::stat::Mode::S_IRWXU).unwrap();
    let flags = nix::fcntl::OFlag::O_PATH | nix::fcntl::OFlag::O_CLOEXEC;
    here = nix::fcntl::openat(&here, "top", flags, nix::sys::stat::Mode::empty()).unwrap();
    for _ in 0..1500 {
        nix::sys::stat::mkdirat(&here, "d", nix::sys::stat::Mode::S_IRWXU).unwrap();
        here = nix::fcntl::openat(&here, "d", flags, nix::sys::stat::Mode::empty()).unwrap();
    }
    assert!(root.boot("Z /top 0750\n"));
    assert_eq!(nix::sys::stat::fstat(&here).unwrap().st_mode & 0o7777, 0o750);
    assert!(root.boot("R /top\n") && !root.at("top").exists());
}

#[test]
fn a_loop_of_links_ends() {
    let root = Root::new();
    symlink("b", root.at("a")).unwrap();
    symlink("a", root.at("b")).unwrap();
    assert!(!root.boot("d /a/x\n"));
    symlink("../../../..", root.at("up")).unwrap();
    assert!(root.boot("d /up/made\n") && root.at("made").is_dir(), "nothing leads out of the root");
}

#[test]
fn arguments() {
    let read = |text: &str| options(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(read("--boot --root /x a.conf").unwrap().root.as_deref(), Some(Path::new("/x")));
    assert_eq!(read("--root=/x").unwrap().root.as_deref(), Some(Path::new("/x")));
    assert!(read("--root").is_none() && read("--nonsense").is_none());
}
