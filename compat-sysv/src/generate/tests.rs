use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

struct Tree(PathBuf);

impl Tree {
    fn new(test: &str) -> Self {
        let root = std::env::temp_dir().join(format!("rung-generate-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("etc/inittab.d")).expect("folders");
        fs::create_dir_all(root.join("etc/rc2.d")).expect("folders");
        Self(root)
    }

    fn put(&self, path: &str, text: &str) {
        fs::write(self.0.join(path), text).expect("a file");
    }

    fn generate(&self) {
        run(&Root::image(self.0.clone()), &self.0.join("out")).expect("written");
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join("out").join(path)).unwrap_or_default()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_root_gives_units_links_and_findings_and_only_changes_are_written() {
    let tree = Tree::new("changes");
    tree.put("etc/inittab", "l2:2:wait:/etc/init.d/rc 2\n1:23:respawn:/sbin/getty 38400 tty1\nx:2:once\n");
    tree.put("etc/inittab.d/a.tab", "t:3:once:/usr/bin/thing\n");
    tree.put("etc/inittab.d/b.tab~", "u:3:once:/usr/bin/thing\n");
    tree.put("etc/cron", "");
    symlink("../cron", tree.0.join("etc/rc2.d/S05cron")).expect("a link");
    tree.put("sleep-time", "7\n");
    tree.generate();
    let unit = tree.text("inittab/inittab-1.service");
    for line in ["After=cron.service", &exec("-r 1 -- /sbin/getty 38400 tty1"), "TimeoutStopSec=7s", "UtmpIdentifier=1"]
    {
        assert!(unit.lines().any(|l| l == line), "{line}\n{unit}");
    }
    assert_eq!(tree.text("levels/2/inittab-1.service"), unit, "the link leads there");
    assert_eq!(tree.text("inittab/getty@tty1.service"), unit);
    assert!(tree.text("levels/3/inittab-t.service").contains("etc/inittab.d/a.tab:1"));
    assert!(!tree.0.join("out/inittab/inittab-u.service").exists());
    let found = format!(
        "error\t{}\t3\tmissing process field\tcorrect the line; the others count\n",
        tree.0.join("etc/inittab").display()
    );
    assert_eq!(tree.text("findings"), found);

    let number = |path: &str| fs::metadata(tree.0.join("out").join(path)).expect("there").ino();
    let before = ["inittab/inittab-1.service", "inittab/inittab-t.service", "findings"].map(number);
    tree.generate();
    assert_eq!(["inittab/inittab-1.service", "inittab/inittab-t.service", "findings"].map(number), before);

    tree.put("etc/inittab", "1:3:respawn:/sbin/getty 38400 tty1\n");
    tree.generate();
    assert_eq!(tree.text("levels/2/inittab-1.service"), "");
    assert!(!tree.0.join("out/levels/2").exists());
    assert_eq!(tree.text("findings"), "");
    fs::remove_file(tree.0.join("etc/inittab")).expect("removed");
    tree.generate();
    assert!(!tree.0.join("out/events").exists() && !tree.0.join("out/inittab").exists());
}

#[test]
fn a_login_comes_after_those_scripts_that_it_needs() {
    let tree = Tree::new("login");
    fs::create_dir_all(tree.0.join("etc/init.d")).expect("folder");
    tree.put("etc/inittab", "l2:2:wait:/etc/init.d/rc 2\n1:2:respawn:/sbin/getty 38400 tty1\nx:2:respawn:/bin/x\n");
    let put = |name: &str, header: &str| {
        let header = header.replace(';', "\n# ");
        tree.put(
            &format!("etc/init.d/{name}"),
            &format!(
                "#!/bin/sh\n### BEGIN INIT INFO\n# {header}\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2\n\
                 # Default-Stop:\n### END INIT INFO\n"
            ),
        );
        fs::set_permissions(tree.0.join(format!("etc/init.d/{name}")), fs::Permissions::from_mode(0o755))
            .expect("mode");
        symlink(format!("../init.d/{name}"), tree.0.join(format!("etc/rc2.d/S05{name}"))).expect("a link");
    };
    put("cron", "Provides: cron");
    put("accounts", "Provides: accounts nscd");
    put("rmnologin", "Provides: rmnologin");
    put("question", "Provides: question;X-Interactive: true");
    tree.put("etc/init.d/old", "#!/bin/sh\n");
    symlink("../init.d/old", tree.0.join("etc/rc2.d/S05old")).expect("a link");
    tree.generate();
    let after = |id: &str| {
        let text = tree.text(&format!("inittab/inittab-{id}.service"));
        text.lines().find_map(|line| line.strip_prefix("After=").map(str::to_owned)).unwrap_or_default()
    };
    assert_eq!(after("1"), "accounts.service old.service question.service rmnologin.service");
    assert_eq!(after("x"), "accounts.service cron.service old.service question.service rmnologin.service");
}

#[test]
fn exact_runs_the_scripts_lines_as_they_stand() {
    let tree = Tree::new("exact");
    fs::create_dir_all(tree.0.join("etc/rung")).expect("a folder");
    tree.put("etc/rung/init.conf", "[Manager]\nCompat=exact\n");
    tree.put("etc/inittab", "l2:2:wait:/etc/init.d/rc 2\n");
    tree.generate();
    let unit = tree.text("inittab/inittab-l2.service");
    assert!(unit.contains(&exec("-r l2 -- /etc/init.d/rc 2")), "{unit}");
}

/// How a line is run.
fn exec(words: &str) -> String {
    format!("ExecStart=-:/usr/lib/rung/sysv line {words}")
}

#[test]
fn what_is_no_plain_file_is_never_waited_for() {
    let tree = Tree::new("fifo");
    nix::unistd::mkfifo(&tree.0.join("etc/inittab"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    tree.generate();
    assert_eq!(tree.text("findings"), "");
}
