//! The command lines of `chkconfig`, `install_initd` and `remove_initd`: options anywhere.

use super::chkconfig::To;
use init::unit::{Level, LevelSet};

pub(in crate::shims) const HELP: &str = "NAME0 [--list] [--type TYPE] [NAME]
       NAME0 --add NAME
       NAME0 --del NAME
       NAME0 --override NAME
       NAME0 [--level LEVELS] [--type TYPE] NAME [on|off|reset|resetpriorities]

Shows and changes which levels services are on in: init scripts by their links in
/etc/rcN.d, units of Rung's and systemd's as `initctl enable` and `disable` do it,
services of xinetd's by their files.

  --list            a line a service; without a name, all that are on or off anywhere
  --add             links by the script's header in the levels without; a unit is
                    switched on where its file asks for it
  --del             no links any more in 0 to 6
  --override        applies /etc/chkconfig.d/NAME, unless links were changed since
  NAME              exits with 0 if it is on in this level, or in that of --level
  on, off           in 2345, or in the levels of --level
  reset             as the header or the unit's file says
  resetpriorities   only the numbers of the links

Options:
  --level LEVELS    such as 35; also --levels
  --type TYPE       only `sysv` (units too) or only `xinetd`
  --root DIR        in an image
  --no-redirect     for systemd; nothing here
  --help, --version";

pub(in crate::shims) const HELP_INITD: &str = "NAME0 SCRIPT

Switches an init script on (install_initd) or off (remove_initd), as LSB packages do it:
only if all that it needs is on in the same levels, or nothing that is on needs it.

Options:
  --help, --version";

/// The usage of one of the names.
pub(super) fn usage(name: &str) -> String {
    let help = if name == "chkconfig" { HELP } else { HELP_INITD };
    help.split("\n\n").next().unwrap_or_default().replace("NAME0", name)
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    List(Option<String>),
    Query { name: String, level: Option<Level> },
    Add(String),
    Del(String),
    Override(String),
    Set { name: String, to: To, levels: LevelSet },
}

/// A whole command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) root: Option<String>,
    pub(super) sysv: bool,
    pub(super) xinetd: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self { form: Form::List(None), root: None, sysv: true, xinetd: true }
    }
}

impl Asked {
    /// `Err`: what is wrong, or nothing where the usage says all.
    pub(super) fn parse(called: &str, args: &[String]) -> Result<Self, String> {
        let mut asked = Self::default();
        let (mut modes, mut words, mut levels) = (Vec::new(), Vec::new(), None);
        match called {
            "install_initd" => modes.push("--add"),
            "remove_initd" => modes.push("--del"),
            _ => {}
        }
        let mut args_left = args.iter().map(String::as_str);
        while let Some(arg) = args_left.next() {
            let (option, attached) = arg.split_once('=').map_or((arg, None), |(option, value)| (option, Some(value)));
            let mut value = || {
                let value = attached.map(str::to_owned).or_else(|| args_left.next().map(str::to_owned));
                value.ok_or_else(|| format!("{option}: missing argument"))
            };
            match option {
                "--add" | "--del" | "--list" | "--override" => modes.push(option),
                "--no-redirect" => {}
                "--level" | "--levels" => levels = Some(value()?),
                "--root" => asked.root = Some(value()?),
                "--type" => match value()?.as_str() {
                    "sysv" => asked.xinetd = false,
                    "xinetd" => asked.sysv = false,
                    _ => return Err("--type must be 'sysv' or 'xinetd'".into()),
                },
                _ if option.starts_with('-') && option.len() > 1 => return Err(format!("{option}: unknown option")),
                _ => words.push(arg.to_owned()),
            }
        }
        if modes.len() > 1 {
            return Err("only one of --list, --add, --del, or --override may be specified".into());
        }
        let levels = levels
            .map(|text| levels_of(&text).ok_or(format!("`{text}` is no list of runlevels: 0 to 6 are")))
            .transpose()?;
        asked.form = form(modes.first().copied(), words, levels, args.is_empty())?;
        Ok(asked)
    }
}

