//! `init.conf`: the manager's own settings, read by the same machinery as units.

use super::fields::{self, Show};
use super::finding::Findings;
use super::parse::Reader;
use super::scalar::boolean;
use super::value::{Key, Scope, Setter, choice, plain, some};
use super::{Facts, Finding, Level, SourceFile, UnitName};
use std::time::Duration;

/// Which of a systemd unit and a script of one name is taken, where nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The unit, if every key of it that changes behaviour is honoured.
    Unit,
    /// The script.
    Script,
}

/// How closely System V's ways are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// What inittab's lines do by way of `rc`, Rung does itself.
    Native,
    /// Those lines are run as they stand.
    Exact,
}

/// Which boot scripts native twins stand in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twins {
    /// None.
    No,
    /// All that there is a twin for, but these.
    But(Vec<String>),
}

impl Twins {
    /// Why a script has none; `None`: nothing here speaks against it.
    pub fn against(&self, script: &str) -> Option<String> {
        match self {
            Self::No => Some("Twins=no in init.conf".to_owned()),
            Self::But(names) => names.iter().any(|n| n == script).then(|| format!("Twins=!{script} in init.conf")),
        }
    }
}

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conf {
    /// `DefaultLevel=`; `None`: as `/etc/inittab` says, else 3.
    pub default_level: Option<Level>,
    /// `AllowGroup=`: its members may change things, beside root.
    pub allow_group: Option<String>,
    /// `LogToConsole=`: what services write goes to the console too.
    pub log_to_console: bool,
    /// `DefaultTimeoutStartSec=`. `None`: no limit.
    pub timeout_start: Option<Duration>,
    /// `DefaultTimeoutStopSec=`. `None`: no limit.
    pub timeout_stop: Option<Duration>,
    /// `ShutdownTimeoutSec=`: past it PID 1 ends the machine by itself.
    pub shutdown_timeout: Duration,
    /// `Essential=`: units that are essential, whatever their files say by default.
    pub essential: Vec<UnitName>,
    /// `Prefer=`
    pub prefer: Prefer,
    /// `Compat=`
    pub compat: Compat,
    /// `Twins=`
    pub twins: Twins,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            default_level: None,
            allow_group: None,
            log_to_console: false,
            timeout_start: Some(Duration::from_secs(90)),
            timeout_stop: Some(Duration::from_secs(90)),
            shutdown_timeout: Duration::from_secs(180),
            essential: Vec::new(),
            prefer: Prefer::Unit,
            compat: Compat::Native,
            twins: Twins::But(Vec::new()),
        }
    }
}

/// A key of `init.conf`, as help and man page show it.
pub type ConfKey = Key<Conf>;

const PREFERENCES: &[(&str, Prefer)] = &[("unit", Prefer::Unit), ("script", Prefer::Script)];

const COMPATS: &[(&str, Compat)] = &[("native", Compat::Native), ("exact", Compat::Exact)];

/// Reads a level: one that a machine can stay in.
fn level(v: &super::value::Value<'_>) -> Result<Level, super::value::Bad> {
    let mut chars = v.text.chars();
    let level = chars.next().and_then(Level::from_char).filter(|l| chars.next().is_none() && !l.is_down());
    Ok(level.ok_or_else(|| format!("`{}` is no level to boot into; 1 to 5 and S are", v.text))?)
}

/// One line counts, the last: this is a list in one value.
fn essential(v: &super::value::Value<'_>) -> Result<Vec<UnitName>, super::value::Bad> {
    fields::units(v)
}

/// `yes`, `no`, or names of scripts that have none, each behind a `!`.
fn twins(text: &str) -> Result<Twins, String> {
    if let Ok(on) = boolean(text) {
        return Ok(if on { Twins::But(Vec::new()) } else { Twins::No });
    }
    let name = |word: &str| match word.strip_prefix('!').filter(|name| !name.is_empty() && !name.contains(['/', '!'])) {
        Some(name) => Ok(name.strip_suffix(".service").unwrap_or(name).to_owned()),
        None => Err(format!(
            "`{word}` is neither `yes` nor `no` nor a script's name behind a `!`; `!hostname.sh !kmod` has these two run themselves"
        )),
    };
    text.split_whitespace().map(name).collect::<Result<Vec<_>, _>>().map(Twins::But)
}

impl Show for Twins {
    fn show(&self) -> Vec<String> {
        match self {
            Self::No => vec!["no".to_owned()],
            Self::But(names) if names.is_empty() => vec!["yes".to_owned()],
            Self::But(names) => names.iter().map(|name| format!("!{name}")).collect(),
        }
    }
}

