//! A daemon with the habits of nginx, for init scripts: `toy-nginx [-t] -c CONF`.
//!
//! The configuration's first line is its pid file. It goes to the background by itself and is back once the pid file is
//! written; `-t` only looks whether the configuration says `good`. HUP: it writes `reload` to `PIDFILE.log`. USR2: its pid
//! file becomes `PIDFILE.oldbin` and a new one starts beside it. QUIT and TERM: it removes its pid file and ends.
//! `-s`: it ignores TERM.

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::setsid;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio, exit};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let has = |word: &str| args.iter().any(|a| a == word);
    let conf = args.iter().skip_while(|a| *a != "-c").nth(1).cloned().unwrap_or_default();
    let text = fs::read_to_string(&conf).unwrap_or_default();
    if !text.contains("good") {
        eprintln!("toy-nginx: configuration file {conf} test failed");
        return ExitCode::from(1);
    }
    if has("-t") {
        eprintln!("toy-nginx: configuration file {conf} test is successful");
        return ExitCode::SUCCESS;
    }
    let pid_file = text.lines().next().unwrap_or_default();
    if has("--master") {
        return master(pid_file, &conf, has("-s"));
    }
    match start(&args[0], &args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("toy-nginx: {e}");
            ExitCode::from(1)
        }
    }
}

/// Starts a master in a session of its own and waits until it has written its pid file.
fn start(program: &str, args: &[String]) -> std::io::Result<()> {
    let mut command = Command::new(program);
    command.args(args).arg("--master").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    if line == "up\n" { Ok(()) } else { Err(std::io::Error::other("the master didn't come up")) }
}

fn master(pid_file: &str, conf: &str, stubborn: bool) -> ExitCode {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGQUIT, Signal::SIGTERM] {
        signals.add(signal);
    }
    if setsid().is_err()
        || signals.thread_block().is_err()
        || fs::write(pid_file, format!("{}\n", std::process::id())).is_err()
    {
        exit(1);
    }
    println!("up");
    let old = format!("{pid_file}.oldbin");
    let note = |word: &str| {
        let log = fs::File::options().create(true).append(true).open(format!("{pid_file}.log"));
        let _ = log.and_then(|mut log| writeln!(log, "{word} {}", std::process::id()));
    };
    loop {
        match signals.wait() {
            Ok(Signal::SIGHUP) => note("reload"),
            Ok(Signal::SIGUSR2) => {
                let _ = fs::rename(pid_file, &old);
                let program = std::env::current_exe().unwrap_or_default();
                let _ = start(&program.to_string_lossy(), &["-c".to_owned(), conf.to_owned()]);
            }
            Ok(Signal::SIGTERM) if stubborn => {}
            _ => {
                let mine = |path: &str| {
                    fs::read_to_string(path).is_ok_and(|text| text.trim() == std::process::id().to_string())
                };
                for path in [pid_file, &old] {
                    if mine(path) {
                        let _ = fs::remove_file(path);
                    }
                }
                return ExitCode::SUCCESS;
            }
        }
    }
}
