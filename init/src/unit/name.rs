//! Unit names: `nginx.service`, `getty@tty1.service`, `multi-user.target`.

use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Longest name with its suffix, in bytes (as a file name).
pub const MAX_LEN: usize = 255;

/// A unit's kind, by its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `.service`: processes.
    Service,
    /// `.target`: a name for others to gather under.
    Target,
}

impl Kind {
    /// All there are.
    pub const ALL: &[Self] = &[Self::Service, Self::Target];

    /// The suffix, without the dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Target => "target",
        }
    }
}

/// A unit's full name, suffix included. Characters: letters, digits and `:-_.\@`; at most [`MAX_LEN`] bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName(Rc<str>);

impl UnitName {
    /// Takes a name as written; one without a known suffix gets `.service`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the name.
    pub fn new(text: &str) -> Result<Self, String> {
        let full = if Self::kind_of(text).is_some() { text.to_owned() } else { format!("{text}.service") };
        let stem = full.rsplit_once('.').map_or("", |(stem, _)| stem);
        if stem.is_empty() || stem.starts_with('@') {
            return Err(format!("`{text}` is no unit name: nothing stands before the suffix"));
        }
        if full.len() > MAX_LEN {
            return Err(format!("`{text}` is no unit name: longer than {MAX_LEN} bytes"));
        }
        if let Some(c) = stem.chars().find(|c| !c.is_ascii_alphanumeric() && !":-_.\\@+".contains(*c)) {
            return Err(format!("`{text}` is no unit name: it holds `{}`", c.escape_default()));
        }
        Ok(Self(full.into()))
    }

    /// A name for what is nobody's: where a look-up must answer something.
    pub(crate) fn nobody() -> Self {
        Self("nobody.service".into())
    }

    fn kind_of(text: &str) -> Option<Kind> {
        let (_, suffix) = text.rsplit_once('.')?;
        [Kind::Service, Kind::Target].into_iter().find(|k| k.suffix() == suffix)
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind, by suffix.
    pub fn kind(&self) -> Kind {
        Self::kind_of(&self.0).unwrap_or(Kind::Service)
    }

    /// Without the suffix.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(&self.0, |(stem, _)| stem)
    }

    /// As people write it: without `.service`, with any other suffix. It names the same unit when it is read again.
    pub fn short(&self) -> &str {
        Self::shorten(&self.0)
    }

    /// [`UnitName::short`] of a full name. `a@b.service.service` stays whole: `a@b.service` is another unit.
    pub fn shorten(full: &str) -> &str {
        full.strip_suffix(".service").filter(|stem| Self::kind_of(stem).is_none()).unwrap_or(full)
    }

    /// `tty1` of `getty@tty1.service`; empty for the template `getty@.service`, `None` where there is no `@`.
    pub fn instance(&self) -> Option<&str> {
        self.stem().split_once('@').map(|(_, i)| i)
    }

    /// `getty` of `getty@tty1.service`; the stem where there is no `@`.
    pub fn prefix(&self) -> &str {
        self.stem().split_once('@').map_or(self.stem(), |(p, _)| p)
    }

    /// `getty@.service`: a pattern for instances, never run itself.
    pub fn is_template(&self) -> bool {
        self.instance() == Some("")
    }

    /// The template of an instance: `getty@.service` for `getty@tty1.service`.
    pub fn template(&self) -> Option<Self> {
        self.instance().filter(|i| !i.is_empty())?;
        Some(Self(format!("{}@.{}", self.prefix(), self.kind().suffix()).into()))
    }
}

impl std::fmt::Display for UnitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.short())
    }
}

impl std::fmt::Debug for UnitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UnitName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> String {
        name.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_parts() {
        let n = UnitName::new("getty@tty1").expect("name");
        assert_eq!((n.as_str(), n.short(), n.prefix()), ("getty@tty1.service", "getty@tty1", "getty"));
        assert_eq!(n.instance(), Some("tty1"));
        assert_eq!(n.template().expect("template").as_str(), "getty@.service");
        assert!(UnitName::new("getty@").expect("template").is_template());
        assert_eq!(UnitName::new("a.target").expect("target").kind(), Kind::Target);
        assert_eq!(UnitName::new("a.b").expect("dot").as_str(), "a.b.service");
    }

    #[test]
    fn a_short_name_names_the_same_unit() {
        for full in ["a.service", "a.target", "a.b.service", "alert@db.service.service", "alert@x.target.service"] {
            let name = UnitName::new(full).expect(full);
            assert_eq!(UnitName::new(name.short()).expect(full), name);
        }
        assert_eq!(UnitName::shorten("alert@db.service.service"), "alert@db.service.service");
    }

    #[test]
    fn bad_names_say_why() {
        for (text, why) in
            [("", "nothing"), ("a/b", "`/`"), (".service", "nothing"), ("@x", "nothing"), ("a\nb", "\\n")]
        {
            let error = UnitName::new(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
