//! The random seed: some of what the kernel knew at the last shutdown, stirred in at the next boot.

use super::{Job, Outcome, say};
use crate::sys::file;
use nix::errno::Errno;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub const JOB: Job = Job {
    name: "random-seed",
    arguments: "load|save",
    what: "stirs in the seed that was saved last, saves a new one",
    help: "load  Stirs the seed into /dev/urandom and saves a new one at once, so that none is used twice. The kernel isn't\n      told to count on it: an image that was copied has the seed of its siblings.\nsave  Saves a new seed.\n\nThe seed is /var/lib/rung/random-seed; one that systemd or initscripts left is loaded too.",
    run,
};
const OWN: &str = "/var/lib/rung/random-seed";
const OTHERS: &[&str] = &["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed"];
const LENGTH: usize = 512;

fn run(arguments: &[String]) -> Outcome {
    let is_load = match arguments {
        [verb] if verb == "load" => true,
        [verb] if verb == "save" => false,
        _ => return Outcome::Usage,
    };
    if is_load {
        for path in [OWN].iter().chain(OTHERS) {
            if let Err(e) = load(Path::new(path), Path::new("/dev/urandom")) {
                say(&format!("{path}: can't be stirred in: {e}"));
            }
        }
    }
    // The boot doesn't wait for the disk: what a power cut loses of this one is no more than the seed before it.
    match save(Path::new("/dev/urandom"), Path::new(OWN), !is_load) {
        Ok(()) => Outcome::Done,
        // A machine that writes nothing needs no seed of its own.
        Err(e) if e.raw_os_error() == Some(Errno::EROFS as i32) => {
            say(&format!("{OWN}: no seed is saved: {e}"));
            Outcome::Done
        }
        Err(e) => {
            say(&format!("{OWN}: can't be saved: {e}"));
            Outcome::Failed
        }
    }
}

fn load(seed: &Path, device: &Path) -> std::io::Result<()> {
    match file::read(seed, 1 << 16) {
        Ok(bytes) => fs::OpenOptions::new().write(true).open(device)?.write_all(&bytes),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// In one step: a seed that is half written would be half known. `lasts`: it is on the disk before it takes the old one's
/// place.
fn save(device: &Path, seed: &Path, lasts: bool) -> std::io::Result<()> {
    let mut bytes = [0; LENGTH];
    fs::File::open(device)?.read_exact(&mut bytes)?;
    if let Some(folder) = seed.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = seed.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(&bytes)?;
    if lasts {
        file.sync_all()?;
    }
    fs::rename(&new, seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_seed_is_saved_for_root_alone_and_never_the_same() {
        let folder = std::env::temp_dir().join(format!("rung-boot-seed-{}", std::process::id()));
        let (seed, pool) = (folder.join("lib/seed"), folder.join("pool"));
        save(Path::new("/dev/urandom"), &seed, true).unwrap();
        let first = fs::read(&seed).unwrap();
        assert_eq!((first.len(), seed.metadata().unwrap().permissions().mode() & 0o777), (LENGTH, 0o600));
        save(Path::new("/dev/urandom"), &seed, false).unwrap();
        assert_ne!(fs::read(&seed).unwrap(), first);
        fs::write(&pool, "").unwrap();
        load(&seed, &pool).unwrap();
        assert_eq!(fs::read(&pool).unwrap(), fs::read(&seed).unwrap());
        load(&folder.join("none"), &pool).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }
}
