//! What a boot makes of a machine, as text: so that the scripts of level S and their native twins can be put side by side.

use crate::error::{Result, fail};
use crate::shell::Shell;
use std::collections::{BTreeMap, BTreeSet};

/// What is looked at: a name, and a command that prints lines.
const LOOKS: &[(&str, &str)] = &[
    ("mounts", "awk '{ for (i = 7; $i != \"-\"; i++); print $5, $6, $(i+1), $(i+2), $(i+3) }' /proc/self/mountinfo"),
    (
        "modes",
        "stat -c '%A %U:%G %N' / /run /tmp /dev /dev/shm /dev/pts /run/lock /run/shm /var/run /var/lock /run/utmp \
         /var/log/wtmp /etc/mtab /dev/fd /dev/stdin /dev/stdout /dev/stderr /run/sendsigs.omit.d /var/lib/urandom/random-seed",
    ),
    ("files of /run", "find /run -path /run/udev/data -prune -o -printf '%M %u:%g %p %l\\n'"),
    ("files of /tmp, /dev/shm and /var", "find /tmp /dev/shm /var/lib /var/log -printf '%M %u:%g %p %l\\n'"),
    ("devices", "find /dev -printf '%M %u:%g %p %l\\n'"),
    ("logs of fsck", "cat /var/log/fsck/checkroot | sed -e 's/^Log of.*/Log/' -e 's/^[A-Z].. [A-Z].. .*/(date)/'"),
    ("sysctl", "sysctl -a 2>/dev/null"),
    ("modules", "cut -d' ' -f1 /proc/modules"),
    ("host name", "hostname; cat /proc/sys/kernel/hostname"),
    ("swap", "tail -n +2 /proc/swaps | cut -f1 | awk '{ print $1, $2 }'"),
    ("addresses", "ip -o addr show | awk '{ print $2, $3, $4 }'; ip route"),
    ("utmp", "utmpdump /run/utmp 2>/dev/null | sed 's/^\\([^ ]*\\) *[^ ]*/\\1/; s/\\[[0-9T:,+-]*\\] *$//' | sort"),
    ("wtmp", "utmpdump /var/log/wtmp 2>/dev/null | sed 's/^\\([^ ]*\\) *[^ ]*/\\1/; s/\\[[0-9T:,+-]*\\] *$//' | sort"),
    ("seed", "stat -c %s /var/lib/urandom/random-seed"),
];

/// What may differ: words that a line holds, and why.
const MAY_DIFFER: &[(&str, &str)] = &[
    ("/run/rung", "Rung's own"),
    ("/var/log/rung", "what Rung keeps of each unit"),
    ("kernel.random.", "drawn anew each boot"),
    ("fs.dentry-state", "counts"),
    ("fs.inode-", "counts"),
    ("fs.file-nr", "counts"),
    ("fs.quota", "counts"),
    ("kernel.ns_last_pid", "counts processes"),
    ("kernel.pty.nr", "counts"),
    ("by-uuid", "the swap disk is made anew for each machine"),
    ("/run/udev/watch/", "numbered as devices happen to come"),
    ("fs.file-max", "by the memory that happens to be free while the kernel starts"),
    ("vm.user_reserve_kbytes", "by the memory that happens to be free while the kernel starts"),
    ("dhclient", "leases are named by the hour they began"),
    ("drwxr-xr-x root:netdev /run/network", "made by who comes first: networking, or `ifup` for udev"),
    ("drwxr-xr-x root:root /run/network", "made by who comes first: networking, or `ifup` for udev"),
    ("/dev/vcs", "made for the terminals that were opened"),
];

/// What one boot came to.
#[derive(Debug, Clone, Default)]
pub struct State(BTreeMap<&'static str, BTreeSet<String>>);

impl State {
    /// Looks at a machine.
    pub fn of(shell: &mut Shell) -> Result<Self> {
        let mut state = Self::default();
        for (name, command) in LOOKS {
            let text = shell.run(&format!("{{ {command}; }} || true"))?;
            state.0.insert(name, text.lines().map(|line| line.trim_end().to_owned()).collect());
        }
        Ok(state)
    }

    /// How many things were looked at.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Fails with what differs, but for what may.
    pub fn compare(&self, scripts: &Self) -> Result<()> {
        let may = |line: &&String| MAY_DIFFER.iter().any(|(word, _)| line.contains(word));
        let mut found = Vec::new();
        for (name, twins) in &self.0 {
            let scripts = scripts.0.get(name).cloned().unwrap_or_default();
            let all = [("twins", twins.difference(&scripts)), ("scripts", scripts.difference(twins))];
            for (who, lines) in all {
                found.extend(lines.filter(|line| !may(line)).map(|line| format!("{name}, only by the {who}: {line}")));
            }
        }
        if found.is_empty() { Ok(()) } else { fail(found.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_and_what_may_is_not() {
        let state = |lines: &[&str]| State([("mounts", lines.iter().map(|l| (*l).to_owned()).collect())].into());
        let (a, b) = (state(&["/ rw", "/run/rung x"]), state(&["/ ro", "/run/rung y"]));
        let why = a.compare(&b).expect_err("differs").0;
        assert_eq!(why, "mounts, only by the twins: / rw\nmounts, only by the scripts: / ro");
        assert!(a.compare(&state(&["/ rw"])).is_ok() && a.len() == 2);
    }
}
