//! The manager: `init-manager`, started by PID 1 with its socket as descriptor 3.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(u8::try_from(init::manager::run()).unwrap_or(1))
}
