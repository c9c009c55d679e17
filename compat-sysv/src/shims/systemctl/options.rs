//! The command line of `systemctl`. Pure.

use init::core::Whom;
use init::proto::words::signal_number;
use std::path::PathBuf;

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// The verb and what follows it.
    pub(super) words: Vec<String>,
    /// `--type`: words after which units are listed; kinds of units and of load states.
    pub(super) types: Vec<String>,
    /// `--state`, `--failed`
    pub(super) states: Vec<String>,
    /// `--property`
    pub(super) properties: Vec<String>,
    /// `--value`
    pub(super) value: bool,
    /// `--all`
    pub(super) all: bool,
    /// `--reverse`
    pub(super) reverse: bool,
    /// `--after`, `--before`: the order instead of the needs
    pub(super) order: Option<Order>,
    /// `--quiet`
    pub(super) quiet: bool,
    /// `--now`
    pub(super) now: bool,
    /// `--no-block`
    pub(super) no_block: bool,
    /// Heads and sums of lists.
    pub(super) legend: bool,
    /// `--plain`
    pub(super) plain: bool,
    /// `--runtime`
    pub(super) runtime: bool,
    /// `--force`
    pub(super) force: bool,
    /// `--no-wall`
    pub(super) no_wall: bool,
    /// `--message`
    pub(super) message: String,
    /// `--preset-mode`: whether presets switch on, and off.
    pub(super) preset: (bool, bool),
    /// `--root`
    pub(super) root: Option<PathBuf>,
    /// `--signal`
    pub(super) signal: i32,
    /// `--kill-whom`
    pub(super) whom: Whom,
    /// `--lines`
    pub(super) lines: usize,
    /// `--help`
    pub(super) help: bool,
    /// `--version`
    pub(super) version: bool,
}

/// What `list-dependencies` follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    After,
    Before,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            types: Vec::new(),
            states: Vec::new(),
            properties: Vec::new(),
            value: false,
            all: false,
            reverse: false,
            order: None,
            quiet: false,
            now: false,
            no_block: false,
            legend: true,
            plain: false,
            runtime: false,
            force: false,
            no_wall: false,
            message: String::new(),
            preset: (true, true),
            root: None,
            signal: libc::SIGTERM,
            whom: Whom::All,
            lines: 10,
            help: false,
            version: false,
        }
    }
}

/// Every option: its long name, its letter, whether a value follows.
const OPTIONS: &[(&str, Option<char>, bool)] = &[
    ("help", Some('h'), false),
    ("version", None, false),
    ("type", Some('t'), true),
    ("state", None, true),
    ("failed", None, false),
    ("property", Some('p'), true),
    ("value-of", Some('P'), true),
    ("value", None, false),
    ("all", Some('a'), false),
    ("full", Some('l'), false),
    ("recursive", Some('r'), false),
    ("reverse", None, false),
    ("after", None, false),
    ("before", None, false),
    ("with-dependencies", None, false),
    ("show-types", None, false),
    ("job-mode", None, true),
    ("fail", None, false),
    ("irreversible", None, false),
    ("ignore-dependencies", None, false),
    ("show-transaction", Some('T'), false),
    ("check-inhibitors", None, true),
    ("ignore-inhibitors", Some('i'), false),
    ("kill-whom", None, true),
    ("kill-who", None, true),
    ("signal", Some('s'), true),
    ("now", None, false),
    ("quiet", Some('q'), false),
    ("wait", None, false),
    ("no-block", None, false),
    ("no-wall", None, false),
    ("message", None, true),
    ("no-warn", None, false),
    ("no-reload", None, false),
    ("legend", None, true),
    ("no-legend", None, false),
    ("no-pager", None, false),
    ("no-ask-password", None, false),
    ("global", None, false),
    ("user", None, false),
    ("system", None, false),
    ("host", Some('H'), true),
    ("machine", Some('M'), true),
    ("runtime", None, false),
    ("force", Some('f'), false),
    ("preset-mode", None, true),
    ("root", None, true),
    ("image", None, true),
    ("lines", Some('n'), true),
    ("output", Some('o'), true),
    ("plain", None, false),
    ("timestamp", None, true),
];

