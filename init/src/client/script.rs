//! An init script that a client runs itself, as part of its unit.

use crate::proto::control::ScriptCall;
use std::ffi::OsStr;
use std::process::Command;

/// `program` as part of a script's unit: in its cgroup from the first instruction on. The environment is the caller's to
/// give.
pub fn in_unit(call: &ScriptCall, program: &OsStr) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg("umask 022; [ -z \"$0\" ] || echo $$ 2>/dev/null >\"$0\"; exec \"$@\"");
    command.arg(call.cgroup.as_deref().unwrap_or_default()).arg(program);
    command
}
