//! Init scripts for worlds: what they leave running, and a note of each call.

use crate::world::World;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A script that notes each call, and keeps `daemons` of them running under setsid, as daemons are.
pub fn script(daemons: &str) -> String {
    script_with("", daemons)
}

/// The same, with these lines at its head.
pub fn script_with(header: &str, daemons: &str) -> String {
    format!(
        "#!/bin/sh\n{header}\
         NAME=${{0##*/}}\n\
         echo \"$NAME $*\" >>/run/calls\n\
         case \"$1\" in\n\
         start)\n{daemons}\n;;\n\
         stop) for p in $(cat /run/$NAME.pids 2>/dev/null); do kill $p; done; rm -f /run/$NAME.pids /run/$NAME.pid;;\n\
         restart) echo restarting $NAME; [ ! -e /run/$NAME.bad ] || exit 6; $0 stop; $0 start;;\n\
         env) env;;\n\
         exit) exit $2;;\n\
         *) echo \"usage: $0 start|stop\" >&2; exit 3;;\n\
         esac\n"
    )
}

/// One daemon in the background of its own session, whose pid is known.
pub const DAEMON: &str =
    "setsid sleep 7777 </dev/null >/dev/null 2>&1 &\n echo $! >>/run/$NAME.pids; echo $! >/run/$NAME.pid";

/// Puts a script in its place.
pub fn add(world: &World, name: &str, text: &str) {
    let path = world.path(&format!("/etc/init.d/{name}"));
    fs::write(&path, text).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// Links of the farm: `3/S01a`.
pub fn farm(world: &World, links: &[&str]) {
    for level in "S0123456".chars() {
        fs::create_dir_all(world.path(&format!("/etc/rc{level}.d"))).expect("a folder");
    }
    for link in links {
        let (level, file) = link.split_once('/').expect("a level");
        let target = format!("../init.d/{}", &file[3..]);
        symlink(target, world.path(&format!("/etc/rc{level}.d/{file}"))).expect("a link");
    }
}

/// What was called since the last look.
pub fn calls(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.path("/run/calls")).unwrap_or_default();
    let _ = fs::remove_file(world.path("/run/calls"));
    text.lines().map(str::to_owned).collect()
}

/// What `initctl status --json` says of a unit.
pub fn status(world: &World, name: &str) -> serde_json::Value {
    let out = world.run(["initctl", "status", name, "--json"]);
    let all: serde_json::Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    all["units"][0].clone()
}
