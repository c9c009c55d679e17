//! What Debian's own init makes of the machine.

use super::state::State;
use super::{DAEMONS, Login, timed_login};
use crate::check::guest::Guest;
use crate::error::{Error, Result, fail};
use crate::shell::Shell;

/// What Debian's own init made of the same machine.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// What it took to the login.
    pub login: Login,
    /// What `runlevel` prints.
    pub runlevel: String,
    /// `who -r`.
    pub who: String,
    /// `last -x`.
    pub last: String,
    /// The links in `/etc/rcN.d`.
    pub links: String,
    /// Places and types of what is mounted.
    pub mounts: String,
    /// The machine under Rung, its boot scripts run by themselves.
    pub scripts: Boot,
}

/// One boot under Rung.
#[derive(Debug, Clone, Default)]
pub struct Boot {
    /// What it took to the login.
    pub login: Login,
    /// What it came to.
    pub state: State,
}

impl Boot {
    /// Waits for it and looks at it.
    pub fn of(guest: &mut Guest<'_>) -> Result<Self> {
        let login = timed_login(guest)?;
        let shell = &mut guest.console;
        shell.until("[ \"$(runlevel)\" = 'N 2' ]", 120)?;
        for (name, _) in DAEMONS {
            shell.until(&format!("[ \"$(initctl is-active {name})\" = active ]"), 120)?;
        }
        Ok(Self { login, state: State::of(shell)? })
    }
}

/// Prints [`Record::links`].
pub const LINKS: &str = "cd /etc && ls -1d rc[0-6S].d/[SK]*";
/// Prints [`Record::mounts`].
pub const MOUNTS: &str = "grep -v -e ' /sys' -e rung -e cgroup /proc/mounts | cut -d' ' -f2,3 | sort";
/// Prints [`Record::who`], without times.
pub const WHO: &str = "who -r | sed 's/ *[0-9-]* [0-9]*:[0-9]* */ /'";
/// Prints [`Record::last`], without times.
pub const LAST: &str = "last -x | awk '$1 ~ /reboot|runlevel/ { print $1, $2, $3, $4 }'";

/// The daemons that don't run.
pub fn missing(shell: &mut Shell) -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for (_, process) in DAEMONS {
        if shell.done(&format!("pgrep -x {process}"))?.status != 0 {
            missing.push(*process);
        }
    }
    Ok(missing)
}

impl Record {
    /// Boots a machine by its own init, writes down what it is like, and ends it as its own tools do.
    pub fn of(guest: &mut Guest<'_>) -> Result<Self> {
        let login = timed_login(guest)?;
        let shell = &mut guest.console;
        shell.until("runlevel | grep -qx 'N 2' && pgrep -x sshd >/dev/null", 120)?;
        let missing = missing(shell)?;
        if !missing.is_empty() {
            return fail(format!("Debian's own init doesn't start {}", missing.join(", ")));
        }
        let record = Self {
            login,
            runlevel: shell.run("runlevel")?,
            who: shell.run(WHO)?,
            last: shell.run(LAST)?,
            links: shell.run(LINKS)?,
            mounts: shell.run(MOUNTS)?,
            scripts: Boot::default(),
        };
        shell.send("poweroff\n")?;
        guest.ends_with("reboot: Power down")?;
        guest.disks()?.fsck().map_err(|Error(why)| Error(format!("after Debian's own poweroff: {why}")))?;
        Ok(record)
    }
}
