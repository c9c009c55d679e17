//! Readers of the fields that aren't a single scalar, and how fields are shown.

use super::keys::Build;
use super::rare::{Rare, Usual};
use super::scalar::{self, Count};
use super::value::{self, Bad, Value, absolute};
use super::words::quote;
use super::{Input, KillMode, LevelSet, Limit, Output, ServiceType, Severity, UnitName, WorkingDirectory};
use std::path::{Path, PathBuf};
use std::time::Duration;

type Read<T> = Result<T, Bad>;

/// A time; `infinity` is the longest one.
pub(super) fn span(v: &Value<'_>) -> Read<Duration> {
    Ok(scalar::span(v.text)?.unwrap_or(Duration::MAX))
}

/// A time limit; `infinity` and 0 are none.
pub(super) fn timeout(v: &Value<'_>) -> Read<Option<Duration>> {
    Ok(scalar::span(v.text)?.filter(|t| !t.is_zero()))
}

/// A time in which something is to happen; `infinity` and 0 are no such demand.
pub(super) fn pause(v: &Value<'_>) -> Read<Duration> {
    Ok(scalar::span(v.text)?.unwrap_or(Duration::ZERO))
}

pub(super) fn set_timeouts(b: &mut Build, d: &Build, v: &Value<'_>) -> Read<()> {
    v.one(&mut b.unit.service.timing.timeout_start, &d.unit.service.timing.timeout_start, timeout)?;
    v.one(&mut b.unit.service.timing.timeout_stop, &d.unit.service.timing.timeout_stop, timeout)
}

