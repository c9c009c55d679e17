//! `sysv switch` in images: Debian's with and without insserv, Red Hat's.
#![allow(clippy::unwrap_used, reason = "this is all test code")]

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const LSB: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: NAME\n# Required-Start: AFTER\n# Required-Stop: AFTER\n\
                   # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n### END INIT INFO\n";

struct Image(PathBuf);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Image {
    fn new(name: &str, scripts: &str) -> Self {
        let image = Self(std::env::temp_dir().join(format!("rung-switch-{name}-{}", std::process::id())));
        let base = scripts.trim_end_matches("init.d");
        "S0123456".chars().for_each(|l| fs::create_dir_all(image.0.join(format!("{base}rc{l}.d"))).unwrap());
        fs::create_dir_all(image.0.join(scripts)).unwrap();
        image
    }

    fn script(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn lsb(&self, name: &str, after: &str) {
        self.script(&format!("etc/init.d/{name}"), &LSB.replace("NAME", name).replace("AFTER", after));
    }

    /// `2S01web 3S01web …`, below the folder of the levels.
    fn links(&self, base: &str, name: &str) -> String {
        let of = |level: char| {
            let files = super::super::place::names(&self.0.join(format!("{base}rc{level}.d"))).into_iter();
            files.filter(|file| file.get(3..) == Some(name)).map(|file| format!("{level}{}", &file[..3])).collect()
        };
        "S0123456".chars().flat_map(|level| -> Vec<String> { of(level) }).collect::<Vec<_>>().join(" ")
    }

    fn switch(&self, line: &str) -> Result<Switched, String> {
        let root = self.0.to_str().unwrap().to_owned();
        let words = line.split_whitespace().map(str::to_owned);
        carry_out(&Wish::parse(&["--root".to_owned(), root].into_iter().chain(words).collect::<Vec<_>>())?)
    }
}

#[test]
fn debian_without_insserv() {
    let image = Image::new("plain", "etc/init.d");
    image.lsb("web", "");
    let links = || image.links("etc/", "web");
    let told = image.switch("--dry-run enable web").unwrap();
    assert_eq!((told.changes.len(), links().as_str()), (7, ""), "told and not done: {told:?}");
    assert!(told.changes.iter().all(|c| c.path.starts_with(image.0.to_str().unwrap())), "{told:?}");
    assert_eq!(image.switch("enable web").unwrap(), told);
    assert_eq!(links(), "0K01 1K01 2S01 3S01 4S01 5S01 6K01");
    assert!(image.switch("enable web.service").unwrap().changes.is_empty());
    let off = image.switch("--levels 24 disable web").unwrap();
    assert_eq!(links(), "0K01 1K01 2K01 3S01 4K01 5S01 6K01");
    assert_eq!((off.changes.len(), off.on.values().next().unwrap().as_str()), (2, "35"));
    image.switch("--levels S1 enable web").unwrap();
    assert_eq!(links(), "SS01 0K01 1S01 2K01 3S01 4K01 5S01 6K01");
    image.switch("disable web").unwrap();
    assert_eq!(links(), "SK01 0K01 1K01 2K01 3K01 4K01 5K01 6K01");
    for (line, why) in [
        ("--levels 26 enable web", "in level 6 those are stopped"),
        ("enable web wbe", "there is no script"),
        ("--levels 9 enable web", "`9` is no runlevel"),
        ("enable", "names, are needed"),
    ] {
        assert!(image.switch(line).unwrap_err().contains(why), "{line}: {:?}", image.switch(line));
    }
    assert_eq!(links(), "SK01 0K01 1K01 2K01 3K01 4K01 5K01 6K01", "nothing was done of what can't be done whole");
    // A script without a header is on only where it is told to be.
    image.script("etc/init.d/bare", "#!/bin/sh\n");
    assert!(image.switch("enable bare").unwrap_err().contains("initctl enable bare --levels 2345"));
    image.switch("--levels 3 enable bare").unwrap();
    assert_eq!(image.links("etc/", "bare"), "3S01");
    assert!(image.switch("disable lsb").is_err());
    // One that lies elsewhere: told as it will be.
    image.script("opt/far/far.init", &LSB.replace("NAME", "far").replace("AFTER", ""));
    symlink("/opt/far/far.init", image.0.join("etc/init.d/far")).unwrap();
    let told = image.switch("--dry-run enable far").unwrap();
    assert_eq!((told.changes.len(), image.links("etc/", "far").as_str()), (7, ""));
    assert_eq!(image.switch("enable far").unwrap(), told);
}

#[test]
fn debian_with_insserv() {
    let image = Image::new("insserv", "etc/init.d");
    image.script("sbin/insserv", "");
    fs::write(image.0.join("etc/insserv.conf"), "$all x\n").unwrap();
    image.lsb("db", "");
    image.lsb("web", "db");
    image.switch("--levels 235 enable web db").unwrap();
    assert_eq!(image.links("etc/", "db"), "0K02 1K02 2S01 3S01 4K02 5S01 6K02");
    assert_eq!(image.links("etc/", "web"), "0K01 1K01 2S02 3S02 4K01 5S02 6K01");
    // Links of Rung's own would hide the farm's: what they say counts, and they go.
    let own = image.0.join("etc/rung/levels/4");
    fs::create_dir_all(&own).unwrap();
    symlink("/run/rung/generated/scripts/web.service", own.join("web.service")).unwrap();
    let done = image.switch("--levels 5 enable web").unwrap();
    assert_eq!(image.links("etc/", "web"), "0K01 1K01 2K01 3K01 4S02 5S02 6K01");
    assert!(!own.join("web.service").is_symlink() && done.on.values().eq(["45"]), "{done:?}");
}

#[test]
fn red_hats() {
    let image = Image::new("redhat", "etc/rc.d/init.d");
    let script = "#!/bin/sh\n# chkconfig: 35 85 15\n# description: a test\n";
    image.script("etc/rc.d/init.d/web", script);
    image.script("etc/rc.d/init.d/bare", "#!/bin/sh\n");
    let links = || image.links("etc/rc.d/", "web");
    let told = image.switch("--dry-run --levels 2 enable web").unwrap();
    assert_eq!((links().as_str(), told.on.values().next().unwrap().as_str()), ("", "2"));
    image.switch("--levels 2 enable web").unwrap();
    assert_eq!(links(), "0K15 1K15 2S85 3K15 4K15 5K15 6K15");
    image.switch("enable web").unwrap();
    assert_eq!(links(), "0K15 1K15 2S85 3S85 4S85 5S85 6K15", "as `chkconfig web on`");
    image.switch("--levels 4 disable web").unwrap();
    image.switch("disable web").unwrap();
    assert_eq!(links(), "0K15 1K15 2K15 3K15 4K15 5K15 6K15");
    assert!(image.switch("enable bare").unwrap_err().contains("does not support chkconfig"));
    assert!(image.switch("--levels S enable web").unwrap_err().contains("level S"));
}
