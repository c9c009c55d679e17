//! Runlevels: `S` and `0`…`6`.

use serde::{Deserialize, Serialize};

/// One runlevel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Level(u8);

impl Level {
    /// Boot, once.
    pub const S: Self = Self(7);
    /// Halt.
    pub const HALT: Self = Self(0);
    /// Single user.
    pub const SINGLE: Self = Self(1);
    /// Reboot.
    pub const REBOOT: Self = Self(6);
    /// All of them: S first, then 0 to 6.
    pub const ALL: [Self; 8] = [Self(7), Self(0), Self(1), Self(2), Self(3), Self(4), Self(5), Self(6)];

    /// `S`, `s`, `0`…`6`.
    pub fn from_char(c: char) -> Option<Self> {
        match c {
            'S' | 's' => Some(Self::S),
            '0'..='6' => u8::try_from(c.to_digit(10)?).ok().map(Self),
            _ => None,
        }
    }

    /// `S` or the digit.
    pub fn as_char(self) -> char {
        if self == Self::S { 'S' } else { char::from(b'0' + self.0) }
    }

    /// 0 and 6: the machine goes down.
    pub fn is_down(self) -> bool {
        self == Self::HALT || self == Self::REBOOT
    }

    /// 2 to 5: among these a switch stops only what is off in the new level.
    pub fn is_multi_user(self) -> bool {
        (2..=5).contains(&self.0)
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

impl TryFrom<char> for Level {
    type Error = String;
    fn try_from(c: char) -> Result<Self, String> {
        Self::from_char(c).ok_or_else(|| format!("`{c}` is no runlevel: S, 0 to 6 are"))
    }
}

impl From<Level> for char {
    fn from(level: Level) -> char {
        level.as_char()
    }
}

/// A set of runlevels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct LevelSet(u8);

impl LevelSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// `2345`, `2,3 5`, `S`; spaces and commas are passed over. `Err` holds the character that is no level.
    pub fn parse(text: &str) -> Result<Self, char> {
        let mut set = Self::EMPTY;
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != ',') {
            set.insert(Level::from_char(c).ok_or(c)?);
        }
        Ok(set)
    }

    /// Adds a level.
    pub fn insert(&mut self, level: Level) {
        self.0 |= 1 << level.0;
    }

    /// Takes a level out.
    pub fn remove(&mut self, level: Level) {
        self.0 &= !(1 << level.0);
    }

    /// Whether the level is in it.
    pub fn contains(self, level: Level) -> bool {
        self.0 & (1 << level.0) != 0
    }

    /// Whether none is.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// S first, then 0 to 6.
    pub fn iter(self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(move |l| self.contains(*l))
    }
}

impl FromIterator<Level> for LevelSet {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Self {
        let mut set = Self::EMPTY;
        for level in levels {
            set.insert(level);
        }
        set
    }
}

impl std::fmt::Display for LevelSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.iter().try_for_each(|l| write!(f, "{l}"))
    }
}

/// A link of `rcN.d`: `S20nginx` → start?, number, name. Two digits count; what follows is the name.
pub fn rc_link(file: &str) -> Option<(bool, u8, &str)> {
    let start = match file.as_bytes().first()? {
        b'S' => true,
        b'K' => false,
        _ => return None,
    };
    let (number, name) = (file.get(1..3)?, file.get(3..)?);
    let digits = number.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    Some((start, number.parse().ok().filter(|_| digits)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_rc_folders() {
        assert_eq!(rc_link("S01nginx"), Some((true, 1, "nginx")));
        assert_eq!(rc_link("K20x-y.sh"), Some((false, 20, "x-y.sh")));
        for bad in ["", "S", "S01", "S1nginx", "s01nginx", "README", "S+1x", "Söäx"] {
            assert_eq!(rc_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn sets_read_and_print() {
        let set = LevelSet::parse("5, 2 s3").expect("levels");
        assert_eq!(set.to_string(), "S235");
        assert_eq!(LevelSet::parse("27"), Err('7'));
        assert!(LevelSet::parse("").expect("empty").is_empty());
    }
}