fn form(mode: Option<&str>, words: Vec<String>, levels: Option<LevelSet>, bare: bool) -> Result<Form, String> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut words = words.into_iter();
    let (first, second, third) = (words.next(), words.next(), words.next());
    match (mode, first.filter(|name| !name.is_empty()), second) {
        (Some("--list"), first, None) => Ok(Form::List(first)),
        (Some("--add"), Some(name), None) => Ok(Form::Add(base(&name))),
        (Some("--del"), Some(name), None) => Ok(Form::Del(base(&name))),
        (Some("--override"), Some(name), None) => Ok(Form::Override(base(&name))),
        (None, None, None) if bare => Ok(Form::List(None)),
        (None, Some(name), None) => {
            let mut several = levels.unwrap_or_default().iter();
            let level = several.next();
            if several.next().is_some() {
                return Err("only one runlevel may be specified for a chkconfig query".into());
            }
            Ok(Form::Query { name, level })
        }
        (None, Some(name), Some(state)) if third.is_none() => {
            let to = match state.as_str() {
                "on" => To::On,
                "off" => To::Off,
                "reset" => To::Reset,
                "resetpriorities" => To::ResetNumbers,
                _ => return Err(format!("`{state}` is none of on, off, reset and resetpriorities")),
            };
            Ok(Form::Set { name, to, levels: levels.unwrap_or_default() })
        }
        (Some(_), None, _) => Err("the name of a service is missing".into()),
        (_, _, None) | (None, None, _) => Err(String::new()),
        (_, _, Some(more)) => Err(format!("`{}` is too much", third.unwrap_or(more))),
    }
}

/// Digits 0 to 6, one at least.
fn levels_of(text: &str) -> Option<LevelSet> {
    let levels: Option<LevelSet> = text.chars().map(|c| Level::from_char(c).filter(|l| *l != Level::S)).collect();
    levels.filter(|levels| !levels.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Form, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Asked::parse("chkconfig", &args).map(|asked| asked.form)
    }

    #[test]
    fn every_form_is_read() {
        let name = || "web".to_owned();
        let set = |to, levels: &str| Form::Set { name: name(), to, levels: LevelSet::parse(levels).expect("levels") };
        assert_eq!(parse(""), Ok(Form::List(None)));
        assert_eq!(parse("--list web"), Ok(Form::List(Some(name()))));
        assert_eq!(parse("--add /etc/init.d/web"), Ok(Form::Add(name())));
        assert_eq!(parse("web --del"), Ok(Form::Del(name())));
        assert_eq!(parse("--override web"), Ok(Form::Override(name())));
        assert_eq!(parse("web"), Ok(Form::Query { name: name(), level: None }));
        assert_eq!(parse("--level 3 web"), Ok(Form::Query { name: name(), level: Level::from_char('3') }));
        assert_eq!(parse("--levels=35 web on"), Ok(set(To::On, "35")));
        assert_eq!(parse("web off --level 2"), Ok(set(To::Off, "2")));
        assert_eq!(parse("web reset"), Ok(set(To::Reset, "")));
        assert_eq!(parse("web resetpriorities"), Ok(set(To::ResetNumbers, "")));
    }

    #[test]
    fn what_is_wrong_is_said_or_left_to_the_usage() {
        for (line, why) in [
            ("--add", "the name of a service is missing"),
            ("--add a b", "`b` is too much"),
            ("--del", "the name of a service is missing"),
            ("web maybe", "`maybe` is none of on, off, reset and resetpriorities"),
            ("web on now", "`now` is too much"),
            ("--level 7 web on", "`7` is no list of runlevels: 0 to 6 are"),
            ("--level S web on", "`S` is no list of runlevels: 0 to 6 are"),
            ("--level 35", ""),
            ("--level 35 web", "only one runlevel may be specified for a chkconfig query"),
            ("--list --add web", "only one of --list, --add, --del, or --override may be specified"),
            ("--type x web", "--type must be 'sysv' or 'xinetd'"),
            ("--nonsense", "--nonsense: unknown option"),
            ("web on --level", "--level: missing argument"),
        ] {
            assert_eq!(parse(line), Err(why.to_owned()), "{line}");
        }
    }

    #[test]
    fn install_initd_takes_one_path() {
        let args = ["/etc/init.d/web".to_owned()];
        assert_eq!(Asked::parse("install_initd", &args).map(|a| a.form), Ok(Form::Add("web".into())));
        assert_eq!(Asked::parse("remove_initd", &args).map(|a| a.form), Ok(Form::Del("web".into())));
        assert_eq!(Asked::parse("remove_initd", &[]), Err("the name of a service is missing".into()));
    }
}
