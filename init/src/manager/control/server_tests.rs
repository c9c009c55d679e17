use super::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

struct Desk {
    server: Server,
    epoll: Epoll,
    folder: std::path::PathBuf,
}

impl Desk {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rung-server-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("folder");
        let listener = open(&folder.join("control")).expect("socket");
        Self { server: Server::new(Some(listener), None), epoll: Epoll::new().expect("epoll"), folder }
    }

    fn connect(&mut self) -> (UnixStream, ClientId) {
        let stream = UnixStream::connect(self.folder.join("control")).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        assert!(self.server.accept(&self.epoll, 0));
        (stream, self.server.next - 1)
    }

    fn reply(&mut self, id: ClientId, number: u64) -> bool {
        let message = format!("{{\"parameters\":{number}}}\0").into_bytes();
        self.server.reply(&self.epoll, 0, id, message, false)
    }

    /// The clients that epoll wakes us for.
    fn woken(&self) -> Vec<ClientId> {
        let mut ids = Vec::new();
        self.epoll.wait(Some(0), |id, _| ids.push(id)).expect("epoll");
        ids
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn calls(methods: &[&str]) -> Vec<u8> {
    methods.iter().flat_map(|m| format!("{{\"method\":\"{m}\"}}\0").into_bytes()).collect()
}

fn read_all(stream: &mut UnixStream) -> Vec<Value> {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("replies");
    text.split_terminator('\0').map(|t| serde_json::from_str::<Value>(t).expect("json")["parameters"].clone()).collect()
}

#[test]
fn calls_sent_in_one_go_are_answered_one_after_the_other() {
    let mut desk = Desk::new("pipelined");
    let (mut stream, id) = desk.connect();
    stream.write_all(&calls(&["a", "b"])).expect("write");
    assert!(desk.server.serve(id));
    assert_eq!(desk.server.next_call(id).map(|(c, _)| c.method).as_deref(), Some("a"));
    assert_eq!(desk.server.next_call(id), None, "one at a time");
    desk.server.settle(&desk.epoll, 0, id);
    assert!(!desk.server.has_more() && desk.woken().is_empty());
    assert!(desk.reply(id, 1));
    assert!(desk.server.has_more(), "no byte comes any more that could wake us for the second");
    assert_eq!(desk.server.take_again().into_iter().collect::<Vec<_>>(), [id]);
    assert_eq!(desk.server.next_call(id).map(|(c, _)| c.method).as_deref(), Some("b"));
}

#[test]
fn who_asks_and_closes_its_side_gets_its_answers_and_is_dropped_then() {
    let mut desk = Desk::new("closing");
    let (mut stream, id) = desk.connect();
    stream.write_all(&calls(&["a", "b"])).expect("write");
    stream.shutdown(Shutdown::Write).expect("shutdown");
    assert!(desk.server.serve(id));
    for number in [1, 2] {
        assert!(desk.server.next_call(id).is_some());
        desk.server.settle(&desk.epoll, 0, id);
        assert!(desk.woken().is_empty(), "its closed side doesn't wake us again and again");
        assert!(desk.reply(id, number));
    }
    assert_eq!(desk.server.next_call(id), None);
    desk.server.settle(&desk.epoll, 0, id);
    assert_eq!(read_all(&mut stream), [json!(1), json!(2)]);
    assert!(desk.server.clients.is_empty());
}

#[test]
fn who_sends_on_and_on_while_it_waits_is_no_longer_listened_to() {
    let mut desk = Desk::new("flood");
    let (mut stream, id) = desk.connect();
    stream.set_nonblocking(true).expect("nonblocking");
    stream.write_all(&calls(&["a"])).expect("write");
    assert!(desk.server.serve(id));
    assert!(desk.server.next_call(id).is_some());
    for _ in 0..64 {
        while stream.write(&[b' '; 16 << 10]).is_ok() {}
        assert!(desk.server.serve(id));
        desk.server.settle(&desk.epoll, 0, id);
    }
    assert!(desk.woken().is_empty(), "there is more to read, but no reason to wake");
    assert!(desk.server.clients.contains_key(&id));
    drop(stream);
    assert_eq!(desk.woken(), [id], "that it hung up is told");
}

#[test]
fn a_silent_client_makes_room_for_a_new_one() {
    let mut desk = Desk::new("room");
    let mut streams = Vec::new();
    let first = desk.connect();
    let places = if nix::unistd::geteuid().is_root() { MAX_CLIENTS } else { return };
    for _ in 1..places {
        streams.push(desk.connect());
    }
    let before = desk.server.clients.len();
    let (_stream, id) = desk.connect();
    assert_eq!(desk.server.clients.len(), before);
    assert!(desk.server.clients.contains_key(&id) && !desk.server.clients.contains_key(&first.1));
}
