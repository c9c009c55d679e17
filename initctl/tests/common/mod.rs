//! A manager made of a closure, at a real socket, and `initctl` run against it.

use init::proto::control::{Call, ErrorText, MAX_CALL, Reply};
use init::proto::varlink::{Decoder, encode};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What the manager does with a call.
pub enum Answer {
    /// These replies; all but the last say that more follow.
    Replies(Vec<Value>),
    /// This error of `org.rung.Manager`.
    Error(&'static str, ErrorText),
    /// It dies: hangs up without an answer (and is there again for the next connection).
    Die,
}

/// A system: a run directory, and a manager if there is one.
pub struct System {
    pub dir: PathBuf,
    calls: Arc<Mutex<Vec<Call>>>,
    server: Option<JoinHandle<()>>,
}

impl System {
    /// Without a manager.
    pub fn bare(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rung-initctl-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("mkdir");
        Self { dir, calls: Arc::default(), server: None }
    }

    /// With one.
    pub fn with(name: &str, mut manager: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        let mut system = Self::bare(name);
        let listener = UnixListener::bind(system.socket()).expect("bind");
        let calls = Arc::clone(&system.calls);
        system.server = Some(std::thread::spawn(move || {
            // One client at a time; a connection that says nothing ends the server.
            while let Ok((stream, _)) = listener.accept() {
                if !connection(stream, &calls, &mut manager) {
                    return;
                }
            }
        }));
        system
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("control")
    }

    /// Runs `initctl`; its output, when it is over.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("initctl runs")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initctl"));
        command.args(args).env("RUNG_RUNDIR", &self.dir).env("RUNG_LOGDIR", self.dir.join("logs"));
        command.env_remove("TZ").env("TZ", "UTC");
        command
    }

    /// Status, stdout and stderr as text.
    pub fn all(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.run(args);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("exited"), text(output.stdout), text(output.stderr))
    }

    /// The calls that came, by method and parameters.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("lock").clone()
    }

    pub fn write_log(&self, unit: &str, lines: &[&str]) {
        append(&self.dir.join("logs").join(unit), lines);
    }
}

fn append(folder: &Path, lines: &[&str]) {
    std::fs::create_dir_all(folder).expect("mkdir");
    let mut file = std::fs::File::options().append(true).create(true).open(folder.join("current")).expect("open");
    for line in lines {
        writeln!(file, "{line}").expect("write");
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            drop(UnixStream::connect(self.socket()));
            let _ = server.join();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Serves one connection; `false` when nothing was ever said on it.
fn connection(mut stream: UnixStream, calls: &Mutex<Vec<Call>>, manager: &mut dyn FnMut(&Call) -> Answer) -> bool {
    let (mut decoder, mut chunk, mut said) = (Decoder::new(MAX_CALL), [0; 4096], false);
    loop {
        while let Some(call) = decoder.next_message::<Call>().expect("a call") {
            said = true;
            calls.lock().expect("lock").push(call.clone());
            let replies = match manager(&call) {
                Answer::Die => return true,
                Answer::Error(name, text) => {
                    let parameters = serde_json::to_value(text).expect("json");
                    vec![Reply { parameters, continues: false, error: Some(name.to_owned()) }]
                }
                Answer::Replies(all) => {
                    let last = all.len() - 1;
                    let reply = |(i, parameters)| Reply { parameters, continues: i < last, error: None };
                    all.into_iter().enumerate().map(reply).collect()
                }
            };
            for reply in replies {
                // The client may have hung up on purpose.
                if stream.write_all(&encode(&reply).expect("json")).is_err() {
                    return true;
                }
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return said,
            Ok(n) => decoder.push(&chunk[..n]),
        }
    }
}
