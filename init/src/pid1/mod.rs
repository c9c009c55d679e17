//! PID 1: parent and only reaper of everything; no config, no text, no policy.
//!
//! | file | what |
//! |---|---|
//! | [`reactor`] | the loop and what each request does |
//! | [`table`], [`slots`], [`index`], [`parked`] | the memory that outlives faults: processes and descriptors |
//! | [`spawn`], [`adopt`] | how processes come into slots |
//! | [`link`], [`signals`] | what the manager is told |
//! | [`keeper`] | keeps the manager alive |
//! | [`recover`] | going on after a fault |
//! | [`command`], [`early`] | what a start means, and the first things |
//! | [`down`], [`end`], [`unmount`] | the last things |
//!
//! Nothing here blocks, grows without bound, or panics on data.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod adopt;
pub mod command;
pub mod down;
pub mod early;
pub mod end;
pub mod index;
pub mod keeper;
pub mod link;
pub mod parked;
pub mod reactor;
pub mod recover;
pub mod signals;
pub mod slots;
pub mod spawn;
pub mod table;
pub mod unmount;

use crate::sys::args::{self, Args};
use crate::sys::{fd, process};
use command::Start;
use keeper::Launch;
use reactor::Reactor;
use recover::Memory;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use table::Field;

/// What an entry of the epoll set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Tag {
    Signals = 1,
    Manager = 2,
    /// The report of the child in a slot.
    Report = 3,
    /// The pidfd of a slot.
    Process = 4,
}

fn tag(tag: Tag, index: usize) -> u64 {
    u64::from(tag as u32) << 32 | (index as u64 & 0xffff_ffff)
}

fn untag(data: u64) -> Option<(Tag, usize)> {
    let index = usize::try_from(data & 0xffff_ffff).ok()?;
    let tag = [Tag::Signals, Tag::Manager, Tag::Report, Tag::Process].into_iter();
    Some((tag.into_iter().find(|t| u64::from(*t as u32) == data >> 32)?, index))
}

/// What a start of the program means; returns with an exit status where it isn't PID 1's or a subreaper's.
pub fn start(given: Args) -> i32 {
    let words = given.args.iter().map(|a| OsStr::from_bytes(a.as_bytes()).to_owned());
    let say = |fd: i32, text: &str| fd::borrow(fd).map(|fd| nix::unistd::write(fd, text.as_bytes()));
    match command::decide(nix::unistd::getpid().as_raw(), words) {
        Start::Init { args } | Start::Subreaper { args } => run(given, args),
        Start::Telinit { args } => {
            let own = args::own_path();
            let error = command::exec_telinit(own.parent().unwrap_or(Path::new("/usr/lib/rung")), args);
            say(2, &format!("init: this is not process 1, and sysv can't be executed: {}\n", error.desc()));
            1
        }
        Start::Version => {
            say(1, concat!("Rung ", env!("CARGO_PKG_VERSION"), "\n"));
            0
        }
        Start::Refuse(why) => {
            say(2, why);
            2
        }
    }
}

/// PID 1's life. `words`: what the manager is given.
fn run(given: Args, words: Vec<OsString>) -> i32 {
    let Args { args, mut env } = given;
    let marker = take_marker(&mut env);
    let again = marker.as_ref().and_then(|(file, _)| recover::take_over(*file));
    let path = marker.map_or_else(args::own_path, |(_, path)| path);
    if again.is_none() {
        fd::all_close_on_exec(3);
    }
    // The first things are done once; their results lie in the table.
    let setup = again.is_none().then(early::prepare);
    let Some(memory) = again.or_else(recover::create) else { return 111 };
    let head = &memory.table.head;
    match &setup {
        Some(setup) => remember(head, setup),
        None => {
            recover::mend(memory.table);
            refresh_program(&memory);
        }
    }
    if nix::unistd::getpid().as_raw() != 1 {
        let _ = process::become_subreaper();
    }
    let (program, launch) = (c_path(&path), launch(&memory, &path, words, &env));
    recover::guard(&memory, program.clone(), args, env);
    // A panic ends in the same handler as a fault; what it would print could block on a console.
    std::panic::set_hook(Box::new(|_| {}));
    process::set_name(c"init");
    let title = head.title.get();
    if !title.as_bytes().is_empty() {
        args::set_title(title.as_bytes());
    }
    let Ok(mut reactor) = Reactor::new(&memory, program, launch) else { return 111 };
    if let Some(setup) = setup {
        park_stdio(&mut reactor, setup.stdio);
    }
    reactor.run().perform()
}

/// Takes the entry that an image before us has left: the table's descriptor, and the path we were started from.
fn take_marker(env: &mut Vec<CString>) -> Option<(i32, PathBuf)> {
    let is = |entry: &CString| entry.as_bytes().starts_with(recover::MARKER.as_bytes());
    let entry = env.iter().find(|e| is(e))?.clone();
    env.retain(|e| !is(e));
    let text = entry.as_bytes().strip_prefix(recover::MARKER.as_bytes())?;
    let colon = text.iter().position(|b| *b == b':')?;
    let (file, path) = text.split_at_checked(colon)?;
    let path = PathBuf::from(OsStr::from_bytes(path.get(1..)?));
    Some((std::str::from_utf8(file).ok()?.parse().ok()?, path))
}

/// Executed from its path (and not from the kept descriptor) it is perhaps a new version: that is kept from now on.
fn refresh_program(memory: &Memory) {
    if !args::executed_by_descriptor() {
        fd::close(memory.table.head.exe.get());
        memory.table.head.exe.set(0);
    }
}

fn remember(head: &table::Head, setup: &early::Setup) {
    head.container.set(setup.container.into());
    for (kept, limit) in head.limit.iter().zip([setup.nofile.0, setup.nofile.1]) {
        kept.set(limit);
    }
}

fn launch(memory: &Memory, own: &Path, words: Vec<OsString>, env: &[CString]) -> Launch {
    let beside = own.with_file_name("init-manager");
    let found = nix::unistd::access(&beside, nix::unistd::AccessFlags::X_OK).is_ok();
    let path = if found { beside } else { PathBuf::from("/usr/lib/rung/init-manager") };
    let [soft, hard] = &memory.table.head.limit;
    let limit = format!("RUNG_NOFILE={}:{}", soft.get(), hard.get());
    let words = words.into_iter().filter_map(|word| CString::new(word.into_vec()).ok());
    let args = [c"init-manager".to_owned()].into_iter().chain(words).collect();
    let env = env.iter().cloned().chain(CString::new(limit)).collect();
    Launch { path: c_path(&path), args, env }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().to_owned().into_vec()).unwrap_or_default()
}

/// What PID 1 was given as standard streams is kept for the manager to hand out.
fn park_stdio(reactor: &mut Reactor, given: [bool; 3]) {
    for ((raw, name), given) in [(0, "stdin"), (1, "stdout"), (2, "stderr")].into_iter().zip(given) {
        if let Some(copy) = fd::borrow(raw).filter(|_| given).and_then(|fd| fd::duplicate(fd).ok()) {
            reactor.park(name, copy);
        }
    }
}
