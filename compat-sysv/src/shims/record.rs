//! `sysv record EVENT`: what level S and init write into utmp and wtmp, for whoever does it from a unit.

use super::{err, err_plain};
use crate::pid1;
use crate::utmp::files::{Files, levels, now};
use crate::utmp::{Kind, Record, Time, files};
use init::sys::process;
use init::unit::Level;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::path::Path;

pub(super) const HELP: &str = "sysv record boot [NEW [OLD]]
       sysv record runlevel [NEW [OLD]]
       sysv record start ID PID [init|login|user [LINE [USER]]]
       sysv record end ID PID [SIGNAL STATUS]
       sysv record shutdown [NEW [OLD]]

Writes a record to /run/utmp and /var/log/wtmp. Files that don't exist or can't be
written are passed over.

  boot             the machine booted; takes what is older out of /run/utmp first, and
                   writes the record of the level NEW after its own
  runlevel         the level changed; asks Rung where none is named. Writes the boot
                   record before it where utmp lacks one, and /run/runlevel
  start            a process of a getty or the like, ID of at most 4 characters: up to
                   which record is written, the terminal below /dev, and who works there.
                   What the process has written itself by then stays
  end              it is over, by which signal or with which status
  shutdown         the machine goes down (wtmp only); writes the record of the level NEW
                   before its own";

pub(super) fn run(_: &str, args: &[String]) -> u8 {
    let name = "sysv record";
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut files = Files::default();
    let done = match words.as_slice() {
        ["boot", letters @ ..] if letters.len() <= 2 => {
            if let Err(e) = files.create_utmp(utmp_gid(), since_boot()) {
                err(name, &format!("{}: {e}", files.utmp.display()));
            }
            files.write(&Record::boot(now()));
            if letters.is_empty() { Ok(()) } else { enter(&mut files, letters) }
        }
        ["runlevel", letters @ ..] if letters.len() <= 2 => enter(&mut files, letters),
        [event @ ("start" | "end"), id, pid, rest @ ..] if !id.is_empty() && id.len() <= 4 && rest.len() <= 3 => {
            let Ok(pid) = pid.parse() else { return err(name, &format!("`{pid}` is no process id")) };
            let done = if *event == "start" { start(&files, id, pid, rest) } else { end(&files, id, pid, rest) };
            return done.map_or_else(|| err_plain(&format!("Usage: {HELP}")), |()| 0);
        }
        ["shutdown", letters @ ..] if letters.len() <= 2 => {
            let entered = if letters.is_empty() { Ok(()) } else { enter(&mut files, letters) };
            files.write(&Record::shutdown(now()));
            entered
        }
        _ => return err_plain(&format!("Usage: {HELP}")),
    };
    done.map_or_else(|why| err(name, &why), |()| 0)
}

/// Writes down that a level is entered.
fn enter(files: &mut Files, letters: &[&str]) -> Result<(), String> {
    let record = run_level(letters)?;
    catch_up(files, &record);
    note_level(&record);
    files.write(&record);
    Ok(())
}

pub(super) fn start(files: &Files, id: &str, pid: i32, rest: &[&str]) -> Option<()> {
    let process = Pid::from_raw(pid);
    let session = nix::unistd::getsid(Some(process)).map_or(0, Pid::as_raw);
    let line = rest.get(1).copied().unwrap_or_default().to_owned();
    let first = Record { line, session, ..Record::init_process(id, pid, now()) };
    let login = Record { kind: Kind::LoginProcess, user: "LOGIN".into(), ..first.clone() };
    let user = rest.get(2).copied().unwrap_or("root").to_owned();
    let user = Record { kind: Kind::UserProcess, user, ..first.clone() };
    let records = match rest.first().copied().unwrap_or("init") {
        "init" => vec![first],
        "login" => vec![first, login],
        "user" => vec![first, login, user],
        _ => return None,
    };
    files.start(&records, || nix::sys::signal::kill(process, None) != Err(Errno::ESRCH));
    Some(())
}

fn end(files: &Files, id: &str, pid: i32, rest: &[&str]) -> Option<()> {
    let exit = match rest {
        [] => (0, 0),
        [signal, status] => (signal.parse().ok()?, status.parse().ok()?),
        _ => return None,
    };
    files.end(&Record::init_process(id, pid, now()), exit, now());
    Some(())
}

fn run_level(letters: &[&str]) -> Result<Record, String> {
    let level = |word: &str| {
        let mut letters = word.chars();
        let found = letters.next().and_then(Level::from_char).filter(|_| letters.next().is_none());
        found.ok_or_else(|| format!("`{word}` is no runlevel: S, 0 to 6 are"))
    };
    let (new, old) = match letters {
        [new, "N"] | [new] => (level(new)?, None),
        [new, old, ..] => (level(new)?, Some(level(old)?)),
        [] => {
            let known = pid1::runlevel().map_err(|e| e.to_string())?;
            (known.current.ok_or("no level has been reached yet")?, known.previous)
        }
    };
    Ok(Record::run_level(new, old, now()))
}

/// The level's letter, where runlevel(8) and halt(8) of sysvinit look if utmp doesn't tell it.
fn note_level(record: &Record) {
    if let Some((_, level)) = record.levels() {
        let _ = init::sys::file::replace_text(Path::new("/run/runlevel"), &format!("{level}\n"));
    }
}

/// A utmp that was emptied or made after the boot record was written gets one again.
fn catch_up(files: &mut Files, record: &Record) {
    let booted = |records: Vec<Record>| records.iter().any(|r| r.kind == Kind::BootTime);
    if levels(&files.utmp).is_none() && !files::read(&files.utmp).is_ok_and(booted) {
        files.write(&Record::boot(record.time));
    }
}

/// When PID 1 was started; what is older in utmp is from another boot.
fn since_boot() -> Time {
    let now = now();
    let Some(started) = process::start_time(1) else { return now };
    let ago = process::boot_ticks().saturating_sub(started) / 100;
    // A second more, for the clocks are not read at once.
    (now.0.saturating_sub(u32::try_from(ago).unwrap_or(0)).saturating_sub(1), 0)
}

/// The group `utmp`: from the file, as no name service can be asked here.
fn utmp_gid() -> Option<u32> {
    let text = std::fs::read_to_string("/etc/group").ok()?;
    let line = text.lines().find(|line| line.starts_with("utmp:"))?;
    line.split(':').nth(2)?.parse().ok()
}
