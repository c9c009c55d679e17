//! `etc-skel`: its units and its `init.conf` say nothing that Rung doesn't understand, and its installer leaves alone
//! what is an administrator's.
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use init::unit::{Facts, SourceFile, UnitName};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn skeleton() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc-skel")
}

fn file(path: &Path) -> SourceFile {
    SourceFile { path: path.to_owned(), text: fs::read_to_string(path).unwrap() }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The units, those apart that only are another's name.
fn units() -> Vec<PathBuf> {
    entries(&skeleton().join("units")).into_iter().filter(|p| !p.is_symlink()).collect()
}

#[test]
fn units_have_no_findings() {
    let units = units();
    assert!(units.len() > 15);
    for path in units {
        let unit = UnitName::new(&name(&path).replace("@.", "@tty1.")).unwrap();
        let parsed = init::unit::parse(&unit, init::unit::Source::Native, &file(&path), &[], &Facts::default());
        let findings: Vec<_> = parsed.findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
        let asked_for = name(&path) == "emergency.service";
        assert_eq!(parsed.unit.runlevels.is_empty(), asked_for, "{}", path.display());
    }
}

#[test]
fn what_a_unit_is_ordered_after_exists() {
    let names: Vec<_> = units().iter().map(|p| name(p).to_owned()).collect();
    for path in units() {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            if ["After", "Before", "Requires", "Wants", "Conflicts"].contains(&key) {
                for other in value.split(' ') {
                    assert!(names.iter().any(|n| n == other), "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn the_settings_have_no_findings() {
    let conf = file(&skeleton().join("rung/init.conf"));
    let with_values = conf.text.lines().map(|l| match l.strip_prefix('#') {
        // A line that shows a default, but for those whose default is "none".
        Some(setting) if !setting.starts_with(' ') && !setting.ends_with('=') => setting,
        _ => l,
    });
    let with_values = with_values.collect::<Vec<_>>().join("\n");
    let default = init::unit::conf::parse(std::slice::from_ref(&conf), &Facts::default());
    let shown = SourceFile { text: with_values, ..conf };
    let (settings, findings) = init::unit::conf::parse(&[shown], &Facts::default());
    assert!(findings.is_empty() && default.1.is_empty(), "{findings:?}");
    assert_eq!(settings.default_level, init::unit::Level::from_char('3'));
    let settings = init::unit::conf::Conf { default_level: None, ..settings };
    assert_eq!(settings, default.0, "what init.conf shows as default isn't");
}

/// Level S needs no shell: whatever its units start is a program.
#[test]
fn level_s_starts_no_script() {
    for path in units() {
        let text = file(&path).text;
        if !text.lines().any(|line| line.starts_with("Runlevels=") && line.contains('S')) {
            continue;
        }
        for line in text.lines().filter(|line| line.starts_with("Exec")) {
            assert!(!line.contains("/sh ") && !line.contains("rung/boot/"), "{}: {line}", path.display());
            let Some((_, job)) = line.split_once("/usr/lib/rung/init-boot ") else { continue };
            let job = job.split(' ').next().unwrap();
            let help =
                Command::new(rung_tests::world::programs().join("init-boot")).args([job, "--help"]).output().unwrap();
            assert!(help.status.success() && !help.stdout.is_empty(), "{}: `{job}` is no job", path.display());
        }
    }
}

#[test]
fn the_installer_is_posix_shell() {
    let out = Command::new("sh").arg("-n").arg(skeleton().join("install")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// A root directory with a few programs, and a folder of binaries; removed in the end.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Self {
        let root = Self(std::env::temp_dir().join(format!("rung-skeleton-{test}-{}", std::process::id())));
        let programs = ["root/usr/sbin/cron", "root/bin/mount", "root/bin/sh"];
        let binaries = ["bin/init", "bin/init-manager", "bin/init-log", "bin/init-boot", "bin/initctl", "bin/sysv"];
        for program in programs.iter().chain(&binaries) {
            let path = root.0.join(program);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            rung_tests::copy_program("/bin/true", &path).unwrap();
        }
        // It is asked for the names that it has.
        let sysv = rung_tests::world::programs().join("sysv");
        fs::write(root.0.join("bin/sysv"), format!("#!/bin/sh\nexec {} \"$@\"\n", sysv.display())).unwrap();
        root
    }

    fn install(&self) {
        let mut sh = Command::new("sh");
        sh.arg(skeleton().join("install")).arg("--root").arg(self.0.join("root")).arg("--bin").arg(self.0.join("bin"));
        let Output { status, stderr, .. } = sh.output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    }

    fn has(&self, path: &str) -> bool {
        self.0.join("root").join(path).exists()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn only_units_whose_programs_are_there_are_turned_on() {
    let root = Root::new("on");
    root.install();
    for there in ["usr/lib/rung/init", "usr/bin/initctl", "etc/rung/init.conf", "usr/lib/rung/init-boot"] {
        assert!(root.has(there), "{there}");
    }
    assert!(root.has("etc/rung/levels/S/local-fs.service") && root.has("etc/rung/levels/S/fsck-root.service"));
    for level in 2..=5 {
        assert!(root.has(&format!("etc/rung/levels/{level}/cron.service")));
    }
    assert!(!root.has("etc/rung/levels/3/nginx.service") && root.has("usr/lib/rung/units/nginx.service"));
    // Scripts that find one there take it for Upstart's.
    assert!(!root.has("sbin/initctl") && !root.has("usr/sbin/initctl"));
    assert_eq!(fs::read_link(root.0.join("root/sbin/init")).unwrap(), Path::new("/usr/lib/rung/init"));
    assert_eq!(fs::read_link(root.0.join("root/usr/lib/rung/units/ssh.service")).unwrap(), Path::new("sshd.service"));
}

#[test]
fn a_second_install_keeps_what_the_administrator_did() {
    let root = Root::new("again");
    root.install();
    let at = |path: &str| root.0.join("root").join(path);
    fs::write(at("etc/rung/init.conf"), "[Manager]\nDefaultLevel=2\n").unwrap();
    fs::remove_file(at("etc/rung/levels/3/cron.service")).unwrap();
    fs::write(at("usr/lib/rung/init-boot"), "old").unwrap();
    root.install();
    assert_eq!(fs::read_to_string(at("etc/rung/init.conf")).unwrap(), "[Manager]\nDefaultLevel=2\n");
    assert!(!root.has("etc/rung/levels/3/cron.service"), "it was disabled");
    assert!(fs::read(at("usr/lib/rung/init-boot")).unwrap().len() > 10, "what is Rung's own is brought up to date");
}

#[test]
fn libraries_of_init_scripts_are_put_where_there_are_none() {
    let bare = Root::new("bare");
    bare.install();
    assert!(bare.has("lib/lsb/init-functions") && bare.has("lib/lsb/init-functions.d/40-rung"));
    assert!(!bare.has("etc/init.d/functions"), "it has no init scripts");

    let debian = Root::new("debian");
    let at = |path: &str| debian.0.join("root").join(path);
    fs::create_dir_all(at("etc/init.d")).unwrap();
    fs::create_dir_all(at("lib/lsb/init-functions.d")).unwrap();
    fs::write(at("lib/lsb/init-functions"), "debian's").unwrap();
    fs::write(at("etc/inittab"), "# x\nsi::sysinit:/etc/init.d/rcS\n").unwrap();
    debian.install();
    assert_eq!(fs::read_to_string(at("lib/lsb/init-functions")).unwrap(), "debian's");
    assert!(debian.has("lib/lsb/init-functions.d/40-rung") && !debian.has("etc/init.d/functions"));
    assert!(!debian.has("usr/lib/rung/units/cron.service"), "its scripts boot it");
    assert!(!debian.has("etc/rung/levels/S/local-fs.service"));
    for there in ["etc/rung/levels/S/sysv-fifo.service", "usr/lib/rung/units/single.service"] {
        assert!(debian.has(there), "{there}: nothing of Debian's does that");
    }

    let redhat = Root::new("redhat");
    let at = |path: &str| redhat.0.join("root").join(path);
    fs::create_dir_all(at("etc/rc.d/init.d")).unwrap();
    fs::write(at("etc/rc.d/rc.sysinit"), "").unwrap();
    std::os::unix::fs::symlink("rc.d/init.d", at("etc/init.d")).unwrap();
    redhat.install();
    assert!(redhat.has("lib/lsb/init-functions"));
    let ours = fs::read_to_string(skeleton().join("init.d/functions")).unwrap();
    assert_eq!(fs::read_to_string(at("etc/init.d/functions")).unwrap(), ours);
    fs::write(at("etc/init.d/functions"), "red hat's").unwrap();
    redhat.install();
    assert_eq!(fs::read_to_string(at("etc/init.d/functions")).unwrap(), "red hat's");
    assert!(!redhat.has("etc/rung/levels/S/local-fs.service"), "rc.sysinit does that");
}

#[test]
fn commands_of_the_distribution_stay_and_missing_ones_come() {
    let root = Root::new("shims");
    let at = |path: &str| root.0.join("root").join(path);
    fs::create_dir_all(at("sbin")).unwrap();
    fs::create_dir_all(at("usr/lib/systemd")).unwrap();
    fs::write(at("usr/sbin/service"), "debian's").unwrap();
    fs::write(at("sbin/runlevel"), "sysvinit's").unwrap();
    for _ in 0..2 {
        root.install();
        let ours = |path: &str| fs::read_link(at(path)).is_ok_and(|to| to == Path::new("/usr/lib/rung/sysv"));
        assert_eq!(fs::read_to_string(at("usr/sbin/service")).unwrap(), "debian's");
        assert_eq!(fs::read_to_string(at("sbin/runlevel")).unwrap(), "sysvinit's");
        assert!(!at("sbin/service").is_symlink() && !at("usr/sbin/runlevel").is_symlink());
        for path in ["sbin/chkconfig", "sbin/insserv", "usr/sbin/update-rc.d", "usr/sbin/invoke-rc.d"] {
            assert!(ours(path), "{path}");
        }
        assert!(ours("usr/lib/lsb/install_initd") && ours("usr/lib/systemd/systemd-sysv-install"));
    }
}

#[test]
fn commands_that_the_system_brings_stay() {
    let root = Root::new("commands");
    let at = |path: &str| root.0.join("root").join(path);
    fs::create_dir_all(at("usr/bin")).unwrap();
    for own in ["usr/bin/wall", "bin/pidof"] {
        fs::write(at(own), "its own").unwrap();
    }
    root.install();
    root.install();
    let sysv = Path::new("/usr/lib/rung/sysv");
    for ours in ["usr/bin/systemctl", "usr/bin/mesg", "sbin/killall5", "sbin/telinit", "sbin/shutdown"] {
        assert_eq!(fs::read_link(at(ours)).unwrap(), sysv, "{ours}");
    }
    assert_eq!(fs::read_to_string(at("usr/bin/wall")).unwrap(), "its own");
    assert!(!root.has("usr/bin/pidof") && !at("usr/bin/pidof").is_symlink());
    assert!(!root.has("run/systemd/system"));
}
