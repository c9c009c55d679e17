//! One value on its way from text to field, and the shape of a table of keys.

use super::specifier::{self, Facts};
use super::text::Logical;
use super::words::{self, Word};
use super::{Place, Severity, UnitName};
use std::cell::RefCell;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

/// What is wrong with a value, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Bad {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<String> for Bad {
    fn from(message: String) -> Self {
        Self::new(0, message)
    }
}

/// What a value may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub name: &'a UnitName,
    pub fragment: &'a Path,
    pub facts: &'a Facts,
}

/// One value as it stands in a file.
#[derive(Debug)]
pub struct Value<'a> {
    /// The text after `=`, trimmed.
    pub(super) text: &'a str,
    pub(super) scope: Scope<'a>,
    pub(super) line: &'a Logical,
    /// Where `text` begins in the line.
    pub(super) offset: usize,
    pub(super) file: u16,
    /// What is to be said though the value can be used.
    pub(super) remarks: RefCell<Vec<(Severity, Bad)>>,
}

impl Value<'_> {
    pub(super) fn place(&self, at: usize) -> Place {
        Place { file: self.file, line: self.line.locate(self.offset + at).0 }
    }

    pub(super) fn remark(&self, severity: Severity, bad: Bad) {
        self.remarks.borrow_mut().push((severity, bad));
    }

    /// Sets a field that holds one value; an empty one sets it back to its default.
    pub(super) fn one<F: Clone>(
        &self,
        field: &mut F,
        default: &F,
        read: impl Fn(&Self) -> Result<F, Bad>,
    ) -> Result<(), Bad> {
        *field = if self.text.is_empty() { default.clone() } else { read(self)? };
        Ok(())
    }

    /// Appends to a list; an empty value empties it.
    pub(super) fn list<F>(&self, field: &mut Vec<F>, read: impl Fn(&Self) -> Result<Vec<F>, Bad>) -> Result<(), Bad> {
        if self.text.is_empty() {
            field.clear();
        } else {
            field.extend(read(self)?);
        }
        Ok(())
    }

    /// The words, unquoted, with specifiers put in.
    pub(super) fn words(&self) -> Result<Vec<Word>, Bad> {
        let mut odd = Vec::new();
        let split = words::split(self.text, &mut odd);
        for (at, message) in odd {
            self.remark(Severity::Warning, Bad::new(at, message).hint("write `\\\\` for a backslash"));
        }
        let mut list = split.map_err(|(at, message)| Bad::new(at, message))?;
        for word in &mut list {
            let mut odd = Vec::new();
            // An offset is one in the unquoted word; in the text it lies at the same specifier or after it.
            let place = |at: usize| {
                let wrong: String = word.text.get(at..).unwrap_or("").chars().take(2).collect();
                let near = word.at + at;
                near + self.text.get(near..).and_then(|rest| rest.find(&wrong)).unwrap_or(0)
            };
            let filled = self.fill(&word.text, &mut odd);
            for (at, message) in odd {
                self.stray(place(at), message);
            }
            word.text = filled.map_err(|(at, message)| Bad::new(place(at), message))?;
        }
        Ok(list)
    }

    /// Specifiers put in; `at`: where `text` stands.
    pub(super) fn expand(&self, at: usize, text: &str) -> Result<String, Bad> {
        let mut odd = Vec::new();
        let filled = self.fill(text, &mut odd);
        for (more, message) in odd {
            self.stray(at + more, message);
        }
        filled.map_err(|(more, message)| Bad::new(at + more, message))
    }

    fn fill(&self, text: &str, odd: &mut Vec<words::Oddity>) -> Result<String, words::Oddity> {
        let Scope { name, fragment, facts } = self.scope;
        specifier::expand(text, name, fragment, facts, odd)
    }

    fn stray(&self, at: usize, message: String) {
        self.remark(Severity::Warning, Bad::new(at, message).hint("write `%%` for a `%`"));
    }
}

/// Text with specifiers put in.
pub(super) fn text(v: &Value<'_>) -> Result<String, Bad> {
    v.expand(0, v.text)
}

/// An absolute path with specifiers put in, `.` and doubled `/` taken out.
pub(super) fn path(v: &Value<'_>) -> Result<PathBuf, Bad> {
    absolute(&v.expand(0, v.text)?, 0)
}

/// `text`, which stands at `at`, as an absolute path.
pub(super) fn absolute(text: &str, at: usize) -> Result<PathBuf, Bad> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(Bad::new(at, format!("`{text}` is no absolute path")).hint("begin it with `/`"));
    }
    if path.components().any(|c| c == Component::ParentDir) {
        return Err(Bad::new(at, format!("`{text}` holds `..`")).hint("write the path without it"));
    }
    Ok(path.components().collect())
}

