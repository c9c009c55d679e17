//! `killall5`: a signal for every process but its own session, the kernel's, PID 1, and what is to be left alone.

use super::table::{all, pids};
use super::{err, err_plain};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getsid};
use std::fs;

pub(super) const HELP: &str = "NAME0 [-SIGNAL] [-o PID[,PID]...]...

Sends a signal (a number, 9 unless said) to every process but those of its own session,
kernel threads, PID 1, and Rung's own helpers. Scripts at the end of a machine's life
call it; nothing else should.

Options:
  -o PID[,PID]   not to these. May be repeated
  --help, --version

Exit status: 0 sent to at least one, 2 to none, 1 an error.";

/// Where Rung writes its own pids, for scripts that collect what to omit.
const OWN: &str = "/run/sendsigs.omit.d/rung";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let parsed = parse(name, args).and_then(|(number, omitted)| {
        Ok((Signal::try_from(number).map_err(|_| no_number(&number.to_string()))?, omitted))
    });
    let (wanted, mut omitted) = match parsed {
        Ok(parsed) => parsed,
        Err(why) => {
            err(name, &why);
            return err_plain(&format!("{name}: only one argument, a signal number, allowed; see {name} --help"));
        }
    };
    if !nix::unistd::geteuid().is_root() {
        return err(name, "must be superuser.");
    }
    let own = fs::read_to_string(OWN).unwrap_or_default();
    omitted.extend(own.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    // Nobody forks away while the table is read; but who is to be stopped or continued is left as told.
    let holds = !matches!(wanted, Signal::SIGSTOP | Signal::SIGCONT);
    let everybody = Pid::from_raw(-1);
    if holds {
        let _ = kill(everybody, Signal::SIGSTOP);
    }
    let (me, session) = (getpid().as_raw(), getsid(None).map_or(0, Pid::as_raw));
    let goes = |pid: i32| pid != 1 && pid != me && !omitted.contains(&pid);
    let table = all();
    let mut sent = 0;
    for process in table.iter().filter(|p| goes(p.pid) && p.session != session && !p.kernel) {
        sent += u32::from(kill(Pid::from_raw(process.pid), wanted).is_ok());
    }
    if holds {
        let _ = kill(everybody, Signal::SIGCONT);
    }
    match (table.is_empty(), sent) {
        (true, _) => err_plain(&format!("{name}: /proc can't be read")),
        (false, 0) => 2,
        (false, _) => 0,
    }
}

fn no_number(word: &str) -> String {
    format!("`{word}` is no number of a signal: 1 to 31 are, such as -15")
}

/// The signal, and who is omitted.
///
/// # Errors
/// The word that is wrong.
fn parse(name: &str, args: &[String]) -> Result<(i32, Vec<i32>), String> {
    let (mut number, mut omitted) = (libc::SIGKILL, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let word = arg.strip_prefix('-').unwrap_or(arg);
        if word.starts_with('o') {
            let (good, bad) = pids(args.next().ok_or("option `-o` needs a value")?, None);
            omitted.extend(good);
            for word in bad {
                err(name, &format!("illegal omit pid value ({word})!"));
            }
        } else {
            number = word.parse().ok().filter(|n| (1..=31).contains(n)).ok_or_else(|| no_number(arg))?;
        }
    }
    Ok((number, omitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<(i32, Vec<i32>), String> {
        parse("killall5", &line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_signal_and_who_is_spared() {
        assert_eq!(of(""), Ok((9, vec![])));
        assert_eq!(of("-15 -o 1,2 -o 3"), Ok((15, vec![1, 2, 3])));
        assert_eq!(of("-o 7 18"), Ok((18, vec![7])));
        for bad in ["-TERM", "0", "-32", "-o", "-9x"] {
            let why = of(bad).expect_err(bad);
            assert!(why.contains(&format!("`{bad}`")), "{why}");
        }
    }
}
