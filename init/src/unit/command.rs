//! A command of a unit, as it is kept.

use super::model::{Place, Privilege};

/// Words in one block, each ended by a NUL, which no word holds: a command has several, and there are as many commands as
/// units.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Words(Box<str>);

impl Words {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator('\0')
    }

    /// The first.
    pub fn first(&self) -> Option<&str> {
        self.iter().next()
    }

    /// One behind the other, with a space between them.
    pub fn line(&self) -> String {
        self.to_vec().join(" ")
    }

    /// Each for itself.
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Words {
    fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
        let mut all = String::new();
        for word in words {
            // The kernel would read no further either.
            all.push_str(word.as_ref().split('\0').next().unwrap_or_default());
            all.push('\0');
        }
        Self(all.into())
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<S: AsRef<str>, const N: usize> PartialEq<[S; N]> for Words {
    fn eq(&self, other: &[S; N]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

/// One command line, split by systemd's rules; `$VAR` not yet put in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The first is the program (a path, or a name to look up).
    pub words: Words,
    /// Prefix `@`: what the program gets as its zeroth argument, in place of its own name.
    pub zeroth: Option<Box<str>>,
    /// Prefix `-`: a failure is passed over.
    pub ignore_failure: bool,
    /// Prefix `:`: `$VAR` and `${VAR}` stay as they are.
    pub literal: bool,
    /// Prefixes `+` and `!`.
    pub privilege: Privilege,
    /// Where it stands.
    pub place: Place,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_as_they_went_in() {
        for words in [&[][..], &[""], &["a"], &["", "", "b c", ""], &["/bin/ü", "-x"]] {
            let kept: Words = words.iter().collect();
            assert_eq!(kept.to_vec(), words);
            assert_eq!(kept.first(), words.first().copied());
        }
        assert_eq!(["a\0b", "c"].iter().collect::<Words>(), ["a", "c"]);
    }
}
