//! The System V commands in one program: see `sysv --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    ExitCode::from(compat_sysv::shims::main(&argv))
}