impl Show for Option<Level> {
    fn show(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

impl Show for Prefer {
    fn show(&self) -> Vec<String> {
        PREFERENCES.iter().filter(|(_, p)| p == self).map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl Show for Compat {
    fn show(&self) -> Vec<String> {
        COMPATS.iter().filter(|(_, c)| c == self).map(|(name, _)| (*name).to_owned()).collect()
    }
}

macro_rules! keys {
    ($($name:literal $field:ident, $read:expr, $default:literal, $doc:literal;)*) => {
        &[$(Key {
            section: "Manager",
            name: $name,
            id: concat!("Manager.", $name),
            default: $default,
            doc: $doc,
            list: false,
            set: (|c, d, v| v.one(&mut c.$field, &d.$field, $read)) as Setter<Conf>,
            show: Some(|c: &Conf| Show::show(&c.$field)),
        },)*]
    };
}

static KEYS: &[ConfKey] = keys! {
    "DefaultLevel" default_level, some(level), "", "The level to boot into; without it `initdefault` of /etc/inittab, else 3.";
    "AllowGroup" allow_group, some(fields::account), "", "The members of this group may do what root may; without it only root.";
    "LogToConsole" log_to_console, plain(boolean), "no", "What services write goes to the console too.";
    "DefaultTimeoutStartSec" timeout_start, fields::timeout, "1min 30s", "`TimeoutStartSec=` of units that have none.";
    "DefaultTimeoutStopSec" timeout_stop, fields::timeout, "1min 30s", "`TimeoutStopSec=` of units that have none.";
    "ShutdownTimeoutSec" shutdown_timeout, fields::span, "3min", "When a shutdown takes longer, PID 1 ends it by force.";
    "Essential" essential, essential, "", "`Essential=yes` for these services, where their files don't say otherwise: when one is over for good, a container or sandbox ends with its exit status.";
    "Prefer" prefer, choice(PREFERENCES, &[]), "unit", "Which is taken where a systemd unit and a script have one name: unit, script.";
    "Compat" compat, choice(COMPATS, &[]), "native", "Lines of /etc/inittab that only run a level's scripts: native (Rung starts the scripts itself, in parallel), exact (they are run as they stand).";
    "Twins" twins, plain(twins), "yes", "Debian's boot scripts whose work Rung does itself where they are unchanged: yes (all that it can), no (none: the scripts run), or those that run themselves, each behind a `!` (`!kmod !urandom`).";
};

/// All keys of `init.conf`.
pub fn keys() -> impl Iterator<Item = &'static ConfKey> {
    KEYS.iter()
}

/// The values in effect.
pub fn settings(conf: &Conf) -> Vec<(String, String)> {
    let shown = |key: &ConfKey| key.show.map(|show| show(conf).join(" ")).unwrap_or_default();
    KEYS.iter().map(|key| (key.name.to_owned(), shown(key))).collect()
}

/// Reads `init.conf` and its drop-ins. What is wrong keeps its default and is told; nothing here stops a boot.
pub fn parse(files: &[SourceFile], facts: &Facts) -> (Conf, Vec<Finding>) {
    let (default, mut conf, mut findings) = (Conf::default(), Conf::default(), Findings::default());
    let Ok(name) = UnitName::new("init") else { return (conf, Vec::new()) };
    for (index, file) in files.iter().enumerate() {
        let scope = Scope { name: &name, fragment: &file.path, facts };
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        Reader { file, index, scope, findings: &mut findings }.read(KEYS, &default, &mut conf, &mut |_| None);
    }
    (conf, findings.finish(&files.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Conf, Vec<String>) {
        let file = SourceFile { path: "/etc/rung/init.conf".into(), text: text.into() };
        let (conf, findings) = parse(&[file], &Facts::default());
        (conf, findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn settings_are_read() {
        let (conf, findings) = read(
            "[Manager]\nDefaultLevel=5\nAllowGroup=adm\nLogToConsole=on\nDefaultTimeoutStopSec=infinity\nPrefer=script\n",
        );
        assert!(findings.is_empty(), "{findings:?}");
        let wanted = Conf {
            default_level: Level::from_char('5'),
            allow_group: Some("adm".into()),
            log_to_console: true,
            timeout_stop: None,
            prefer: Prefer::Script,
            ..Conf::default()
        };
        assert_eq!(conf, wanted);
        let text: String = settings(&conf).iter().map(|(k, v)| format!("{k}={v}\n")).collect();
        assert_eq!(read(&format!("[Manager]\n{text}")), (wanted, Vec::new()));
    }

    #[test]
    fn what_is_wrong_keeps_its_default() {
        let (conf, findings) = read("[Manager]\nDefaultLevel=6\nDefaultLevl=2\n");
        assert_eq!(conf, Conf::default());
        assert_eq!(
            findings.join("\n"),
            "/etc/rung/init.conf:2:14: error: DefaultLevel=: `6` is no level to boot into; 1 to 5 and S are\n    \
             DefaultLevel=6\n                 ^\n\
             /etc/rung/init.conf:3:1: warning: DefaultLevl=: unknown key in `[Manager]`; passed over\n    \
             DefaultLevl=2\n    ^\n  hint: did you mean `DefaultLevel`?"
        );
        let (conf, findings) = read("[Manager]\nTwins=!kmod !hostname.sh\n");
        assert_eq!((conf.twins.against("kmod").is_some(), conf.twins.against("urandom")), (true, None), "{findings:?}");
        assert!(read("[Manager]\nTwins=no\n").0.twins.against("urandom").is_some());
        let (conf, findings) = read("[Manager]\nTwins=kmod\n");
        assert_eq!((conf.twins, findings.len()), (Twins::But(Vec::new()), 1), "{findings:?}");
        let defaults = settings(&Conf::default());
        for (key, (name, value)) in keys().zip(&defaults) {
            assert_eq!((key.name, key.default), (name.as_str(), value.as_str()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{0,80}") {
            read(&format!("[Manager]\n{text}"));
        }
    }
}
