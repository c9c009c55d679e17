//! Relations between units and plans, under the real programs.

use rung_tests::world::{World, deadline, off};

/// A service whose main process stays, with more keys in `[Unit]` and `[Service]`.
fn sleeper(unit: &str, service: &str) -> String {
    off(&format!("[Unit]\n{unit}[Service]\nType=exec\nExecStart=/bin/sleep infinity\n{service}"))
}

fn kill(world: &World, unit: &str) {
    world.ok(["initctl", "kill", "-s", "KILL", "--whom", "main", unit]);
}

#[test]
fn what_is_bound_goes_and_comes_back_with_its_dependency() {
    let world = World::new()
        .unit("db.service", &sleeper("", "Restart=on-failure\nRestartSec=200ms\n"))
        .unit("app.service", &sleeper("BindsTo=db.service\nAfter=db.service\n", ""))
        .unit("told.service", &sleeper("BindsTo=db.service\nAfter=db.service\nReturnWithDependency=no\n", ""))
        .unit("needs.service", &sleeper("Requires=db.service\nAfter=db.service\n", ""))
        .boot();
    world.ok(["initctl", "start", "app", "told", "needs"]);
    let (db, app, needs) = (world.main_of("db"), world.main_of("app"), world.main_of("needs"));
    kill(&world, "db");
    // All three ended and two are up again, as other processes; what only requires it never noticed.
    world.wait_for("app's return", deadline(20), |w| {
        let again = |unit: &str, old: i32| w.state(unit).0 == "active" && w.main_of(unit) != old;
        (again("db", db) && again("app", app)).then_some(())
    });
    assert_eq!(world.main_of("needs"), needs);
    assert_eq!(world.state("told").0, "inactive");
    // By request, a restart takes along what requires it.
    world.ok(["initctl", "restart", "db"]);
    assert_ne!(world.main_of("needs"), needs);
}

#[test]
fn a_failure_calls_for_help_and_an_upheld_unit_comes_up_again() {
    let world = World::new()
        .unit("bad.service", &off("[Unit]\nOnFailure=help.service\n[Service]\nType=oneshot\nExecStart=/bin/false\n"))
        .unit("help.service", &sleeper("", ""))
        .unit("keeper.service", &sleeper("Upholds=kept.service\n", ""))
        .unit("kept.service", &sleeper("PartOf=keeper.service\n", ""))
        .boot();
    world.fails(1, ["initctl", "start", "bad"]);
    world.until("help", "active");
    world.ok(["initctl", "start", "keeper"]);
    world.until("kept", "active");
    let first = world.main_of("kept");
    kill(&world, "kept");
    world.wait_for("kept's return", deadline(20), |w| {
        (w.state("kept").0 == "active" && w.main_of("kept") != first).then_some(())
    });
    world.ok(["initctl", "stop", "keeper"]);
    assert_eq!(world.state("kept").0, "inactive");
}

#[test]
fn a_plan_says_what_would_happen_and_does_nothing() {
    let world = World::new()
        .unit("db.service", &sleeper("", ""))
        .unit("app.service", &sleeper("Requires=db.service\nAfter=db.service\n", ""))
        .unit("loose.service", &sleeper("", ""))
        .boot();
    let plan = world.ok(["initctl", "plan", "start", "app"]);
    let steps: Vec<Vec<&str>> = plan.lines().skip(1).map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(steps, [vec!["1", "start", "db", "required", "by", "app"], vec!["2", "start", "app", "asked", "for"]]);
    assert_eq!(world.state("db").0, "inactive", "nothing was done");
    world.ok(["initctl", "start", "app", "loose"]);
    let pid = world.main_of("db");
    let plan = world.ok(["initctl", "stop", "--dry-run", "db"]);
    assert!(plan.contains("requires db") && plan.contains("asked for"), "{plan}");
    for words in [
        &["initctl", "--dry-run", "poweroff"][..],
        &["initctl", "--dry-run", "runlevel", "1"],
        &["initctl", "--dry-run", "kill", "db"],
        &["initctl", "--dry-run", "restart", "db"],
        &["initctl", "plan", "reboot"],
    ] {
        assert!(world.ok(words).contains("db"), "{words:?}");
    }
    let links = world.ok(["initctl", "enable", "--dry-run", "--levels", "3", "loose"]);
    assert!(links.contains("levels/3/loose.service"), "{links}");
    assert!(world.ok(["initctl", "levels", "loose"]).lines().all(|l| !l.contains("on ")), "no link was made");
    assert_eq!(world.main_of("db"), pid);
    let json: serde_json::Value = serde_json::from_str(&world.ok(["initctl", "--json", "plan", "stop", "db"])).unwrap();
    let steps: Vec<_> =
        json["steps"].as_array().unwrap().iter().map(|s| (&s["wave"], &s["deed"], &s["unit"])).collect();
    assert_eq!(
        format!("{steps:?}"),
        r#"[(Number(1), String("stop"), String("app.service")), (Number(2), String("stop"), String("db.service"))]"#
    );
    for words in [["initctl", "--dry-run", "reload", "db"], ["initctl", "plan", "reload", "db"]] {
        let out = world.fails(1, words);
        assert!(out.stdout.contains("refused db") && out.stdout.contains("no ExecReload="), "{}", out.stdout);
    }
    let version = || world.ok(["initctl", "version"]);
    let (before, out) = (version(), world.ok(["initctl", "--dry-run", "reexec"]));
    assert!(out.contains("stays: app db loose") && out.contains("PID 1 would execute itself anew from "), "{out}");
    assert_eq!(version(), before, "nothing was done");
}
