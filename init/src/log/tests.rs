//! The logger with real pipes, sockets and folders.

use super::file::Limits;
use super::read::{Entry, Writer, tail};
use super::server::Server;
use super::store::{Store, is_name};
use crate::proto::logger::{Answer, Bundle, MAX_LEN, Request, Stream};
use crate::sys::seqpacket::{self, Received};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rung-log-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("folder");
        Self(path)
    }
    fn run(&self) -> PathBuf {
        self.0.join("run/log")
    }
    fn lasting(&self) -> PathBuf {
        self.0.join("var/rung")
    }
    fn texts(&self, name: &str) -> Vec<String> {
        entries(self, name).iter().map(Entry::text_lossy).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn entries(folder: &Folder, name: &str) -> Vec<Entry> {
    tail(&folder.lasting(), &folder.run(), name, 1_000_000).expect("read")
}

/// A logger on a thread, and the manager's end of its socket.
struct Logger {
    socket: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Logger {
    fn start(folder: &Folder, limits: Limits) -> Self {
        Self::with_store(Store::new(folder.run(), folder.lasting(), limits, None))
    }
    fn with_store(store: Store) -> Self {
        let (ours, theirs) = seqpacket::pair().expect("pair");
        let thread = std::thread::spawn(move || Server::new(theirs, store).expect("server").run());
        Self { socket: Some(ours), thread: Some(thread) }
    }
    fn send(&self, request: &Request, fds: &[&dyn AsFd]) {
        let fds: Vec<_> = fds.iter().map(|f| f.as_fd()).collect();
        let socket = self.socket.as_ref().expect("open");
        loop {
            match seqpacket::send(socket.as_fd(), &request.encode(), &fds) {
                Ok(()) => return,
                Err(Errno::EAGAIN) => self.wait(PollFlags::POLLOUT),
                Err(e) => panic!("{e}"),
            }
        }
    }
    fn wait(&self, flags: PollFlags) {
        let mut ask = [PollFd::new(self.socket.as_ref().expect("open").as_fd(), flags)];
        assert_eq!(poll(&mut ask, PollTimeout::from(10_000u16)), Ok(1), "the logger says nothing");
    }
    fn send_bundle(&self, requests: &[Request]) {
        let mut bundle = Bundle::default();
        assert!(requests.iter().all(|request| bundle.add(&request.encode())));
        seqpacket::send(self.socket.as_ref().expect("open").as_fd(), bundle.bytes(), &[]).expect("send");
    }
    fn answer(&self) -> Answer {
        self.wait(PollFlags::POLLIN);
        let mut buffer = [0; MAX_LEN];
        match seqpacket::recv(self.socket.as_ref().expect("open").as_fd(), &mut buffer) {
            Ok(Received::Packet(length, _)) => Answer::decode(&buffer[..length]).expect("an answer"),
            other => panic!("{other:?}"),
        }
    }
    fn open(&self, token: u64, stream: Stream, name: &str) -> (PipeReader, PipeWriter) {
        let (reader, writer) = std::io::pipe().expect("pipe");
        self.send(&Request::Open { token, stream, name: name.into() }, &[&reader]);
        (reader, writer)
    }
    fn end(&self, token: u64) {
        self.send(&Request::End { token }, &[]);
        assert_eq!(self.answer(), Answer::Ended { token });
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        self.socket = None;
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

fn names_below(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .map(|d| d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn what_comes_in_one_packet_is_done_in_order() {
    let folder = Folder::new("bundle");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    out.write_all(b"half").expect("write");
    let note = |text: &str| Request::Note { name: "web".into(), text: text.into() };
    let ends = [16, 17].map(|token| Request::End { token });
    let [first, second] = ends;
    logger.send_bundle(&[note("before"), first, note("after"), Request::Bundles, second]);
    let answers = [Answer::Ended { token: 16 }, Answer::Bundles, Answer::Ended { token: 17 }];
    for wanted in answers {
        assert_eq!(logger.answer(), wanted);
    }
    assert_eq!(folder.texts("web"), ["before", "half", "after"]);
}

#[test]
fn lines_reach_the_file_with_time_and_stream() {
    let folder = Folder::new("lines");
    let logger = Logger::start(&folder, Limits::default());
    let (_out_parked, mut out) = logger.open(16, Stream::Out, "web");
    let (_err_parked, mut err) = logger.open(16, Stream::Err, "web");
    out.write_all(b"hello\nhalf").expect("write");
    logger.end(16);
    err.write_all(b"oops\n").expect("write");
    logger.send(&Request::Note { name: "web".into(), text: "started".into() }, &[]);
    logger.end(16);
    let found: Vec<_> = entries(&folder, "web").into_iter().map(|e| (e.writer, e.text_lossy())).collect();
    let [first @ .., a, b] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(first, [(Writer::Out, "hello".into()), (Writer::Out, "half".into())]);
    let mut last = [a.clone(), b.clone()];
    last.sort_by_key(|(w, _)| *w != Writer::Rung);
    assert_eq!(last, [(Writer::Rung, "started".into()), (Writer::Err, "oops".into())]);

    let raw = fs::read_to_string(folder.run().join("web/current")).expect("file");
    let line = raw.lines().next().expect("a line");
    assert_eq!(line.len(), "2026-11-23T01:02:03.123456+00:00 out hello".len(), "{line}");
    drop(out);
    assert_eq!(logger.answer(), Answer::Closed { token: 16, stream: Stream::Out });
}

#[test]
fn a_pipe_is_opened_once_and_read_to_its_end_by_the_next_logger() {
    let folder = Folder::new("again");
    let logger = Logger::start(&folder, Limits::default());
    let (parked, mut out) = logger.open(16, Stream::Out, "web");
    out.write_all(b"one\n").expect("write");
    logger.end(16);
    logger.send(&Request::Open { token: 16, stream: Stream::Out, name: "web".into() }, &[&parked]);
    out.write_all(b"two\n").expect("write");
    logger.end(16);
    drop(logger);
    out.write_all(b"three, while nobody read\n").expect("write");
    let next = Logger::start(&folder, Limits::default());
    next.send(&Request::Open { token: 16, stream: Stream::Out, name: "web".into() }, &[&parked]);
    next.end(16);
    assert_eq!(folder.texts("web"), ["one", "two", "three, while nobody read"]);
}

#[test]
fn rotation_loses_no_line_and_tail_reads_over_it() {
    let folder = Folder::new("rotate");
    let limits = Limits { file_bytes: 64 << 10, ..Limits::default() };
    let logger = Logger::start(&folder, limits);
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    let mut sent = Vec::new();
    for number in 0..2500 {
        sent.push(format!("line {number} {}", "x".repeat(number % 50)));
        writeln!(out, "{}", sent[number]).expect("write");
    }
    logger.end(16);
    assert_eq!(names_below(&folder.run().join("web")), ["current", "current.1", "current.2"]);
    assert_eq!(folder.texts("web"), sent);
    let last = tail(&folder.lasting(), &folder.run(), "web", 1700).expect("read");
    assert_eq!(last.iter().map(Entry::text_lossy).collect::<Vec<_>>(), sent[800..]);
    for number in 0..10_000 {
        writeln!(out, "more {number}").expect("write");
    }
    logger.end(16);
    assert_eq!(names_below(&folder.run().join("web")).len(), 4);
    assert!(folder.texts("web").ends_with(&["more 9998".into(), "more 9999".into()]));
}

#[test]
fn persist_moves_what_was_kept_in_order_and_lasts_over_restarts() {
    let folder = Folder::new("persist");
    fs::create_dir_all(folder.lasting().join("web")).expect("folder");
    fs::write(folder.lasting().join("web/current"), "2026-11-22T01:02:03.123456+00:00 out last boot, cut of")
        .expect("file");
    let logger = Logger::start(&folder, Limits::default());
    let (parked, mut out) = logger.open(16, Stream::Out, "web");
    logger.send(&Request::Note { name: "over".into(), text: "a one-shot".into() }, &[]);
    out.write_all(b"early 1\nearly 2\n").expect("write");
    logger.end(16);
    logger.send(&Request::Persist, &[]);
    out.write_all(b"late\n").expect("write");
    logger.end(16);
    assert_eq!(folder.texts("web"), ["last boot, cut of", "early 1", "early 2", "late"]);
    assert_eq!(folder.texts("over"), ["a one-shot"]);
    assert!(names_below(&folder.run()).is_empty(), "{:?}", names_below(&folder.run()));
    drop(logger);

    let next = Logger::start(&folder, Limits::default());
    next.send(&Request::Open { token: 16, stream: Stream::Out, name: "web".into() }, &[&parked]);
    out.write_all(b"later\n").expect("write");
    next.end(16);
    assert!(folder.texts("web").ends_with(&["late".into(), "later".into()]));
    assert!(names_below(&folder.run()).is_empty());
}

#[test]
fn with_no_folder_lines_wait_in_memory_and_what_is_dropped_is_said() {
    let folder = Folder::new("nowhere");
    // Plain files where the folders would be.
    fs::write(folder.0.join("run"), "").expect("file");
    fs::write(folder.0.join("var"), "").expect("file");
    let limits = Limits { pending_bytes: 10_000, ..Limits::default() };
    let logger = Logger::start(&folder, limits);
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    for number in 0..1000 {
        writeln!(out, "{number}").expect("write");
    }
    logger.end(16);
    fs::remove_file(folder.0.join("run")).expect("remove");
    writeln!(out, "end").expect("write");
    logger.end(16);
    let texts = folder.texts("web");
    let kept = texts.iter().position(|t| t.ends_with("could not be written")).expect("a note");
    assert!(kept > 100, "{kept}");
    let dropped: usize = texts[kept].split(' ').next().expect("count").parse().expect("number");
    assert_eq!(kept + dropped, 1001, "{}", texts[kept]);
    assert_eq!(texts[..kept], (0..kept).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_costs_nothing_that_fits_the_buffer() {
    let folder = Folder::new("full");
    fs::create_dir_all(folder.run().join("web")).expect("folder");
    // A device that is always full stands for the disk; it is no plain file, so it must be refused, not written.
    std::os::unix::fs::symlink("/dev/full", folder.run().join("web/current")).expect("link");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    out.write_all(b"kept\n").expect("write");
    logger.end(16);
    fs::remove_file(folder.run().join("web/current")).expect("remove");
    out.write_all(b"next\n").expect("write");
    logger.end(16);
    assert_eq!(folder.texts("web"), ["kept", "next"]);
}

#[test]
fn a_fifo_in_place_of_a_log_blocks_nobody() {
    let folder = Folder::new("fifo");
    fs::create_dir_all(folder.run().join("web")).expect("folder");
    nix::unistd::mkfifo(&folder.run().join("web/current"), nix::sys::stat::Mode::S_IRWXU).expect("fifo");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    let (_other_parked, mut other) = logger.open(17, Stream::Out, "other");
    out.write_all(b"nowhere to go\n").expect("write");
    other.write_all(b"fine\n").expect("write");
    logger.end(16);
    logger.end(17);
    assert_eq!(folder.texts("other"), ["fine"]);
}

#[test]
fn a_removed_file_is_made_anew() {
    let folder = Folder::new("removed");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    out.write_all(b"one\n").expect("write");
    logger.end(16);
    fs::remove_file(folder.run().join("web/current")).expect("remove");
    out.write_all(b"two\n").expect("write");
    logger.end(16);
    assert_eq!(folder.texts("web"), ["two"]);
}

#[test]
fn names_never_leave_the_folder() {
    for name in ["", ".", "..", "a/b", "../x", "a\0", "a b", "é", &"x".repeat(256)] {
        assert!(!is_name(name), "{name:?}");
    }
    for name in ["web", "getty@tty1", ".hidden", "a\\x2db", "..."] {
        assert!(is_name(name), "{name:?}");
    }
    let folder = Folder::new("names");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, _out) = logger.open(16, Stream::Out, "../web");
    assert_eq!(logger.answer(), Answer::Closed { token: 16, stream: Stream::Out });
    logger.send(&Request::Note { name: "..".into(), text: "x".into() }, &[]);
    logger.end(16);
    assert_eq!(names_below(&folder.0), Vec::<String>::new());
}

#[test]
fn an_endless_writer_delays_neither_others_nor_its_own_end() {
    let folder = Folder::new("fair");
    let limits = Limits { file_bytes: 64 << 10, ..Limits::default() };
    let logger = Logger::start(&folder, limits);
    let (parked, mut noisy) = logger.open(16, Stream::Out, "noisy");
    let (_quiet_parked, mut quiet) = logger.open(17, Stream::Out, "quiet");
    // Writes until every reading end is closed.
    let writer = std::thread::spawn(move || while noisy.write_all(&[b'y'; 4096]).is_ok() {});
    for round in 0..20 {
        writeln!(quiet, "{round}").expect("write");
        logger.end(17);
        logger.end(16);
    }
    assert_eq!(folder.texts("quiet").len(), 20);
    while folder.texts("noisy").is_empty() {
        logger.end(16);
    }
    drop((logger, parked));
    writer.join().expect("writer");
    assert!(entries(&folder, "noisy").iter().all(|e| !e.text.is_empty() && e.text.iter().all(|b| *b == b'y')));
}

#[test]
fn a_closed_socket_ends_it_after_a_last_read() {
    let folder = Folder::new("closed");
    let logger = Logger::start(&folder, Limits::default());
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    logger.end(16);
    out.write_all(b"last words").expect("write");
    drop(logger);
    assert_eq!(folder.texts("web"), ["last words"]);
}

#[test]
fn the_echo_never_waits_for_its_reader() {
    let folder = Folder::new("echo");
    let (mut reader, copy) = std::io::pipe().expect("pipe");
    let echo = super::echo::Echo::new(copy.into());
    let store = Store::new(folder.run(), folder.lasting(), Limits::default(), Some(echo));
    let logger = Logger::with_store(store);
    let (_parked, mut out) = logger.open(16, Stream::Out, "web");
    for number in 0..20_000 {
        writeln!(out, "a line of some length, number {number}").expect("write");
    }
    logger.end(16);
    // Nobody has read a byte so far. Now somebody does, and the rest follows by itself.
    let mut seen = String::new();
    let mut buffer = [0; 65536];
    while !seen.ends_with("dropped here\n") {
        let mut ask = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ask, PollTimeout::from(10_000u16)), Ok(1), "{}", seen.len());
        let count = reader.read(&mut buffer).expect("read");
        seen.push_str(std::str::from_utf8(&buffer[..count]).expect("text"));
    }
    assert!(seen.starts_with("web | a line of some length, number 0\nweb | a line of some length, number 1\n"));
    let dropped: usize =
        seen.lines().last().and_then(|l| l.strip_prefix("rung | ")?.split(' ').next()?.parse().ok()).expect("count");
    assert_eq!(seen.lines().count() - 1 + dropped, 20_000);
    assert_eq!(folder.texts("web").len(), 20_000);
}

#[test]
fn what_is_no_entry_is_passed_over() {
    assert_eq!(Entry::parse(b"garbage"), None);
    assert_eq!(Entry::parse(b""), None);
    assert_eq!(Entry::parse(b"2026-11-23T01:02:03.123456+00:00 foo text"), None);
    let e = Entry::parse(b"2026-11-23T01:02:03.123456+00:00 err+ a\x1b[0m b\xff\r").expect("entry");
    assert!(e.continues);
    assert_eq!(e.text_lossy(), "a\\u{1b}[0m b\u{fffd}");
}
