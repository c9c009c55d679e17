//! Sends each of its arguments as one datagram to `$NOTIFY_SOCKET`: `sd_notify` for shell scripts, byte by byte.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return ExitCode::from(2) };
    let send = || {
        let socket = UnixDatagram::unbound()?;
        std::env::args_os().skip(1).try_for_each(|word| socket.send_to(word.as_bytes(), &path).map(drop))
    };
    match send() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("world-notify: {}: {e}", path.display());
            ExitCode::FAILURE
        }
    }
}
