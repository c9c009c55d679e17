//! Kernel modules that are wanted whatever hardware there is.

use super::{Job, Outcome, cmdline, conf, program, say};
use std::path::{Path, PathBuf};

pub const JOB: Job = Job {
    name: "modules",
    arguments: "",
    what: "loads the modules of /etc/modules and modules-load.d",
    help: "Loads the modules that these name, a line each, that aren't there yet: /etc/modules,\n/{etc,run,usr/local/lib,usr/lib}/modules-load.d/*.conf and `modules_load=a,b` on the kernel's command line.\nThe words behind a name are the module's options.",
    run,
};
const FOLDERS: &[&str] =
    &["/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d"];

/// A module and its options.
type Wanted = Vec<String>;

fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    // A kernel without modules.
    if !Path::new("/proc/modules").exists() {
        return Outcome::Done;
    }
    let mut files = vec![PathBuf::from("/etc/modules")];
    // Debian links this one to /etc/modules.
    files.extend(
        conf::files(Path::new("/"), FOLDERS).into_iter().filter(|f| !f.ends_with("modules-load.d/modules.conf")),
    );
    let texts: Vec<String> = files.iter().filter_map(|path| conf::text(path)).collect();
    Outcome::done_if(load(all(&texts, &cmdline::kernel()), &["-b"]))
}

/// What Debian's script `kmod` loads: words of the kernel's don't count, and the blacklist is for hardware only. Which
/// can't be loaded is no failure.
pub(super) fn as_kmod() {
    if !Path::new("/proc/modules").exists() {
        return;
    }
    const ALL: &[&str] = &[
        "/etc/modules-load.d",
        "/run/modules-load.d",
        "/usr/local/lib/modules-load.d",
        "/usr/lib/modules-load.d",
        "/lib/modules-load.d",
    ];
    let mut files = conf::files(Path::new("/"), ALL);
    let last = PathBuf::from("/etc/modules");
    if !files.iter().any(|f| f.is_symlink() && f.canonicalize().is_ok_and(|real| real == last)) {
        files.push(last);
    }
    let texts: Vec<String> = files.iter().filter_map(|path| conf::text(path)).collect();
    load(all(&texts, &[]), &[]);
}

/// Loads what isn't loaded yet. Whether all is well.
fn load(wanted: Vec<Wanted>, options: &[&str]) -> bool {
    let (plain, with_options) = split(wanted, &is_loaded);
    if plain.is_empty() && with_options.is_empty() {
        return true;
    }
    let Some(modprobe) = program::find("modprobe") else {
        say("modules are wanted, but `modprobe` isn't installed: `apt install kmod`");
        return true;
    };
    let mut fine = true;
    let mut call = |arguments: Vec<&str>| match program::run(&modprobe, &arguments) {
        Ok(0) => {}
        Ok(status) => {
            say(&format!("modprobe {}: status {status}", arguments.join(" ")));
            fine = false;
        }
        Err(e) => {
            say(&format!("{}: {}", modprobe.display(), e.desc()));
            fine = false;
        }
    };
    if !plain.is_empty() {
        call(["-a"].iter().chain(options).copied().chain(["--"]).chain(plain.iter().map(String::as_str)).collect());
    }
    for module in &with_options {
        call(options.iter().copied().chain(["--"]).chain(module.iter().map(String::as_str)).collect());
    }
    fine
}

/// What the texts and the kernel's words ask for; the first of a name counts.
fn all(texts: &[String], kernel: &[String]) -> Vec<Wanted> {
    let lines = texts.iter().flat_map(|text| conf::lines(text)).map(|(_, line)| line);
    let lines = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Wanted>());
    let words =
        kernel.iter().filter_map(|word| word.strip_prefix("modules_load=").or(word.strip_prefix("modules-load=")));
    let words = words.flat_map(|list| list.split(',')).map(|name| vec![name.trim().to_owned()]);
    let mut wanted: Vec<Wanted> = Vec::new();
    for module in lines.chain(words) {
        let named = module.first().is_some_and(|name| is_name(name));
        if named && !wanted.iter().any(|other| other.first() == module.first()) {
            wanted.push(module);
        }
    }
    wanted
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// Those that aren't loaded: the ones that one `modprobe -a` can load, and the ones with options.
fn split(wanted: Vec<Wanted>, is_loaded: &dyn Fn(&str) -> bool) -> (Vec<String>, Vec<Wanted>) {
    let missing = wanted.into_iter().filter(|m| !m.first().is_some_and(|name| is_loaded(name)));
    let (plain, with_options): (Vec<Wanted>, _) = missing.partition(|m| m.len() == 1);
    (plain.into_iter().flatten().collect(), with_options)
}

/// Loaded, or built in and with parameters.
fn is_loaded(name: &str) -> bool {
    Path::new("/sys/module").join(name.replace('-', "_")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_call_loads_what_has_no_options() {
        let texts = ["# x\nloop\nbonding mode=1 miimon=100\n".to_owned(), "loop\nfuse\n-a\n../x\n".to_owned()];
        let kernel = ["modules_load=tun,kvm".to_owned(), "quiet".to_owned()];
        let (plain, with_options) = split(all(&texts, &kernel), &|name| name == "fuse");
        assert_eq!(plain, ["loop", "tun", "kvm"]);
        assert_eq!(with_options, [["bonding", "mode=1", "miimon=100"]]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,60}") {
            let _ = all(std::slice::from_ref(&text), &[format!("modules_load={text}")]);
        }
    }
}
