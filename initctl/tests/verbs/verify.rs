//! `verify`: findings with place, caret and hint, of texts and of the root they are meant for; exit status by severity.

use super::common::System;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Writes a file below the system's folder; its path.
fn write(system: &System, name: &str, text: &str) -> String {
    let path = system.dir.join(name);
    fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
    fs::write(&path, text).expect("write");
    path.to_string_lossy().into_owned()
}

#[test]
fn severity_is_the_exit_status() {
    let system = System::bare("verify-severity");
    let good = write(&system, "good.service", "[Service]\nExecStart=/bin/true\n");
    let (status, out, err) = system.all(&["verify", &good]);
    assert_eq!((status, err.as_str()), (0, "initctl: 1 unit checked: no errors, no warnings\n"), "{out}");
    let odd = write(&system, "odd.service", "[Service]\nExecStrat=/x\nExecStart=/bin/true\n");
    let (status, out, err) = system.all(&["verify", &odd, &good]);
    assert_eq!((status, err.as_str()), (0, "initctl: 2 units checked: no errors, 1 warning\n"), "{out}");
    assert!(out.contains("odd.service:2:1: warning: ExecStrat=: unknown key"), "{out}");
    assert!(out.contains("    ExecStrat=/x\n    ^\n  hint: did you mean `ExecStart`"), "{out}");
    assert_eq!(system.all(&["verify", "--strict", &odd]).0, 1);
    assert_eq!(system.all(&["verify", "--strict", &good]).0, 0);
    let bad = write(&system, "bad.service", "[Service]\nType=nonsense\nExecStart=/bin/true\n");
    let (status, out, _) = system.all(&["verify", "--json", &bad]);
    let json: Value = serde_json::from_str(&out).expect("json");
    let row = &json["findings"][0];
    assert_eq!((status, row["severity"].as_str(), row["line"].as_u64()), (1, Some("error"), Some(2)), "{out}");
    assert_eq!((json["summary"]["units"].as_u64(), json["summary"]["bad"].as_u64()), (Some(1), Some(1)), "{out}");
    let (status, _, err) = system.all(&["verify", "/no/such/x.service"]);
    assert_eq!((status, err.as_str()), (1, "initctl: there is no file /no/such/x.service\n"));
    let (status, _, err) = system.all(&["verify", "nosuchunit"]);
    assert_eq!((status, err.as_str()), (1, "initctl: there is no file and no unit `nosuchunit`\n"));
    assert_eq!(system.all(&["verify", "--nonsense"]).0, 2);
}

#[test]
fn what_a_start_needs_is_looked_for() {
    let system = System::bare("verify-needs");
    write(&system, "good.service", "[Service]\nExecStart=/bin/true\n");
    let poor = write(
        &system,
        "poor.service",
        "[Unit]\nRequires=goood.service\nWants=absent.service\n[Service]\nExecStartPre=-/no/such/pre\n\
         ExecStart=/no/such/program\nUser=rung-nobody\nGroup=rung-nobodies\nWorkingDirectory=/no/such/folder\n\
         EnvironmentFile=-/no/such/optional\nEnvironmentFile=/no/such/file\n",
    );
    let (status, out, err) = system.all(&["verify", &poor]);
    assert_eq!((status, err.as_str()), (1, "initctl: 1 unit checked: 6 errors, 1 warning\n"), "{out}");
    for line in [
        "poor.service:2:10: error: Requires=: there is no unit `goood`, so this one can't be started\n    \
         Requires=goood.service\n             ^\n  hint: did you mean good?",
        "poor.service:3:7: note: Wants=: there is no unit `absent`; a start goes on without it",
        "poor.service:5:15: warning: ExecStartPre=: `/no/such/pre` is not there",
        "poor.service:6:11: error: ExecStart=: `/no/such/program` is not there\n    ExecStart=/no/such/program\n    \
         \u{20}         ^",
        "poor.service:7:6: error: User=: there is no user `rung-nobody`",
        "poor.service:8:7: error: Group=: there is no group `rung-nobodies`",
        "poor.service:9:18: error: WorkingDirectory=: there is no folder `/no/such/folder`",
        "poor.service:11:17: error: EnvironmentFile=: there is no file `/no/such/file`",
    ] {
        assert!(out.contains(line), "{line}\nisn't in:\n{out}");
    }
    assert!(!out.contains("optional`"), "{out}");
}

#[test]
fn a_loop_is_told_with_its_members_and_the_edge_that_goes() {
    let system = System::bare("verify-loop");
    let unit = |after: &str| format!("[Unit]\nAfter={after}\n[Service]\nExecStart=/bin/true\n");
    let a = write(&system, "a.service", &unit("b.service"));
    write(&system, "b.service", "[Unit]\nRequires=c.service\nAfter=c.service\n[Service]\nExecStart=/bin/true\n");
    write(&system, "c.service", &unit("a.service"));
    let (status, out, _) = system.all(&["verify", &a]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("a loop in the ordering: a after b after c after a; when they start together,"), "{out}");
    assert!(out.contains("a doesn't wait for `b`") && out.contains("After=b.service\n          ^"), "{out}");
    assert!(out.contains("b.service:3)"), "the other places are named: {out}");
    // Rivals never start together.
    write(&system, "c.service", "[Unit]\nAfter=a.service\nConflicts=a.service\n[Service]\nExecStart=/bin/true\n");
    let (_, out, _) = system.all(&["verify", &a]);
    assert!(!out.contains("loop"), "{out}");
}

