//! Red Hat 6 boots by jobs of Upstart's in `/etc/init`, and its inittab names the level only. Those of its own jobs that
//! stand for a line of Red Hat 5's inittab become that line again, with the program that the job's `exec` names; other
//! jobs aren't read.

use init::load::Root;
use init::sys::file;
use init::unit::glob;
use std::path::Path;

/// Longest file that is read.
const MAX_FILE: usize = 1 << 16;
const SYSINIT: &str = "/etc/rc.d/rc.sysinit";
/// Terminals are looked for among this many.
const TERMINALS: u8 = 63;

/// A file's path, and its text: one line, at the place that `exec` has in the job.
type Tab = (String, String);

/// What a machine has that the lines depend on.
struct Machine<'a> {
    /// Virtual terminals that there are, such as `tty1`.
    terminals: Vec<String>,
    /// As `/etc/sysconfig/init` has them, or the job that starts logins.
    active: String,
    graphical: String,
    cmdline: &'a str,
}

/// The lines of a root that has `rc.sysinit`; none for any other.
pub(super) fn lines(root: &Root, cmdline: &str) -> Vec<Tab> {
    let place = |path: &str| root.place(&root.shown(Path::new(path)));
    if !place(SYSINIT).is_file() {
        return Vec::new();
    }
    let read = |path: &str| file::read_text(&place(path), MAX_FILE).unwrap_or_default();
    let (settings, starter) = (read("/etc/sysconfig/init"), read("/etc/init/start-ttys.conf"));
    let setting = |name: &str, default: &str| {
        let found = assigned(&settings, name).or_else(|| assigned(&starter, &format!("env {name}")));
        found.unwrap_or(default).to_owned()
    };
    let there = |tty: &String| root.is_image() || Path::new("/dev").join(tty).exists();
    let machine = Machine {
        terminals: (1..=TERMINALS).map(|n| format!("tty{n}")).filter(there).collect(),
        active: setting("ACTIVE_CONSOLES", "/dev/tty[1-6]"),
        graphical: setting("X_TTY", "/dev/tty1"),
        cmdline,
    };
    let mut tabs = Vec::new();
    for job in ["rcS", "rc", "control-alt-delete", "tty", "serial", "prefdm"] {
        let path = format!("/etc/init/{job}.conf");
        let text = read(&path);
        let (above, exec) = match exec(&text) {
            Some(found) => found,
            None if job == "rcS" => (0, SYSINIT),
            None => continue,
        };
        let shown = root.shown(Path::new(&path)).display().to_string();
        tabs.extend(machine.of_job(job, exec).into_iter().map(|line| (shown.clone(), "\n".repeat(above) + &line)));
    }
    tabs
}

/// The value that a shell or `env` gives a name last.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut values = text.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
    values.next_back().map(|value| value.trim().trim_matches(['"', '\'']))
}

/// What a job's main process executes, and how many lines stand above; not what its scripts do.
fn exec(text: &str) -> Option<(usize, &str)> {
    let mut in_script = false;
    for (above, line) in text.lines().map(str::trim).enumerate() {
        match line {
            "end script" => in_script = false,
            _ if line.split_ascii_whitespace().next_back() == Some("script") => in_script = true,
            _ if in_script => {}
            _ => {
                if let Some(command) = line.strip_prefix("exec ") {
                    return Some((above, command.trim()));
                }
            }
        }
    }
    None
}

impl Machine<'_> {
    /// Lines of inittab for a job that executes this.
    fn of_job(&self, job: &str, exec: &str) -> Vec<String> {
        match job {
            "rcS" => vec![format!("si::sysinit:{exec}")],
            "rc" => {
                ('0'..='6').map(|n| format!("l{n}:{n}:wait:{}", exec.replace("$RUNLEVEL", &n.to_string()))).collect()
            }
            "control-alt-delete" => vec![format!("ca::ctrlaltdel:{exec}")],
            "tty" => self.logins(exec),
            "serial" => self.serial(exec),
            "prefdm" => vec![format!("x:5:respawn:{exec}")],
            _ => Vec::new(),
        }
    }

    /// Logins on the terminals that are to have one; where the display manager is, not in its level.
    fn logins(&self, exec: &str) -> Vec<String> {
        let is_active = |path: &str| self.active.split_ascii_whitespace().any(|word| glob::matches(word, path));
        let active = self.terminals.iter().map(|tty| (tty, format!("/dev/{tty}"))).filter(|(_, path)| is_active(path));
        let line = |(tty, path): (&String, String)| {
            let levels = if path == self.graphical { "234" } else { "2345" };
            format!("{}:{levels}:respawn:{}", id(tty), exec.replace("$TTY", &path))
        };
        active.map(line).collect()
    }

    /// Logins on the kernel's consoles that aren't virtual terminals.
    fn serial(&self, exec: &str) -> Vec<String> {
        let words = self.cmdline.split_ascii_whitespace().filter_map(|word| word.strip_prefix("console="));
        let consoles = words.map(|word| word.split_once(',').unwrap_or((word, "9600")));
        let is_serial = |tty: &str| !id(tty).bytes().all(|b| b.is_ascii_digit());
        let line = |(tty, mode): (&str, &str)| {
            let speed = mode.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            format!("{}:2345:respawn:{}", id(tty), exec.replace("$DEV", tty).replace("$SPEED", speed))
        };
        consoles.filter(|(tty, _)| is_serial(tty)).map(line).collect()
    }
}

/// The id of a terminal's line.
fn id(tty: &str) -> &str {
    tty.strip_prefix("tty").unwrap_or(tty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_own_exec_counts_and_none_of_its_scripts() {
        let text = "start on startup\npre-start script\n\texec no\nend script\npre-start exec no\nexec /a b\nexec /c\n";
        assert_eq!(exec(text), Some((5, "/a b")));
        assert_eq!(exec("script\n exec /a\nend script\n"), None);
    }

    #[test]
    fn logins_are_where_the_settings_and_the_kernel_say() {
        let machine = Machine {
            terminals: ["tty1", "tty2", "tty3", "tty4"].map(str::to_owned).to_vec(),
            active: "/dev/tty[1-2] /dev/tty4".to_owned(),
            graphical: "/dev/tty1".to_owned(),
            cmdline: "quiet console=tty0 console=ttyS0,115200n8 console=hvc0",
        };
        let lines = machine.of_job("tty", "/sbin/mingetty $TTY");
        let wanted = ["1:234:respawn:/sbin/mingetty /dev/tty1", "2:2345:respawn:/sbin/mingetty /dev/tty2"];
        assert_eq!(lines, [&wanted[..], &["4:2345:respawn:/sbin/mingetty /dev/tty4"]].concat());
        let lines = machine.of_job("serial", "/sbin/agetty /dev/$DEV $SPEED vt100-nav");
        let wanted = ["S0:2345:respawn:/sbin/agetty /dev/ttyS0 115200 vt100-nav"];
        assert_eq!(lines, [&wanted[..], &["hvc0:2345:respawn:/sbin/agetty /dev/hvc0 9600 vt100-nav"]].concat());
        assert_eq!(machine.of_job("rc", "/etc/rc.d/rc $RUNLEVEL")[3], "l3:3:wait:/etc/rc.d/rc 3");
        assert_eq!(assigned("A=1\n# A=2\n A='3 4'\n", "A"), Some("3 4"));
    }
}
