//! The host name, from `/etc/hostname`.

use super::{Job, Outcome, conf, say};
use std::path::Path;

pub const JOB: Job = Job {
    name: "hostname",
    arguments: "",
    what: "sets the host name from /etc/hostname",
    help: "Sets the host name to what the first line of /etc/hostname says that isn't blank or a comment.\nWhere it says nothing and the kernel has no name either, the name is `localhost`.",
    run,
};

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    let path = Path::new("/etc/hostname");
    let text = conf::text(path).unwrap_or_default();
    let present = nix::unistd::gethostname().unwrap_or_default();
    let name = match chosen(&text) {
        Some(Ok(name)) => name,
        Some(Err(line)) => {
            say(&format!(
                "{}:{line}: that is no host name: letters, digits, `-` and `.` make one, at most 64 of them",
                path.display()
            ));
            return Outcome::Failed;
        }
        None if present.is_empty() || present == "(none)" => "localhost",
        None => return Outcome::Done,
    };
    if present == name {
        return Outcome::Done;
    }
    match nix::unistd::sethostname(name) {
        Ok(()) => Outcome::Done,
        Err(e) => {
            say(&format!("the host name can't be set to `{name}`: {}", e.desc()));
            Outcome::Failed
        }
    }
}

/// The name, or the number of the line that holds none.
fn chosen(text: &str) -> Option<Result<&str, usize>> {
    let (number, line) = conf::lines(text).next()?;
    let fits = line.len() <= 64 && line.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    Some(if fits { Ok(line) } else { Err(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        assert_eq!(chosen("# x\n\nweb-1.example\nother\n"), Some(Ok("web-1.example")));
        assert_eq!(chosen("\na b\n"), Some(Err(2)));
        assert_eq!(chosen("# only\n"), None);
        assert_eq!(chosen(&"x".repeat(65)), Some(Err(1)));
    }
}
