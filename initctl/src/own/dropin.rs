//! `KEY=VALUE` on the command line → lines of a drop-in. Pure.

use init::unit::{KeyDoc, keys, nearest};

/// What one argument of `set` asks for.
pub struct Assignment {
    /// Which key.
    pub key: &'static KeyDoc,
    /// Its value; empty: as if it weren't given.
    pub value: String,
    /// `KEY+=VALUE`: beside what a list holds.
    pub more: bool,
}

/// Reads `KEY=VALUE`, `KEY+=VALUE` or `Section.KEY=VALUE`.
///
/// # Errors
/// A sentence.
pub fn assignment(text: &str) -> Result<Assignment, String> {
    let Some((left, value)) = text.split_once('=') else {
        return Err(format!("`{text}` has no `=`: write KEY=VALUE, or KEY= for its default"));
    };
    let (left, more) = left.strip_suffix('+').map_or((left, false), |l| (l, true));
    let left = left.trim();
    let (section, name) = left.split_once('.').map_or((None, left), |(s, n)| (Some(s), n));
    let fits = |k: &&KeyDoc| k.name == name && section.is_none_or(|s| s == k.section);
    let Some(key) = keys().find(fits) else {
        let near: Vec<String> = nearest(name, keys().map(|k| k.name)).iter().map(|n| format!("{n}=")).collect();
        let near = crate::render::did_you_mean(&near);
        return Err(format!("there is no key {left}={near}\n  try: man rung.unit"));
    };
    if value.contains('\n') {
        return Err(format!("{}=: a value is one line", key.name));
    }
    if more && !key.list {
        return Err(format!("{0}= holds one value, to which nothing can be added: write {0}={value}", key.name));
    }
    if more && value.trim().is_empty() {
        return Err(format!("{}+= is given nothing to add", key.name));
    }
    Ok(Assignment { key, value: value.trim().to_owned(), more })
}

/// A drop-in's text with these assignments made in it. Comments and other keys stay as they are.
pub fn assign(text: &str, assignments: &[Assignment]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut reset: Vec<&str> = Vec::new();
    for a in assignments {
        let begun = reset.contains(&a.key.id);
        if !a.more && !begun {
            remove(&mut lines, a.key);
        }
        let mut new = Vec::new();
        if a.key.list && !a.more && !begun && !a.value.is_empty() {
            new.push(format!("{}=", a.key.name));
        }
        new.push(format!("{}={}", a.key.name, a.value));
        if !a.key.list && begun {
            remove(&mut lines, a.key);
        }
        insert(&mut lines, a.key.section, new);
        reset.push(a.key.id);
    }
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn section_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(['#', ';'])
}

/// Takes away a key's lines, with those that they go on in.
fn remove(lines: &mut Vec<String>, key: &KeyDoc) {
    let (mut section, mut going_on, mut dropping) = (String::new(), false, false);
    lines.retain(|line| {
        if !going_on {
            if let Some(name) = section_of(line) {
                section = name.to_owned();
            }
            let named = || line.split_once('=').is_some_and(|(name, _)| name.trim() == key.name);
            dropping = section == key.section && !is_comment(line) && named();
        }
        // A comment between the parts of a value neither ends it nor goes on itself.
        let inner_comment = going_on && is_comment(line);
        let drop_line = dropping;
        if !inner_comment {
            going_on = !is_comment(line) && line.ends_with('\\');
        }
        !drop_line
    });
}

/// Puts lines at the end of a section, which is made if need be.
fn insert(lines: &mut Vec<String>, section: &str, new: Vec<String>) {
    let Some(begin) = lines.iter().rposition(|l| section_of(l) == Some(section)) else {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("[{section}]"));
        lines.extend(new);
        return;
    };
    let rest = lines.iter().skip(begin + 1);
    let mut end = begin + 1 + rest.take_while(|l| section_of(l).is_none()).count();
    while lines.get(end - 1).is_some_and(|l| l.trim().is_empty()) {
        end -= 1;
    }
    lines.splice(end..end, new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, assignments: &[&str]) -> String {
        let list: Vec<Assignment> = assignments.iter().map(|a| assignment(a).expect(a)).collect();
        assign(text, &list)
    }

    #[test]
    fn keys_find_their_sections() {
        assert_eq!(after("", &["Nice=5", "After=a.service"]), "[Service]\nNice=5\n\n[Unit]\nAfter=\nAfter=a.service\n");
        assert_eq!(after("", &["Unit.StartLimitBurst=3"]), "[Unit]\nStartLimitBurst=3\n");
    }

    #[test]
    fn what_was_set_before_is_replaced_and_the_rest_stays() {
        let text = "# mine\n[Service]\nNice=1\n# Nice=2\nUser=x\n\n[Unit]\nNice=9\n";
        assert_eq!(after(text, &["Nice=5"]), "# mine\n[Service]\n# Nice=2\nUser=x\nNice=5\n\n[Unit]\nNice=9\n");
        assert_eq!(after("[Service]\nNice=1\n", &["Nice=2", "Nice=3"]), "[Service]\nNice=3\n");
    }

    #[test]
    fn values_that_go_on_are_taken_away_whole() {
        let text = "[Service]\nExecStart=/bin/a \\\n# why\n  b \\\n  c\nNice=1\n";
        assert_eq!(after(text, &["ExecStart=/bin/z"]), "[Service]\nNice=1\nExecStart=\nExecStart=/bin/z\n");
    }

    #[test]
    fn lists_are_set_or_added_to() {
        assert_eq!(
            after("", &["Environment=A=1", "Environment=B=2"]),
            "[Service]\nEnvironment=\nEnvironment=A=1\nEnvironment=B=2\n"
        );
        assert_eq!(after("", &["Environment+=A=1"]), "[Service]\nEnvironment+=A=1\n".replace("+=", "="));
        assert_eq!(after("[Service]\nEnvironment=A=1\n", &["Environment="]), "[Service]\nEnvironment=\n");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("Nice", "no `="),
            ("Ncie=1", "did you mean Nice="),
            ("Nice+=1", "holds one value"),
            ("Install.Nice=1", "no key Install.Nice="),
            ("Nice=1\n2", "one line"),
            ("Environment+=", "nothing to add"),
        ] {
            let error = assignment(text).err().expect(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
