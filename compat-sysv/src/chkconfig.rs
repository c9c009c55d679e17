//! The chkconfig header of an init script: comment lines such as `# chkconfig: 2345 85 15`. Pure.
//!
//! Read as chkconfig(8) reads it: a line may be indented, the key follows `#` and blanks and is written as it stands here;
//! the levels are digits 0 to 6 in one word or `-` for none, both numbers are 0 to 99; a description goes on in the next
//! comment line after a `\`; of several lines with one key the first counts. A translated `description(de):` is passed over.
//!
//! [`Info`] is what chkconfig makes of a whole script, LSB header included.

use init::unit::{Finding, Level, LevelSet, Severity};
use std::path::Path;

/// The `# chkconfig:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, from 1.
    pub line: u32,
    /// On in these when it is added; none for `-`.
    pub levels: LevelSet,
    /// `SNN`.
    pub start: u8,
    /// `KNN`.
    pub stop: u8,
}

/// What chkconfig's keys say about a script. All but [`Header::line`] is for people and tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Levels and numbers; `None` where the line is missing or can't be read.
    pub line: Option<Line>,
    /// `# description:`, continuation lines joined by blanks.
    pub description: Option<String>,
    /// `# hide: true`: not shown by `ntsysv` and the like.
    pub hide: bool,
    /// `# processname:`, one for each daemon.
    pub processnames: Vec<String>,
    /// `# pidfile:`, one for each daemon.
    pub pidfiles: Vec<String>,
    /// `# config:`.
    pub configs: Vec<String>,
}

impl Header {
    /// Whether the script says anything to chkconfig.
    pub fn is_some(&self) -> bool {
        *self != Self::default()
    }
}

/// Whether chkconfig passes a file of `init.d` over, by its name.
pub fn is_ignored(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name.starts_with('.')
        || matches!(extension, Some("rpmsave" | "rpmnew" | "rpmorig" | "swp"))
        || name.ends_with(['~', ','])
}

/// A comment line: key and the rest, with the column of the rest.
fn comment(line: &str) -> Option<&str> {
    Some(line.trim_start().strip_prefix('#')?.trim_start())
}

/// Reads chkconfig's keys, and what is to be said about them. They are looked for in all comment lines. `path` is shown,
/// never opened.
pub fn parse(path: &Path, text: &str) -> (Header, Vec<Finding>) {
    let (mut header, mut findings) = (Header::default(), Vec::new());
    let mut tried = false;
    let mut lines = (1u32..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let Some((key, value)) = comment(line).and_then(|text| text.split_once(':')) else { continue };
        let value = value.trim();
        let value_some = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match key {
            "chkconfig" if !tried => {
                tried = true;
                match levels_and_numbers(value) {
                    Ok((levels, start, stop)) => header.line = Some(Line { line: number, levels, start, stop }),
                    Err(why) => {
                        let whole =
                            Finding::whole(Severity::Warning, path, format!("{why}; chkconfig refuses the script"));
                        let whole =
                            whole.hint("write `# chkconfig: LEVELS START STOP`, as in `# chkconfig: 2345 85 15`");
                        let column =
                            u32::try_from(line.chars().count() - line.trim_start().chars().count() + 1).unwrap_or(1);
                        findings.push(Finding { line: number, column, key: Some("chkconfig".to_owned()), ..whole });
                    }
                }
            }
            "description" if header.description.is_none() && !value.is_empty() => {
                let mut whole = value.to_owned();
                while let Some(text) = whole.strip_suffix('\\').map(str::trim_end) {
                    let more = lines.next().and_then(|(_, line)| comment(line)).unwrap_or_default().trim();
                    whole = format!("{text} {more}").trim().to_owned();
                }
                header.description = Some(whole);
            }
            "hide" => header.hide |= value.is_empty() || value.starts_with("true"),
            "processname" => header.processnames.extend(value_some()),
            "pidfile" => header.pidfiles.extend(value_some()),
            "config" => header.configs.extend(value_some()),
            _ => {}
        }
    }
    (header, findings)
}

/// `2345 85 15`.
fn levels_and_numbers(value: &str) -> Result<(LevelSet, u8, u8), String> {
    let mut words = value.split_whitespace();
    let [Some(levels), Some(start), Some(stop)] = [words.next(), words.next(), words.next()] else {
        return Err(format!("`{value}` is not levels, start number and stop number"));
    };
    Ok((levels_word(levels)?, number(start)?, number(stop)?))
}

