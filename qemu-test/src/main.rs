//! Boots a whole Debian machine under Rung in QEMU: by hand, or (`--check`) to show that it works.
//!
//! [`prereq`] sees to the host's programs, [`image`] builds what is booted (and caches it under `target/qemu`),
//! [`tiny`] a machine without a disk; [`qemu`] runs them, [`shell`] types and reads, [`check`] asserts, [`measure`] puts
//! other inits beside.

mod check;
mod cpio;
mod error;
mod host;
mod image;
mod measure;
mod prereq;
mod qemu;
mod shell;
mod tiny;

use error::Result;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Usage: qemu-test/boot [--check [--only WORD]] [--sysv] [--keep] [--append WORDS]
       qemu-test/boot --measure [INIT]... [--rounds N]

Builds Rung and a Debian machine, boots it in QEMU and leaves you at its serial console.
The machine is thrown away when it is powered off.

  --check   unattended: boot, check, power off, check the file system; exit status 0 if all is well
  --only    of the machines that --check boots, only those with this word in their name
  --sysv    the machine with Debian's sysvinit and its scripts; `--append init=/sbin/init.before-rung` starts its own init
  --measure a machine with nine daemons, booted and powered off by each INIT in turn: sysvinit, systemd, finit,
            rung-native (units), rung-scripts (sysvinit's scripts), rung-sysv (that machine as it is installed);
            a table of times, processes and memory
  --rounds  how many times (3)
  --keep    keep the machine's disk, and say where it is
  --append  words for the kernel command line, e.g. `--append single`
  --build   build everything, boot nothing
";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    /// The top of the source tree.
    repo: PathBuf,
    /// The folder of the built binaries.
    bin: PathBuf,
    check: bool,
    only: Option<String>,
    sysv: bool,
    keep: bool,
    build: bool,
    append: String,
    measure: bool,
    /// Which ones; none: all.
    inits: Vec<String>,
    rounds: u32,
}

fn main() -> ExitCode {
    if let Some(done) = measure::probe::run(std::env::args().skip(1)) {
        return match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("qemu-test/boot: {why}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("qemu-test/boot: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; `None`: help was asked for.
fn options(mut args: impl Iterator<Item = String>) -> std::result::Result<Option<Options>, String> {
    let mut options = Options { rounds: 3, ..Options::default() };
    while let Some(arg) = args.next() {
        let mut value = |arg: &str| args.next().map(PathBuf::from).ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--repo" => options.repo = value(&arg)?,
            "--bin" => options.bin = value(&arg)?,
            "--check" => options.check = true,
            "--sysv" => options.sysv = true,
            "--keep" => options.keep = true,
            "--build" => options.build = true,
            "--only" => options.only = Some(args.next().ok_or("--only needs a value")?),
            "--append" => options.append = args.next().ok_or("--append needs a value")?,
            "--measure" => options.measure = true,
            "--rounds" => {
                let number = args.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                options.rounds = number.ok_or("--rounds needs a number from 1")?;
            }
            "-h" | "--help" => return Ok(None),
            name if options.measure && !name.starts_with('-') => options.inits.push(name.to_owned()),
            _ => return Err(format!("I don't know `{arg}`")),
        }
    }
    if options.repo.as_os_str().is_empty() || options.bin.as_os_str().is_empty() {
        return Err("start me by qemu-test/boot, which knows the folders".to_owned());
    }
    Ok(Some(options))
}

/// Builds what is missing and boots it. Whether all is well.
fn run(options: &Options) -> Result<bool> {
    prereq::ensure()?;
    let cache = options.repo.join("target/qemu");
    let builder = image::Builder::new(&options.repo, &options.bin, &cache)?;
    let kind = if options.sysv && !options.check { image::Kind::Sysv } else { image::Kind::Plain };
    let machine = builder.machine(kind)?;
    let accel = qemu::accel(&cache, &machine.kernel)?;
    if options.build {
        println!("built {} and {}", machine.kernel.display(), machine.disk.display());
        return Ok(true);
    }
    if options.measure {
        measure::run(&builder, accel, options)
    } else if options.check {
        check::run(builder, machine, accel, options)
    } else {
        let disks = image::Disks::copy(&machine, &cache, options.keep)?;
        drop(builder);
        qemu::by_hand(&machine, &disks, accel, &options.append)
    }
}
