//! `new NAME -- CMD…`: a unit file from a command line.

use super::{Context, change, levels, own};
use crate::cli::EnableArgs;
use crate::exit::Failure;
use crate::own::{Draft, Layer, loader, places};
use clap::Args as ClapArgs;
use init::core::Verb;
use init::unit::name::Kind;
use init::unit::words::quote;
use init::unit::{LevelSet, UnitName};
use std::env;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// `new`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The unit's name.
    pub name: String,
    /// The command: it stays in the foreground (but with --type forking).
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
    /// What it is, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Run as this user.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Run as this group.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Run in this folder.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// NAME=VALUE for its environment; may be repeated.
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// When a start counts as done (Type=).
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// When to start it again by itself (Restart=); for --type oneshot: no.
    #[arg(long, value_name = "WHEN")]
    pub restart: Option<String>,
    /// The levels that `enable` turns it on in.
    #[arg(long, visible_alias = "levels", value_parser = crate::cli::levels, value_name = "LEVELS", default_value = "2345")]
    pub level: LevelSet,
    /// Turn it on in these levels.
    #[arg(long)]
    pub enable: bool,
    /// Start it.
    #[arg(long)]
    pub now: bool,
    /// Only until the machine ends.
    #[arg(long)]
    pub runtime: bool,
}

/// Writes a unit.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let name = UnitName::new(&args.name).map_err(Failure::Other)?;
    if name.kind() != Kind::Service {
        return Err(Failure::Other(format!(
            "{name} is no service, which alone runs a command\n  try: a name that ends in .service, or without an ending"
        )));
    }
    if let Some(there) = places(&loader(), &name).first() {
        let path = there.path.display();
        let text = format!("there is a unit {name} already: {path}\n  try: initctl edit {}", name.short());
        return Err(Failure::Other(text));
    }
    let here = env::current_dir().ok();
    let search =
        env::var("PATH").unwrap_or_else(|_| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    let program = args.command.first().map_or("", String::as_str);
    let program = program_path(program, &search, here.as_deref()).map_err(Failure::Other)?;
    let draft =
        Draft::write(Layer::of(args.runtime).file(&name), text(&name, &program, args).map_err(Failure::Other)?)?;
    own::take(c, &name, &draft, c.out.global.dry_run)?;
    if c.out.global.dry_run {
        return Ok(());
    }
    let names = vec![name.as_str().to_owned()];
    if args.enable {
        levels::enable(c, &EnableArgs { names: names.clone(), levels: None, now: false, root: None }, true)?;
    }
    if args.now {
        return change::units(c, Verb::Start, "start", &names);
    }
    if !args.enable {
        c.out.message(&format!("next: initctl start {0}, initctl enable {0}", name.short()));
    }
    Ok(())
}

/// The program's full path: a unit is read far from this directory and this PATH.
fn program_path(program: &str, search: &str, here: Option<&Path>) -> Result<PathBuf, String> {
    let runs = |p: &Path| p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        let path = here.map_or(PathBuf::from(program), |h| h.join(program));
        let path: PathBuf = if path.components().any(|c| c == std::path::Component::ParentDir) {
            path.canonicalize().unwrap_or(path)
        } else {
            path.components().collect()
        };
        return if runs(&path) {
            Ok(path)
        } else {
            Err(format!("{} is not there, or can't be executed", path.display()))
        };
    }
    let mut found = search.split(':').filter(|d| d.starts_with('/')).map(|d| Path::new(d).join(program));
    found.find(|p| runs(p)).ok_or_else(|| format!("there is no program `{program}` in PATH\n  try: its full path"))
}