#[test]
fn folders_get_a_table() {
    let system = System::bare("verify-table");
    write(&system, "u/a.service", "[Service]\nExecStart=/bin/true\nProtectClock=yes\nSlice=x.slice\n");
    write(&system, "u/t@.service", "[Service]\nExecStart=/bin/echo %i\n");
    write(&system, "u/b.socket", "[Socket]\n");
    let folder = system.dir.join("u");
    let (status, out, err) = system.all(&["verify", &folder.to_string_lossy()]);
    assert_eq!((status, err.as_str()), (0, "initctl: 2 units checked: no errors, 1 warning\n"), "{out}");
    assert!(out.starts_with("2 units: in 1 of them no key is lost, 0 can't be used\n"), "{out}");
    assert!(out.contains("no such units: 1 socket\n") && out.contains("    2  honoured"), "{out}");
    assert!(out.contains("    1  [Service] ProtectClock") && out.contains("    1  [Service] Slice"), "{out}");
    let (_, out, _) = system.all(&["verify", "--json", &folder.to_string_lossy()]);
    let json: Value = serde_json::from_str(&out).expect("json");
    let lost = &json["summary"]["not_honoured"][0];
    assert_eq!((lost["key"].as_str(), lost["taken"].as_str()), (Some("ProtectClock"), Some("changes")), "{out}");
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(2), "{out}");
}

#[test]
fn an_image_is_checked_by_what_is_in_it() {
    let system = System::bare("verify-image");
    let root = system.dir.join("image");
    let at = |path: &str| root.join(path);
    write(&system, "image/etc/passwd", "daemon:x:5:5::/:/bin/false\nimaged:x:77:77::/:/bin/false\n");
    write(&system, "image/etc/group", "daemon:x:5:\n");
    let program = write(&system, "image/usr/bin/imaged", "");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("chmod");
    symlink("usr/bin", at("bin")).expect("link");
    // Outside there is such a program; in the image this leads nowhere.
    symlink("/bin/sh", at("usr/bin/escaped")).expect("link");
    let unit = |user: &str, program: &str| format!("[Service]\nUser={user}\nExecStart={program}\n");
    write(&system, "image/etc/rung/units/good.service", &unit("imaged", "/bin/imaged"));
    write(&system, "image/etc/rung/units/escaped.service", &unit("root", "/bin/escaped"));
    write(&system, "image/usr/lib/rung/units/elsewhere", &unit("daemon", "/bin/imaged"));
    symlink("/usr/lib/rung/units/elsewhere", at("etc/rung/units/linked.service")).expect("link");
    write(&system, "image/etc/rung/init.conf", "[Manager]\nDefaultLevel=9\n");
    fs::create_dir_all(at("etc/rung/levels/3")).expect("mkdir");
    symlink("/etc/rung/units/gone.service", at("etc/rung/levels/3/gone.service")).expect("link");
    let image = root.to_string_lossy().into_owned();
    let (status, out, err) = system.all(&["verify", "--root", &image]);
    assert_eq!((status, err.as_str()), (1, "initctl: 3 units checked: 3 errors, 1 warning\n"), "{out}");
    let units = at("etc/rung/units");
    let told = |path: &Path, what: &str| out.contains(&format!("{}{what}", path.display()));
    assert!(told(&units.join("escaped.service"), ":3:11: error: ExecStart=: `/bin/escaped` is not there"), "{out}");
    assert!(told(&units.join("escaped.service"), ":2:6: error: User=: there is no user `root`"), "{out}");
    assert!(told(&at("etc/rung/init.conf"), ":2:14: error: DefaultLevel=: `9` is no level"), "{out}");
    assert!(told(&at("etc/rung/levels/3/gone.service"), ": warning: it is on in level 3"), "{out}");
    assert!(!out.contains("good.service") && !out.contains("linked.service"), "{out}");
    // A path is one of the image.
    let (status, _, err) = system.all(&["verify", "--root", &image, "/etc/rung/units/good.service", "linked"]);
    assert_eq!((status, err.as_str()), (0, "initctl: 2 units checked: no errors, no warnings\n"));
    let (status, _, err) = system.all(&["verify", "--root", &image, "/etc/rung/init.conf"]);
    assert_eq!((status, err.as_str()), (1, "initctl: no units checked: 1 error, no warnings\n"));
    assert_eq!(system.all(&["verify", "--root", "/no/such/image"]).0, 1);
}

#[test]
fn what_never_comes_true_is_told() {
    let system = System::bare("verify-vain");
    write(&system, "own.target", "");
    let text = "[Unit]\nConditionArchitecture=amd64\nAssertUser=!daemon\nConditionUser=root\n[Service]\nExecStart=/bin/true\n\
                [Install]\nWantedBy=multi-usr.target multi-user.target own.target\nRequiredBy=ghost.service network-online.target\n";
    let vain = write(&system, "vain.service", text);
    let template = write(&system, "t@.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=x@%i.target\n");
    let (status, out, err) = system.all(&["verify", &vain, &template]);
    assert_eq!((status, err.as_str()), (0, "initctl: 2 units checked: no errors, 3 warnings\n"), "{out}");
    for line in [
        "vain.service:2:23: note: ConditionArchitecture=: `amd64` is no architecture; it counts as no\n    \
         ConditionArchitecture=amd64\n                          ^\n  hint: write `x86-64`\n",
        "vain.service:3:13: warning: AssertUser=: `daemon` is nobody that Rung runs as; it counts as no\n    \
         AssertUser=!daemon\n                ^\n  hint: it runs as root",
        "vain.service:8:10: warning: WantedBy=: there is no unit `multi-usr.target`: switched on there, it is started by \
         nothing\n    WantedBy=multi-usr.target multi-user.target own.target\n             ^\n  hint: ",
        "vain.service:9:12: warning: RequiredBy=: there is no unit `ghost`: switched on there",
    ] {
        assert!(out.contains(line), "no {line}\nin {out}");
    }
}