/// A word of systemd's that isn't honoured yet but needn't stop the unit: `nearest` is taken for it, and that is told.
fn stand_in<T: Clone>(
    word: &'static str,
    (nearest, told): (T, &'static str),
    read: impl Fn(&Value<'_>) -> Read<T>,
) -> impl Fn(&Value<'_>) -> Read<T> {
    move |v| {
        if v.text != word {
            return read(v);
        }
        v.remark(Severity::Warning, Bad::new(0, format!("`{word}` is not honoured yet: {told}")));
        Ok(nearest.clone())
    }
}

/// `Type=`
pub(super) fn kind(read: impl Fn(&Value<'_>) -> Read<ServiceType>) -> impl Fn(&Value<'_>) -> Read<ServiceType> {
    stand_in("dbus", (ServiceType::Exec, "the start counts as done once the program runs"), read)
}

pub(super) fn signal(v: &Value<'_>) -> Read<i32> {
    Ok(scalar::signal(v.text)?)
}

pub(super) fn levels(v: &Value<'_>) -> Read<LevelSet> {
    LevelSet::parse(v.text).map_err(|c| {
        let at = v.text.find(c).unwrap_or(0);
        Bad::new(at, format!("`{c}` is no runlevel; S and 0 to 6 are"))
    })
}

/// systemd's kinds of unit that have no counterpart here.
const FOREIGN_KINDS: [&str; 9] = ["socket", "device", "mount", "automount", "swap", "path", "timer", "slice", "scope"];

/// Places to read at; what is none is passed over, as systemd does.
pub(super) fn documentation(v: &Value<'_>) -> Read<Vec<String>> {
    const KINDS: [&str; 5] = ["http://", "https://", "file:/", "info:", "man:"];
    let words = v.words()?.into_iter();
    let good = words.filter(|word| {
        let known = KINDS.iter().any(|kind| word.text.strip_prefix(kind).is_some_and(|rest| !rest.is_empty()));
        if !known {
            let bad = Bad::new(word.at, format!("`{}` is passed over: no place to read at", word.text));
            v.remark(Severity::Warning, bad.hint("begin it with `man:`, `https://`, `http://`, `file:/` or `info:`"));
        }
        known
    });
    Ok(good.map(|word| word.text).collect())
}

/// Unit names; those of kinds that don't exist here are passed over.
pub(super) fn units(v: &Value<'_>) -> Read<Vec<UnitName>> {
    unit_names(v, Severity::Note)
}

/// The same, for those one can't do without.
pub(super) fn required_units(v: &Value<'_>) -> Read<Vec<UnitName>> {
    unit_names(v, Severity::Warning)
}

fn unit_names(v: &Value<'_>, foreign: Severity) -> Read<Vec<UnitName>> {
    let mut names = Vec::new();
    for word in v.words()? {
        let suffix = word.text.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        if FOREIGN_KINDS.contains(&suffix) {
            v.remark(foreign, Bad::new(word.at, format!("`{}` is passed over: no such kind of unit here", word.text)));
            continue;
        }
        let name = UnitName::new(&word.text).map_err(|message| Bad::new(word.at, message))?;
        if name.is_template() {
            return Err(Bad::new(word.at, format!("`{}` is a template", word.text))
                .hint(format!("name an instance of it, e.g. `{}@NAME.service`", name.prefix())));
        }
        if name.as_str() != word.text {
            v.remark(
                Severity::Warning,
                Bad::new(word.at, format!("`{}` has no suffix; taken as `{}`", word.text, name.as_str()))
                    .hint("names carry their suffix in unit files"),
            );
        }
        if name == *v.scope.name {
            v.remark(Severity::Warning, Bad::new(word.at, "the unit names itself; passed over"));
        } else {
            names.push(name);
        }
    }
    Ok(names)
}

/// A path; a relative one lies in the run-time folder.
pub(super) fn run_path(v: &Value<'_>) -> Read<PathBuf> {
    let text = v.expand(0, v.text)?;
    if text.starts_with('/') {
        return absolute(&text, 0);
    }
    absolute(&v.scope.facts.run_dir.join(text).to_string_lossy(), 0)
}

/// A user or group: a name or a number.
pub(super) fn account(v: &Value<'_>) -> Read<String> {
    account_name(&v.expand(0, v.text)?, 0)
}

/// The same, as a word that stands at `at`.
pub(super) fn account_name(name: &str, at: usize) -> Read<String> {
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return match name.parse::<u32>() {
            Ok(id) if id != u32::MAX => Ok(name.to_owned()),
            _ => Err(Bad::new(at, format!("`{name}` is no user or group number"))),
        };
    }
    if let Some(c) = name.chars().find(|c| c.is_whitespace() || c.is_control() || ":/,".contains(*c)) {
        return Err(Bad::new(
            at + name.find(c).unwrap_or(0),
            format!("`{}` can't stand in a name", c.escape_default()),
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn folder(v: &Value<'_>) -> Read<Option<WorkingDirectory>> {
    let rest = v.text.strip_prefix('-');
    let at = usize::from(rest.is_some());
    let text = v.expand(at, rest.unwrap_or(v.text))?;
    let path = if text == "~" { None } else { Some(absolute(&text, at)?) };
    Ok(Some(WorkingDirectory { path, optional: rest.is_some() }))
}

pub(super) fn environment_file(v: &Value<'_>) -> Read<Vec<(PathBuf, bool)>> {
    let rest = v.text.strip_prefix('-');
    let at = usize::from(rest.is_some());
    Ok(vec![(absolute(&v.expand(at, rest.unwrap_or(v.text))?, at)?, rest.is_some())])
}

fn stream_file(v: &Value<'_>, prefix: &str) -> Option<Read<PathBuf>> {
    let rest = v.text.strip_prefix(prefix)?;
    Some(v.expand(prefix.len(), rest).and_then(|t| absolute(&t, prefix.len())))
}

pub(super) fn input(v: &Value<'_>) -> Read<Input> {
    if let Some(path) = stream_file(v, "file:") {
        return path.map(Input::File);
    }
    const KNOWN: &[(&str, Input)] =
        &[("null", Input::Null), ("tty", Input::Tty), ("tty-force", Input::TtyForce), ("tty-fail", Input::TtyFail)];
    stand_in("socket", (Input::Null, "there is nothing to read"), value::choice(KNOWN, &["data"]))(v)
}

type MakeOutput = fn(PathBuf) -> Output;

pub(super) fn output(v: &Value<'_>) -> Read<Output> {
    let files: [(&str, MakeOutput); 3] =
        [("file:", Output::File), ("append:", Output::Append), ("truncate:", Output::Truncate)];
    for (prefix, make) in files {
        if let Some(path) = stream_file(v, prefix) {
            return path.map(make);
        }
    }
    const KNOWN: &[(&str, Output)] = &[
        ("log", Output::Log),
        ("inherit", Output::Inherit),
        ("null", Output::Null),
        ("tty", Output::Tty),
        ("journal", Output::Log),
        ("syslog", Output::Log),
        ("kmsg", Output::Log),
        ("journal+console", Output::Log),
        ("syslog+console", Output::Log),
        ("kmsg+console", Output::Log),
    ];
    stand_in("socket", (Output::Log, "what is written goes to the log"), value::choice(KNOWN, &[]))(v)
}

pub(super) fn set_limit(b: &mut Build, key: &'static str, resource: u32, count: Count, v: &Value<'_>) -> Read<()> {
    let limits = &mut b.unit.service.limits;
    let limit = if v.text.is_empty() { None } else { Some(scalar::limit(v.text, count)?) };
    limits.retain(|l| l.key != key);
    limits.extend(limit.map(|(soft, hard)| Limit { key, resource, soft, hard }));
    limits.sort_by_key(|l| l.resource);
    Ok(())
}

pub(super) fn show_limit(b: &Build, key: &str, count: Count) -> Vec<String> {
    let unit = match count {
        Count::Micros => "us",
        _ => "",
    };
    let one = |v: u64| if v == u64::MAX { "infinity".to_owned() } else { format!("{v}{unit}") };
    let limits = b.unit.service.limits.iter().filter(|l| l.key == key);
    limits.map(|l| if l.soft == l.hard { one(l.soft) } else { format!("{}:{}", one(l.soft), one(l.hard)) }).collect()
}

/// A field as it would be written: a text for each value, none where it is unset.
pub(super) trait Show {
    fn show(&self) -> Vec<String>;
}

/// Specifiers kept out.
fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

fn literal_path(path: &Path) -> String {
    literal(&path.to_string_lossy())
}

impl Show for bool {
    fn show(&self) -> Vec<String> {
        vec![if *self { "yes" } else { "no" }.into()]
    }
}

impl Show for String {
    fn show(&self) -> Vec<String> {
        vec![literal(self)]
    }
}

impl Show for PathBuf {
    fn show(&self) -> Vec<String> {
        vec![literal_path(self)]
    }
}

impl Show for Duration {
    fn show(&self) -> Vec<String> {
        vec![scalar::show_span(*self)]
    }
}

impl Show for Option<Duration> {
    fn show(&self) -> Vec<String> {
        vec![self.map_or("infinity".into(), scalar::show_span)]
    }
}

impl Show for Option<String> {
    fn show(&self) -> Vec<String> {
        self.iter().map(|t| literal(t)).collect()
    }
}

impl<T: Usual + Show> Show for Rare<T> {
    fn show(&self) -> Vec<String> {
        (**self).show()
    }
}

impl Show for Option<Box<Path>> {
    fn show(&self) -> Vec<String> {
        self.iter().map(|p| literal_path(p)).collect()
    }
}

impl Show for Option<PathBuf> {
    fn show(&self) -> Vec<String> {
        self.iter().map(|p| literal_path(p)).collect()
    }
}

impl Show for Option<i32> {
    fn show(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

impl Show for u32 {
    fn show(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl Show for i32 {
    fn show(&self) -> Vec<String> {
        vec![scalar::show_signal(*self)]
    }
}

impl Show for LevelSet {
    fn show(&self) -> Vec<String> {
        if self.is_empty() { Vec::new() } else { vec![self.to_string()] }
    }
}

impl Show for Vec<UnitName> {
    fn show(&self) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        vec![self.iter().map(|n| quote(n.as_str())).collect::<Vec<_>>().join(" ")]
    }
}

impl Show for Vec<(String, String)> {
    fn show(&self) -> Vec<String> {
        self.iter().map(|(name, value)| quote(&format!("{name}={value}"))).collect()
    }
}

impl Show for Vec<(PathBuf, bool)> {
    fn show(&self) -> Vec<String> {
        self.iter().map(|(path, optional)| format!("{}{}", dash(*optional), literal_path(path))).collect()
    }
}

fn dash(optional: bool) -> &'static str {
    if optional { "-" } else { "" }
}

impl Show for Option<WorkingDirectory> {
    fn show(&self) -> Vec<String> {
        let path = |w: &WorkingDirectory| w.path.as_deref().map_or("~".into(), literal_path);
        self.iter().map(|w| format!("{}{}", dash(w.optional), path(w))).collect()
    }
}

impl Show for Input {
    fn show(&self) -> Vec<String> {
        vec![match self {
            Self::Null => "null".into(),
            Self::Tty => "tty".into(),
            Self::TtyForce => "tty-force".into(),
            Self::TtyFail => "tty-fail".into(),
            Self::File(path) => format!("file:{}", literal_path(path)),
            Self::Inherit => "(PID 1's)".into(),
        }]
    }
}

impl Show for Output {
    fn show(&self) -> Vec<String> {
        vec![match self {
            Self::Log => "log".into(),
            Self::Inherit => "inherit".into(),
            Self::Null => "null".into(),
            Self::Tty => "tty".into(),
            Self::File(path) => format!("file:{}", literal_path(path)),
            Self::Append(path) => format!("append:{}", literal_path(path)),
            Self::Truncate(path) => format!("truncate:{}", literal_path(path)),
            Self::Raw => "(PID 1's)".into(),
        }]
    }
}

macro_rules! show_words {
    ($($type:ident { $($variant:ident $word:literal),* })*) => { $(
        impl Show for $type {
            fn show(&self) -> Vec<String> {
                vec![match self { $(Self::$variant => $word,)* }.into()]
            }
        }
    )* };
}
show_words! {
    ServiceType {
        Simple "simple", Exec "exec", Forking "forking", Oneshot "oneshot", Notify "notify",
        NotifyReload "notify-reload", Script "script", Idle "idle"
    }
    KillMode { ControlGroup "control-group", Mixed "mixed", Process "process", Group "group", None "none" }
}
