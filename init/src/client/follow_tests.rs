//! The client against a scripted manager at a real socket, which may die between any two messages.
use super::*;
use crate::client::request_id;
use crate::core::Verb;
use crate::proto::control::{Change, MAX_CALL, Progress, Reply, errors};
use crate::proto::varlink::{Decoder, encode};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;

const LONG: Duration = Duration::from_secs(20);

/// A folder of our own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rung-client-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("mkdir");
        Self(dir)
    }
    fn socket(&self) -> PathBuf {
        self.0.join("control")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One connection's worth of a manager: reads a call.
fn next_call(stream: &mut UnixStream) -> Call {
    let mut decoder = Decoder::new(MAX_CALL);
    let mut chunk = [0; 512];
    loop {
        if let Some(call) = decoder.next_message().expect("a call") {
            return call;
        }
        let n = stream.read(&mut chunk).expect("read");
        assert!(n > 0, "the client hung up");
        decoder.push(&chunk[..n]);
    }
}

fn answer(stream: &mut UnixStream, parameters: Value, continues: bool) {
    let reply = Reply { parameters, continues, error: None };
    stream.write_all(&encode(&reply).expect("json")).expect("write");
}

/// Runs `manager` with a listener that is bound before this returns.
fn serve<T: Send + 'static>(dir: &Dir, manager: impl FnOnce(UnixListener) -> T + Send + 'static) -> JoinHandle<T> {
    let listener = UnixListener::bind(dir.socket()).expect("bind");
    std::thread::spawn(move || manager(listener))
}

fn change(request: u64) -> Change {
    Change { verb: Verb::Start, names: vec!["a".into()], request, wait: true }
}

#[test]
fn a_call_has_its_answer_also_in_small_pieces() {
    let dir = Dir::new("pieces");
    let manager = serve(&dir, |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        let call = next_call(&mut stream);
        let reply = Reply { parameters: json!({"x": 1}), continues: false, error: None };
        for byte in encode(&reply).expect("json") {
            stream.write_all(&[byte]).expect("write");
        }
        // The same connection serves the next call.
        let second = next_call(&mut stream);
        answer(&mut stream, json!({"x": 2}), false);
        (call, second)
    });
    let mut client = Client::new(dir.socket());
    let first: Value = client.call("Version", &(), LONG).expect("answer");
    let second: Value = client.call("List", &json!({}), LONG).expect("answer");
    assert_eq!((first, second), (json!({"x": 1}), json!({"x": 2})));
    let (call, _) = manager.join().expect("manager");
    assert_eq!((call.method.as_str(), call.more), ("org.rung.Manager.Version", false));
}

#[test]
fn a_changing_request_is_asked_again_after_the_manager_s_death_and_answered_once() {
    let dir = Dir::new("death");
    let socket = dir.socket();
    let manager = serve(&dir, move |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        let mut calls = vec![next_call(&mut stream)];
        answer(&mut stream, json!({"open": ["a"], "done": false}), true);
        // It dies, and takes its socket with it; the next one dies before it says anything.
        std::fs::remove_file(&socket).expect("unlink");
        drop((stream, listener));
        let listener = UnixListener::bind(&socket).expect("bind");
        let (mut stream, _) = listener.accept().expect("accept");
        calls.push(next_call(&mut stream));
        drop(stream);
        let (mut stream, _) = listener.accept().expect("accept");
        calls.push(next_call(&mut stream));
        answer(&mut stream, json!({"open": ["a"], "done": false}), true);
        answer(&mut stream, json!({"ended": [{"name": "a", "result": "done"}], "done": true}), false);
        calls
    });
    let request = request_id();
    let (mut done, mut lost) = (0, 0);
    Client::new(dir.socket())
        .follow("Change", &change(request), None, &mut |event: Event<Progress>| {
            match event {
                Event::Reply(progress) => done += usize::from(progress.done),
                Event::Lost => lost += 1,
                Event::Idle => {}
            }
            ControlFlow::Continue(())
        })
        .expect("answer");
    let calls = manager.join().expect("manager");
    assert_eq!((done, lost), (1, 2));
    assert!(calls.iter().all(|c| c.more && c.parameters["request"] == request), "{calls:?}");
    assert_eq!(calls.len(), 3);
}

#[test]
fn a_manager_that_stays_away_is_given_up() {
    let dir = Dir::new("away");
    let socket = dir.socket();
    let manager = serve(&dir, move |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        next_call(&mut stream);
        std::fs::remove_file(&socket).expect("unlink");
    });
    let mut client = Client::new(dir.socket()).patience(Duration::from_millis(300));
    let error = client.call::<_, Value>("List", &(), LONG).expect_err("nobody");
    assert!(matches!(error, Error::Lost { .. }), "{error}");
    manager.join().expect("manager");
}

#[test]
fn no_manager_is_said_at_once() {
    let dir = Dir::new("none");
    let error = Client::new(dir.socket()).call::<_, Value>("List", &(), LONG).expect_err("nobody");
    assert!(matches!(error, Error::NoManager { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("no Rung manager at /") && text.contains("nothing is there"), "{text}");
    // A socket left behind by a dead one.
    drop(UnixListener::bind(dir.socket()).expect("bind"));
    let mut client = Client::new(dir.socket()).patience(Duration::ZERO);
    let text = client.call::<_, Value>("List", &(), LONG).expect_err("nobody").to_string();
    assert!(text.contains("nobody listens"), "{text}");
}

#[test]
fn an_error_reply_is_an_error_with_its_text() {
    let dir = Dir::new("error");
    let manager = serve(&dir, |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        next_call(&mut stream);
        let parameters = json!({"text": "no unit `x`", "nearest": ["xy"]});
        let reply = Reply { parameters, continues: false, error: Some(errors::NO_SUCH_UNIT.into()) };
        stream.write_all(&encode(&reply).expect("json")).expect("write");
    });
    let error = Client::new(dir.socket()).call::<_, Value>("Status", &(), LONG).expect_err("an error");
    assert!(error.is(errors::NO_SUCH_UNIT) && !error.is(errors::DENIED));
    assert_eq!(error.to_string(), "no unit `x`");
    manager.join().expect("manager");
}

#[test]
fn silence_and_garbage_end_a_call() {
    let dir = Dir::new("silence");
    let manager = serve(&dir, |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        next_call(&mut stream);
        let (mut second, _) = listener.accept().expect("accept");
        next_call(&mut second);
        second.write_all(b"hello\0").expect("write");
    });
    let mut client = Client::new(dir.socket());
    let error = client.call::<_, Value>("List", &(), Duration::from_millis(50)).expect_err("silence");
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    let error = client.call::<_, Value>("List", &(), LONG).expect_err("garbage");
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    manager.join().expect("manager");
}

#[test]
fn the_end_of_the_connection_answers_a_last_call() {
    let dir = Dir::new("last");
    let manager = serve(&dir, |listener| {
        let (mut stream, _) = listener.accept().expect("accept");
        next_call(&mut stream);
    });
    Client::new(dir.socket()).call_last("Reexec", &(), LONG).expect("its end is the answer");
    manager.join().expect("manager");
}

#[test]
fn request_ids_differ_and_fit_any_json() {
    let ids: std::collections::BTreeSet<u64> = (0..100).map(|_| request_id()).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| (1..1 << 53).contains(id)));
}
