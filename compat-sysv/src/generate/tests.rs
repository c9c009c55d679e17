use super::*;
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::MetadataExt;

impl Scratch {
    fn generate(&self) {
        run(&self.root(), &self.0.join("out")).expect("written");
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join("out").join(path)).unwrap_or_default()
    }
}

#[test]
fn a_root_gives_units_links_and_findings_and_only_changes_are_written() {
    let tree = Scratch::new();
    tree.put("etc/inittab", "l2:2:wait:/etc/init.d/rc 2\n1:23:respawn:/sbin/getty 38400 tty1\nx:2:once\n");
    tree.put("etc/inittab.d/a.tab", "t:3:once:/usr/bin/thing\n");
    tree.put("etc/inittab.d/b.tab~", "u:3:once:/usr/bin/thing\n");
    tree.put("etc/cron", "");
    tree.link("etc/rc2.d/S05cron", "../cron");
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
    let tree = Scratch::new();
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
        tree.link(&format!("etc/rc2.d/S05{name}"), &format!("../init.d/{name}"));
    };
    put("cron", "Provides: cron");
    put("accounts", "Provides: accounts nscd");
    put("rmnologin", "Provides: rmnologin");
    put("question", "Provides: question;X-Interactive: true");
    tree.put("etc/init.d/old", "#!/bin/sh\n");
    tree.link("etc/rc2.d/S05old", "../init.d/old");
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
    let tree = Scratch::new();
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
    let tree = Scratch::new();
    nix::unistd::mkfifo(&tree.0.join("etc/inittab"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    tree.generate();
    assert_eq!(tree.text("findings"), "");
}

#[test]
fn red_hat_6s_jobs_are_lines_of_inittab() {
    let tree = Scratch::new();
    tree.put("etc/inittab", "# as Red Hat 6 has it\nid:5:initdefault:\n");
    for (job, exec) in [
        ("rcS", "pre-start script\n  exec no\nend script\nexec /etc/rc.d/rc.sysinit"),
        ("rc", "exec /etc/rc.d/rc $RUNLEVEL"),
        ("tty", "respawn\nexec /sbin/mingetty $TTY"),
        ("prefdm", "exec /etc/X11/prefdm -nodaemon"),
        ("control-alt-delete", "exec /sbin/shutdown -r now \"Control-Alt-Delete pressed\""),
        ("other", "exec /sbin/other"),
    ] {
        tree.put(&format!("etc/init/{job}.conf"), &format!("start on something\n{exec}\n"));
    }
    tree.put("etc/sysconfig/init", "ACTIVE_CONSOLES=\"/dev/tty[1-2]\"\n");
    tree.generate();
    assert!(!tree.0.join("out/inittab").exists(), "no rc.sysinit, no Red Hat");
    tree.put("etc/rc.d/rc.sysinit", "#!/bin/sh\n");
    tree.put("etc/rc.d/init.d/web", "#!/bin/sh\n");
    tree.link("etc/rc.d/rc3.d/S85web", "../init.d/web");
    tree.generate();
    let first = tree.text("levels/S/inittab-si.service");
    assert!(first.contains("etc/init/rcS.conf:5; changes") && first.contains(&exec("-r si -- /etc/rc.d/rc.sysinit")));
    let login = tree.text("levels/3/getty@tty1.service");
    assert_eq!(login, "", "the line's own unit is on there");
    let login = tree.text("levels/3/inittab-1.service");
    assert!(
        login.contains(&exec("-r 1 -- /sbin/mingetty /dev/tty1")) && login.contains("After=web.service"),
        "{login}"
    );
    assert!(!tree.0.join("out/levels/5/inittab-1.service").exists(), "X has that terminal");
    assert!(
        tree.0.join("out/levels/5/inittab-2.service").exists()
            && tree.0.join("out/levels/5/inittab-x.service").exists()
    );
    assert!(tree.text("events/ctrlaltdel/3/inittab-ca.service").contains("Control-Alt-Delete pressed"));
    assert!(
        !tree.0.join("out/inittab/inittab-3.service").exists()
            && !tree.0.join("out/inittab/inittab-l3.service").exists()
    );
    // Red Hat 5 says it in inittab, and nothing else counts.
    tree.put("etc/inittab", "id:3:initdefault:\nsi::sysinit:/etc/rc.d/rc.sysinit\n");
    tree.generate();
    assert!(
        tree.text("levels/S/inittab-si.service").contains("etc/inittab:2")
            && tree.text("levels/3/inittab-1.service").is_empty()
    );
    // Without a file that names the level, too.
    fs::remove_file(tree.0.join("etc/inittab")).expect("removed");
    fs::remove_file(tree.0.join("etc/init/rcS.conf")).expect("removed");
    tree.generate();
    assert!(tree.text("levels/S/inittab-si.service").contains(&exec("-r si -- /etc/rc.d/rc.sysinit")));
}
