//! The verbs that write unit files: what they write, that it counts, and that nothing is lost when it is wrong.

use rung_tests::world::{Output, World};

const WEB: &str = "[Unit]\nDescription=web\n\n[Service]\nExecStart=/bin/sleep infinity\nEnvironment=A=1\nNice=3\n";

fn world() -> World {
    let world = World::new().boot();
    world.write("/usr/lib/rung/units/web.service", WEB);
    world
}

fn initctl(world: &World, line: &str) -> Output {
    world.run(["initctl"].into_iter().chain(line.split(' ')))
}

/// `initctl edit` with an editor that is this shell script.
fn edit(world: &World, script: &str, args: &str) -> Output {
    world.write("/tmp/editor", &format!("#!/bin/sh\n{script}\n"));
    world.run(["sh", "-c", &format!("chmod +x /tmp/editor; EDITOR=/tmp/editor initctl edit {args}")])
}

#[test]
fn keys_are_set_added_to_and_taken_back() {
    let world = world();
    world.ok(["initctl", "set", "web", "Nice=5", "Environment+=B=2"]);
    let wrong = world.fails(1, ["initctl", "set", "web", "Nice=500"]).stderr;
    assert!(wrong.contains("\n    Nice=500\n") && wrong.contains("nothing was changed"), "the caret's lines: {wrong}");
    let file = "/etc/rung/units/web.service.d/50-set.conf";
    assert_eq!(world.read(file), "[Service]\nNice=5\nEnvironment=B=2\n");
    assert_eq!(world.show("web", "Nice"), "5");
    assert_eq!(world.show("web", "Environment"), "A=1\nB=2");
    world.ok(["initctl", "set", "web", "Environment=C=3", "Nice="]);
    assert_eq!(world.show("web", "Environment"), "C=3");
    assert_eq!(world.show("web", "Nice"), "");

    let before = world.read(file);
    for (line, part) in [
        ("set web Nice=50", "50-set.conf"),
        ("set web Ncie=5", "did you mean Nice="),
        ("set web Nice", "no `="),
        ("set wbe Nice=5", "did you mean web"),
    ] {
        let out = initctl(&world, line);
        assert!(out.code != 0 && out.stderr.contains(part), "{line}: {out:?}");
        assert_eq!(world.read(file), before, "{line}");
    }
    let dry = initctl(&world, "set --dry-run web Nice=7");
    assert!(dry.code == 0 && dry.stdout.contains("Nice=7") && world.read(file) == before, "{dry:?}");

    world.ok(["initctl", "start", "web"]);
    let out = initctl(&world, "set web Nice=6");
    assert!(out.stderr.contains("initctl restart web"), "{out:?}");

    let diff = world.ok(["initctl", "diff"]);
    for part in ["web.service", "Nice=", "- 3", "+ 6", "50-set.conf:"] {
        assert!(diff.contains(part), "{part}: {diff}");
    }
    world.ok(["initctl", "stop", "web"]);
    world.ok(["initctl", "revert", "web"]);
    assert_eq!(world.show("web", "Nice"), "3");
    assert!(world.read(&format!("{file}~")).contains("Nice=6"));
    assert!(!world.ok(["initctl", "diff"]).contains("web.service"));
}

#[test]
fn an_edit_counts_only_when_it_is_right() {
    let world = world();
    let file = "/etc/rung/units/web.service.d/override.conf";
    let out = edit(
        &world,
        "printf '[Service]\\nNice=9\\n' | cat - \"$1\" >/tmp/new; cp \"$1\" /tmp/seen; cp /tmp/new \"$1\"",
        "web",
    );
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(world.read(file), "[Service]\nNice=9\n");
    assert_eq!(world.show("web", "Nice"), "9");
    assert!(world.read("/tmp/seen").contains("# ExecStart=/bin/sleep infinity"));

    let dry = edit(&world, "printf '[Service]\\nNice=4\\nUMask=0077\\n' >\"$1\"", "--dry-run web");
    let wanted = format!(
        "would have changed {file} to:\n[Service]\nNice=4\nUMask=0077\n  Nice=\n    - 9\n    + 4   # {file}:2\n"
    );
    assert!(dry.code == 0 && dry.stdout.starts_with(&wanted), "{dry:?}");
    assert_eq!(world.read(file), "[Service]\nNice=9\n");
    let again = dry.stderr.split("  try: ").nth(1).expect("a command").trim();
    assert!(again.starts_with("initctl edit --stdin web </"), "{dry:?}");
    let again = again.replacen("edit", "edit --dry-run --json", 1);
    let json: serde_json::Value = serde_json::from_str(&world.ok(["sh", "-c", &again])).expect("JSON");
    let change = &json["units"][0];
    assert_eq!((&change["made"], &change["keys"][0]["before"]), (&false.into(), &serde_json::json!(["9"])), "{json}");

    let wrong = edit(&world, "printf '[Service]\\nNice=99\\n' >\"$1\"", "web");
    assert!(wrong.code == 1 && wrong.stderr.contains("override.conf:2:6") && wrong.stderr.contains('^'), "{wrong:?}");
    assert_eq!(world.read(file), "[Service]\nNice=9\n");
    let kept = wrong.stderr.split("is kept in ").nth(1).expect("where").trim().to_owned();
    assert_eq!(world.read(&kept), "[Service]\nNice=99\n");

    for (script, part) in
        [("true", "nothing was changed"), ("exit 3", "the editor has failed"), (": >\"$1\"", "initctl revert web")]
    {
        let out = edit(&world, script, "web");
        assert!(out.stderr.contains(part), "{script}: {out:?}");
        assert_eq!(world.read(file), "[Service]\nNice=9\n");
    }
    let blind = world.run(["sh", "-c", "unset EDITOR VISUAL; initctl edit web </dev/null"]);
    assert!(blind.code == 1 && blind.stderr.contains("try: initctl edit --stdin"), "{blind:?}");
    // Somebody else is faster.
    let raced = edit(&world, &format!("echo '# theirs' >>{file}; sed -i '2i UMask=0077' \"$1\""), "web");
    assert!(raced.code == 1 && raced.stderr.contains("changed by somebody else"), "{raced:?}");
    assert!(world.read(file).ends_with("# theirs\n"));

    let full = edit(&world, "sed -i s/Nice=3/Nice=4/ \"$1\"", "--full web");
    assert_eq!(full.code, 0, "{full:?}");
    assert_eq!(world.read("/etc/rung/units/web.service"), WEB.replace("Nice=3", "Nice=4"));
    let diff = world.ok(["initctl", "diff", "web"]);
    assert!(diff.contains("- Nice=3") && diff.contains("+ Nice=4"), "{diff}");
    let stdin = world.run(["sh", "-c", "printf '[Service]\\nNice=1\\n' | initctl edit --stdin web"]);
    assert_eq!((stdin.code, world.show("web", "Nice").as_str()), (0, "1"), "{stdin:?}");
}

