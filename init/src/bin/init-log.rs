//! The logger: `init-log`, started by the manager with its socket as descriptor 3.

use init::log::echo::Echo;
use init::log::file::Limits;
use init::log::server::Server;
use init::log::store::Store;
use init::sys::{fd, memory, signals};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    signals::die_of_faults();
    memory::keep_large_apart();
    let Ok(socket) = fd::take(3) else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"init-log: is started by init-manager only\n");
        return ExitCode::from(2);
    };
    let folder = |variable: &str, default: &str| PathBuf::from(std::env::var_os(variable).unwrap_or(default.into()));
    let run = folder("RUNG_RUNDIR", "/run/rung").join("log");
    let lasting = folder("RUNG_LOGDIR", "/var/log/rung");
    let wanted = std::env::var_os("RUNG_LOG_STDOUT").is_some_and(|v| v == "1");
    let echo = if wanted { fd::copy(1, 3).ok().map(Echo::new) } else { None };
    // Two pipes and a file for each service.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    match Server::new(socket, Store::new(run, lasting, Limits::default(), echo)) {
        Ok(server) => {
            server.run();
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}
