//! What units are to each other, and unit files: order, requirements, conflicts, drop-ins, templates, masks, changes.

use rung_tests::world::{World, deadline, off};
use std::os::unix::fs::symlink;

/// Says in `/run/order` when it begins and is done, and when it is stopped.
fn stamp(unit: &str, name: &str) -> String {
    let say = |word: &str| format!("echo {word}-{name} >>/run/order");
    off(&format!(
        "[Unit]\n{unit}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c '{}; sleep 0.05; {}'\n\
         ExecStop=/bin/sh -c '{}'\n",
        say("begin"),
        say("done"),
        say("stop")
    ))
}

fn order(world: &World) -> Vec<String> {
    let text = world.read("/run/order");
    world.write("/run/order", "");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn order_and_requirements() {
    let fails = off("[Service]\nType=oneshot\nExecStart=/bin/false\n");
    let world = World::new()
        .unit("base.service", &stamp("", "base"))
        .unit("first.service", &stamp("Before=last.service", "first"))
        .unit(
            "last.service",
            &stamp("Requires=base.service\nWants=first.service absent.service\nAfter=base.service", "last"),
        )
        .unit("free.service", &stamp("Requires=base.service", "free"))
        .unit("bad.service", &fails)
        .unit("needs.service", &stamp("Requires=bad.service\nAfter=bad.service", "needs"))
        .unit("likes.service", &stamp("Wants=bad.service\nAfter=bad.service", "likes"))
        .unit("lost.service", &stamp("Requires=absent.service\nAfter=absent.service", "lost"))
        .unit("rival.service", &stamp("Conflicts=last.service", "rival"))
        .boot();
    world.write("/run/order", "");
    world.ok(["initctl", "start", "last"]);
    let seen = order(&world);
    let at = |word: &str| seen.iter().position(|l| l == word).unwrap_or_else(|| panic!("no {word} in {seen:?}"));
    assert!(at("done-base") < at("begin-last") && at("done-first") < at("begin-last"), "{seen:?}");
    assert!(at("begin-base") < at("done-first") && at("begin-first") < at("done-base"), "side by side: {seen:?}");
    // Down: what requires another goes before it; order is kept in reverse.
    world.ok(["initctl", "stop", "base"]);
    assert_eq!(order(&world), ["stop-last", "stop-base"]);
    assert_eq!(world.state("first").0, "active", "nobody said that it goes");
    // A failed requirement is named; what only wants it starts.
    let out = world.fails(1, ["initctl", "start", "needs"]);
    assert!(out.stderr.contains("needs") && out.stderr.contains("bad"), "{}", out.stderr);
    assert!(!world.read("/run/order").contains("needs"));
    world.ok(["initctl", "start", "likes"]);
    let out = world.fails(1, ["initctl", "start", "lost"]);
    assert!(out.stderr.contains("there is no unit file for absent"), "{}", out.stderr);
    // A restart takes along what requires it, in order.
    world.ok(["initctl", "start", "last", "free"]);
    order(&world);
    world.ok(["initctl", "restart", "base"]);
    let seen = order(&world);
    let at = |word: &str| seen.iter().position(|l| l == word).unwrap_or_else(|| panic!("no {word} in {seen:?}"));
    assert!(at("stop-last") < at("stop-base") && at("stop-base") < at("begin-base"), "{seen:?}");
    assert!(at("done-base") < at("begin-last") && at("begin-free") > at("stop-free"), "{seen:?}");
    // Conflicts work in both directions.
    world.ok(["initctl", "start", "rival"]);
    assert_eq!((world.state("last").0, world.state("rival").0), ("inactive".into(), "active".into()));
    world.ok(["initctl", "start", "last"]);
    assert_eq!((world.state("last").0, world.state("rival").0), ("active".into(), "inactive".into()));
}

#[test]
fn a_loop_is_named_and_broken() {
    let ring = |after: &str| stamp(&format!("After={after}.service"), "x").replace("Runlevels=", "Runlevels=3");
    let world = World::new()
        .unit("a.service", &ring("c"))
        .unit("b.service", &ring("a"))
        .unit("c.service", &ring("b"))
        .unit("outside.service", &ring("a"))
        .boot();
    assert_eq!(world.ok(["initctl", "is-active", "a", "b", "c", "outside"]), "active\n".repeat(4));
    let said = format!("{}{}", world.console(), world.errors());
    let mut lines = said.lines().skip_while(|l| !l.contains("ordering loop: a after c after b after a"));
    let (which, cut) = (lines.next(), lines.next().unwrap_or_default());
    let which = which.unwrap_or_else(|| panic!("the loop isn't named:\n{said}"));
    assert!(!which.contains("outside"), "{which}");
    assert_eq!(cut.trim(), "a is not ordered after c this time; take one After= or Before= out");
}

#[test]
fn drop_ins_templates_masks_and_aliases() {
    let sleeper = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\nEnvironment=A=file B=file\n";
    let world = World::new()
        .unit("dropped.service", &off(sleeper))
        .unit("dropped.service.d/10-a.conf", "[Service]\nEnvironment=A=ten C=ten\nNice=1\n")
        .unit("dropped.service.d/20-b.conf", "[Service]\nNice=2\nExecStart=\nExecStart=/bin/sleep 1000\n")
        .unit("dropped.service.d/ignored.txt", "[Service]\nNice=3\n")
        .unit(
            "web@.service",
            "[Unit]\nDescription=Web of %i\n[Service]\nType=exec\nExecStart=/bin/sh -c 'exec sleep 100%i'\n",
        )
        .unit("web@2.service.d/x.conf", "[Service]\nNice=5\n")
        .unit("masked.service", &off(sleeper))
        .unit("real.service", &off(sleeper))
        .boot();
    world.ok(["initctl", "start", "dropped"]);
    let pid = world.main_of("dropped");
    let environ = world.read(&format!("/proc/{pid}/environ"));
    let environ: Vec<&str> = environ.split('\0').collect();
    assert!(["A=ten", "B=file", "C=ten"].iter().all(|e| environ.contains(e)), "{environ:?}");
    assert_eq!(world.read(&format!("/proc/{pid}/cmdline")), "/bin/sleep\x001000\0", "emptied, then set");
    assert_eq!(world.show("dropped", "Nice"), "2");
    assert_eq!(world.show("dropped", "DropInPaths").split(' ').count(), 2);
    let text = world.ok(["initctl", "cat", "dropped"]);
    assert!(text.contains("20-b.conf") && text.contains("ExecStart=/bin/sleep 1000"), "{text}");
    // Instances of a template are units of their own.
    world.ok(["initctl", "start", "web@1", "web@2.service"]);
    for instance in ["1", "2"] {
        let pid = world.main_of(&format!("web@{instance}"));
        let cmdline = format!("/proc/{pid}/cmdline");
        let wanted = format!("sleep\x00100{instance}\0");
        world.wait_for("its program", deadline(5), |w| (w.read(&cmdline) == wanted).then_some(()));
        assert_eq!(world.show(&format!("web@{instance}"), "Description"), format!("Web of {instance}"));
    }
    assert_eq!((world.show("web@1", "Nice"), world.show("web@2", "Nice")), (String::new(), "5".into()));
    world.ok(["initctl", "stop", "web@1"]);
    world.main_of("web@2");
    let out = world.run(["initctl", "start", "web@"]);
    assert!(out.code != 0 && out.stderr.contains("template"), "{out:?}");
    // A mask refuses starts, leaves alone what runs, and goes as it came.
    world.ok(["initctl", "start", "masked"]);
    let file = world.path("/etc/rung/units/masked.service");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::remove_file(&file).expect("it was there");
    symlink("/dev/null", &file).expect("a mask");
    world.run(["initctl", "reload", "--units"]);
    world.main_of("masked");
    world.ok(["initctl", "stop", "masked"]);
    let out = world.fails(1, ["initctl", "start", "masked"]);
    assert!(out.stderr.contains("masked"), "{}", out.stderr);
    std::fs::remove_file(&file).expect("it was there");
    std::fs::write(&file, text).expect("a file");
    world.ok(["initctl", "start", "masked"]);
    // Another name of the same unit.
    symlink("real.service", world.path("/etc/rung/units/alias.service")).expect("an alias");
    world.ok(["initctl", "start", "alias"]);
    assert_eq!(world.main_of("alias"), world.main_of("real"));
    assert_eq!(world.show("alias", "Id"), "real.service");
}

#[test]
fn changed_files_are_seen_at_the_next_request() {
    let sleep = |seconds: &str| off(&format!("[Service]\nType=exec\nExecStart=/bin/sleep {seconds}\n"));
    let world = World::new().unit("a.service", &sleep("1000")).unit("b.service", &sleep("1000")).boot();
    let cmdline = |w: &World| w.read(&format!("/proc/{}/cmdline", w.main_of("a")));
    world.ok(["initctl", "start", "a"]);
    let pid = world.main_of("a");
    // Another definition: the running one stays, the difference is told, a restart takes the new one.
    world.write_unit("a.service", &sleep("2000"));
    let page = world.ok(["initctl", "status", "a"]);
    assert!(page.contains("changed since"), "{page}");
    assert_eq!((world.main_of("a"), world.show("a", "NeedDaemonReload").as_str()), (pid, "yes"));
    world.ok(["initctl", "restart", "a"]);
    assert_eq!(cmdline(&world), "/bin/sleep\x002000\0");
    assert_eq!(world.show("a", "NeedDaemonReload"), "no");
    // A broken one leaves the service alone; a restart refuses and says why.
    let pid = world.main_of("a");
    world.write_unit("a.service", "[Service]\nType=exec\nExecStart=/bin/sleep 3000\nKillMode=sometimes\n");
    let out = world.fails(1, ["initctl", "restart", "a"]);
    for word in ["a.service:4", "KillMode", "sometimes"] {
        assert!(out.stderr.contains(word), "no `{word}` in:\n{}", out.stderr);
    }
    assert_eq!((world.main_of("a"), cmdline(&world).as_str()), (pid, "/bin/sleep\x002000\0"));
    let page = world.ok(["initctl", "status", "a"]);
    assert!(page.contains("a.service:4"), "{page}");
    world.fails(1, ["initctl", "verify"]);
    world.ok(["initctl", "start", "b"]);
    // What is stopped with a broken file doesn't start; mended it does.
    world.ok(["initctl", "stop", "a"]);
    let out = world.fails(1, ["initctl", "start", "a"]);
    assert!(out.stderr.contains("a.service:4"), "{}", out.stderr);
    world.write_unit("a.service", &sleep("4000"));
    world.ok(["initctl", "start", "a"]);
    assert_eq!(cmdline(&world), "/bin/sleep\x004000\0");
    // A drop-in that comes, one that goes.
    world.write_unit("a.service.d/more.conf", "[Service]\nExecStart=\nExecStart=/bin/sleep 5000\n");
    world.ok(["initctl", "restart", "a"]);
    assert_eq!(cmdline(&world), "/bin/sleep\x005000\0");
    std::fs::remove_file(world.path("/etc/rung/units/a.service.d/more.conf")).expect("it was there");
    world.ok(["initctl", "restart", "a"]);
    assert_eq!(cmdline(&world), "/bin/sleep\x004000\0");
    // A new unit; an unknown key is a warning with the nearest one; one that goes while it runs.
    world.write_unit("new.service", &sleep("1000").replace("Type", "Tipe=x\nType"));
    let out = world.ok(["initctl", "reload", "--units"]);
    assert!(out.contains("new"), "{out}");
    let out = world.run(["initctl", "verify", "new"]);
    let said = format!("{}{}", out.stdout, out.stderr);
    assert!(said.contains("new.service:2") && said.contains("Tipe") && said.contains("Type"), "{out:?}");
    world.ok(["initctl", "start", "new"]);
    let pid = world.main_of("new");
    std::fs::remove_file(world.path("/etc/rung/units/new.service")).expect("it was there");
    world.ok(["initctl", "reload", "--units"]);
    assert_eq!(world.main_of("new"), pid);
    world.ok(["initctl", "stop", "new"]);
    assert_ne!(world.run(["initctl", "start", "new"]).code, 0);
}

#[test]
fn a_program_that_a_condition_asks_for_may_be_missing() {
    let text = |key: &str| format!("[Unit]\n{key}=/opt/nonesuch\n[Service]\nExecStart=/opt/nonesuch -x\n");
    let world = World::new()
        .unit("maybe.service", &off(&text("ConditionFileIsExecutable")))
        .unit("must.service", &off(&text("AssertPathExists")))
        .boot();
    let out = world.ok(["initctl", "verify", "maybe"]);
    assert!(out.contains("maybe.service:4:11: note: ExecStart=: `/opt/nonesuch` is not there, so"), "{out}");
    world.fails(1, ["initctl", "verify", "must"]);
    world.ok(["initctl", "start", "maybe"]);
    assert_eq!(world.state("maybe").0, "inactive", "skipped");
}

#[test]
fn a_template_isnt_blamed_for_what_an_instances_name_is_part_of() {
    let template =
        "[Service]\nUser=%i\nWorkingDirectory=/srv/%i\nEnvironmentFile=/etc/%i.env\nExecStart=/bin/sleep 9\n";
    let world = World::new()
        .unit("for@.service", template)
        .unit("of@.service", "[Service]\nUser=no-one\nExecStart=/bin/sleep 9\n")
        .boot();
    assert_eq!(world.ok(["initctl", "verify", "for@"]), "");
    let out = world.fails(1, ["initctl", "verify", "for@some", "of@"]).stdout;
    for part in ["no user `some`", "no folder `/srv/some`", "no file `/etc/some.env`", "no user `no-one`"] {
        assert!(out.contains(part), "no `{part}` in {out}");
    }
}

#[test]
fn a_mistake_in_a_folder_is_one_units() {
    let folder = std::env::temp_dir().join(format!("rung-units-mistakes-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("folder.service")).expect("folder");
    for (link, target) in [("away", "/no/such/file"), ("round", "about.service"), ("about", "round.service")] {
        std::os::unix::fs::symlink(target, folder.join(format!("{link}.service"))).expect("link");
    }
    std::fs::write(folder.join("good.service"), "[Service]\nExecStart=/bin/sleep 1000\n").expect("file");
    let run = |folder: &std::path::Path| {
        let builder = World::new().arg("--units").arg(folder);
        builder.run(&["sh", "-c", "initctl is-active good; initctl verify; initctl start away folder round"])
    };
    let out = run(&folder);
    assert!(out.stdout.starts_with("active\n"), "{out:?}");
    for part in [
        "away.service: error: cannot be read: it is a link to /no/such/file",
        "folder.service: error: not a plain",
        "lead in a circle",
    ] {
        assert!(out.stdout.contains(part), "{part}: {out:?}");
    }
    for part in ["could not start away", "could not start folder", "could not start round", "a link to about"] {
        assert!(out.stderr.contains(part), "{part}: {out:?}");
    }
    nix::unistd::mkfifo(&folder.join("pipe.service"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    let out = run(&folder);
    assert_eq!(out.code, 125, "{out:?}");
    assert!(out.stderr.contains(&format!("can't copy `{}/pipe.service`", folder.display())), "{out:?}");
    std::fs::remove_dir_all(folder).expect("it is ours");
}
