//! Search order, masks, aliases, templates and drop-ins, on real folders.
use super::*;
use crate::unit::conf::Prefer;

struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rung-loader-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, text).expect("write");
        self
    }
    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::os::unix::fs::symlink(target, path).expect("link");
        self
    }
    fn loader(&self) -> Loader {
        let folders = vec![
            (Source::Native, self.0.join("etc")),
            (Source::Native, self.0.join("lib")),
            (Source::Systemd, self.0.join("systemd")),
            (Source::Script, self.0.join("scripts")),
        ];
        let mut loader = Loader::new(folders, Facts::default());
        loader.scan();
        loader
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name(text: &str) -> UnitName {
    UnitName::new(text).expect("name")
}

fn good(loader: &Loader, text: &str) -> Rc<Unit> {
    match loader.load(&name(text)).definition {
        Definition::Good(unit) => unit,
        other => panic!("{other:?}"),
    }
}

const MINIMAL: &str = "[Service]\nExecStart=/bin/true\n";

#[test]
fn the_first_folder_wins_and_drop_ins_come_from_all() {
    let root = Root::new("order");
    root.write("etc/a.service", &format!("[Unit]\nDescription=mine\n{MINIMAL}"))
        .write("lib/a.service", &format!("[Unit]\nDescription=vendor\n{MINIMAL}"))
        .write("systemd/b.service", MINIMAL)
        .write("lib/a.service.d/10-x.conf", "[Unit]\nDescription=ten\n")
        .write("lib/a.service.d/20-y.conf", "[Service]\nNice=5\n")
        .write("etc/a.service.d/20-y.conf", "[Service]\nNice=7\n")
        .write("lib/a.service.d/readme", "no drop-in");
    let loader = root.loader();
    let a = good(&loader, "a");
    assert_eq!((a.description(), a.service.nice), ("ten", Some(7)));
    assert_eq!(a.files.len(), 3);
    assert_eq!(good(&loader, "b").source, Source::Systemd);
    assert_eq!(loader.names(), [name("a"), name("b")]);
}

#[test]
fn masks_aliases_and_templates() {
    let root = Root::new("links");
    root.write("lib/ssh.service", MINIMAL)
        .link("lib/sshd.service", "ssh.service")
        .write("lib/dead.service", MINIMAL)
        .link("etc/dead.service", "/dev/null")
        .write("lib/getty@.service", "[Unit]\nDescription=on %i\n[Service]\nExecStart=/sbin/agetty %i\n")
        .write("lib/x.service", &format!("[Unit]\nAfter=sshd.service\n{MINIMAL}"));
    let loader = root.loader();
    assert_eq!(loader.canonical(name("sshd")), name("ssh"));
    assert_eq!(*good(&loader, "x").after, [name("ssh")]);
    assert!(matches!(loader.load(&name("dead")).definition, Definition::Masked(_)));
    assert!(matches!(loader.load(&name("none")).definition, Definition::Gone(_)));
    assert_eq!(good(&loader, "getty@tty1").description(), "on tty1");
    assert_eq!(loader.names(), [name("dead"), name("ssh"), name("x")]);
}

#[test]
fn what_cannot_be_read_is_bad_and_says_why() {
    let root = Root::new("bad");
    root.write("lib/typo.service", "[Service]\nExecStart=/bin/true\nUMask=abc\n");
    nix::unistd::mkfifo(&root.0.join("lib/fifo.service"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    root.write("lib/folder.service/x", "");
    let loader = root.loader();
    for (unit, why) in
        [("typo", "typo.service:3"), ("fifo", "not a plain file"), ("folder", "folder.service: not a plain file")]
    {
        match loader.load(&name(unit)).definition {
            Definition::Bad(_, reason) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_drop_in_can_be_masked_and_systemds_dont_touch_a_native_unit() {
    let root = Root::new("masked");
    root.write("lib/a.service", MINIMAL)
        .write("lib/a.service.d/10.conf", "[Unit]\nDescription=vendor\n")
        .link("etc/a.service.d/10.conf", "/dev/null")
        .write("systemd/a.service.d/20.conf", "[Unit]\nDescription=foreign\n")
        .write("etc/empty.service", "")
        .write("lib/empty.service", MINIMAL);
    let loader = root.loader();
    let unit = good(&loader, "a");
    assert_eq!((unit.description(), unit.files.len()), ("a", 1));
    assert!(matches!(loader.load(&name("empty")).definition, Definition::Masked(_)));
}

#[test]
fn a_chain_of_aliases_ends_at_the_unit() {
    let root = Root::new("chain");
    root.write("lib/a.service", MINIMAL).link("lib/b.service", "a.service").link("lib/c.service", "b.service");
    root.link("lib/x.service", "y.service").link("lib/y.service", "x.service");
    let loader = root.loader();
    assert_eq!(loader.canonical(name("c")), name("a"));
    assert_eq!(loader.canonical(name("x")), name("x"), "no end");
    match loader.load(&name("x")).definition {
        Definition::Bad(_, reason) => assert!(reason.contains("a link to y") && reason.contains("circle"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_made_from_scripts_comes_last_and_takes_drop_ins() {
    let root = Root::new("scripts");
    let text = format!("[Unit]\nSourcePath=/etc/init.d/a\n{MINIMAL}");
    root.write("scripts/a.service", &text)
        .write("scripts/b.service", &text)
        .write("lib/b.service", MINIMAL)
        .write("systemd/a.service.d/x.conf", "[Service]\nNice=5\n")
        .write("etc/a.service.d/y.conf", "[Service]\nRestart=always\n");
    let loader = root.loader();
    let a = good(&loader, "a");
    assert_eq!((a.source, a.source_path.as_deref()), (Source::Script, Some(Path::new("/etc/init.d/a"))));
    assert_eq!((a.service.restart, a.service.nice), (crate::unit::Restart::Always, None));
    assert_eq!(good(&loader, "b").source, Source::Native);
}

#[test]
fn the_better_of_unit_and_script_is_taken() {
    let dir = std::env::temp_dir().join(format!("rung-choice-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    let root = super::Root::image(dir.clone());
    for folder in ["systemd", "scripts", "etc/rcS.d"] {
        fs::create_dir_all(dir.join(folder)).expect("a folder");
    }
    let write = |path: &str, text: &str| fs::write(dir.join(path), text).expect("a file");
    for name in ["whole", "lossy", "masked", "boot", "udev"] {
        write(&format!("scripts/{name}.service"), "[Service]\nType=script\nExecStart=/bin/true\n");
    }
    write("systemd/whole.service", "[Service]\nExecStart=/bin/true\n");
    write("systemd/boot.service", "[Service]\nExecStart=/bin/true\n");
    write("systemd/lossy.service", "[Service]\nExecStart=/bin/true\nPrivateUsers=yes\n");
    write("systemd/udevd.service", "[Service]\nExecStart=/bin/true\n");
    std::os::unix::fs::symlink("udevd.service", dir.join("systemd/udev.service")).expect("a link");
    std::os::unix::fs::symlink("/dev/null", dir.join("systemd/masked.service")).expect("a link");
    write("etc/rcS.d/S01boot", "");
    write("etc/rcS.d/K01whole", "");
    let taken = |prefer| -> String {
        let folders = vec![(Source::Systemd, dir.join("systemd")), (Source::Script, dir.join("scripts"))];
        let mut loader = Loader::of(root.clone(), folders, Facts { prefer, ..Facts::default() });
        loader.scan();
        let source = |name: &str| {
            let name = loader.canonical(UnitName::new(name).expect("a name"));
            match loader.load(&name).definition {
                Definition::Good(unit) => unit.source,
                other => panic!("{other:?}"),
            }
        };
        let scripts = ["whole", "lossy", "masked", "boot", "udev"].into_iter();
        scripts.filter(|name| source(name) == Source::Script).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(taken(Prefer::Unit), "lossy masked boot");
    write("etc/rcS.d/S02udev", "");
    assert_eq!(taken(Prefer::Unit), "lossy masked boot udev");
    assert_eq!(taken(Prefer::Script), "whole lossy masked boot udev");
    fs::remove_dir_all(&dir).expect("clean");
}

#[test]
fn a_unit_that_stands_for_a_script_takes_over_the_order_of_its_header() {
    let root = Root::new("replaced");
    let script =
        |order: &str| format!("[Unit]\n{order}DefaultDependencies=no\n[Service]\nType=script\nExecStart=/x start\n");
    root.write("systemd/web.service", &format!("[Unit]\nAfter=own.service\n{MINIMAL}"))
        .write("scripts/web.service", &script("After=db.service mysql.service remote-fs.target\nBefore=late.service\n"))
        .write("systemd/mariadb.service", MINIMAL)
        .link("systemd/mysql.service", "mariadb.service")
        .write("scripts/mysql.service", &script("Before=web.service\n"))
        .write("scripts/db.service", &script("After=web.service\n"))
        .write("etc/native.service", MINIMAL)
        .write("scripts/native.service", &script("After=web.service\n"))
        .write("etc/udev.service", MINIMAL)
        .write(
            "scripts/udev.service",
            &script("After=db.service\nBefore=late.service web.service\nX-ForConsole=db.service late.service\n"),
        );
    let loader = root.loader();
    let web = good(&loader, "web");
    assert_eq!((&*web.after, web.before.len()), (&vec![name("own")], 0), "its own words are its own");
    let order = |unit: &Unit| (unit.relations.script_after.clone(), unit.relations.script_before.clone());
    let after = vec![name("db"), name("mariadb"), name("remote-fs.target")];
    assert_eq!(order(&web), (after, vec![name("late")]));
    assert_eq!(order(&good(&loader, "mariadb")), (vec![], vec![name("web")]), "the script has a name of its alias");
    assert_eq!(order(&good(&loader, "native")).0, [name("web")]);
    assert_eq!(order(&good(&loader, "udev")), (vec![], vec![name("web")]), "it needs no console for itself");
    let db = good(&loader, "db");
    assert_eq!((db.source, order(&db), &*db.after), (Source::Script, Default::default(), &vec![name("web")]));
}

#[test]
fn a_script_that_is_chosen_is_replaced_by_nothing() {
    let root = Root::new("unreplaced");
    root.write("systemd/web.service", "[Service]\nExecStart=/bin/true\nSystemCallFilter=@system-service\n")
        .write("scripts/web.service", "[Unit]\nAfter=db.service\n[Service]\nType=script\nExecStart=/x start\n");
    let web = good(&root.loader(), "web");
    assert_eq!((web.source, web.relations.script_after.len()), (Source::Script, 0));
}