#[test]
fn masks_come_and_go() {
    let world = world();
    world.ok(["initctl", "start", "web"]);
    world.ok(["initctl", "mask", "--now", "web"]);
    assert_eq!(world.state("web").0, "inactive");
    let out = initctl(&world, "start web");
    assert!(out.code == 1 && out.stderr.contains("mask"), "{out:?}");
    world.ok(["initctl", "unmask", "web"]);
    world.ok(["initctl", "start", "web"]);

    world.write_unit("mine.service", WEB);
    let own = initctl(&world, "mask mine");
    assert!(own.code == 1 && own.stderr.contains("file of your own"), "{own:?}");
    assert!(world.show("mine", "Nice") == "3");
}

#[test]
fn a_command_line_becomes_a_unit() {
    let world = World::new().boot();
    let words = ["initctl", "new", "echo", "--user", "nobody", "--type", "oneshot", "--now", "--"];
    world.ok(words.into_iter().chain([
        "sh",
        "-c",
        "printf '%s|' \"$@\" >/tmp/said; id -u >>/tmp/said",
        "sh",
        "a b",
        "$HOME",
        "100%",
        "\\",
    ]));
    assert_eq!(world.read("/tmp/said"), "a b|$HOME|100%|\\|65534\n");
    let again = initctl(&world, "new echo -- true");
    assert!(again.code == 1 && again.stderr.contains("initctl edit echo"), "{again:?}");
    let none = initctl(&world, "new x -- no-such-program");
    assert!(none.code == 1 && none.stderr.contains("no program"), "{none:?}");
    let wrong = initctl(&world, "new x --restart soon -- true");
    assert!(
        wrong.code == 1 && wrong.stderr.contains("Restart=") && !world.path("/etc/rung/units/x.service").exists(),
        "{wrong:?}"
    );
    world.ok(["initctl", "new", "nap", "--enable", "--now", "--", "sleep", "infinity"]);
    assert_eq!(world.state("nap").0, "active");
    assert!(world.path("/etc/rung/levels/3/nap.service").is_symlink());
}

#[test]
fn folders_are_cleaned_but_not_of_what_runs_nor_beyond_a_link() {
    let world = World::new().boot();
    world.write_unit(
        "box.service",
        "[Service]\nExecStart=/bin/sleep infinity\nStateDirectory=box box/in\nCacheDirectory=box\n",
    );
    world.ok(["initctl", "start", "box"]);
    assert!(world.path("/var/lib/box/in").is_dir() && world.path("/var/cache/box").is_dir());
    let out = initctl(&world, "clean box");
    assert!(out.code == 1 && out.stderr.contains("initctl stop box"), "{out:?}");
    world.ok(["initctl", "stop", "box"]);
    assert!(world.ok(["initctl", "clean", "--dry-run", "box"]).contains("/var/cache/box"));
    assert!(world.path("/var/cache/box").exists());
    world.ok(["initctl", "clean", "box"]);
    assert!(!world.path("/var/cache/box").exists() && world.path("/var/lib/box/in").exists());
    // A service that owns its folder may put links in it.
    world.write("/srv/precious/file", "x");
    world.ok(["sh", "-c", "rm -r /var/lib/box/in; ln -s /srv/precious /var/lib/box/in"]);
    world.ok(["initctl", "clean", "box", "--what", "all"]);
    assert!(!world.path("/var/lib/box").exists());
    assert_eq!(world.read("/srv/precious/file"), "x");
}
