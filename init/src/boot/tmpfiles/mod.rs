//! What should be in `/run`, `/tmp` and `/var`, by tmpfiles.d(5). First goes what is to go, then comes what is to be, a
//! folder before what it holds, patterns last.

mod apply;
pub(super) mod deep;
mod line;
pub(super) mod place;
mod specifier;

use super::{Job, Outcome, conf, say};
use crate::sys::file;
use crate::unit::accounts::Accounts;
use apply::{Failure, Workshop};
use line::{Kind, Line, Read};
use nix::errno::Errno;
use place::{Fault, Tree};
use specifier::Facts;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const JOB: Job = Job {
    name: "tmpfiles",
    arguments: "[--boot | --remove] [--root DIR] [FILE…]",
    what: "makes what tmpfiles.d says should be there",
    help: "Does the lines of /{etc,run,usr/lib}/tmpfiles.d/*.conf and, before the ones in /usr/lib, of\n/usr/lib/rung/tmpfiles.conf, which 00rung.conf in one of these folders stands in for; or of the FILEs alone.\n\n--boot      also removes what is to be removed, and does the lines for booting only (`!`)\n--remove    only removes\n--root DIR  does it in this root directory\n\nOf a path the first line counts. Nothing ages; attributes and access lists aren't set. A line that fails is said; it\nfails the job only where it is Rung's own, or FILEs are given.",
    run,
};
const FOLDERS: &[&str] = &["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/lib/tmpfiles.d"];
const OWN: &str = "/usr/lib/rung/tmpfiles.conf";
/// The name by which others can stand in for it.
const OWN_NAME: &str = "00rung.conf";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Options {
    boot: bool,
    remove: bool,
    root: Option<PathBuf>,
    files: Vec<PathBuf>,
}

/// A line, where it stands, and whether its failure is the job's.
struct Item {
    line: Line,
    place: String,
    counts: bool,
}

fn run(arguments: &[String]) -> Outcome {
    let Some(options) = options(arguments) else { return Outcome::Usage };
    let root = options.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let tree = match Tree::open(&root) {
        Ok(tree) => tree,
        Err(e) => {
            say(&format!("{}: can't be opened: {}", root.display(), e.desc()));
            return Outcome::Failed;
        }
    };
    let text = |path: &str| file::read_text(&conf::below(&root, path), 1 << 24).unwrap_or_default();
    let protected = file::read(Path::new("/proc/sys/fs/protected_hardlinks"), 16);
    let workshop = Workshop {
        tree,
        accounts: Accounts::parse(&text("/etc/passwd"), &text("/etc/group")),
        free_hard_links: protected.is_ok_and(|text| text.starts_with(b"0")),
    };
    // Modes are meant as they are written.
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let (items, fine) = read(&options, &root);
    Outcome::done_if(work(&workshop, &items, &options) && fine)
}

fn options(arguments: &[String]) -> Option<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--boot" => options.boot = true,
            "--remove" => options.remove = true,
            "--create" => options.remove = false,
            "--root" => options.root = Some(PathBuf::from(rest.next()?)),
            other => match (other.strip_prefix("--root="), other.starts_with('-')) {
                (Some(root), _) => options.root = Some(PathBuf::from(root)),
                (None, true) => return None,
                (None, false) => options.files.push(PathBuf::from(other)),
            },
        }
    }
    Some(options)
}

/// The lines that count, in the order of files and lines, and whether those that must be right are.
fn read(options: &Options, root: &Path) -> (Vec<Item>, bool) {
    let facts = Facts::gather(root);
    let own = conf::below(root, OWN);
    let mut files = options.files.clone();
    if files.is_empty() {
        files = conf::files(root, FOLDERS);
        if !files.iter().any(|path| path.ends_with(OWN_NAME)) {
            // The administrator's come first, then ours, then the packages'.
            let (packages, mut first): (Vec<_>, Vec<_>) =
                files.into_iter().partition(|path| path.starts_with(conf::below(root, "/usr")));
            first.push(own.clone());
            files = first.into_iter().chain(packages).collect();
        }
    }
    let (mut items, mut fine) = (Vec::new(), true);
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for path in &files {
        let counts = *path == own || !options.files.is_empty();
        let Some(text) = conf::text(path) else {
            if !options.files.is_empty() && !path.exists() {
                say(&format!("{}: there is no such file", path.display()));
                fine = false;
            }
            continue;
        };
        // A `;` begins no comment here, but no type either.
        for (number, text) in conf::lines(&text) {
            let place = format!("{}:{number}", path.display());
            match line::read(text, &facts) {
                Read::Line(line) if line.boot_only && !options.boot => {}
                Read::Line(line) => {
                    let is_taken = line.kind.is_exclusive() && taken.contains_key(&line.path);
                    if line.kind.is_exclusive() && !is_taken {
                        taken.insert(line.path.clone(), place.clone());
                    }
                    if !is_taken {
                        items.push(Item { line: *line, place, counts });
                    }
                }
                Read::Skip => {}
                Read::Wrong(why) => {
                    say(&format!("{place}: {why}; the line is passed over"));
                    fine &= !counts;
                }
            }
        }
    }
    (items, fine)
}

/// Whether all that counts is well.
fn work(workshop: &Workshop, items: &[Item], options: &Options) -> bool {
    let mut fine = true;
    let mut each = |item: &Item, result: Result<(), Failure>| {
        if let Err(failure) = result {
            // On a root that can't be written nothing can be done about it.
            let read_only = matches!(failure, Failure::At(_, Fault::System(Errno::EROFS)));
            say(&format!("{}: {failure}", item.place));
            fine &= item.line.optional || !item.counts || read_only;
        }
    };
    if options.boot || options.remove {
        // What a folder holds goes before it.
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.sort_by(|a, b| b.line.path.cmp(&a.line.path));
        for item in sorted {
            each(item, workshop.remove(&item.line));
        }
    }
    if !options.remove || options.boot {
        let mut sorted: Vec<&Item> = items.iter().collect();
        // Patterns stay in the order they are written.
        sorted.sort_by(|a, b| match (a.line.kind.takes_pattern(), b.line.kind.takes_pattern()) {
            (false, false) => parts(a).cmp(parts(b)),
            (a, b) => a.cmp(&b),
        });
        let mut passed = 0_usize;
        for item in sorted {
            if item.line.kind == (Kind::Pass { silent: false }) {
                passed = passed.saturating_add(1);
            }
            each(item, workshop.create(&item.line));
        }
        if passed > 0 {
            say(&format!("{passed} lines about attributes or access lists are passed over: Rung doesn't set those"));
        }
    }
    fine
}

/// In this order a folder stands right before what it holds.
fn parts(item: &Item) -> std::str::Split<'_, char> {
    item.line.path.split('/')
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
