//! Lines of inittab as the units that were made of them: which program each is to run, and where it is written. Pure.

use init::unit::Words;

/// The key of a generated unit that tells the line of its file.
pub const LINE_KEY: &str = "X-SourceLine";

/// What a shell does by itself, or what isn't a command of its own: nothing to be looked for.
const SHELLS_OWN: &[&str] = &[
    ".", ":", "[", "alias", "break", "case", "cd", "command", "continue", "do", "echo", "eval", "exit", "export",
    "false", "for", "getopts", "hash", "if", "kill", "let", "local", "printf", "pwd", "read", "readonly", "return",
    "set", "shift", "source", "test", "time", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset",
    "until", "wait", "while",
];

/// The program of a line, of the words of its unit's `ExecStart=`: `sysv line [-r ID] -- WORD…`. None: only a shell could
/// tell.
pub fn program(words: &Words) -> Option<&str> {
    let words: Vec<&str> = words.iter().skip_while(|word| *word != "--").skip(1).collect();
    match words.as_slice() {
        // A shell gets the line's text: for its characters, or from initscript.
        ["/bin/sh", "-c", text] | ["/bin/sh", "/etc/initscript", _, _, _, text] => first_command(text),
        [program, ..] => Some(program),
        [] => None,
    }
}

/// The program that a shell would begin with, where that is plain to see.
fn first_command(text: &str) -> Option<&str> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty() && *word != "exec");
    let first = words.find(|word| !is_assignment(word))?;
    // What ends a command may stand right behind it.
    let (program, rest) = first.split_at(first.find([';', '&', '|', '<', '>']).unwrap_or(first.len()));
    // `2>file` is no program, and of what a shell would make another word, nothing can be said.
    let plain = |c: char| c.is_alphanumeric() || "/._+-:@,%=".contains(c);
    let is_number = program.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(['<', '>']);
    (program.chars().all(plain) && !program.is_empty() && !is_number && !SHELLS_OWN.contains(&program))
        .then_some(program)
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The number of the line that a generated unit was made of.
pub fn line(unit: &str) -> Option<u32> {
    let value = |line: &str| line.strip_prefix(LINE_KEY)?.strip_prefix('=')?.trim().parse().ok();
    unit.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_stands_behind_what_runs_the_line() {
        for (line, expected) in [
            (&["/sbin/getty", "38400", "tty1"][..], Some("/sbin/getty")),
            (&["/bin/sh", "-c", "/no/such </dev/tty1 >/dev/tty1 2>&1"], Some("/no/such")),
            (&["/bin/sh", "-c", "exec /no/such; true"], Some("/no/such")),
            (&["/bin/sh", "-c", "/no/such;true"], Some("/no/such")),
            (&["/bin/sh", "-c", "TERM=linux LANG= /no/such 'a b'"], Some("/no/such")),
            (&["/bin/sh", "-c", "such*"], None),
            (&["/bin/sh", "-c", "[ -x /no/such ] && /no/such"], None),
            (&["/bin/sh", "-c", "</dev/tty1 /no/such"], None),
            (&["/bin/sh", "-c", "2>/dev/null /no/such"], None),
            (&["/bin/sh", "-c", "(/no/such)"], None),
            (&["/bin/sh", "-c", "\"/no/such\""], None),
            (&["/bin/sh", "-c", "$SHELL -i"], None),
            (&["/bin/sh", "-c", "A='b c' /bin/true"], None),
            (&["/bin/sh", "-c", "echo a >/run/b"], None),
            (&["/bin/sh", "/etc/initscript", "x", "23", "once", "/no/such *"], Some("/no/such")),
            (&["/bin/sh", "/x"], Some("/bin/sh")),
            (&[], None),
        ] {
            for before in [&["/usr/lib/rung/sysv", "line", "-r", "x", "--"][..], &["sysv", "line", "--"]] {
                let words: Words = before.iter().chain(line).collect();
                assert_eq!(program(&words), expected, "{line:?}");
            }
        }
        assert_eq!(program(&["/bin/a"].iter().collect()), None);
    }

    #[test]
    fn the_line_is_a_key_of_the_unit() {
        assert_eq!(line("[Unit]\nSourcePath=/etc/inittab\nX-SourceLine=12\n"), Some(12));
        assert_eq!(line("[Unit]\nDescription=X-SourceLine=12\n"), None);
    }
}
