//! The command line of `invoke-rc.d`: options may stand between the script and the action, but not behind it.

pub(in crate::shims) const HELP: &str = "NAME0 [OPTION]... SERVICE ACTION [ARG]...

Carries out an action for a service, if the administrator's policy (policy-rc.d) and the
level allow it. start, restart and try-restart need the service to be on in this level
or in S. A unit of Rung's comes first, then /etc/init.d/SERVICE.

Options:
  --quiet          no messages
  --force          whatever policy and links say
  --try-anyway     also after errors that aren't fatal
  --disclose-deny  101 instead of 0 if it was denied
  --query          runs nothing; the exit status tells (100 to 106)
  --no-fallback    never other actions that the policy wants instead
  --skip-systemd-native
                   for systemd; nothing here
  --help, --version

Exit status:
  0     done; or denied, or there is no such service
  1-99  the script's
  101   denied          102  broken links or policy    103  wrong arguments
  104   allowed         105  nobody can tell           106  other actions instead";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Help,
    Run(Line),
}

/// A whole command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) script: String,
    /// One; more where the policy wants others instead.
    pub(super) actions: Vec<String>,
    pub(super) rest: Vec<String>,
    pub(super) quiet: bool,
    pub(super) force: bool,
    pub(super) retry: bool,
    pub(super) disclose: bool,
    pub(super) query: bool,
    pub(super) no_fallback: bool,
}

impl Line {
    /// `Err`: what is wrong; nothing where it isn't to be said.
    pub(super) fn parse(args: &[String]) -> Result<Asked, String> {
        if args.is_empty() {
            return Err("missing required parameter, --help assumed".into());
        }
        let mut line = Self::default();
        line.read(args).map_err(|why| if line.quiet { String::new() } else { why })
    }

    fn read(&mut self, args: &[String]) -> Result<Asked, String> {
        let line = self;
        let mut words: Vec<&String> = Vec::new();
        let mut args = args.iter();
        while words.len() < 2 {
            let Some(arg) = args.next() else { break };
            match arg.as_str() {
                "--help" => return Ok(Asked::Help),
                "--quiet" => line.quiet = true,
                "--force" => (line.force, line.retry) = (true, true),
                "--try-anyway" => line.retry = true,
                "--disclose-deny" => line.disclose = true,
                "--query" => (line.query, line.disclose) = (true, true),
                "--no-fallback" => line.no_fallback = true,
                "--skip-systemd-native" => {}
                other if other.starts_with("--") => return Err(format!("unknown option \"{other}\"")),
                word => match word.split_whitespace().count() {
                    0 => return Err("invalid empty parameter".into()),
                    1 => words.push(arg),
                    _ => return Err(format!("embedded blanks are not allowed in \"{word}\"")),
                },
            }
        }
        let [script, action] = words.as_slice() else {
            return Err("missing required parameter".into());
        };
        line.script = script.trim().to_owned();
        line.actions = vec![action.trim().to_owned()];
        line.rest = args.cloned().collect();
        Ok(Asked::Run(std::mem::take(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Asked, String> {
        Line::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_before_the_action_only() {
        let Ok(Asked::Run(line)) = parse(&["--quiet", "web", "--force", "start", "--query", "x y"]) else {
            panic!("no line");
        };
        assert!(line.quiet && line.force && line.retry && !line.query);
        assert_eq!((line.script.as_str(), line.actions.join(" ").as_str()), ("web", "start"));
        assert_eq!(line.rest, ["--query", "x y"]);
        assert_eq!(parse(&["web", "--help"]), Ok(Asked::Help));
    }

    #[test]
    fn what_is_wrong_is_said_as_the_original_says_it() {
        for (args, why) in [
            (&[][..], "missing required parameter, --help assumed"),
            (&["web"], "missing required parameter"),
            (&["--nonsense"], "unknown option \"--nonsense\""),
            (&["--quiet", "", "start"], ""),
            (&["", "start"], "invalid empty parameter"),
            (&["web db", "start"], "embedded blanks are not allowed in \"web db\""),
        ] {
            assert_eq!(parse(args), Err(why.to_owned()), "{args:?}");
        }
    }
}
