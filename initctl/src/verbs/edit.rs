//! `edit NAME`: a drop-in (or a whole unit file) in an editor, checked before it counts.

use super::{Context, own};
use crate::exit::{FAILED, Failure};
use crate::own::{Change, Draft, Layer, failure, loader};
use clap::Args as ClapArgs;
use init::load::Loader;
use init::unit::UnitName;
use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The drop-in's name; systemctl's too.
const FILE: &str = "override.conf";
/// Below this line stands what is only there to look at.
const MARK: &str = "### From this line on nothing counts: the unit's files as they are now. ###";
/// More than a unit file may hold.
const MOST: u64 = 1 << 20;

/// `edit`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The unit.
    pub name: String,
    /// Edit a copy of the whole file, which then stands before the package's.
    #[arg(long)]
    pub full: bool,
    /// Take the text from standard input, not from an editor.
    #[arg(long)]
    pub stdin: bool,
    /// Only until the machine ends.
    #[arg(long)]
    pub runtime: bool,
}

impl Args {
    /// The same with a text that is there already.
    fn by_hand(&self, name: &UnitName) -> String {
        let flags = [(self.full, " --full"), (self.runtime, " --runtime")];
        let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag).collect();
        format!("initctl edit{flags} --stdin {}", name.short())
    }
}

/// Edits a unit.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let loader = loader();
    let name = own::known(c, &loader, &args.name)?;
    let layer = Layer::of(args.runtime);
    let path = if args.full { layer.file(&name) } else { layer.drop_in(&name, FILE) };
    if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
        let text =
            format!("{} is a link\n  try: initctl unmask {}, or edit what it leads to", path.display(), name.short());
        return Err(Failure::Other(text));
    }
    let before = Draft::amend(path.clone(), str::to_owned)?;
    let before = before.changes.into_iter().find_map(|change| match change {
        Change::Write { before, .. } => before,
        _ => None,
    });
    let made = if args.stdin {
        from_stdin(c, &name, path, before)?
    } else {
        let desk = Desk::new(&path)?;
        let start = match &before {
            Some(text) => text.clone(),
            None if args.full => whole(&loader, &name)?,
            None => String::new(),
        };
        let look = if args.full { String::new() } else { shown(&loader, &name, &path) };
        desk.put(&format!("{start}{look}"))?;
        edit(c, &name, path, before, &start, desk, &args.by_hand(&name))?
    };
    if made {
        own::tell_running(c, &name);
    }
    Ok(())
}

fn from_stdin(c: &Context, name: &UnitName, path: PathBuf, before: Option<String>) -> Result<bool, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|e| Failure::Other(format!("cannot read standard input: {e}")))?;
    if is_void(&text) {
        return Err(Failure::Other(
            "standard input sets no key: nothing was changed\n  try: lines such as [Service] and Restart=always"
                .to_owned(),
        ));
    }
    own::take(c, name, &Draft::one(Change::Write { path, text, before }), c.out.global.dry_run)?;
    Ok(true)
}

/// Has the text edited until it is good, or given up.
fn edit(
    c: &Context,
    name: &UnitName,
    path: PathBuf,
    before: Option<String>,
    start: &str,
    desk: Desk,
    again_by: &str,
) -> Result<bool, Failure> {
    loop {
        let status = desk.edit()?;
        let text = desk.take()?;
        let same = text.trim_end() == start.trim_end();
        if !status.success() {
            c.out.message(&format!(
                "the editor has failed ({status}): nothing was changed\n  try: EDITOR=nano {}",
                again_by.replace(" --stdin", "")
            ));
            if !same {
                c.out.message(&format!("your text is kept in {}", desk.keep().display()));
            }
            return Err(Failure::Status(FAILED));
        }
        if same && before.is_some() || is_void(&text) && before.is_none() {
            own::nothing(c, "nothing was changed")?;
            return Ok(false);
        }
        if is_void(&text) {
            let why = format!("the text sets no key: nothing was changed\n  try: initctl revert {}", name.short());
            own::nothing(c, &why)?;
            return Ok(false);
        }
        let draft = Draft::one(Change::Write { path: path.clone(), text, before: before.clone() });
        match own::take(c, name, &draft, c.out.global.dry_run) {
            Ok(()) if c.out.global.dry_run => {
                let (text, file) = ("nothing was changed; your text is kept in", desk.keep());
                c.out.message(&format!("{text} {0}\n  try: {again_by} <{0}", file.display()));
                return Ok(true);
            }
            Ok(()) => return Ok(true),
            Err(_) if again() => {}
            Err(failure) => {
                c.out.message(&format!("your text is kept in {}", desk.keep().display()));
                return Err(failure);
            }
        }
    }
}