impl Options {
    /// Reads the arguments. Options stand anywhere before `--`; long names may be cut short.
    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let mut found = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                found.words.extend(args.by_ref().cloned());
            } else if let Some(text) = arg.strip_prefix("--") {
                let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v.to_owned())));
                let (name, _, takes) = long(name)?;
                let value = match (takes, value) {
                    (true, None) => {
                        args.next().cloned().ok_or_else(|| format!("option '--{name}' requires an argument"))?
                    }
                    (false, Some(_)) => return Err(format!("option '--{name}' doesn't allow an argument")),
                    (_, value) => value.unwrap_or_default(),
                };
                found.set(name, &value)?;
            } else if arg.len() > 1 && arg.starts_with('-') {
                let mut letters = arg.chars().skip(1);
                while let Some(letter) = letters.next() {
                    let option = OPTIONS.iter().find(|(_, l, _)| *l == Some(letter));
                    let (name, _, takes) = option.ok_or_else(|| format!("invalid option -- '{letter}'"))?;
                    let mut value = String::new();
                    if *takes {
                        value = letters.by_ref().collect();
                        if value.is_empty() {
                            value = args
                                .next()
                                .cloned()
                                .ok_or_else(|| format!("option requires an argument -- '{letter}'"))?;
                        }
                    }
                    found.set(name, &value)?;
                }
            } else {
                found.words.push(arg.clone());
            }
        }
        Ok(found)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let list = || value.split(',').map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
        match name {
            "help" => self.help = true,
            "version" => self.version = true,
            "type" => self.types.extend(list()),
            "state" => self.states.extend(list()),
            "failed" => self.states.push("failed".to_owned()),
            "property" => self.properties.extend(list()),
            "value-of" => {
                self.properties.extend(list());
                self.value = true;
            }
            "value" => self.value = true,
            "all" => self.all = true,
            "reverse" => self.reverse = true,
            "after" => self.order = Some(Order::After),
            "before" => self.order = Some(Order::Before),
            "quiet" => self.quiet = true,
            "now" => self.now = true,
            "no-block" => self.no_block = true,
            "no-wall" => self.no_wall = true,
            "message" => value.clone_into(&mut self.message),
            "legend" => {
                self.legend = boolean(value).ok_or_else(|| format!("Failed to parse --legend= argument: {value}"))?;
            }
            "no-legend" => self.legend = false,
            "plain" => self.plain = true,
            "runtime" => self.runtime = true,
            "force" => self.force = true,
            "root" if !value.starts_with('/') => return Err(format!("--root={value}: an absolute path is wanted")),
            "root" => self.root = Some(value.into()).filter(|_| value != "/"),
            "preset-mode" => {
                self.preset = match value {
                    "full" => (true, true),
                    "enable-only" => (true, false),
                    "disable-only" => (false, true),
                    _ => return Err(format!("Failed to parse preset mode '{value}'.")),
                }
            }
            "signal" => {
                self.signal = signal_number(value).ok_or_else(|| format!("Failed to parse signal string {value}."))?;
            }
            "kill-whom" | "kill-who" => {
                self.whom = match value {
                    "main" | "main-fail" => Whom::Main,
                    "control" | "control-fail" => Whom::Control,
                    "all" | "all-fail" => Whom::All,
                    _ => return Err(format!("--{name}={value}: main, control or all is wanted")),
                }
            }
            "lines" => self.lines = value.parse().map_err(|_| format!("Failed to parse lines '{value}'"))?,
            "user" | "global" => return Err(format!("--{name}: Rung has no managers of users")),
            "host" => return Err(format!("-H {value}: Rung is asked on its own machine: ssh {value} systemctl …")),
            "machine" => {
                return Err(format!("-M {value}: Rung knows no machines; run systemctl inside that container"));
            }
            "image" => return Err("--image: mount it, then --root=".to_owned()),
            // What only changes how systemd's own does things, or looks.
            _ => {}
        }
        Ok(())
    }
}

/// The option of that name, or the only one that begins so.
fn long(text: &str) -> Result<(&'static str, Option<char>, bool), String> {
    // `-P` has no long name.
    let named = OPTIONS.iter().filter(|(name, ..)| *name != "value-of");
    let exact = named.clone().find(|(name, ..)| *name == text);
    let mut begun = named.filter(|(name, ..)| name.starts_with(text));
    match (exact, begun.next(), begun.next()) {
        (Some(option), ..) | (None, Some(option), None) => Ok(*option),
        (None, Some(_), Some(_)) => Err(format!("option '--{text}' is ambiguous")),
        (None, None, _) => Err(format!("unrecognized option '--{text}'")),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&args)
    }

    #[test]
    fn what_debians_helpers_write() {
        let of = |line: &str| parse(line).expect(line);
        let o = of("--quiet is-active -- cron.service");
        assert!(o.quiet && o.words == ["is-active", "cron.service"]);
        let o = of("list-unit-files --full --type=socket");
        assert_eq!((o.types, o.words), (vec!["socket".to_owned()], vec!["list-unit-files".to_owned()]));
        assert_eq!(of("-p CanReload show a.service").properties, ["CanReload"]);
        let o = of("show --value --property SourcePath a.service");
        assert!(o.value && o.properties == ["SourcePath"] && o.words == ["show", "a.service"]);
        let o = of("--root=/ --system --preset-mode=enable-only preset a.timer");
        assert_eq!((o.root, o.preset), (None, (true, false)));
        let o = of("--signal=KILL kill a");
        assert_eq!((o.signal, o.words), (9, vec!["kill".to_owned(), "a".to_owned()]));
        let o = of("-P ActiveState,SubState show a");
        assert!(o.value && o.properties == ["ActiveState", "SubState"]);
        assert!(of("--no-pag list-units --no-leg").words == ["list-units"], "long names may be cut short");
        assert!(!of("--no-legend list-units").legend && !of("--legend=no list-units").legend);
        assert_eq!(of("list-units -at service").types, ["service"]);
        assert_eq!(of("--root=/ enable a").root, None);
        assert_eq!(of("--system restart a --job-mode=replace").words, ["restart", "a"]);
    }

    #[test]
    fn what_is_refused_says_why() {
        for (line, why) in [
            ("--user start a", "no managers of users"),
            ("-H host start a", "ssh host"),
            ("-M box start a", "no machines"),
            ("--frob", "unrecognized option '--frob'"),
            ("-z", "invalid option -- 'z'"),
            ("--value-of", "unrecognized"),
            ("--no list-units", "ambiguous"),
            ("--property", "requires an argument"),
            ("--all=1", "doesn't allow an argument"),
            ("kill -s NOSUCH a", "NOSUCH"),
            ("--root=rel enable a", "absolute"),
            ("kill --kill-whom=me a", "main, control or all"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
