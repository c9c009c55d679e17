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
    pub(super) fn parse(text: &str) -> Self {
        let (word, rest) = text.split_once([' ', ',', ';', '\t']).unwrap_or((text, ""));
        let of = |key: &str| {
            let behind = rest.split_once(key)?.1;
            let behind = behind.split(['=', 's']).next().unwrap_or_default();
            let levels = behind.split(',').filter_map(|level| LevelSet::parse(level).ok());
            Some(levels.flat_map(LevelSet::iter).collect())
        };
        Self { word: word.to_owned(), start: of("start="), stop: of("stop=") }
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
        let named = args.words.iter().map(|word| Named::parse(word)).collect();
        Ok(Self { args, root, named })
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
        let named = Named::parse("web,start=2,3,stop=0,1,6");
        assert_eq!((named.name(), named.start, named.stop), ("web", levels("23"), levels("016")));
        let named = Named::parse("/etc/init.d/web,stop=S");
        assert_eq!((named.name(), named.start, named.stop), ("web", None, levels("S")));
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
