//! `diff [NAME…]`: what stands between a unit and the file its package brings.

use super::{Context, own};
use crate::exit::Failure;
use crate::own::{Change, Draft, KeyChange, Layer, drop_ins, effects, loader, places};
use crate::render::{clean, keys};
use crate::terminal::{Paint, Style};
use clap::Args as ClapArgs;
use init::load::Loader;
use init::unit::UnitName;
use serde::{Serialize, Serializer};
use similar::{ChangeTag, TextDiff};
use std::fs;
use std::path::{Path, PathBuf};

/// `diff`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Units.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// How a unit differs from what its package brings.
#[derive(Debug, Serialize)]
struct Difference {
    name: UnitName,
    /// The package's file; none: the unit is the administrator's own.
    packaged: Option<PathBuf>,
    /// The mask that counts.
    masked_by: Option<PathBuf>,
    /// A whole file that stands before the package's.
    replaced_by: Option<PathBuf>,
    drop_ins: Vec<PathBuf>,
    #[serde(serialize_with = "named")]
    keys: Vec<KeyChange>,
    /// The whole files, line by line (`-`, `+`, ` ` before each).
    #[serde(skip)]
    lines: Vec<(ChangeTag, String)>,
}

/// The units that have any.
#[derive(Debug, Serialize)]
struct Differences {
    units: Vec<Difference>,
}

/// Keys as this verb's contract names their values.
fn named<S: Serializer>(keys: &[KeyChange], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        key: &'a str,
        packaged: &'a [String],
        now: &'a [String],
        place: Option<&'a str>,
    }
    serializer.collect_seq(keys.iter().map(|k| Named {
        key: &k.key,
        packaged: &k.before,
        now: &k.after,
        place: k.place.as_deref(),
    }))
}

/// Shows the differences of these units, or of all that have any.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let loader = loader();
    let names = match args.names.as_slice() {
        [] => changed(&loader),
        names => names.iter().map(|n| own::known(c, &loader, n)).collect::<Result<_, _>>()?,
    };
    let all: Vec<Difference> = names.iter().map(|n| difference(&loader, n)).collect();
    for d in all.iter().filter(|d| !args.names.is_empty() && !d.is_any()) {
        c.out.message(&format!("{} is as it was brought", d.name));
    }
    if args.names.is_empty() && all.is_empty() {
        c.out.message("all units are as they were brought");
    }
    let shown: Vec<Difference> = all.into_iter().filter(Difference::is_any).collect();
    c.out.data(&Differences { units: shown }, |all, style| {
        all.units.iter().map(|d| text(d, style)).collect::<Vec<_>>().join("\n")
    })
}

/// Units that a mask, a file or a drop-in of the administrator's changes.
fn changed(loader: &Loader) -> Vec<UnitName> {
    let mut names = loader.names();
    names.extend(loader.templates());
    names.sort();
    names.dedup();
    let own = |p: &crate::own::Place| Layer::holds(&p.path);
    names.retain(|n| {
        let places = places(loader, n);
        let before = places.iter().any(own) && (places.len() > 1 || places.iter().any(|p| p.mask));
        before || !drop_ins(n).is_empty()
    });
    names
}

fn difference(loader: &Loader, name: &UnitName) -> Difference {
    let (own, packaged): (Vec<_>, Vec<_>) = places(loader, name).into_iter().partition(|p| Layer::holds(&p.path));
    let packaged = packaged.into_iter().find(|p| !p.mask).map(|p| p.path);
    let first = own.first();
    let masked_by = first.filter(|p| p.mask).map(|p| p.path.clone());
    let replaced_by = first.filter(|p| !p.mask && packaged.is_some()).map(|p| p.path.clone());
    let drop_ins = drop_ins(name);
    let gone = own.iter().map(|p| &p.path).filter(|_| packaged.is_some()).chain(&drop_ins);
    let changes = gone.map(|path| Change::Remove { path: path.clone(), empty: true }).collect();
    let before = Draft { changes }.look(crate::own::loader(), name);
    let now = loader.load(name);
    let keys = if masked_by.is_some() { Vec::new() } else { effects(&before, &now) };
    let lines = match (&packaged, &replaced_by) {
        (Some(old), Some(new)) => lines(old, new),
        _ => Vec::new(),
    };
    Difference { name: name.clone(), packaged, masked_by, replaced_by, drop_ins, keys, lines }
}

fn lines(old: &Path, new: &Path) -> Vec<(ChangeTag, String)> {
    let read = |path: &Path| fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let (old, new) = (read(old), read(new));
    let diff = TextDiff::from_lines(&old, &new);
    let lines = diff.iter_all_changes().map(|l| (l.tag(), l.value().trim_end().to_owned()));
    lines.collect()
}

impl Difference {
    fn is_any(&self) -> bool {
        self.masked_by.is_some() || self.replaced_by.is_some() || !self.drop_ins.is_empty()
    }
}

fn text(d: &Difference, style: &Style) -> String {
    let mut out = format!("{}\n", style.paint(Paint::Bold, d.name.as_str()));
    let mut line = |label: &str, path: &Path| out.push_str(&format!("  {label:<12}{}\n", path.display()));
    if let Some(path) = &d.packaged {
        line("brought by", path);
    }
    if let Some(path) = &d.masked_by {
        line("masked by", path);
    }
    if let Some(path) = &d.replaced_by {
        line("replaced by", path);
    }
    for path in &d.drop_ins {
        line("drop-in", path);
    }
    out.push_str(&keys::changed(&d.keys, style));
    if !d.lines.is_empty() {
        out.push_str("  line by line:\n");
    }
    for (tag, line) in &d.lines {
        let (sign, paint) = match tag {
            ChangeTag::Equal => (' ', Paint::Plain),
            ChangeTag::Delete => ('-', Paint::Bad),
            ChangeTag::Insert => ('+', Paint::Good),
        };
        out.push_str(format!("    {}", style.paint(paint, &clean(&format!("{sign} {line}")))).trim_end());
        out.push('\n');
    }
    out
}
