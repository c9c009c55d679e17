//! `sysv man NAME`: a command's man page, made of its `--help`.

use super::{SHIMS, Shim, err, find, out};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

pub(super) const HELP: &str = "man NAME
       sysv man --write DIR [NAME]...

Prints the man page of a command, or writes those of all, or of these, into DIR/man8.
A page that is there already is left as it is, unless it is one of Rung's.

Options:
  --help, --version";

/// Stands in each of our pages, so that those of others are known.
const MARK: &str = ".\\\" Made by `sysv man`.";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--write", folder, names @ ..] => write(name, Path::new(folder), names),
        [command] => match find(command) {
            Some(shim) => out(page(command, shim).trim_end()),
            None => err(name, &format!("there is no command `{command}`: see sysv --help")),
        },
        _ => err(name, "usage: sysv man NAME | --write DIR [NAME]..."),
    }
}

fn write(name: &str, folder: &Path, wanted: &[&str]) -> u8 {
    let all = SHIMS.iter().flat_map(|shim| shim.names.iter().map(move |name| (*name, shim)));
    let pages = all.filter(|(command, _)| wanted.is_empty() || wanted.contains(command));
    let folder = folder.join("man8");
    let mut code = 0;
    for (command, shim) in pages {
        let path = folder.join(format!("{command}.8"));
        let others = |path: &Path| path.exists() && !fs::read_to_string(path).is_ok_and(|text| text.contains(MARK));
        if others(&path) || path.with_extension("8.gz").exists() {
            continue;
        }
        if let Err(e) = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, page(command, shim))) {
            code = err(name, &format!("{}: {e}", path.display()));
        }
    }
    code
}

/// The page of a command under one of its names.
fn page(name: &str, shim: &Shim) -> String {
    let help = shim.help.replace("NAME0", name);
    let (synopsis, rest) = help.split_once("\n\n").unwrap_or((&help, ""));
    let (text, options) = rest.split_once("Options:\n").unwrap_or((rest, ""));
    let mut page = format!("{MARK}\n.TH {} 8 \"\" \"Rung {}\"\n", name.to_uppercase(), env!("CARGO_PKG_VERSION"));
    let _ = writeln!(page, ".SH NAME\n{} \\- {}", escaped(name), escaped(shim.what));
    for (title, lines) in [("SYNOPSIS", synopsis), ("DESCRIPTION", text.trim_end()), ("OPTIONS", options.trim_end())] {
        if !lines.is_empty() {
            let _ = writeln!(page, ".SH {title}\n.nf");
            for line in lines.lines() {
                // Further lines of the synopsis stand behind the word `Usage`.
                let line = if title == "SYNOPSIS" { line.trim_start() } else { line };
                let _ = writeln!(page, "{}", escaped(line));
            }
            page += ".fi\n";
        }
    }
    page + ".SH SEE ALSO\ninitctl(1), init(8)\n"
}

/// A line as troff prints it unchanged.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_of_its_help() {
        for shim in SHIMS {
            for name in shim.names {
                let page = page(name, shim);
                assert!(page.starts_with(MARK) && page.contains(&format!(".SH NAME\n{} ", escaped(name))), "{page}");
                assert!(page.contains("\n.SH SYNOPSIS\n") && !page.contains("NAME0"), "{page}");
            }
        }
    }

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(escaped(".x -y \\z"), "\\&.x \\-y \\ez");
    }
}
