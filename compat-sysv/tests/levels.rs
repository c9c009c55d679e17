//! `chkconfig`, `update-rc.d`, `insserv` and their kin on a root folder, as an image is built: scripts by their links, units
//! by Rung's.

#![allow(clippy::expect_used, reason = "tests' helpers fail by it")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

/// A root of its own, removed in the end.
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Root {
    fn new(test: &str) -> Self {
        let root = Self(std::env::temp_dir().join(format!("rung-levels-of-{test}-{}", std::process::id())));
        let _ = fs::remove_dir_all(&root.0);
        for level in "S0123456".chars() {
            fs::create_dir_all(root.0.join(format!("etc/rc{level}.d"))).expect("folder");
        }
        root.script("web", "# chkconfig: 345 85 15\n# description: a server\n");
        root.script("none", "");
        root.put("usr/lib/rung/units/own.service", "[Service]\nExecStart=/bin/true\n[Install]\nRunlevels=35\n");
        root
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(path, text).expect("file");
    }

    fn script(&self, name: &str, header: &str) {
        let path = format!("etc/init.d/{name}");
        self.put(&path, &format!("#!/bin/sh\n{header}"));
        fs::set_permissions(self.0.join(path), fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// Exit status, stdout, stderr.
    fn run(&self, line: &str) -> (i32, String, String) {
        let (tool, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysv"));
        command.arg(tool).arg("--root").arg(&self.0).args(rest.split_whitespace()).env("RUNG_RUNDIR", "/nonexistent");
        let done = command.output().expect("sysv");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code().unwrap_or(-1), text(&done.stdout), text(&done.stderr))
    }

    fn good(&self, line: &str) -> String {
        let (code, out, err) = self.run(line);
        assert_eq!((code, err.as_str()), (0, ""), "{line}");
        out
    }

    /// Links of a name: `0K15 3S85`; of a unit, the levels.
    fn links(&self, name: &str) -> String {
        let mut found = Vec::new();
        for level in "0123456S".chars() {
            for entry in fs::read_dir(self.0.join(format!("etc/rc{level}.d"))).expect("folder").flatten() {
                let file = entry.file_name().into_string().expect("text");
                if file.get(3..) == Some(name) {
                    found.push(format!("{level}{}", &file[..3]));
                }
            }
            let own = self.0.join(format!("etc/rung/levels/{level}/{name}.service"));
            if own.is_symlink() {
                found.push(level.to_string());
            }
        }
        found.join(" ")
    }
}

#[test]
fn chkconfig_switches_scripts_by_their_links() {
    let root = Root::new("script");
    let unlinked =
        "service web supports chkconfig, but is not referenced in any runlevel (run 'chkconfig --add web')\n";
    assert_eq!(root.run("chkconfig --list web"), (1, String::new(), unlinked.to_owned()));
    root.good("chkconfig --add web");
    assert_eq!(root.links("web"), "0K15 1K15 2K15 3S85 4S85 5S85 6K15");
    let row = "web            \t0:off\t1:off\t2:off\t3:on\t4:on\t5:on\t6:off\n";
    assert_eq!(root.good("chkconfig --list web"), row);
    root.good("chkconfig web off");
    assert_eq!(root.links("web"), "0K15 1K15 2K15 3K15 4K15 5K15 6K15");
    root.good("chkconfig --level 24 web on");
    assert_eq!(root.links("web"), "0K15 1K15 2S85 3K15 4S85 5K15 6K15");
    assert_eq!(root.run("chkconfig --level 2 web").0, 0);
    assert_eq!(root.run("chkconfig --level 3 web").0, 1);
    assert_eq!(root.run("chkconfig --level 23 web").0, 1);
    fs::rename(root.0.join("etc/rc2.d/S85web"), root.0.join("etc/rc2.d/S20web")).expect("rename");
    root.good("chkconfig web resetpriorities");
    assert_eq!(root.links("web"), "0K15 1K15 2S85 3K15 4S85 5K15 6K15");
    root.good("chkconfig web reset");
    assert_eq!(root.links("web"), "0K15 1K15 2K15 3S85 4S85 5S85 6K15");
    root.put("etc/chkconfig.d/web", "# chkconfig: 5 20 80\n# description: x\n");
    root.good("chkconfig --override web");
    assert_eq!(root.links("web"), "0K80 1K80 2K80 3K80 4K80 5S20 6K80");
    root.good("chkconfig --del web");
    assert_eq!(root.links("web"), "");
}

#[test]
fn chkconfig_leaves_alone_what_somebody_has_set() {
    let root = Root::new("set");
    assert!(!root.good("chkconfig --list").contains("web"), "it has no link");
    root.good("chkconfig --add web");
    root.good("chkconfig --level 3 web off");
    fs::remove_file(root.0.join("etc/rc5.d/S85web")).expect("link");
    root.good("chkconfig --add web");
    assert_eq!(root.links("web"), "0K15 1K15 2K15 3K15 4S85 5S85 6K15", "only what is missing comes");
    root.put("etc/chkconfig.d/web", "# chkconfig: 5 20 80\n# description: x\n");
    root.good("chkconfig --override web");
    assert_eq!(root.links("web"), "0K15 1K15 2K15 3K15 4S85 5S85 6K15", "the links aren't those of the header");
    for wrong in ["chkconfig web maybe", "chkconfig --add", "chkconfig --level 9 web on"] {
        let (code, out, err) = root.run(wrong);
        assert!(code == 1 && out.is_empty() && err.contains("\nusage: chkconfig "), "{wrong}: {err}");
    }
}

#[test]
fn chkconfig_knows_xinetds_services() {
    let root = Root::new("xinetd");
    root.script("xinetd", "# chkconfig: 345 56 50\n# description: x\n");
    root.put("etc/xinetd.d/echo", "service echo\n{\n\tdisable = yes\n}\n");
    assert!(!root.good("chkconfig --list").contains("xinetd based"), "it doesn't run");
    root.good("chkconfig --add xinetd");
    let list = root.good("chkconfig --list");
    assert!(list.ends_with("\nxinetd based services:\n\techo:          \toff\n"), "{list}");
    assert!(!root.good("chkconfig --type sysv --list").contains("echo"));
    assert_eq!(root.run("chkconfig echo").0, 1);
    root.good("chkconfig echo on");
    assert_eq!((root.run("chkconfig echo").0, root.good("chkconfig --list echo")), (0, "echo           \ton\n".into()));
    let file = fs::read_to_string(root.0.join("etc/xinetd.d/echo")).expect("file");
    assert_eq!(file, "service echo\n{\n\tdisable\t= no\n}\n");
}

#[test]
fn systemctls_hook_is_the_distributions() {
    let root = Root::new("hook");
    fs::create_dir_all(root.0.join("etc/rc.d/init.d")).expect("folder");
    root.good("systemd-sysv-install enable web");
    assert_eq!(root.links("web"), "2S85 3S85 4S85 5S85", "as by chkconfig");
    root.good("systemd-sysv-install disable web");
    assert_eq!(root.links("web"), "2K15 3K15 4K15 5K15");
    assert_eq!(root.run("systemd-sysv-install is-enabled web").0, 1);
}

#[test]
fn what_is_no_service_is_said_with_what_is_near() {
    let root = Root::new("none");
    let (code, out, err) = root.run("chkconfig wbe on");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("error reading information on service wbe: No such file or directory\n"), "{err}");
    assert!(err.contains("did you mean `web`?"), "{err}");
    assert_eq!(root.run("chkconfig none on"), (1, String::new(), "service none does not support chkconfig\n".into()));
    assert_eq!(root.run("chkconfig --type sysv nothing-like-it"), (1, String::new(), String::new()));
    let (code, _, err) = root.run("update-rc.d wbe enable");
    assert_eq!(code, 1);
    assert!(
        err.starts_with("update-rc.d: error: cannot find a LSB script for wbe\n") && err.contains("`web`"),
        "{err}"
    );
    let (code, _, err) = root.run("insserv wbe");
    assert_eq!(code, 1);
    assert!(err.starts_with("insserv: wbe: No such file or directory\n") && err.contains("`web`"), "{err}");
}

#[test]
fn units_are_switched_by_rungs_links() {
    let root = Root::new("unit");
    root.good("chkconfig --add own");
    assert_eq!(root.links("own"), "3 5", "where its file says");
    root.good("chkconfig --add web");
    let rows = "own            \t0:off\t1:off\t2:off\t3:on\t4:off\t5:on\t6:off\n\
                web            \t0:off\t1:off\t2:off\t3:on\t4:on\t5:on\t6:off\n";
    assert_eq!(root.good("chkconfig --list"), rows);
    root.good("chkconfig own on");
    assert_eq!(root.links("own"), "2 3 4 5");
    root.good("chkconfig --level 25 own off");
    assert_eq!(root.links("own"), "3 4");
    assert_eq!((root.run("chkconfig --level 3 own").0, root.run("chkconfig --level 2 own").0), (0, 1));
    root.good("chkconfig own reset");
    assert_eq!(root.links("own"), "3 5");
    root.good("update-rc.d own disable 3");
    assert_eq!(root.links("own"), "5");
    root.good("update-rc.d own remove");
    assert_eq!(root.links("own"), "");
    root.good("update-rc.d own defaults");
    let link = fs::read_link(root.0.join("etc/rung/levels/3/own.service")).expect("link");
    assert_eq!(link, PathBuf::from("/usr/lib/rung/units/own.service"), "as it is in the root");
    root.good("chkconfig --del own");
    assert_eq!(root.links("own"), "");
}

#[test]
fn rungs_own_links_of_a_scripts_unit_follow_the_farm() {
    let root = Root::new("follow");
    root.good("chkconfig --add web");
    for level in ["3", "4"] {
        let folder = root.0.join("etc/rung/levels").join(level);
        fs::create_dir_all(&folder).expect("folder");
        symlink("/run/rung/generated/scripts/web.service", folder.join("web.service")).expect("link");
    }
    root.good("chkconfig --level 3 web off");
    root.good("chkconfig --level 2 web on");
    assert_eq!(root.links("web"), "0K15 1K15 2S85 2 3K15 4S85 4 5S85 6K15", "5 was off by Rung's word, and stays so");
}

#[test]
fn lsb_headers_give_numbers_behind_what_they_need() {
    let root = Root::new("lsb");
    let header = |name: &str, needs: &str| {
        format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {needs}\n# Required-Stop: {needs}\n\
             # Default-Start: 3 5\n# Default-Stop: 0 1 2 4 6\n# Description: x\n### END INIT INFO\n"
        )
    };
    root.script("db", &header("db", "$local_fs"));
    root.script("app", &header("app", "db"));
    let args = ["install_initd", "remove_initd"];
    assert!(args.iter().all(|tool| root.run(tool).0 == 1), "a name is needed");
    let (code, _, err) = root.run("install_initd /etc/init.d/app");
    assert_eq!((code, root.links("app").as_str()), (1, ""), "{err}");
    root.good("install_initd /etc/init.d/db");
    root.good("install_initd /etc/init.d/app");
    assert_eq!(root.links("app"), "0K49 1K49 2K49 3S51 4K49 5S51 6K49");
    assert_eq!(root.run("remove_initd /etc/init.d/db").0, 1, "app needs it");
    root.good("remove_initd /etc/init.d/app");
    root.good("remove_initd /etc/init.d/db");
    assert_eq!(root.links("db"), "");
    root.good("systemd-sysv-install enable db");
    assert_eq!(root.run("systemd-sysv-install is-enabled db").0, 0);
    root.good("systemd-sysv-install disable db");
    assert_eq!(root.run("systemd-sysv-install is-enabled db").0, 1);
}

