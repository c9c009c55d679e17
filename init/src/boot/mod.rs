//! `init-boot`: what level S does that isn't a daemon, as one static program that its units call; and looking at paths
//! for the manager. No job runs a shell,
//! and none starts more processes than its work needs. What a job reads is parsed by pure functions; a job fails only
//! when something failed that the machine needs, and says the rest in a line each.

mod clock;
mod cmdline;
mod conf;
mod devices;
mod fsck;
mod fstab;
mod glob;
mod hostname;
mod local;
mod look;
mod modules;
mod network;
mod options;
mod program;
mod remount;
mod seed;
mod sysctl;
mod tmpfiles;
pub mod twin;

use std::io::Write;
use std::process::ExitCode;

/// One job: its name, what `--help` says below the usage, and what does it.
struct Job {
    name: &'static str,
    arguments: &'static str,
    what: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// How a job ended.
enum Outcome {
    /// As it should, or nothing that the machine needs failed.
    Done,
    /// Something failed; it has been said.
    Failed,
    /// The arguments make no sense.
    Usage,
}

impl Outcome {
    fn done_if(fine: bool) -> Self {
        if fine { Self::Done } else { Self::Failed }
    }
}

const JOBS: &[Job] = &[
    clock::JOB,
    devices::JOB,
    fsck::JOB,
    hostname::JOB,
    network::LOOPBACK,
    local::JOB,
    look::JOB,
    modules::JOB,
    network::JOB,
    seed::JOB,
    remount::JOB,
    sysctl::JOB,
    tmpfiles::JOB,
    twin::JOB,
];

/// The program. Exit status 0: done; 1: something that the machine needs failed; 2: wrong arguments.
pub fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let wants_help = |a: &String| a == "--help" || a == "-h";
    let Some((name, rest)) = arguments.split_first() else {
        say(&overview());
        return ExitCode::from(2);
    };
    if wants_help(name) || name == "help" {
        print(&overview());
        return ExitCode::SUCCESS;
    }
    let Some(job) = JOBS.iter().find(|job| job.name == name) else {
        say(&format!("init-boot: there is no job `{name}`\n{}", overview()));
        return ExitCode::from(2);
    };
    if rest.iter().any(wants_help) {
        print(&format!("Usage: init-boot {} {}\n\n{}\n", job.name, job.arguments, job.help));
        return ExitCode::SUCCESS;
    }
    match (job.run)(rest) {
        Outcome::Done => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::FAILURE,
        Outcome::Usage => {
            say(&format!("Usage: init-boot {} {}", job.name, job.arguments));
            ExitCode::from(2)
        }
    }
}

fn overview() -> String {
    let mut text = String::from("Usage: init-boot JOB [ARGUMENT…]\n\nThe jobs of level S:\n");
    for job in JOBS {
        text.push_str(&format!("  {:<13} {}\n", job.name, job.what));
    }
    text + "\n`init-boot JOB --help` says more."
}

/// A line to standard error. It may be closed.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

fn print(text: &str) {
    let _ = std::io::stdout().write_all(format!("{}\n", text.trim_end()).as_bytes());
}