/// `2345`, or `-` for none.
fn levels_word(word: &str) -> Result<LevelSet, String> {
    let digit = |c: char| Level::from_char(c).filter(|level| *level != Level::S);
    match word {
        "-" => Ok(LevelSet::EMPTY),
        _ => word.chars().map(|c| digit(c).ok_or_else(|| format!("`{c}` in `{word}` is no level"))).collect(),
    }
}

fn number(word: &str) -> Result<u8, String> {
    word.parse().ok().filter(|n| *n <= 99).ok_or_else(|| format!("`{word}` is no number from 0 to 99"))
}

/// What chkconfig makes of a script, from its own line and the LSB header, which it reads wherever such comments stand.
///
/// `Default-Start:` adds levels to those of `# chkconfig:`, `Default-Stop:` takes some away; the last description counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// On in these when it is added.
    pub levels: LevelSet,
    /// From `# chkconfig:`; `None`: 50, raised by dependencies.
    pub start: Option<u8>,
    /// From `# chkconfig:`; `None`: 50, lowered by dependencies.
    pub stop: Option<u8>,
    /// For people; the name where nothing is said.
    pub description: String,
    /// What it offers to others; its name where nothing is said.
    pub provides: Vec<String>,
    /// `Required-Start:`.
    pub required_start: Vec<String>,
    /// `Should-Start:`.
    pub should_start: Vec<String>,
    /// `Required-Stop:`.
    pub required_stop: Vec<String>,
    /// `Should-Stop:`.
    pub should_stop: Vec<String>,
    /// An LSB header was seen.
    pub lsb: bool,
    /// `# hide: true` was seen.
    pub hide: bool,
}

impl Info {
    /// What chkconfig makes of `NAME`; `None`: the service doesn't support chkconfig.
    pub fn read(name: &str, text: &str) -> Option<Self> {
        let (mut info, mut levels, mut description) = (Self::empty(), None, None::<String>);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some(text) = line.trim_start().strip_prefix('#') else { continue };
            info.lsb |= text.starts_with("## BEGIN INIT INFO");
            let text = text.trim();
            let after = |key: &str| text.strip_prefix(key).map(str::trim);
            let list = |value: &str| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            if let Some(value) = after("hide:") {
                info.hide |= value.is_empty() || value.starts_with("true");
            } else if let Some(value) = after("chkconfig:") {
                let (set, start, stop) = levels_and_numbers(value).ok()?;
                info.start = info.start.or(Some(start));
                info.stop = info.stop.or(Some(stop));
                levels = levels.or(Some(set));
            } else if let Some(value) =
                after("description:").or_else(|| after("Description:")).or_else(|| after("Short-Description:"))
            {
                let mut whole = value.to_owned();
                while let Some(text) = whole.strip_suffix('\\').map(str::trim_end) {
                    let more = lines.next().and_then(comment).unwrap_or_default().trim();
                    whole = format!("{text} {more}").trim().to_owned();
                }
                description = Some(whole).filter(|text| !text.is_empty()).or(description);
            } else if let Some(value) = after("Default-Start:") {
                numbers(value).for_each(|level| levels.get_or_insert_default().insert(level));
            } else if let Some(value) = after("Default-Stop:") {
                numbers(value).for_each(|level| levels.get_or_insert_default().remove(level));
            } else if let Some(value) = after("Required-Start:") {
                info.required_start = list(value);
            } else if let Some(value) = after("Required-Stop:") {
                info.required_stop = list(value);
            } else if let Some(value) = after("Should-Start:") {
                info.should_start = list(value);
            } else if let Some(value) = after("Should-Stop:") {
                info.should_stop = list(value);
            } else if let Some(value) = after("Provides:") {
                info.provides.extend(list(value));
            }
        }
        info.levels = levels?;
        if !info.lsb && (info.start.is_none() || info.stop.is_none()) {
            return None;
        }
        info.description = description.unwrap_or_else(|| name.to_owned());
        if info.provides.is_empty() {
            info.provides.push(name.to_owned());
        }
        Some(info)
    }

    fn empty() -> Self {
        Self {
            levels: LevelSet::EMPTY,
            start: None,
            stop: None,
            description: String::new(),
            provides: Vec::new(),
            required_start: Vec::new(),
            should_start: Vec::new(),
            required_stop: Vec::new(),
            should_stop: Vec::new(),
            lsb: false,
            hide: false,
        }
    }
}

/// The levels of `Default-Start: 2 3 4 5`, up to the first word that is none.
fn numbers(value: &str) -> impl Iterator<Item = Level> {
    value.split_whitespace().map_while(|word| match word.as_bytes() {
        [digit @ b'0'..=b'6'] => Level::from_char(char::from(*digit)),
        _ => None,
    })
}

#[cfg(test)]
#[path = "chkconfig_tests.rs"]
mod tests;
