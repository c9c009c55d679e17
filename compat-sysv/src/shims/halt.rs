//! `halt`, `poweroff`, `reboot`.

use super::args::Args;
use super::{err, err_plain};
use crate::fifo;
use crate::pid1;
use crate::utmp::Record;
use crate::utmp::files::{Files, now};
use init::proto::control::{PowerWord, errors};
use nix::sys::reboot::{RebootMode, reboot};

pub(super) const HELP: &str = "NAME0 [-n] [-w] [-d] [-f] [-i] [-h] [-p] [-t SECONDS]

Ends the machine by way of level 0 or 6: services stop in order, then the machine is
halted, powered off or rebooted. Doesn't wait until it has.

Options:
  -f, --force      stop no services in order: kill, unmount and end at once; where PID 1
                   is another init, sync and end without asking it
  -p               halt: power off, too
  -w, --wtmp-only  only write the record to /var/log/wtmp
  -d, --no-wtmp    write no record
  -n               don't sync (only with -f and another init); implies -d
  -t SECONDS       seconds between SIGTERM and SIGKILL, for an init that takes them
  -i, -h           accepted: interfaces and disks are the kernel's to stop
  --help, --version";

const LONG: &[(&str, char)] =
    &[("force", 'f'), ("wtmp-only", 'w'), ("no-wtmp", 'd'), ("poweroff", 'p'), ("no-wall", 'q'), ("no-sync", 'n')];

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let args = match Args::parse(args, "nwdfihpqt:", LONG) {
        Ok(args) if args.words.is_empty() => args,
        Ok(_) => return err_plain(&format!("Usage: {name} [-nwdfihp] [-t SECONDS]")),
        Err(why) => return err_plain(&format!("{name}: {why}\nUsage: {name} [-nwdfihp] [-t SECONDS]")),
    };
    if !pid1::may_ask() {
        return err(name, "must be superuser.");
    }
    let Ok(sleep_time) = args.value('t').map_or(Ok(fifo::SLEEP_TIME), str::parse) else {
        return err(name, "-t wants a number of seconds");
    };
    if args.has('w') {
        Files::default().write(&Record::shutdown(now()));
        return 0;
    }
    let how = kind(name, args.has('p'));
    let force = args.has('f');
    match pid1::power(how, force) {
        Ok(()) => 0,
        Err(e) if pid1::is_absent(&e) && force => {
            if !args.has('d') && !args.has('n') {
                Files::default().write(&Record::shutdown(now()));
            }
            if !args.has('n') {
                nix::unistd::sync();
            }
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
    let Err(errno) = reboot(mode);
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
