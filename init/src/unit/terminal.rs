//! A service's terminal and what is written down of who sits at it (systemd.exec(5)).

use std::path::PathBuf;

/// `TTY…=` and `Utmp…=`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// `TTYPath=`; `/dev/console`.
    pub path: PathBuf,
    /// `TTYReset=`
    pub reset: bool,
    /// `TTYVHangup=`
    pub hangup: bool,
    /// `TTYVTDisallocate=`
    pub clear: bool,
    /// `UtmpIdentifier=`
    pub utmp_id: Option<String>,
    /// `UtmpMode=`
    pub utmp_mode: UtmpMode,
}

/// `UtmpMode=`: the last of the records that are written when the main process has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UtmpMode {
    /// `INIT_PROCESS`: the program is a getty and writes the others.
    #[default]
    Init,
    /// `LOGIN_PROCESS`: it is as login(1).
    Login,
    /// `USER_PROCESS`: it is what a user works with.
    User,
}

/// `UtmpMode=`'s words.
pub(super) const UTMP_MODES: &[(&str, UtmpMode)] =
    &[("init", UtmpMode::Init), ("login", UtmpMode::Login), ("user", UtmpMode::User)];

impl Default for Terminal {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/dev/console"),
            reset: false,
            hangup: false,
            clear: false,
            utmp_id: None,
            utmp_mode: UtmpMode::Init,
        }
    }
}

impl Terminal {
    /// Whether something is done to it before and after a run.
    pub fn is_prepared(&self) -> bool {
        self.reset || self.hangup || self.clear
    }

    /// `ut_id`: of a longer identifier its end.
    pub fn short_id(&self) -> Option<&str> {
        let id = self.utmp_id.as_deref()?;
        let from = (0..=id.len()).find(|at| id.len() - at <= UTMP_ID_LEN && id.is_char_boundary(*at))?;
        id.get(from..).filter(|id| !id.is_empty())
    }

    /// `ut_line`: its path below `/dev`.
    pub fn line(&self) -> Option<&str> {
        self.path.strip_prefix("/dev").ok()?.to_str()
    }
}

/// Bytes of `ut_id`.
const UTMP_ID_LEN: usize = 4;

impl UtmpMode {
    /// Its word.
    pub fn word(self) -> &'static str {
        UTMP_MODES.iter().find(|(_, mode)| *mode == self).map_or("init", |(word, _)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_identifier_the_end_counts() {
        let short =
            |id: &str| Terminal { utmp_id: Some(id.into()), ..Terminal::default() }.short_id().map(str::to_owned);
        assert_eq!(short("tty1").as_deref(), Some("tty1"));
        assert_eq!(short("ttyS10").as_deref(), Some("yS10"));
        assert_eq!(short("äöü").as_deref(), Some("öü"), "no half letters");
        assert_eq!(short(""), None);
    }
}
