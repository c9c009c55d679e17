//! The commands. Each turns its arguments into a request, prints what its SysV namesake prints, and exits as it does.
//!
//! `sysv NAME ARG…`, or a link called NAME, selects one. Exit statuses are the namesakes'; messages go to stderr.

mod args;
mod clock;
mod farm;
mod fifo;
mod generate;
mod halt;
mod hook;
mod killall5;
mod line;
mod links;
mod man;
mod mesg;
mod pidof;
mod record;
mod runlevel;
mod script;
mod shutdown;
mod systemctl;
mod table;
mod telinit;
mod wall;

use std::io::Write;

/// One command.
struct Shim {
    names: &'static [&'static str],
    /// Where an installation links it; `None`: nobody calls it but by `sysv`.
    folder: Option<&'static str>,
    what: &'static str,
    run: fn(&str, &[String]) -> u8,
    help: &'static str,
}

const SHIMS: &[Shim] = &[
    Shim {
        names: &["telinit", "init"],
        folder: Some("sbin"),
        what: "change the runlevel",
        run: telinit::run,
        help: telinit::HELP,
    },
    Shim {
        names: &["runlevel"],
        folder: Some("sbin"),
        what: "previous and current runlevel",
        run: runlevel::run,
        help: runlevel::HELP,
    },
    Shim {
        names: &["shutdown"],
        folder: Some("sbin"),
        what: "end the machine, now or later",
        run: shutdown::run,
        help: shutdown::HELP,
    },
    Shim {
        names: &["halt", "poweroff", "reboot"],
        folder: Some("sbin"),
        what: "end the machine",
        run: halt::run,
        help: halt::HELP,
    },
    Shim {
        names: &["wall"],
        folder: Some("usr/bin"),
        what: "tell everybody who is logged in",
        run: wall::run,
        help: wall::HELP,
    },
    Shim {
        names: &["mesg"],
        folder: Some("usr/bin"),
        what: "whether others may write to the terminal",
        run: mesg::run,
        help: mesg::HELP,
    },
    Shim {
        names: &["pidof"],
        folder: Some("usr/bin"),
        what: "the pids of programs",
        run: pidof::run,
        help: pidof::HELP,
    },
    Shim {
        names: &["killall5"],
        folder: Some("sbin"),
        what: "a signal for all processes",
        run: killall5::run,
        help: killall5::HELP,
    },
    Shim {
        names: &["service"],
        folder: Some("usr/sbin"),
        what: "a verb for a service",
        run: farm::service::run,
        help: farm::service::HELP,
    },
    Shim {
        names: &["invoke-rc.d"],
        folder: Some("usr/sbin"),
        what: "a verb for a service, if policy and level allow it",
        run: farm::invoke::run,
        help: farm::invoke::HELP,
    },
    Shim {
        names: &["update-rc.d"],
        folder: Some("usr/sbin"),
        what: "levels a service is on in",
        run: farm::update::run,
        help: farm::update::HELP,
    },
    Shim {
        names: &["insserv"],
        folder: Some("sbin"),
        what: "links of scripts, and their numbers",
        run: farm::insserv::run,
        help: farm::insserv::HELP,
    },
    Shim {
        names: &["chkconfig"],
        folder: Some("sbin"),
        what: "levels a service is on in, Red Hat's way",
        run: farm::chkconfig::run,
        help: farm::chkconfig::HELP,
    },
    Shim {
        names: &["install_initd", "remove_initd"],
        folder: Some("usr/lib/lsb"),
        what: "the same for LSB packages",
        run: farm::chkconfig::run,
        help: farm::chkconfig::HELP_INITD,
    },
    Shim {
        names: &["systemd-sysv-install"],
        folder: Some("usr/lib/systemd"),
        what: "the same for systemctl",
        run: farm::sysv_install::run,
        help: farm::sysv_install::HELP,
    },
    Shim {
        names: &["switch"],
        folder: None,
        what: "init scripts on and off, for initctl",
        run: farm::switch::run,
        help: farm::switch::HELP,
    },
    Shim {
        names: &["generate"],
        folder: None,
        what: "units from scripts and inittab",
        run: generate::run,
        help: generate::HELP,
    },
    Shim { names: &["fifo"], folder: None, what: "listen at /run/initctl for Rung", run: fifo::run, help: fifo::HELP },
    Shim {
        names: &["systemctl"],
        folder: Some("usr/bin"),
        what: "systemctl's verbs, by Rung",
        run: systemctl::run,
        help: systemctl::HELP,
    },
    Shim { names: &["man"], folder: None, what: "man pages of these commands", run: man::run, help: man::HELP },
    Shim {
        names: &["links"],
        folder: None,
        what: "where to install which of these",
        run: links::run,
        help: links::HELP,
    },
    Shim { names: &["hook"], folder: None, what: "hand a call of a script to Rung", run: hook::run, help: hook::HELP },
    Shim { names: &["line"], folder: None, what: "run a line of inittab", run: line::run, help: line::HELP },
    Shim {
        names: &["record"],
        folder: None,
        what: "write a record to utmp and wtmp",
        run: record::run,
        help: record::HELP,
    },
];

/// Runs the command that `argv` names and gives its exit status.
pub fn main(argv: &[String]) -> u8 {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let called = argv.first().map(|path| base(path)).unwrap_or_default();
    let rest = argv.get(1..).unwrap_or(&[]);
    let (name, rest) = match rest.split_first() {
        Some((first, more)) if find(&called).is_none() => (base(first), more),
        _ => (called, rest),
    };
    let Some(shim) = find(&name) else {
        return overview(&name, rest);
    };
    match rest {
        [only] if only == "--help" => out(&format!("Usage: {}", shim.help.replace("NAME0", &name))),
        [only] if only == "--version" => out(&format!("{name} (Rung) {}", env!("CARGO_PKG_VERSION"))),
        _ => (shim.run)(&name, rest),
    }
}

fn find(name: &str) -> Option<&'static Shim> {
    SHIMS.iter().find(|shim| shim.names.contains(&name))
}

/// Runs the command of that name: our own, or else the system's.
fn call(name: &str, args: &[&str]) -> u8 {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    if let Some(shim) = find(name) {
        return (shim.run)(name, &args);
    }
    // Debian's update-rc.d would call systemctl in its turn.
    match std::process::Command::new(name).args(&args).env("_SKIP_SYSTEMD_NATIVE", "1").status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(e) => err("systemctl", &format!("{name}: {e}")),
    }
}

fn overview(name: &str, rest: &[String]) -> u8 {
    let mut text = String::from("Usage: sysv COMMAND [ARG]...\n\nThe System V commands of Rung; COMMAND is one of\n");
    for shim in SHIMS {
        text += &format!("  {:24} {}\n", shim.names.join(", "), shim.what);
    }
    text += "`sysv COMMAND --help` tells more. Installed under those names, each is called by its own.";
    let asked = |word: &str| matches!(word, "--help" | "-h" | "help");
    if asked(name) || rest.first().is_some_and(|word| asked(word)) {
        return out(&text);
    }
    if name != "sysv" && !name.is_empty() {
        err("sysv", &format!("there is no command `{name}`"));
    }
    err_plain(&text);
    1
}

/// Prints a line; nobody reading it is no error.
fn out(line: &str) -> u8 {
    let _ = writeln!(std::io::stdout(), "{line}");
    0
}

/// `NAME: MESSAGE` on stderr; gives the exit status 1.
fn err(name: &str, message: &str) -> u8 {
    err_plain(&format!("{name}: {message}"))
}

fn err_plain(message: &str) -> u8 {
    let _ = writeln!(std::io::stderr(), "{message}");
    1
}
