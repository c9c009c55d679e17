//! `pidof`: the pids of programs.

use super::args::Args;
use super::table::{Process, all, pids};
use super::{err, err_plain, out};
use nix::unistd::{geteuid, getppid};
use std::fs;
use std::os::unix::fs::MetadataExt;

pub(super) const HELP: &str = "NAME0 [-s] [-c] [-q] [-x] [-z] [-n] [-d SEPARATOR] [-o PID[,PID]...] PROGRAM...

Prints the pids of running programs, the latest first. A program given by its whole path
is known by the file it runs, any other by its name.

Options:
  -s            only one pid a program
  -c            only processes with the same root directory (as root)
  -q            print nothing: the exit status tells
  -x            also shells that run a script of that name
  -z            also zombies
  -d SEPARATOR  what stands between pids, instead of a blank
  -o PID        not this one; %PPID: not the shell that calls. May be repeated
  -n            accepted: no file is looked at on any file system
  -h, --help, --version

Exit status: 0 at least one was found, 1 none.";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let args = match Args::parse(args, "qhco:d:sxzn", &[]) {
        Ok(args) => args,
        Err(why) => {
            err(name, &why);
            return err_plain(&format!("{name}: invalid options on command line! See {name} --help"));
        }
    };
    if args.has('h') {
        return out(&format!("Usage: {}", HELP.replace("NAME0", name)));
    }
    let mut omitted = Vec::new();
    for list in args.values('o') {
        let (good, bad) = pids(&list, Some(getppid().as_raw()));
        omitted.extend(good);
        for word in bad {
            err(name, &format!("illegal omit pid value ({word})!"));
        }
    }
    let root_of = |pid: &str| fs::metadata(format!("/proc/{pid}/root")).ok().map(|m| (m.dev(), m.ino()));
    let own_root = if args.has('c') && geteuid().is_root() { root_of("self") } else { None };
    let table: Vec<Process> = all().into_iter().filter(|p| args.has('z') || !p.zombie).collect();
    let mut found: Vec<String> = Vec::new();
    for program in args.words.iter().filter(|p| !p.is_empty() && !p.ends_with('/')) {
        let path = fs::canonicalize(program).ok().filter(|_| program.starts_with('/'));
        let hits = table
            .iter()
            .filter(|p| p.is(program, path.as_ref(), args.has('x')) && !omitted.contains(&p.pid))
            .filter(|p| own_root.is_none() || root_of(&p.pid.to_string()) == own_root)
            .map(|p| p.pid.to_string());
        found.extend(hits.take(if args.has('s') { 1 } else { usize::MAX }));
    }
    if found.is_empty() {
        return 1;
    }
    if !args.has('q') {
        let between = args.value('d').and_then(|d| d.chars().next()).unwrap_or(' ');
        out(&found.join(&between.to_string()));
    }
    0
}
