//! The command line.

use super::cgroup::Tree;
use super::contender::{Contender, Setting, all};
use super::measure::{self, Context};
use super::{Doing, Result, enter, now, report, stage};
use clap::{Parser, Subcommand};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by SIGINT and SIGTERM.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Compares Rung with other inits. Run it by tests/bench/run, which builds and fetches what it needs.
#[derive(Debug, Parser)]
#[command(name = "tests/bench/run", args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// As PID 1 of a world: mounts, then the init.
    #[command(hide = true)]
    Stage { spec: PathBuf },
    /// Runs a command in a world.
    #[command(hide = true)]
    Enter { pid: i32, times: usize, words: Vec<String> },
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Fewer rounds and contenders: about two minutes
    #[arg(long)]
    quick: bool,
    /// Numbers of services: 10,100,1000,10000; with --quick 10,100
    #[arg(short, value_delimiter = ',')]
    numbers: Vec<usize>,
    /// A program that no package has, as dinit=/usr/sbin/dinit
    #[arg(long, value_name = "NAME=PATH", value_parser = pair)]
    with: Vec<(String, PathBuf)>,
    /// Only these kinds of work: start-10, restart, chain, …
    #[arg(long, value_delimiter = ',')]
    work: Vec<String>,
    /// Rounds of what is done more than once, rather than what suits each kind of work
    #[arg(long)]
    rounds: Option<usize>,
    /// No new measurement begins after so many minutes
    #[arg(long, default_value_t = 15)]
    minutes: u64,
    /// Writes the tables into README.md, chart and results into tests/bench
    #[arg(long)]
    readme: bool,
    /// Where the results go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// The folder of Rung's programs
    #[arg(long, default_value = "target/x86_64-unknown-linux-gnu/release")]
    bin: PathBuf,
    /// The folder for svc, floor, packages and worlds
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Only these contenders
    contenders: Vec<String>,
}

/// Who takes part with `--quick`.
const QUICK: [&str; 9] =
    ["floor", "floor-cgroup", "floor-wait", "rung", "rung-plain", "dinit", "sysvinit", "runit", "tini"];
/// What isn't done with it.
const SLOW_WORK: [&str; 3] = ["idle", "crash", "layers"];

fn pair(text: &str) -> Result<(String, PathBuf)> {
    let (name, path) = text.split_once('=').ok_or("give it as NAME=PATH")?;
    let path = fs::canonicalize(path).doing(path)?;
    Ok((name.to_owned(), path))
}

/// Does what the command line says.
///
/// # Errors
/// It could not begin.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    match cli.part {
        Some(Part::Stage { spec }) => stage::run(&spec),
        Some(Part::Enter { pid, times, words }) => enter::run(pid, times, &words),
        None => compare(&cli.options),
    }
}

fn compare(options: &Options) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err("namespaces and cgroups need root".to_owned());
    }
    let until = now() + options.minutes * 60_000_000_000;
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        on_signal(signal).doing("catching signals")?;
    }
    let mut works = works(options)?;
    let machine = report::Machine::this();
    // Whatever is mounted from here on goes with the bench, however it ends.
    unshare(CloneFlags::CLONE_NEWNS).doing("a mount namespace of its own")?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).doing("making mounts private")?;
    let folder = fs::canonicalize(&options.folder).doing(options.folder.display())?;
    let worlds = folder.join("worlds");
    fs::create_dir_all(&worlds).doing(worlds.display())?;
    mount(Some("worlds"), &worlds, Some("tmpfs"), MsFlags::empty(), none).doing("a tmpfs for worlds")?;
    let setting = Setting {
        worlds,
        program: std::env::current_exe().doing("the bench's own file")?,
        packages: folder.join("packages"),
        own: folder,
        rung: fs::canonicalize(&options.bin).doing(options.bin.display())?,
        with: options.with.iter().cloned().collect::<BTreeMap<_, _>>(),
        count: Cell::new(0),
    };
    let quick = options.quick && options.contenders.is_empty();
    let names = if quick { QUICK.map(str::to_owned).to_vec() } else { options.contenders.clone() };
    let (contenders, missing) = choose(&setting, &names)?;
    let versions: Vec<_> = contenders.iter().map(|c| (c.name(), c.version(&setting).unwrap_or_default())).collect();
    let context = Context { setting, tree: Tree::new()?, quick: options.quick };
    if let Some(rounds) = options.rounds {
        works.iter_mut().filter(|w| w.rounds > 1).for_each(|w| w.rounds = rounds);
    }
    let (samples, mut troubles) = measure::run(&context, &works, &contenders, until);
    troubles.splice(0..0, missing);
    if measure::interrupted() {
        return Err("interrupted".to_owned());
    }
    let report = report::Report::new(machine, &versions, &samples, troubles);
    let folder = &context.setting.own;
    fs::write(folder.join("report.md"), report.markdown()).doing("report.md")?;
    fs::write(folder.join("chart.svg"), report.svg()).doing("chart.svg")?;
    if let Some(path) = &options.json {
        fs::write(path, report.json()?).doing(path.display())?;
    }
    if options.readme {
        report::update(&report, &Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    }
    print!("{}", report.markdown());
    Ok(())
}

/// The kinds of work that are asked for.
fn works(options: &Options) -> Result<Vec<measure::Work>> {
    // A number that is asked for by `--work` is no matter of `--quick`.
    let few = options.quick && options.work.is_empty();
    let usual: &[usize] = if few { &[10, 100] } else { &[10, 100, 1000, 10_000] };
    let numbers = if options.numbers.is_empty() { usual } else { &options.numbers };
    let mut works = measure::all(numbers, options.quick);
    if few {
        works.retain(|w| !SLOW_WORK.contains(&w.name.as_str()));
    }
    if options.work.is_empty() {
        return Ok(works);
    }
    let known: Vec<_> = works.iter().map(|w| w.name.clone()).collect();
    if let Some(strange) = options.work.iter().find(|name| !known.contains(name)) {
        return Err(format!(
            "there is no work `{strange}`; there are: {}; start-N for other numbers with -n N. \
             Memory and CPU are measured at start-N",
            known.join(", ")
        ));
    }
    works.retain(|w| options.work.contains(&w.name));
    Ok(works)
}

/// From now on this signal makes the bench end in order.
fn on_signal(signal: i32) -> std::io::Result<()> {
    let handler = || INTERRUPTED.store(true, Ordering::Relaxed);
    // SAFETY: storing into an atomic is all that the handler does.
    unsafe { signal_hook::low_level::register(signal, handler) }.map(drop)
}

type Chosen = (Vec<Box<dyn Contender>>, Vec<String>);

/// Those that are asked for, or all that are there.
fn choose(setting: &Setting, names: &[String]) -> Result<Chosen> {
    let known: Vec<_> = all().iter().map(|c| c.name()).collect();
    if let Some(strange) = names.iter().find(|n| !known.contains(&n.as_str())) {
        return Err(format!("there is no contender `{strange}`; there are: {}", known.join(", ")));
    }
    let mut missing = Vec::new();
    let mut chosen = Vec::new();
    for contender in all() {
        if !names.is_empty() && !names.iter().any(|n| n == contender.name()) {
            continue;
        }
        match contender.version(setting) {
            Ok(_) => chosen.push(contender),
            Err(e) => missing.push(format!("{} isn't here: {e}", contender.name())),
        }
    }
    Ok((chosen, missing))
}
