//! The small jobs of level S, one program for all: `init-boot tmpfiles`, `init-boot fsck root`, …

fn main() -> std::process::ExitCode {
    init::boot::run()
}
