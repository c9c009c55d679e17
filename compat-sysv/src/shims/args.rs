//! Options as `getopt` reads them: bundled letters, values attached or apart, options anywhere before `--`.

/// What was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Args {
    options: Vec<(char, String)>,
    /// What isn't an option, in order.
    pub(super) words: Vec<String>,
}

impl Args {
    /// Reads `args` by `spec`: `ht:` knows `-h`, and `-t` with a value. `long` names letters: `("force", 'f')`.
    pub(super) fn parse(args: &[String], spec: &str, long: &[(&str, char)]) -> Result<Self, String> {
        let mut found = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                found.words.extend(args.by_ref().cloned());
            } else if let Some(name) = arg.strip_prefix("--") {
                let letter = long.iter().find(|(n, _)| *n == name).map(|(_, letter)| *letter);
                found.options.push((letter.ok_or_else(|| format!("unknown option `{arg}`"))?, String::new()));
            } else if arg.len() > 1 && arg.starts_with('-') {
                let mut letters = arg.chars().skip(1);
                while let Some(letter) = letters.next() {
                    let place = spec.find(letter).filter(|_| letter != ':');
                    let place = place.ok_or_else(|| format!("unknown option `-{letter}`"))?;
                    let mut value = String::new();
                    if spec.get(place + letter.len_utf8()..).is_some_and(|rest| rest.starts_with(':')) {
                        value = letters.by_ref().collect();
                        if value.is_empty() {
                            value = args.next().cloned().ok_or_else(|| format!("option `-{letter}` needs a value"))?;
                        }
                    }
                    found.options.push((letter, value));
                }
            } else {
                found.words.push(arg.clone());
            }
        }
        Ok(found)
    }

    /// Whether the option was given.
    pub(super) fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(l, _)| *l == letter)
    }

    /// The option's last value.
    pub(super) fn value(&self, letter: char) -> Option<&str> {
        self.options.iter().rev().find(|(l, _)| *l == letter).map(|(_, value)| value.as_str())
    }

    /// All its values.
    pub(super) fn values(&self, letter: char) -> Vec<String> {
        self.options.iter().filter(|(l, _)| *l == letter).map(|(_, value)| value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Args::parse(&args, "hPt:e:", &[("force", 'f')])
    }

    #[test]
    fn bundles_values_and_words() {
        let args = parse("-hPt5 now -t 6 --force -- -x").expect("good");
        assert!(args.has('h') && args.has('P') && args.has('f') && !args.has('x'));
        assert_eq!(args.value('t'), Some("6"));
        assert_eq!(args.values('t'), ["5", "6"]);
        assert_eq!(args.words, ["now", "-x"]);
    }

    #[test]
    fn a_single_dash_is_a_word() {
        assert_eq!(parse("- +5").expect("good").words, ["-", "+5"]);
    }

    #[test]
    fn what_is_unknown_is_named() {
        assert_eq!(parse("-hx"), Err("unknown option `-x`".into()));
        assert_eq!(parse("-:"), Err("unknown option `-:`".into()));
        assert_eq!(parse("--forced"), Err("unknown option `--forced`".into()));
        assert_eq!(parse("-t"), Err("option `-t` needs a value".into()));
    }
}
