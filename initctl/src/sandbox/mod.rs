//! `initctl sandbox`: Rung as PID 1 in namespaces of its own, on a throw-away copy of a root.
//!
//! Three processes: **initctl** talks to the user and waits ([`session`]); the **keeper**, its child, is the parent of the
//! sandbox's PID 1 and clears up whatever becomes of initctl ([`keeper`]); **PID 1** builds the world from inside and
//! executes `init` ([`inside`]). A fourth, on the caller's terminal, joins that world and runs the command ([`join`]).
//! The mounts are in a mount namespace that ends with its last process, the processes in a PID namespace that ends with
//! its PID 1, what is written in memory: so there is nothing to undo but the control group.

mod binaries;
mod cgroup;
mod error;
mod inside;
mod join;
mod keeper;
mod mask;
mod mounts;
mod ready;
mod report;
mod root;
mod session;
mod units;

use init::unit::Level;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit status where the sandbox itself failed; no command's, by the custom of `env` and `chroot`.
const BROKEN: u8 = 125;
/// Names a file that gets all that the sandbox's init prints.
const CONSOLE_FILE: &str = "RUNG_SANDBOX_CONSOLE";
/// The shims come before the root's own commands of the same names.
const PATH: &str = "/usr/lib/rung:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Boot Rung as PID 1 in a sandbox and run a command in it
///
/// Fresh PID, mount, UTS, IPC and network namespaces (a user namespace too when not root) on a throw-away overlay of
/// the present or the given root. Once the level is reached the command runs, on this terminal; its exit status becomes
/// ours (128+n if signal n ended it). Without a command: a shell. Then everything is shut down, and nothing is left.
///
/// Inside, /etc/rung, /etc/init.d, /etc/rcN.d, /etc/inittab and systemd's folders start out empty; what the command puts
/// there counts.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  initctl sandbox --units ./units              a shell in a system with them
  initctl sandbox --units ./units -- initctl   how they fare
  initctl sandbox --root ./rootfs --all -- id  boot another root with all it has
  initctl sandbox --level 2 --host-net -- curl -s localhost:8080

/run and /tmp are empty in it. The command runs in the present folder where that is there, else in /.

Exit status: the command's; 128+n if signal n ended it; 125 if the sandbox could not be made or ended by itself,
126 if the command can't be executed, 127 if it isn't there.

Environment: RUNG_SANDBOX_CONSOLE names a file that gets all that init prints.")]
pub struct Args {
    /// A folder of unit files, drop-ins and init.conf to use (may be given again)
    ///
    /// They are copied; a unit is on in its Runlevels=, or in the level booted to if it names none.
    #[arg(long, value_name = "DIR")]
    pub units: Vec<PathBuf>,
    /// The root to lay the overlay on [default: /]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The runlevel to boot to [default: 3]
    #[arg(long, value_name = "N", value_parser = parse_level)]
    pub level: Option<Level>,
    /// Keep the root's own units, scripts and runlevels
    #[arg(long)]
    pub all: bool,
    /// Share the host's network
    #[arg(long)]
    pub host_net: bool,
    /// Keep what was written, in a folder that is named at the end
    #[arg(long)]
    pub keep: bool,
    /// The command and its arguments [default: $SHELL]
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

fn parse_level(text: &str) -> Result<Level, String> {
    let mut chars = text.chars();
    let level = chars.next().filter(|_| chars.next().is_none()).and_then(Level::from_char);
    // As a word to the kernel: `S` is single user.
    let level = level.map(|l| if l == Level::S { Level::SINGLE } else { l });
    level.filter(|l| !l.is_down()).ok_or_else(|| format!("`{text}` is no level to boot to: S and 1 to 5 are"))
}

/// Does it.
pub fn run(args: Args) -> ExitCode {
    match session::run(args) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("initctl sandbox: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_to_boot_to() {
        assert_eq!(parse_level("3"), Ok(Level::from_char('3').expect("3")));
        assert_eq!(parse_level("S"), Ok(Level::SINGLE));
        for wrong in ["0", "6", "7", "", "33"] {
            assert!(parse_level(wrong).is_err(), "{wrong}");
        }
    }
}
