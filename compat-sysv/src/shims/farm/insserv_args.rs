//! The command line of `insserv`.

use crate::shims::args::Args;
use init::unit::LevelSet;

pub(in crate::shims) const HELP: &str = "NAME0 [OPTION]... [SCRIPT[,start=LEVELS][,stop=LEVELS]]...

Makes the links in /etc/rcN.d of the scripts named, by the headers of all scripts, and
numbers all links anew so that each starts after what it needs. Without a name it only
numbers them, and removes links that lead nowhere.

Options:
  -r, --remove     removes the links of the scripts named
  -f, --force      goes on if a needed service is missing, and after loops
  -d, --default    levels as the headers say, whatever links there are
  -e, --recursive  also makes the links of what they need
  -n, --dry-run    changes nothing, and says what would be changed
  -v, --verbose    says what is changed
  -q, --silent     only fatal errors
  -s, --show-all   prints levels and numbers, and changes nothing
  -p, --path DIR         the folder of the scripts, such as /mnt/etc/init.d
  -o, --override DIR     the folder of headers that count instead
  -c, --config FILE      what $network and the like stand for
  -i, --insserv-dir DIR  where depend.boot, depend.start and depend.stop are written
  -u, --upstart-job PATH whom to ask for the headers of Upstart's jobs
  --root DIR       in an image
  -h, --help, --version";

const SPEC: &str = "c:dfrhqvni:o:p:u:es";
/// Long names; those of options with values come first.
const LONG: &[(&str, char)] = &[
    ("config", 'c'),
    ("insserv-dir", 'i'),
    ("override", 'o'),
    ("path", 'p'),
    ("upstart-job", 'u'),
    ("default", 'd'),
    ("dry-run", 'n'),
    ("dryrun", 'n'),
    ("force", 'f'),
    ("help", 'h'),
    ("recursive", 'e'),
    ("remove", 'r'),
    ("show-all", 's'),
    ("showall", 's'),
    ("silent", 'q'),
    ("verbose", 'v'),
];
const WITH_VALUE: usize = 5;

/// A script that was named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// As it was written, without levels.
    pub(super) word: String,
    pub(super) start: Option<LevelSet>,
    pub(super) stop: Option<LevelSet>,
}

impl Named {
    /// `web,start=2,3,stop=0,1`
    ///
    /// The original passes over what it can't read, and so makes other links than were asked for.
    ///
    /// # Errors
    /// What is no level, and how levels are written.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const BETWEEN: [char; 4] = [' ', ',', ';', '\t'];
        let (word, rest) = text.split_once(BETWEEN).unwrap_or((text, ""));
        let mut named = Self { word: word.to_owned(), ..Self::default() };
        let wrong =
            |what: &str| format!("{text}: {what}\n  levels are 0 to 6 and S, written as in {word},start=2,3,stop=0,6");
        let mut levels = None;
        for part in rest.split(BETWEEN) {
            let (key, list) = part.split_once('=').map_or((None, part), |(key, list)| (Some(key), list));
            levels = match key {
                None => levels,
                Some("start") => Some(&mut named.start),
                Some("stop") => Some(&mut named.stop),
                Some(_) => return Err(wrong(&format!("`{part}` is neither start= nor stop="))),
            };
            let given = LevelSet::parse(list).map_err(|c| wrong(&format!("`{c}` is no runlevel")))?;
            match &mut levels {
                Some(levels) => {
                    let before = levels.unwrap_or_default();
                    **levels = Some(before.iter().chain(given.iter()).collect());
                }
                None if list.is_empty() => {}
                None => return Err(wrong(&format!("neither start= nor stop= stands before `{list}`"))),
            }
        }
        Ok(named)
    }

    pub(super) fn name(&self) -> &str {
        self.word.rsplit('/').next().unwrap_or(&self.word)
    }
}

/// A whole command line.
#[derive(Debug, Default)]
pub(super) struct Line {
    args: Args,
    pub(super) root: Option<String>,
    pub(super) named: Vec<Named>,
}

impl Line {
    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let (mut plain, mut root) = (Vec::new(), None);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (option, value) = arg.split_once('=').map_or((arg.as_str(), None), |(o, v)| (o, Some(v.to_owned())));
            let letter = option.strip_prefix("--").and_then(|name| {
                LONG.iter().take(WITH_VALUE).chain(&[("root", 'R')]).find(|(long, _)| *long == name).map(|(_, c)| *c)
            });
            let Some(letter) = letter else {
                plain.push(arg.clone());
                continue;
            };
            let value =
                value.or_else(|| args.next().cloned()).ok_or_else(|| format!("option `{option}` needs a value"))?;
            if letter == 'R' { root = Some(value) } else { plain.extend([format!("-{letter}"), value]) }
        }
        let args = Args::parse(&plain, SPEC, LONG)?;
        let named: Result<Vec<Named>, String> = args.words.iter().map(|word| Named::parse(word)).collect();
        Ok(Self { args, root, named: named? })
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.args.has(letter)
    }

    pub(super) fn value(&self, letter: char) -> Option<&str> {
        self.args.value(letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_behind_the_name() {
        let levels = |text| LevelSet::parse(text).ok();
        for (text, start, stop) in [
            ("web", None, None),
            ("web,start=2,3,stop=0,1,6", levels("23"), levels("016")),
            ("/etc/init.d/web,stop=S", None, levels("S")),
            ("web;start=35", levels("35"), None),
            ("web,start=", levels(""), None),
        ] {
            let named = Named::parse(text).expect("good");
            assert_eq!((named.name(), named.start, named.stop), ("web", start, stop), "{text}");
        }
    }

    #[test]
    fn what_is_no_level_is_named() {
        for (text, what) in [
            ("web,start=9", "`9` is no runlevel"),
            ("web,start=2,stop=0,x", "`x` is no runlevel"),
            ("web,begin=3", "`begin=3` is neither start= nor stop="),
            ("web,3", "neither start= nor stop= stands before `3`"),
        ] {
            let why = Named::parse(text).expect_err("bad");
            assert!(why.starts_with(&format!("{text}: {what}\n  ")) && why.contains("web,start=2,3"), "{why}");
        }
    }

    #[test]
    fn long_options_take_values_either_way() {
        let args = ["--path=/x/etc/init.d", "--override", "/o", "-vf", "web", "--root", "/i"].map(str::to_owned);
        let line = Line::parse(&args).expect("good");
        assert_eq!((line.value('p'), line.value('o')), (Some("/x/etc/init.d"), Some("/o")));
        assert!(line.has('v') && line.has('f') && !line.has('r'));
        assert_eq!((line.root.as_deref(), line.named.len()), (Some("/i"), 1));
        assert!(Line::parse(&["-x".to_owned()]).is_err());
    }
}
