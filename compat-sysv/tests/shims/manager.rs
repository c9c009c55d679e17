//! A manager that answers as it is told, and remembers what it was asked.

use init::proto::control::{Call, INTERFACE, Reply};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// It listens in a run directory of its own until it is dropped.
pub struct Manager {
    run_dir: PathBuf,
    calls: Calls,
}

impl Manager {
    /// Answers each call by `answer`: from method and parameters to reply, or error name.
    pub fn new(name: &str, answer: fn(&str, &Value) -> Result<Value, &'static str>) -> Self {
        let run_dir = std::env::temp_dir().join(format!("rung-shims-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&run_dir);
        std::fs::create_dir_all(&run_dir).expect("run directory");
        let listener = UnixListener::bind(run_dir.join("control")).expect("socket");
        let calls = Calls::default();
        let heard = Arc::clone(&calls);
        // Ends with the test program.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|client| serve(&client, &heard, answer)));
        Self { run_dir, calls }
    }

    /// For `RUNG_RUNDIR`.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Method (without the interface) and parameters of each call so far.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().expect("calls").clone()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.run_dir);
    }
}

fn serve(mut client: &UnixStream, calls: &Calls, answer: fn(&str, &Value) -> Result<Value, &'static str>) {
    let mut bytes = Vec::new();
    BufReader::new(client).read_until(0, &mut bytes).expect("call");
    if bytes.pop().is_none() {
        return;
    }
    let call: Call = serde_json::from_slice(&bytes).expect("json");
    let method = call.method.strip_prefix(INTERFACE).and_then(|m| m.strip_prefix('.')).expect("interface").to_owned();
    let answer = answer(&method, &call.parameters);
    calls.lock().expect("calls").push((method, call.parameters));
    let reply = match answer {
        Ok(parameters) => Reply { parameters, continues: false, error: None },
        Err(name) => Reply { parameters: json!({}), continues: false, error: Some(name.to_owned()) },
    };
    let mut bytes = serde_json::to_vec(&reply).expect("json");
    bytes.push(0);
    client.write_all(&bytes).expect("reply");
}
