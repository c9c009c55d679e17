//! init(8), init-manager(8) and init-log(8).

use super::{Text, term};

/// What `init --help` prints.
const USAGE: &str = include_str!("../../../init/src/stage/usage.txt");

const INIT: &str = "\
The first process of a machine or a container. It starts, reaps and signals processes on the manager's word, and keeps \
the manager and the logger alive. It reads no configuration and decides nothing: what runs and when is init-manager(8)'s \
business, which is asked by initctl(1).

A crash of the manager or of the logger changes nothing for a service. A fault of init's own makes it execute itself \
anew; its children stay its children.

On a machine it boots level S once, then the level on the kernel's command line (`1` to `5`, `single`, `emergency`), \
else `DefaultLevel=` of init.conf(5), else `initdefault` of `/etc/inittab`, else 3.";

const SIGNALS: [(&str, &str); 4] = [
    ("SIGINT", "Ctrl-Alt-Del: a reboot, a second one soon after at once; in a container: a shutdown."),
    ("SIGTERM", "In a container: a shutdown. On a machine: nothing."),
    ("SIGHUP", "Unit files and level links are read again."),
    ("SIGRTMIN+3, +4, +5", "Halt, power off, reboot."),
];

const FILES: [(&str, &str); 6] = [
    ("/usr/lib/rung/", "The programs."),
    ("/etc/rung/units, /run/rung/units, /usr/lib/rung/units", "Unit files, see rung.unit(5)."),
    ("/etc/rung/levels/", "Links: what is on in which level."),
    ("/etc/rung/init.conf", "See init.conf(5)."),
    ("/run/rung/control", "The control socket; it speaks Varlink."),
    ("/var/log/rung/NAME/current", "What a service printed, a line a line."),
];

pub(super) fn init() -> String {
    let mut text = Text::new("init", 8, "the first process");
    text.section("SYNOPSIS");
    text.prose(USAGE);
    text.section("DESCRIPTION");
    text.prose(INIT);
    text.section("SIGNALS");
    for (name, meaning) in SIGNALS {
        text.item(term(name), meaning);
    }
    text.section("FILES");
    for (name, meaning) in FILES {
        text.item(term(name), meaning);
    }
    text.finish("initctl(1), init-manager(8), init-log(8), init.conf(5), rung.unit(5), telinit(8)")
}

pub(super) fn manager() -> String {
    let mut text = Text::new("init-manager", 8, "decides what runs under init(8)");
    text.section("DESCRIPTION");
    text.prose(
        "Started by init(8) and by nobody else. It holds all policy: units, levels, dependencies, restarts, the control \
         socket `/run/rung/control`. It keeps a journal in memory that init holds, and may die, hang, be killed or replaced \
         at any time: the next one reads that, looks at what runs, and goes on. A unit whose file or event has killed two \
         managers is left out until its file changes.\n\nThe socket speaks Varlink, interface org.rung.Manager, which \
         describes itself. Anyone may read; root, and the group that init.conf(5) names, may change.",
    );
    text.finish("init(8), initctl(1)")
}

pub(super) fn logger() -> String {
    let mut text = Text::new("init-log", 8, "writes what services print under init(8)");
    text.section("DESCRIPTION");
    text.prose(
        "Started by init(8) and by nobody else. It reads the pipes that services write to and appends each line to \
         `/var/log/rung/NAME/current`: ISO 8601 time with microseconds and offset, `out`, `err` or `rung`, the text. Files \
         are rotated by size and age and compressed. The pipes are init's, so nothing is lost when it dies; what had to be \
         dropped for want of room is counted and said. `initctl logs` shows the files.",
    );
    text.finish("init(8), initctl(1)")
}
