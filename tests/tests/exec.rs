//! How a process is set up (systemd.exec(5)): real processes tell what they got.

use rung_tests::world::{World, deadline, off};

/// Waits for a line in a unit's log.
fn says(world: &World, name: &str, text: &str) {
    let has = |w: &World| w.run(["initctl", "logs", name]).stdout.contains(text).then_some(());
    world.wait_for(text, deadline(10), has);
}

#[test]
fn prefixes() {
    let world = World::new()
        .unit(
            "all.service",
            &off("[Service]\nType=oneshot\nUser=nobody\nEnvironment=A=1\nStandardOutput=append:/run/all\n\
                 ExecStart=@/bin/sh other -c 'echo $$0 ${A}; id -u'\n\
                 ExecStart=:/bin/sh -c 'echo $A ${A}'\n\
                 ExecStart=!/usr/bin/id -u\nExecStart=+/usr/bin/id -u\nExecStart=!!/usr/bin/id -u\n\
                 ExecStart=-:+/bin/sh -c 'id -u; exit 7'\nExecStart=/bin/sh -c 'echo $$# ${NONE}'\n"),
        )
        .boot();
    world.ok(["initctl", "start", "all"]);
    assert_eq!(world.read("/run/all"), "other 1\n65534\n1 1\n0\n0\n65534\n0\n0\n");
    says(&world, "all", "$NONE isn't set");
}

/// A oneshot that runs this in a shell, with its output in `/run/NAME`.
fn tells(name: &str, script: &str, more: &str) -> String {
    off(&format!(
        "[Service]\nType=oneshot\nStandardOutput=truncate:/run/{name}\nExecStart=/bin/sh -c '{script}'\n{more}"
    ))
}

#[test]
fn environment_and_groups() {
    let world = World::new()
        .unit(
            "env.service",
            &tells(
                "env",
                "env; id -G",
                "User=nobody\nSupplementaryGroups=mail 12345\nExecSearchPath=/run/bin:/usr/bin:/bin\n\
                 Environment=A=1 B=%p%%1 bad \"C=x y\" GONE=1\nEnvironmentFile=/run/env.d/*.conf\n\
                 EnvironmentFile=-/run/none\nUnsetEnvironment=GONE B=2 PATH\nSetLoginEnvironment=yes\n",
            ),
        )
        .unit("found.service", &off("[Service]\nType=oneshot\nExecSearchPath=/run/bin\nExecStart=tool\n"))
        .unit("lost.service", &off("[Service]\nExecSearchPath=/run/bin\nExecStart=env\n"))
        .boot();
    world.write("/run/env.d/2.conf", "A=3\nno line\nD='q  r'\n");
    world.write("/run/env.d/1.conf", "A=2\n");
    world.ok(["initctl", "start", "env"]);
    let text = world.read("/run/env");
    for line in ["A=3", "B=env%1", "C=x y", "D=q  r", "USER=nobody", "LOGNAME=nobody", "65534 8 12345"] {
        assert!(text.lines().any(|l| l == line), "no {line} in {text}");
    }
    for name in ["GONE=", "PATH=", "TERM=", "bad"] {
        assert!(!text.lines().any(|l| l.starts_with(name)), "{name} in {text}");
    }
    says(&world, "env", "/run/env.d/2.conf:2 is no `NAME=value`");
    world.write("/run/bin/tool", "#!/bin/sh\necho ran >/run/tool\n");
    world.ok(["chmod", "755", "/run/bin/tool"]);
    world.ok(["initctl", "start", "found"]);
    assert_eq!(world.read("/run/tool"), "ran\n");
    let error = world.fails(1, ["initctl", "start", "lost"]).stderr;
    assert!(error.contains("no program `env` in the folders of ExecSearchPath="), "{error}");
}

#[test]
fn a_root_of_its_own() {
    let world = World::new()
        .unit(
            "in.service",
            &off("[Service]\nType=oneshot\nRootDirectory=/run/r\nRootDirectoryStartOnly=yes\nWorkingDirectory=/sub\n\
                 StandardOutput=append:/run/out\nUser=65534\nExecStart=sh -c 'echo *; pwd'\n\
                 ExecStartPre=+/bin/sh -c 'mkdir -p /sub; echo /run/r/s*'\n"),
        )
        .unit("none.service", &off("[Service]\nRootDirectory=/run/none\nExecStart=/bin/sh\n"))
        .boot();
    // A shell with its libraries is enough of a root.
    world.ok([
        "sh",
        "-c",
        "mkdir -p /run/r/sub /sub; for f in /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do \
        mkdir -p /run/r${f%/*}; cp -L $f /run/r$f; done; touch /run/r/sub/file",
    ]);
    world.ok(["initctl", "start", "in"]);
    assert_eq!(world.read("/run/out"), "/run/r/sub\nfile\n/sub\n");
    let error = world.fails(1, ["initctl", "start", "none"]).stderr;
    assert!(error.contains("RootDirectory=") && error.contains("none.service:2"), "{error}");
}
