//! `sysv generate`: see [`crate::generate`].

use super::err;
use crate::generate;
use init::client::run_dir;
use init::load::Root;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "NAME0 [--root DIR] [--out DIR]

Makes units of the init scripts and the inittab of this machine, or of the one below
--root. The manager runs it at boot and when one of these files has changed.

  scripts/NAME.service     of /etc/init.d/NAME (also /etc/rc.d/init.d)
  twins/NAME.service       the native one that stands in for the script;
  twins/decisions          which do, and why others don't
  inittab/inittab-ID.service, levels/L/, events/
                           of /etc/inittab and /etc/inittab.d/*.tab
  findings                 what is wrong: error or warning, file, line, text and
                           remedy, separated by tabs

Only what differs is written; what is no longer made is removed.

Options:
  --root DIR   the machine below DIR; links are followed as they would be there
  --out DIR    where to (default: /run/rung/generated; with --root, that below DIR)
  --help, --version

Exit status: 0 also with findings; 1 where DIR can't be written.";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let wish = match Wish::parse(args) {
        Ok(wish) => wish,
        Err(why) => {
            return err(name, &format!("{why}; see {name} --help"));
        }
    };
    match generate::run(&wish.root, &wish.out) {
        Ok(_) => 0,
        Err(why) => err(name, &why),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    root: Root,
    out: PathBuf,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self, String> {
        let (mut root, mut out) = (None, None);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (option, value) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let to = match option {
                "--root" => &mut root,
                "--out" => &mut out,
                _ => return Err(format!("unknown argument `{arg}`")),
            };
            let value = value.or_else(|| args.next().cloned()).filter(|value| !value.is_empty());
            *to = Some(PathBuf::from(value.ok_or_else(|| format!("{option} needs a folder"))?));
        }
        let root = root.filter(|path| path != Path::new("/")).map_or_else(Root::system, Root::image);
        let default = if root.is_image() { root.shown(Path::new("/run/rung")) } else { run_dir() };
        Ok(Self { out: out.unwrap_or_else(|| default.join("generated")), root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Wish, String> {
        Wish::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn folders_are_this_machines_or_an_images() {
        let image = |path: &str| Root::image(PathBuf::from(path));
        assert_eq!(parse("--root /mnt"), Ok(Wish { root: image("/mnt"), out: "/mnt/run/rung/generated".into() }));
        assert_eq!(parse("--root=/mnt --out /tmp/x"), Ok(Wish { root: image("/mnt"), out: "/tmp/x".into() }));
        assert_eq!(parse("--root / --out /x"), Ok(Wish { root: Root::system(), out: "/x".into() }));
        assert!(parse("").expect("defaults").out.ends_with("generated"));
        assert_eq!(parse("--out"), Err("--out needs a folder".to_owned()));
        assert_eq!(parse("here"), Err("unknown argument `here`".to_owned()));
    }
}
