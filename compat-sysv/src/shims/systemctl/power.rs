//! The end of the machine, levels by their targets' names, and `get-default`, `set-default`.

use super::options::Options;
use crate::pid1;
use crate::shims::{self, err_plain, out};
use init::client::Error;
use init::load::{Root, conf};
use init::proto::control::{PowerWord, errors};
use init::unit::{Level, LevelSet, install};
use std::fs;
use std::path::{Path, PathBuf};

/// `poweroff`, `reboot`, `halt`: as the commands of those names.
pub(super) fn end(options: &Options, word: &str) -> u8 {
    let mut args: Vec<&str> = Vec::new();
    if options.force {
        args.push("-f");
    }
    if options.no_wall {
        args.push("--no-wall");
    }
    if !options.message.is_empty() {
        args.extend(["-m", options.message.as_str()]);
    }
    shims::call(word, &args)
}

/// `isolate TARGET`: the level it stands for.
pub(super) fn isolate(names: &[String]) -> u8 {
    let [name] = names else {
        return err_plain("Only one unit can be isolated: systemctl isolate TARGET");
    };
    let name = if name.contains('.') { name.clone() } else { format!("{name}.target") };
    match name.as_str() {
        "poweroff.target" => asked("isolate", pid1::power(PowerWord::PowerOff, false)),
        "halt.target" => asked("isolate", pid1::power(PowerWord::Halt, false)),
        "reboot.target" | "kexec.target" => asked("isolate", pid1::power(PowerWord::Reboot, false)),
        "emergency.target" => level("isolate", Level::SINGLE),
        "default.target" => level("isolate", default(&Root::system())),
        name => match stands_for(name) {
            Some(found) => level("isolate", found),
            None => err_plain(&format!(
                "Failed to isolate {name}: it stands for no runlevel. multi-user.target, graphical.target, rescue.target \
                 and runlevel1.target to runlevel5.target do; systemctl start {name} starts it beside what runs."
            )),
        },
    }
}

/// `default`, `rescue`, `emergency`
pub(super) fn named(word: &str) -> u8 {
    if word == "default" { level(word, default(&Root::system())) } else { level(word, Level::SINGLE) }
}

fn level(word: &str, level: Level) -> u8 {
    asked(word, pid1::set_level(level))
}

fn asked(word: &str, answer: Result<(), Error>) -> u8 {
    match answer {
        Ok(()) => 0,
        Err(e) if e.is(errors::DENIED) => {
            err_plain(&format!("Failed to {word}: Access denied"));
            4
        }
        Err(e) => err_plain(&format!("Failed to {word}: {e}")),
    }
}

/// The one level to switch to for a target: of several (`multi-user`) the usual one. Not those that end the machine.
fn stands_for(target: &str) -> Option<Level> {
    let levels = install::levels_of(target);
    let wanted = match target {
        "graphical.target" => Level::from_char('5')?,
        "multi-user.target" => Level::from_char('3')?,
        _ => levels.iter().next().filter(|_| levels.iter().count() == 1)?,
    };
    (levels.contains(wanted) && !wanted.is_down() && wanted != Level::S).then_some(wanted)
}

/// The target's name for a level.
fn target_of(level: Level) -> String {
    match level.as_char() {
        '1' | 'S' => "rescue.target".to_owned(),
        '3' => "multi-user.target".to_owned(),
        '5' => "graphical.target".to_owned(),
        digit => format!("runlevel{digit}.target"),
    }
}

/// The level to boot into: `DefaultLevel=`, else inittab's, else 3.
fn default(root: &Root) -> Level {
    let inittab = || fs::read_to_string(root.place(&root.shown(Path::new("/etc/inittab")))).ok();
    let (settings, _) = conf::read(root);
    let from_table = || {
        let text = inittab()?;
        let mut line = text.lines().map(str::trim).filter(|l| !l.starts_with('#')).filter_map(|l| {
            let mut fields = l.split(':');
            let (_, levels, action) = (fields.next()?, fields.next()?, fields.next()?);
            action.eq_ignore_ascii_case("initdefault").then(|| LevelSet::parse(levels).ok())?
        });
        line.next_back()?.iter().filter(|l| !l.is_down()).last()
    };
    settings.default_level.or_else(from_table).or(Level::from_char('3')).unwrap_or(Level::SINGLE)
}

fn root(options: &Options) -> Root {
    options.root.clone().map_or_else(Root::system, Root::image)
}

/// `get-default`
pub(super) fn get_default(options: &Options) -> u8 {
    out(&target_of(default(&root(options))))
}

/// `set-default TARGET`: `DefaultLevel=` of init.conf.
pub(super) fn set_default(options: &Options, names: &[String]) -> u8 {
    let [name] = names else { return super::too_few() };
    let name = if name.contains('.') { name.clone() } else { format!("{name}.target") };
    let Some(level) = stands_for(&name) else {
        return err_plain(&format!("Failed to set default target: {name} stands for no runlevel one can boot into"));
    };
    let root = root(options);
    let path = root.place(&root.shown(Path::new(conf::PATH)));
    match write(&path, level) {
        Ok(()) if options.quiet => 0,
        Ok(()) => {
            err_plain(&format!("DefaultLevel={level} in {}", path.display()));
            0
        }
        Err(e) => err_plain(&format!("Failed to set default target: {}: {e}", path.display())),
    }
}

fn write(path: &PathBuf, level: Level) -> std::io::Result<()> {
    let text = match fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    let new = path.with_extension("conf.new");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&new, with_default(&text, level))?;
    fs::rename(&new, path)
}

/// init.conf's text with that level as the default. Pure.
fn with_default(text: &str, level: Level) -> String {
    let line = format!("DefaultLevel={level}");
    let is_key = |l: &str| l.split_once('=').is_some_and(|(key, _)| key.trim() == "DefaultLevel");
    let mut lines: Vec<String> = text.lines().filter(|l| !is_key(l)).map(str::to_owned).collect();
    match lines.iter().position(|l| l.trim() == "[Manager]") {
        Some(at) => lines.insert(at + 1, line),
        None => lines.extend(["[Manager]".to_owned(), line]),
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_levels() {
        let of = |target: &str| stands_for(target).map(Level::as_char);
        assert_eq!(of("multi-user.target"), Some('3'));
        assert_eq!(of("graphical.target"), Some('5'));
        assert_eq!(of("rescue.target"), Some('1'));
        assert_eq!(of("runlevel2.target"), Some('2'));
        for none in ["sysinit.target", "poweroff.target", "network-online.target", "x.service"] {
            assert_eq!(of(none), None, "{none}");
        }
        for level in "12345".chars().filter_map(Level::from_char) {
            assert_eq!(stands_for(&target_of(level)), Some(level), "{level}");
        }
    }

    #[test]
    fn init_conf_gets_one_line() {
        let five = Level::from_char('5').expect("level");
        assert_eq!(with_default("", five), "[Manager]\nDefaultLevel=5\n");
        let text = "# mine\n[Manager]\n#DefaultLevel=3\nDefaultLevel=2\nAllowGroup=adm\n";
        assert_eq!(with_default(text, five), "# mine\n[Manager]\nDefaultLevel=5\n#DefaultLevel=3\nAllowGroup=adm\n");
    }
}
