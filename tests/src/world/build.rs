//! The programs under test: built once for each test binary, into the target folder that the test itself came from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the programs; builds them if need be. With `RUNG_NO_BUILD` set they must be there.
pub fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = beside();
        if std::env::var_os("RUNG_NO_BUILD").is_none() {
            build(&folder);
        }
        for name in ["init", "init-manager", "init-log", "init-boot", "initctl", "world-enter"] {
            let path = folder.join(name);
            assert!(path.is_file(), "there is no `{}`: run `cargo build --workspace` first", path.display());
        }
        folder
    })
}

/// A program of the tests' own.
pub fn helper(name: &str) -> PathBuf {
    programs().join(name)
}

/// `target/TRIPLE/PROFILE`, from `target/TRIPLE/PROFILE/deps/TEST`.
fn beside() -> PathBuf {
    let exe = std::env::current_exe().expect("the test's own file");
    let folder = exe.parent().expect("a folder");
    if folder.ends_with("deps") { folder.parent().expect("a folder").to_owned() } else { folder.to_owned() }
}

fn build(folder: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().expect("cargo is started");
    assert!(status.success(), "the programs under test could not be built");
}