#[test]
fn insserv_orders_an_image() {
    let root = Root::new("insserv");
    let header = |name: &str, needs: &str| {
        format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {needs}\n# Required-Stop: {needs}\n\
             # Default-Start: 2 3\n# Default-Stop: 0 6\n### END INIT INFO\n"
        )
    };
    root.script("db", &header("db", ""));
    root.script("app", &header("app", "db"));
    root.put("etc/insserv.conf", "");
    root.put("sbin/insserv", "");
    fs::set_permissions(root.0.join("sbin/insserv"), fs::Permissions::from_mode(0o755)).expect("mode");
    for name in ["app", "db"] {
        let (code, _, err) = root.run(&format!("update-rc.d {name} defaults"));
        assert_eq!(code, 0, "{err}");
    }
    assert_eq!((root.links("db").as_str(), root.links("app").as_str()), ("0K02 2S01 3S01 6K02", "0K01 2S02 3S02 6K01"));
    let depend = fs::read_to_string(root.0.join("etc/init.d/.depend.start")).expect("file");
    assert_eq!(depend, "TARGETS = db app\nINTERACTIVE =\napp: db\n");
    let (_, _, err) = root.run("insserv -n -r app");
    assert!(err.contains("remove service ") && root.links("app").contains("2S02"), "{err}");
    let (code, _, err) = root.run("insserv -r db");
    assert_eq!(code, 1);
    assert!(err.contains("FATAL: service db has to be enabled to use service app"), "{err}");
}

