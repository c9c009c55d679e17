//! Man pages, made from what the programs themselves are made from: the command line's declaration, the tables of keys,
//! the usage texts.

mod initctl;
mod keys;
mod programs;

use crate::exit::Failure;
use crate::output::Output;
use crate::own::failure;
use clap::Args as ClapArgs;
use roff::{Inline, Roff, bold, italic, roman};
use std::fs;
use std::path::PathBuf;

/// `man`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The page: init, initctl, init.conf, rung.unit, init-manager, init-log.
    #[arg(required_unless_present = "write", conflicts_with = "write", value_name = "PAGE")]
    pub page: Option<String>,
    /// Write all of them under this folder, each in its section's (`man8/init.8`, …).
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
}

/// A page: its name, section, and what makes its text.
type Page = (&'static str, u8, fn() -> String);

/// The pages' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(name, ..)| *name)
}

const PAGES: [Page; 6] = [
    ("initctl", 1, initctl::page),
    ("init.conf", 5, keys::conf),
    ("rung.unit", 5, keys::unit),
    ("init", 8, programs::init),
    ("init-manager", 8, programs::manager),
    ("init-log", 8, programs::logger),
];

/// Prints a page, or writes all.
pub fn run(out: &Output, args: &Args) -> Result<(), Failure> {
    if let Some(folder) = &args.write {
        for (name, section, page) in PAGES {
            let path = folder.join(format!("man{section}/{name}.{section}"));
            let written = fs::create_dir_all(path.parent().unwrap_or(folder)).and_then(|()| fs::write(&path, page()));
            written.map_err(|e| failure("write", &path, &e))?;
        }
        return Ok(());
    }
    let wanted = args.page.as_deref().unwrap_or_default();
    let Some((_, _, page)) =
        PAGES.iter().find(|(name, section, _)| wanted == *name || wanted == format!("{name}.{section}"))
    else {
        let all: Vec<&str> = names().collect();
        return Err(Failure::Other(format!("there is no page `{wanted}`: there are {}", all.join(", "))));
    };
    out.whole(page())
}

/// A page being written.
struct Text(Roff);

impl Text {
    /// With its head and its name line.
    fn new(name: &str, section: u8, about: &str) -> Self {
        let mut roff = Roff::new();
        let version = format!("Rung {}", env!("CARGO_PKG_VERSION"));
        roff.control("TH", [name.to_uppercase().as_str(), &section.to_string(), "", version.as_str(), ""]);
        let mut text = Self(roff);
        text.section("NAME");
        text.0.text([roman(format!("{name} - {about}"))]);
        text
    }

    fn section(&mut self, title: &str) {
        self.0.control("SH", [title]);
    }

    fn sub(&mut self, title: &str) {
        self.0.control("SS", [title]);
    }

    /// Paragraphs; an empty line parts them. What stands between backquotes is bold, lines that begin with two spaces stay
    /// as they are.
    fn prose(&mut self, text: &str) {
        let (mut words, mut example, mut first) = (String::new(), false, true);
        for line in text.lines().chain([""]) {
            let verbatim = line.starts_with("  ");
            if (line.is_empty() || verbatim) && !words.is_empty() {
                self.paragraph(&std::mem::take(&mut words), first);
                first = false;
            }
            if verbatim != example {
                let requests: &[(&str, &[&str])] =
                    if verbatim { &[("PP", &[]), ("RS", &["4"]), ("nf", &[])] } else { &[("fi", &[]), ("RE", &[])] };
                for (request, args) in requests {
                    self.0.control(*request, args.iter().copied());
                }
                example = verbatim;
            }
            if verbatim {
                self.0.text([roman(line.trim_start())]);
            } else {
                if !words.is_empty() && !line.is_empty() {
                    words.push(' ');
                }
                words.push_str(line.trim());
            }
        }
        if example {
            self.0.control("fi", []).control("RE", []);
        }
    }

    fn paragraph(&mut self, words: &str, first: bool) {
        if !first {
            self.0.control("PP", []);
        }
        self.0.text(marked(words));
    }

    /// A term and what it means.
    fn item(&mut self, term: Vec<Inline>, meaning: &str) {
        self.0.control("TP", []).text(term).text(marked(meaning));
    }

    fn finish(mut self, also: &str) -> String {
        self.section("SEE ALSO");
        self.0.text([roman(also)]);
        // Terminals without the glyph have none for it either.
        self.0.render().replace('…', "...")
    }
}

/// Words, those between backquotes bold.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(i, part)| if i % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

fn term(text: &str) -> Vec<Inline> {
    vec![bold(text)]
}

fn key(name: &str, value: &str) -> Vec<Inline> {
    vec![bold(format!("{name}=")), italic(value)]
}