/// The unit's text. Pure.
fn text(name: &UnitName, program: &Path, args: &Args) -> Result<String, String> {
    let program = program.to_str().ok_or("the program's path is no UTF-8")?;
    let mut words = vec![command_word(program)];
    words.extend(args.command.iter().skip(1).map(|w| command_word(w)));
    let oneshot = args.kind.as_deref() == Some("oneshot");
    let restart = args.restart.as_deref().unwrap_or(if oneshot { "no" } else { "on-failure" });
    let line = |text: &str| text.replace('%', "%%").replace(['\n', '\r'], " ");
    let mut out = String::new();
    let description = args.description.as_deref().unwrap_or(name.short());
    // Writing to a string can't fail.
    let _ = write!(out, "[Unit]\nDescription={}\n\n[Service]\n", line(description));
    let mut key = |name: &str, value: &str| {
        let _ = writeln!(out, "{name}={value}");
    };
    if let Some(kind) = &args.kind {
        key("Type", &line(kind));
    }
    key("ExecStart", &words.join(" "));
    key("Restart", &line(restart));
    for (name, value) in [("User", &args.user), ("Group", &args.group)] {
        if let Some(value) = value {
            key(name, &line(value));
        }
    }
    if let Some(dir) = &args.directory {
        key("WorkingDirectory", &line(dir.to_str().ok_or("the folder's path is no UTF-8")?));
    }
    for assignment in &args.env {
        if !assignment.contains('=') {
            return Err(format!("--env {assignment}: NAME=VALUE is wanted"));
        }
        key("Environment", &quote(assignment));
    }
    let _ = write!(out, "\n[Install]\nRunlevels={}\n", args.level);
    Ok(out)
}

/// A word of the command line as `ExecStart=` holds it: what the shell has made of it stays as it is.
fn command_word(word: &str) -> String {
    quote(&word.replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use init::unit::{ExecKind, Facts, Source, SourceFile, parse};
    use proptest::prelude::*;

    fn args(command: Vec<String>) -> Args {
        Args {
            name: "x".into(),
            command,
            description: None,
            user: None,
            group: None,
            directory: None,
            env: Vec::new(),
            kind: None,
            restart: None,
            level: LevelSet::parse("2345").expect("levels"),
            enable: false,
            now: false,
            runtime: false,
        }
    }

    fn read(text: String) -> init::unit::Parsed {
        let name = UnitName::new("x").expect("name");
        let file = SourceFile { path: "/x.service".into(), text };
        parse(&name, Source::Native, &file, &[], &Facts::default())
    }

    #[test]
    fn the_unit_is_readable() {
        let mut a = args(["srv", "-p", "80", "a b"].map(str::to_owned).to_vec());
        (a.user, a.env) = (Some("www".into()), vec!["A=b c".into()]);
        assert_eq!(
            text(&UnitName::new("x").expect("name"), Path::new("/bin/srv"), &a).expect("text"),
            "[Unit]\nDescription=x\n\n[Service]\nExecStart=/bin/srv -p 80 \"a b\"\nRestart=on-failure\nUser=www\n\
             Environment=\"A=b c\"\n\n[Install]\nRunlevels=2345\n"
        );
        a.env = vec!["A".into()];
        assert!(text(&UnitName::new("x").expect("name"), Path::new("/bin/srv"), &a).is_err());
    }

    #[test]
    fn programs_are_found() {
        assert_eq!(program_path("sh", "bin:/nowhere:/bin", None).expect("sh"), Path::new("/bin/sh"));
        assert_eq!(program_path("./sh", "", Some("/bin".as_ref())).expect("sh"), Path::new("/bin/sh"));
        assert!(program_path("sh", "", None).is_err() && program_path("/bin", "", None).is_err());
    }

    proptest! {
        #[test]
        fn words_come_out_as_they_went_in(words in proptest::collection::vec("[ -~\\t\\n\u{e4}]{0,12}", 0..4)) {
            let command: Vec<String> = std::iter::once("srv".to_owned()).chain(words).collect();
            let a = args(command.clone());
            let parsed = read(text(&UnitName::new("x").expect("name"), Path::new("/bin/srv"), &a).expect("text"));
            prop_assert!(!parsed.is_bad(), "{:?}", parsed.findings);
            let run = parsed.unit.service.commands(ExecKind::Start).next().expect("a command");
            let run = init::unit::variables::put_in(&run.words.to_vec(), &|_| None).0;
            prop_assert_eq!(&run[1..], &command[1..]);
        }
    }
}
