//! The machine's unit files and its root directory under `initctl sandbox`: the same daemons, no machine.

use crate::error::{Context, Result, fail};
use crate::host;
use crate::image::{Builder, Machine};
use std::fs;

/// What is checked, as a sentence.
pub const NAME: &str =
    "the same daemons run by the same unit files under `initctl sandbox`, from the machine's root directory";

/// The units that are tried there.
const UNITS: [&str; 4] = ["nginx.service", "ssh.service", "cron.service", "rsyslog.service"];

/// What is done inside. Each line has to succeed.
const SCRIPT: &str = r#"
set -eu
for unit in nginx ssh cron rsyslog; do [ "$(initctl is-active $unit)" = active ]; done
curl -fsS --max-time 20 http://localhost/ >/dev/null
old=$(initctl show nginx -p MainPID --value)
initctl restart nginx
new=$(initctl show nginx -p MainPID --value)
[ "$old" != "$new" ]
kill -9 "$new"
# Until the manager has heard of it the old one still counts as active.
timeout 30 sh -c "until main=\$(initctl show nginx -p MainPID --value); [ \$main != 0 ] && [ \$main != $new ]; do sleep 0.1; done"
initctl wait nginx --for active --timeout 30
curl -fsS --max-time 20 http://localhost/ >/dev/null
initctl stop nginx
! pgrep -x nginx
"#;

/// Runs it. A root directory that another user made for itself (fakeroot) can't be used: then it says so.
pub fn check(builder: &Builder<'_>, machine: &Machine) -> Result<Option<String>> {
    if !host::is_root() {
        return Ok(None);
    }
    let units = builder.cache.join("sandbox-units");
    let _ = fs::remove_dir_all(&units);
    fs::create_dir_all(&units).on("create", &units)?;
    for name in UNITS {
        let from = builder.repo.join("etc-skel/units").join(name);
        fs::copy(&from, units.join(name)).on("copy", &from)?;
    }
    let mut command = host::command("timeout");
    command.args(["--kill-after=15", "120"]).arg(builder.bin.join("initctl")).arg("sandbox");
    command.arg("--root").arg(&machine.root).arg("--units").arg(&units);
    command.args(["--level", "3", "--", "sh", "-c", SCRIPT]);
    let result = host::run(&mut command);
    let _ = fs::remove_dir_all(&units);
    match result {
        Ok(_) => Ok(Some(format!("{} daemons", UNITS.len()))),
        Err(e) => fail(format!("inside the sandbox, from {}:\n{e}", machine.root.display())),
    }
}
