//! What `update-rc.d enable` does for systemd: the links of `WantedBy=`, so that both agree whoever boots next.

use super::place::Place;
use std::fs;
use std::os::unix::fs::symlink;

/// Makes or removes the links of the systemd unit of a script's name.
///
/// # Errors
/// The link and why.
pub(super) fn switch(place: &Place, name: &str, on: bool) -> Result<(), String> {
    let folders = ["/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"];
    let paths = folders.map(|folder| format!("{folder}/{name}.service"));
    let Some(path) = paths.iter().find(|path| place.at(path).is_file()) else { return Ok(()) };
    let text = fs::read(place.at(path)).map_err(|_| format!("unable to read {path}"))?;
    for target in wanted_by(&String::from_utf8_lossy(&text)) {
        let folder = place.at(&format!("/etc/systemd/system/{target}.wants"));
        let link = folder.join(format!("{name}.service"));
        let why = |e: std::io::Error| format!("{}: {e}", link.display());
        if on && !link.is_symlink() {
            fs::create_dir_all(&folder).map_err(why)?;
            symlink(path, &link).map_err(why)?;
        } else if !on && link.is_symlink() {
            fs::remove_file(&link).map_err(why)?;
        }
    }
    Ok(())
}

/// The targets that are named; what would lead out of the folder is none.
fn wanted_by(text: &str) -> Vec<&str> {
    let values = text.lines().filter_map(|line| line.trim_start().strip_prefix("WantedBy="));
    values.flat_map(str::split_whitespace).filter(|target| !target.contains('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found() {
        assert_eq!(wanted_by("[Install]\nWantedBy=a.target b.target\n WantedBy=../x\n"), ["a.target", "b.target"]);
    }
}
