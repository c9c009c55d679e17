//! `halt`, `poweroff`, `reboot`.

use super::args::Args;
use super::{err, err_plain};
use crate::fifo;
use crate::pid1;
use crate::utmp::Record;
use crate::utmp::files::{Files, now};
use init::proto::control::{PowerWord, errors};
use init::unit::Level;
use nix::sys::reboot::{self, RebootMode};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const HELP: &str = "NAME0 [-n] [-w] [-d] [-f] [-i] [-h] [-p] [-k] [-t SECONDS] [-m MESSAGE]

Ends the machine by way of level 0 or 6: everybody who is logged in is told, services
stop in order, then the machine is halted, powered off or rebooted. Doesn't wait until it
has.

`halt` is `shutdown -h`: it powers off unless HALT=halt in /etc/default/halt; with -f, and
called in level 0, it halts without.

Options:
  -f, --force      stop no services in order: kill, unmount and end at once; where PID 1
                   is another init, sync and end without asking it
  -p               halt: power off, too
  -w, --wtmp-only  only write the record to /var/log/wtmp
  -d, --no-wtmp    write no record
  -n               don't sync (only with -f and another init); implies -d
  -m MESSAGE       told to everybody, too
  --no-wall        tell nobody
  -k               accepted: the machine is rebooted, also where kexec has loaded a kernel
  -t SECONDS       seconds between SIGTERM and SIGKILL, for an init that takes them
  -i, -h           accepted: interfaces and disks are the kernel's to stop
  --help, --version";

const LONG: &[(&str, char)] =
    &[("force", 'f'), ("wtmp-only", 'w'), ("no-wtmp", 'd'), ("poweroff", 'p'), ("no-wall", 'q'), ("no-sync", 'n')];

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let args = match Args::parse(args, "nwdfihpqkt:m:", LONG) {
        Ok(args) if args.words.is_empty() => args,
        Ok(_) => {
            return err_plain(&format!(
                "{name}: it takes options only, no words\nUsage: {name} [-nwdfihpk] [-t SECONDS] [-m MESSAGE]"
            ));
        }
        Err(why) => return err_plain(&format!("{name}: {why}\nUsage: {name} [-nwdfihpk] [-t SECONDS] [-m MESSAGE]")),
    };
    if !pid1::may_ask() {
        return err(name, "must be superuser.");
    }
    let Ok(sleep_time) = args.value('t').map_or(Ok(fifo::SLEEP_TIME), str::parse) else {
        return err(name, "-t wants a number of seconds");
    };
    if args.has('w') {
        note_end();
        return 0;
    }
    let how = kind(name, args.has('p'));
    // In level 0 or 6 it is init's own scripts that call: they have stopped what there was.
    let last = !args.has('f') && is_last(name);
    let force = args.has('f') || (last && !pid1::is_rung());
    if !force && !last && !args.has('q') {
        let time = args.value('t').map(|t| ["-t", t]);
        let mode: &[&str] = match how {
            PowerWord::Reboot => &["-r"],
            // Not `-H`, as in sysvinit: how level 0 ends where nobody says is for its scripts, or HALT=.
            PowerWord::Halt => &["-h"],
            PowerWord::PowerOff => &["-h", "-P"],
        };
        let words = mode.iter().copied().chain(time.into_iter().flatten()).chain(["now"]).chain(args.value('m'));
        return super::shutdown::run("shutdown", &words.map(str::to_owned).collect::<Vec<_>>());
    }
    if force && !args.has('d') && !args.has('n') {
        note_end();
    }
    match pid1::power(how, force) {
        Ok(()) => 0,
        Err(e) if pid1::is_absent(&e) && force => {
            if !args.has('n') {
                nix::unistd::sync();
            }
            leave_to_us(how);
            err(name, &format!("the kernel refuses: {}", end(how)))
        }
        Err(e) if pid1::is_absent(&e) => match pid1::power_by_fifo(how, sleep_time) {
            Ok(()) => 0,
            Err(why) => err(name, &format!("{} (-f ends the machine without asking)", pid1::nobody(&why))),
        },
        Err(e) if e.is(errors::DENIED) => err(name, "must be superuser."),
        Err(e) => err(name, &e.to_string()),
    }
}

/// The record of the machine's end, before it is asked for: nobody would come to it afterwards.
pub(super) fn note_end() {
    Files::default().write(&Record::shutdown(now()));
}

/// Whether the machine is in level 0 or 6: as init told its children, else as Rung or utmp says.
fn is_last(name: &str) -> bool {
    let told = std::env::var("RUNLEVEL").ok().filter(|_| std::env::var_os("INIT_VERSION").is_some());
    let level = told.and_then(|level| level.chars().next()).or_else(|| super::runlevel::current().map(Level::as_char));
    if level.is_none() && !pid1::is_rung() {
        err_plain(&format!("WARNING: could not determine runlevel - doing soft {name}"));
        err_plain(&format!("  (it's better to use shutdown instead of {name} from the command line)"));
    }
    matches!(level, Some('0' | '6')) || pid1::runlevel().is_ok_and(|r| r.going_down.is_some())
}

/// Another init is to do nothing more: Ctrl-Alt-Del is the kernel's again, and PID 1 stands still.
fn leave_to_us(how: PowerWord) {
    if how != PowerWord::Reboot {
        let _ = reboot::set_cad_enabled(true);
    }
    let _ = kill(Pid::from_raw(1), Signal::SIGTSTP);
}

/// `shutdown -n` under another init: everything is killed and unmounted by us, then the kernel is told.
pub(super) fn without_init(name: &str, how: PowerWord, sleep_time: i32) -> u8 {
    leave_to_us(how);
    let all = Pid::from_raw(-1);
    let _ = kill(all, Signal::SIGTERM);
    // As long as anybody is left, and no longer than asked for.
    let me = nix::unistd::getpid().as_raw();
    let others = || super::table::all().iter().any(|p| p.pid != 1 && p.pid != me && !p.kernel && !p.zombie);
    let until = Instant::now() + Duration::from_secs(u64::try_from(sleep_time).unwrap_or(3));
    while others() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = kill(all, Signal::SIGKILL);
    note_end();
    nix::unistd::sync();
    for (program, args) in [("swapoff", &["-a"][..]), ("umount", &["-a"]), ("mount", &["-o", "remount,ro", "/"])] {
        // What stays mounted was synced.
        let _ = Command::new(program).args(args).status();
    }
    err(name, &format!("the kernel refuses: {}", end(how)))
}

fn kind(name: &str, power_off: bool) -> PowerWord {
    match name {
        "reboot" => PowerWord::Reboot,
        "halt" if !power_off => PowerWord::Halt,
        _ => PowerWord::PowerOff,
    }
}

/// Ends the machine; returns only where the kernel refuses.
fn end(how: PowerWord) -> nix::errno::Errno {
    let mode = match how {
        PowerWord::Halt => RebootMode::RB_HALT_SYSTEM,
        PowerWord::PowerOff => RebootMode::RB_POWER_OFF,
        PowerWord::Reboot => RebootMode::RB_AUTOBOOT,
    };
    let Err(errno) = reboot::reboot(mode);
    errno
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_ends_the_machine_its_way() {
        assert_eq!(kind("halt", false), PowerWord::Halt);
        assert_eq!(kind("halt", true), PowerWord::PowerOff);
        assert_eq!(kind("poweroff", false), PowerWord::PowerOff);
        assert_eq!(kind("reboot", true), PowerWord::Reboot);
    }
}