/// Asks whether to go on; nobody there means no.
fn again() -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "Edit it again? [Y/n] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut answer);
    asked.is_ok() && read.is_ok_and(|n| n > 0) && !answer.trim_start().starts_with(['n', 'N'])
}

/// A folder of our own that the editor works in; it goes when dropped, unless it is kept.
struct Desk {
    folder: PathBuf,
    file: PathBuf,
}

impl Desk {
    /// The file bears the target's name, which editors know the language by.
    fn new(target: &Path) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("initctl-edit-{:x}", init::client::request_id()));
        DirBuilder::new().mode(0o700).create(&folder).map_err(|e| failure("make", &folder, &e))?;
        let file = folder.join(target.file_name().unwrap_or_default());
        Ok(Self { folder, file })
    }

    fn put(&self, text: &str) -> Result<(), Failure> {
        fs::write(&self.file, text).map_err(|e| failure("write", &self.file, &e))
    }

    /// What counts of the text.
    fn take(&self) -> Result<String, Failure> {
        let bytes = fs::read(&self.file).map_err(|e| failure("read", &self.file, &e))?;
        let text = String::from_utf8_lossy(&bytes);
        let counts: Vec<&str> = text.lines().take_while(|l| l.trim_end() != MARK).collect();
        let text = counts.join("\n").trim_end().to_owned();
        Ok(if text.is_empty() { text } else { text + "\n" })
    }

    /// Runs the editor; a shell takes its arguments apart, as everywhere.
    fn edit(&self) -> Result<ExitStatus, Failure> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR"));
        if editor.is_none() && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            let text = "standard input and output are no terminal, which an editor needs: nothing was changed";
            return Err(Failure::Other(format!(
                "{text}\n  try: initctl edit --stdin NAME, or initctl set NAME KEY=VALUE"
            )));
        }
        let fallback = "for e in editor nano vi; do command -v $e >/dev/null && exec $e \"$@\"; done; \
                        echo 'initctl: no editor: set EDITOR' >&2; exit 127";
        let script = editor.map_or(fallback.to_owned(), |e| format!("{e} \"$@\""));
        let run = Command::new("/bin/sh").arg("-c").arg(script).arg("sh").arg(&self.file).status();
        run.map_err(|e| Failure::Other(format!("cannot run an editor: {e}")))
    }

    /// Leaves the file where it is.
    fn keep(mut self) -> PathBuf {
        self.folder = PathBuf::new();
        self.file.clone()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            // An editor may have left its own files there.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Whether a text sets no key.
fn is_void(text: &str) -> bool {
    !text.lines().map(str::trim).any(|l| !l.is_empty() && !l.starts_with(['#', ';', '[']))
}

/// The file that counts now.
fn whole(loader: &Loader, name: &UnitName) -> Result<String, Failure> {
    let path = loader.file(name).ok_or_else(|| {
        Failure::Other(format!("{name} has no file to copy\n  try: initctl edit {}, without --full", name.short()))
    })?;
    let bytes = fs::read(&path).map_err(|e| failure("read", &path, &e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The unit's other files, as comments.
fn shown(loader: &Loader, name: &UnitName, edited: &Path) -> String {
    let mut out = format!("\n\n{MARK}\n");
    for path in loader.files(name).iter().filter(|p| *p != edited) {
        let Ok(bytes) = fs::read(path) else { continue };
        out.push_str(&format!("#\n# {}:\n", path.display()));
        for line in String::from_utf8_lossy(&bytes).lines() {
            out.push_str(format!("# {line}").trim_end());
            out.push('\n');
        }
    }
    out
}
