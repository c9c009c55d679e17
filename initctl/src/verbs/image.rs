//! `enable`, `disable` and `is-enabled` in the files of a root that nobody runs: an image's, or a chroot's.

use super::Context;
use super::verify::{Generated, generated};
use crate::cli::EnableArgs;
use crate::exit::Failure;
use init::client;
use init::levels::Farm;
use init::load::{self, Loader, Root, conf};
use init::proto::control::{Links, LoadState};
use init::switch::{Switch, Switched, notes, sysv_words};
use init::unit::UnitName;
use init::unit::conf::Compat;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of `--root DIR`.
pub fn root(folder: &Path) -> Result<Root, Failure> {
    fs::canonicalize(folder).map(Root::image).map_err(|e| {
        Failure::Other(format!("--root {}: {e}; name the folder that is `/` in the image", folder.display()))
    })
}

/// Its units and links.
pub struct Image {
    root: Root,
    made: Generated,
    loader: Loader,
    farm: Farm,
    rehearses: bool,
}

impl Image {
    /// Reads them.
    pub fn open(c: &Context, folder: &Path) -> Result<Self, Failure> {
        let root = root(folder)?;
        let made = Generated::of(&root);
        for finding in &made.findings {
            if finding.path == root.shown(Path::new("/")) {
                c.out.message(&finding.to_string());
            }
        }
        let (settings, _) = conf::read(&root);
        let facts = load::conf::facts(&client::run_dir(), &settings);
        let folders: Vec<_> = made.folders(&root).collect();
        let levels = load::generated(&client::run_dir()).join("levels");
        let at = |path: &Path| root.place(&root.shown(path));
        let farm = Farm::new(at(Path::new("/etc/rung/levels")), at(Path::new("/etc")));
        let mut farm = farm.with_generated(made.place(&root, levels));
        farm.exact = settings.compat == Compat::Exact;
        if c.out.global.dry_run {
            farm = farm.rehearsal();
        }
        let mut loader = Loader::of(root.clone(), folders, facts).recalling_choices();
        loader.scan();
        Ok(Self { root, made, loader, farm, rehearses: c.out.global.dry_run })
    }

    /// `enable` (`on`) and `disable`: the links that were changed.
    pub fn switch(&self, args: &EnableArgs, on: bool) -> Result<Links, Failure> {
        let top = self.root.shown(Path::new("/"));
        let place = |file: PathBuf| match file.strip_prefix(&top) {
            Ok(inside) => Path::new("/").join(inside),
            Err(_) => self.made.origin(&file),
        };
        let by = |farm| Switch { loader: &self.loader, farm, place: &place };
        let (real, trial) = (by(&self.farm), self.farm.rehearsal());
        let names = args.names.iter().map(|name| self.unit(&real.default_instance(name)));
        let (scripts, units) = real.scripts(real.along(names.collect::<Result<Vec<UnitName>, _>>()?), on);
        let change = |by: &Switch<'_>| if on { by.on(&units, args.levels) } else { by.off(&units, args.levels) };
        let mut switched = Links::default();
        if !scripts.is_empty() {
            // Whether the others can be switched is known before the first link of a script is changed.
            change(&by(&trial)).map_err(Failure::Other)?;
            switched = self.switch_scripts(&scripts, args, on).map_err(Failure::Other)?;
        }
        let mut changes = change(&real).map_err(Failure::Other)?;
        changes.extend(switched.changes);
        Ok(Links { changes, notes: switched.notes })
    }

    /// By the program that the manager has do it.
    fn switch_scripts(&self, names: &[UnitName], args: &EnableArgs, on: bool) -> Result<Links, String> {
        let program = generated::sysv()?;
        let words = sysv_words(names, args.levels, on, self.rehearses);
        let mut command = Command::new(&program);
        command.args(words).arg("--root").arg(self.root.shown(Path::new("/"))).stdin(Stdio::null());
        let done = command.output().map_err(|e| format!("{}: {e}", program.display()))?;
        let said = String::from_utf8_lossy(&done.stdout);
        let switched = said.lines().next_back().and_then(|line| serde_json::from_str::<Switched>(line).ok());
        let errors = String::from_utf8_lossy(&done.stderr);
        match switched.filter(|_| done.status.success()) {
            Some(switched) => Ok(Links { changes: switched.changes, notes: notes(&errors) }),
            None => Err(errors.trim().to_owned()),
        }
    }

    /// The unit of a name that was given.
    fn unit(&self, text: &str) -> Result<UnitName, Failure> {
        let name = UnitName::new(text).map_err(Failure::Other)?;
        let own = self.loader.canonical(name.clone());
        if own.is_template() {
            let text = format!("{own} is a template: name an instance, such as {}@NAME", own.prefix());
            return Err(Failure::Other(text));
        }
        if self.loader.exists(&own) {
            return Ok(own);
        }
        let near = init::unit::nearest_units(&name, self.loader.all_names());
        let near = if near.is_empty() { String::new() } else { format!("\n  did you mean {}?", near.join(" or ")) };
        let top = self.root.shown(Path::new("/"));
        Err(Failure::Other(format!("there is no unit named {name} in {}{near}", top.display())))
    }

    /// Whether a name's unit can be used, and whether it is on in any level or gathered by a unit; `None`: there is none.
    pub fn state(&self, text: &str) -> Option<(LoadState, bool)> {
        let name = self.loader.canonical(UnitName::new(text).ok()?);
        if !self.loader.exists(&name) {
            return None;
        }
        let masked = matches!(self.loader.load(&name).definition, init::core::Definition::Masked(_));
        let marks = self.farm.read(|name| self.loader.canonical(name));
        let on = marks.iter().any(|mark| mark.name == name && !mark.on.is_empty());
        let load = if masked { LoadState::Masked } else { LoadState::Loaded };
        Some((load, on || !self.loader.holders(&name).is_empty()))
    }
}