/// What a rehearsal copies goes when it is killed too: with the next one. Another one that is at work is left alone.
#[test]
fn a_rehearsal_that_was_killed_leaves_nothing() {
    let root = Root::new("rehearsal");
    root.script(
        "lsb",
        "### BEGIN INIT INFO\n# Provides: lsb\n# Default-Start: 3\n# Default-Stop: 0\n### END INIT INFO\n",
    );
    let temporary = root.0.join("tmp");
    fs::create_dir(&temporary).expect("folder");
    let rehearse = |limit: &str| {
        let line = format!("{limit} exec \"$1\" switch --root \"$2\" --dry-run enable lsb");
        let mut command = Command::new("sh");
        command.args(["-c", &line, "sh", env!("CARGO_BIN_EXE_sysv")]).arg(&root.0).env("TMPDIR", &temporary);
        command.output().expect("sh")
    };
    let left = || fs::read_dir(&temporary).expect("folder").flatten().map(|e| e.path()).collect::<Vec<_>>();
    // The first byte that it writes kills it.
    let killed = rehearse("ulimit -c 0; ulimit -f 0;");
    assert_eq!(killed.status.signal(), Some(libc::SIGXFSZ), "{killed:?}");
    let [gone] = left().try_into().expect("one folder");
    let done = rehearse("");
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("S01lsb"), "{done:?}");
    assert_eq!(left(), Vec::<PathBuf>::new(), "{} was left", gone.display());

    fs::create_dir(&gone).expect("folder");
    let held = fs::File::open(&gone).expect("folder");
    held.lock().expect("lock");
    assert!(rehearse("").status.success());
    assert_eq!(left(), [gone], "that one is somebody's");
}