/// Makes a reader of values out of one that reads plain text.
pub(super) fn plain<T>(read: impl Fn(&str) -> Result<T, String>) -> impl Fn(&Value<'_>) -> Result<T, Bad> {
    move |v| Ok(read(v.text)?)
}

/// The same, for a field that may be absent.
pub(super) fn some<T>(read: impl Fn(&Value<'_>) -> Result<T, Bad>) -> impl Fn(&Value<'_>) -> Result<Option<T>, Bad> {
    move |v| read(v).map(Some)
}

pub(super) fn boxed(
    read: impl Fn(&Value<'_>) -> Result<PathBuf, Bad>,
) -> impl Fn(&Value<'_>) -> Result<Option<Box<Path>>, Bad> {
    move |v| Ok(Some(read(v)?.into_boxed_path()))
}

/// Reads one of a few words. Those of `later` are systemd's and not honoured yet.
pub(super) fn choice<T: Clone>(
    known: &'static [(&'static str, T)],
    later: &'static [&'static str],
) -> impl Fn(&Value<'_>) -> Result<T, Bad> {
    move |v| {
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == v.text) {
            return Ok(value.clone());
        }
        let names = || known.iter().map(|(name, _)| *name);
        let all = format!("known are {}", names().collect::<Vec<_>>().join(", "));
        if later.contains(&v.text) {
            return Err(Bad::new(0, format!("`{}` is not honoured yet", v.text)).hint(all));
        }
        let hint = super::finding::did_you_mean(v.text, names()).unwrap_or(all);
        Err(Bad::new(0, format!("`{}` is not known", v.text)).hint(hint))
    }
}

/// A table of keys, to be walked through in its own order, and searched by section and name.
pub struct Table<T: 'static> {
    keys: &'static [Key<T>],
    /// The places of the keys, in the order of section and name.
    sorted: OnceLock<Vec<u16>>,
}

impl<T> Table<T> {
    pub(super) const fn new(keys: &'static [Key<T>]) -> Self {
        Self { keys, sorted: OnceLock::new() }
    }

    /// The key of that name.
    pub(super) fn find(&self, section: &str, name: &str) -> Option<&'static Key<T>> {
        self.ranked(self.rank_of(section, name)?)
    }

    /// The number of a key, `Service.User`, in the order of all keys' names.
    pub(super) fn rank(&self, id: &str) -> Option<u16> {
        let (section, name) = id.split_once('.')?;
        self.rank_of(section, name)
    }

    /// The key of that number.
    pub(super) fn ranked(&self, rank: u16) -> Option<&'static Key<T>> {
        self.keys.get(usize::from(*self.sorted().get(usize::from(rank))?))
    }

    fn rank_of(&self, section: &str, name: &str) -> Option<u16> {
        let at = self.sorted().binary_search_by(|at| self.name(*at).cmp(&Some((section, name)))).ok()?;
        u16::try_from(at).ok()
    }

    fn name(&self, at: u16) -> Option<(&'static str, &'static str)> {
        self.keys.get(usize::from(at)).map(|key| (key.section, key.name))
    }

    fn sorted(&self) -> &[u16] {
        self.sorted.get_or_init(|| {
            let mut places: Vec<u16> = (0..u16::try_from(self.keys.len()).unwrap_or(u16::MAX)).collect();
            places.sort_by_key(|at| self.name(*at));
            places
        })
    }
}

impl<T> std::ops::Deref for Table<T> {
    type Target = [Key<T>];

    fn deref(&self) -> &[Key<T>] {
        self.keys
    }
}

/// One line of a table of keys.
pub struct Key<T> {
    /// `Service`
    pub section: &'static str,
    /// `User`
    pub name: &'static str,
    /// `Service.User`
    pub id: &'static str,
    /// What it is without the key, as it would be written; a word in parentheses where that can't be written.
    pub default: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// It gathers values, and an empty one empties it; of any other key the last value counts.
    pub list: bool,
    /// Reads a value into the target; the second argument holds the defaults.
    pub(super) set: Setter<T>,
    /// The values in effect, each as it would be written. `None`: another spelling of a key that has it.
    pub(super) show: Option<fn(&T) -> Vec<String>>,
}

/// See [`Key`].
pub(super) type Setter<T> = fn(&mut T, &T, &Value<'_>) -> Result<(), Bad>;
