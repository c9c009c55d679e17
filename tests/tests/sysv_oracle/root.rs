//! A Debian root of packages, and the `/etc` that each command line gets for itself.

use rung_tests::debian;
use rung_tests::world;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the originals run on; whole.
const BASE: [&str; 16] = [
    "libc6",
    "dash",
    "perl-base",
    "coreutils",
    "sed",
    "grep",
    "findutils",
    "libselinux1",
    "libpcre2-8-0",
    "libacl1",
    "libattr1",
    "libgmp10",
    "libcrypt1",
    "debianutils",
    "init-system-helpers",
    "insserv",
];
/// What has scripts; these only.
const SCRIPTS: [&str; 16] = [
    "initscripts",
    "cron",
    "rsyslog",
    "dbus",
    "openssh-server",
    "nginx-common",
    "haproxy",
    "redis-server",
    "apache2",
    "udev",
    "procps",
    "kmod",
    "ifupdown",
    "util-linux-extra",
    "bind9",
    "nfs-common",
];

/// The scripts of the tests' own: name and text.
const OWN: &[(&str, &str)] = &[
    (
        "web",
        "### BEGIN INIT INFO\n# Provides: web www\n# Required-Start: $remote_fs $syslog\n# Required-Stop: $remote_fs\n# Should-Start: $named\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: a test\n### END INIT INFO\n",
    ),
    (
        "tool",
        "### BEGIN INIT INFO\n# Provides: tool\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop:\n### END INIT INFO\n",
    ),
    ("bare", ""),
    ("endless", "### BEGIN INIT INFO\n# Provides: endless\n# Default-Start: 2\n"),
    (
        "lonely",
        "### BEGIN INIT INFO\n# Provides: lonely\n# Required-Start: nothing-of-the-kind\n# Required-Stop:\n# Default-Start: 3\n# Default-Stop: 0\n### END INIT INFO\n",
    ),
];

/// What all of them do.
const BODY: &str = "echo \"$0 $*\"\ncase $1 in\nstart|stop|upgrade) ;;\nfail) echo it fails >&2; exit 7 ;;\n\
                    status) echo is up ;;\nenv) env | sort; pwd ;;\n*) echo 'Usage: tool' >&2; exit 3 ;;\nesac\n";

/// What a command line came to.
pub struct Done {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// The root, for one test.
pub struct Oracle {
    keeper: Keeper,
    first: Etc,
    ordered: OnceCell<Etc>,
    plain: OnceCell<Etc>,
    small: OnceCell<Etc>,
    folder: Folder,
}

/// One `/etc`, removed with its value.
pub struct Etc(PathBuf);

impl Drop for Etc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removed last, when nothing is mounted in it any more.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sh(script: &str, args: &[&Path]) {
    let status = Command::new("sh").args(["-ec", script, "sh"]).args(args).status().expect("sh");
    assert!(status.success(), "{script}");
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("write");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("mode");
}

impl Oracle {
    /// Makes the root. `Err`: why that can't be done here.
    pub fn new(name: &str) -> Result<Self, String> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-sysv");
        if !["unshare", "nsenter", "mount", "chroot"].iter().all(|program| has(program)) {
            return Err("there is no unshare, nsenter, mount or chroot".to_owned());
        }
        // One fetches, the others find it.
        fs::create_dir_all(&target).map_err(|e| e.to_string())?;
        let lock = fs::File::create(target.join("lock")).map_err(|e| e.to_string())?;
        lock.lock().map_err(|e| e.to_string())?;
        let base = debian::packages(
            &target,
            &BASE,
            &["./bin", "./sbin", "./usr/bin", "./usr/sbin", "./lib", "./lib64", "./usr/lib", "./etc"],
        )?;
        let scripts = debian::packages(&target, &SCRIPTS, &["./etc/init.d", "./lib/init"])?;
        drop(lock);
        let folder = target.join(format!("root-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let root = folder.join("root");
        fs::create_dir_all(&root).expect("folder");
        sh("for package in \"$1\"/* \"$2\"/*; do cp -al \"$package/.\" \"$3\"; done", &[&base, &scripts, &root]);
        furnish(&root);
        let first = Etc(root.join("cases/etc-0"));
        fs::create_dir(root.join("cases")).expect("cases");
        fs::rename(root.join("etc"), &first.0).expect("etc");
        first.furnish();
        let keeper = Keeper::new(&root).inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        Ok(Self {
            keeper,
            folder: Folder(folder),
            first,
            ordered: OnceCell::new(),
            plain: OnceCell::new(),
            small: OnceCell::new(),
        })
    }

    /// Many scripts, in the order that insserv gives them.
    pub fn ordered(&self) -> Etc {
        self.ordered.get_or_init(|| self.farm(true)).copy()
    }

    /// The same, without insserv.
    pub fn plain(&self) -> Etc {
        self.plain.get_or_init(|| self.farm(false)).copy()
    }

    fn farm(&self, ordered: bool) -> Etc {
        let etc = self.first.copy();
        if ordered {
            symlink("/oracle/insserv", etc.0.join("at/insserv")).expect("link");
        }
        // All at once, as an installed system has them; without insserv, one by one.
        let make = if ordered {
            "/oracle/insserv -f $names"
        } else {
            "for name in $names; do update-rc.d $name defaults; done"
        };
        let all = "for path in /etc/init.d/*; do name=${path##*/}; case $name in\n\
                   web|bare|endless|lonely|rc|rcS|README|single|skeleton) ;; *) names=\"$names $name\" ;; esac; done";
        let done = self.run(&etc, &["sh", "-c", &format!("{all}; {make}")]);
        assert_eq!(done.status, 0, "the farm was not made: {}{}", done.out, done.err);
        etc
    }

    /// A few scripts that do nothing: all are run by `--status-all`. One of them has links.
    pub fn small(&self) -> Etc {
        self.small.get_or_init(|| self.few()).copy()
    }

    fn few(&self) -> Etc {
        let etc = self.first.copy();
        let init_d = etc.0.join("init.d");
        for script in fs::read_dir(&init_d).expect("scripts").flatten() {
            if !OWN.iter().any(|(own, _)| script.file_name() == *own) {
                fs::remove_file(script.path()).expect("removed");
            }
        }
        for silent in ["silent", "functions", "rc", "skeleton", "halt", "x.dpkg-old"] {
            executable(&init_d.join(silent), "#!/bin/sh\nexit 0\n");
        }
        executable(&init_d.join("down"), "#!/bin/sh\necho is down; exit 3\n");
        let done = self.run(&etc, &["update-rc.d", "tool", "defaults"]);
        assert_eq!(done.status, 0, "{}", done.err);
        etc
    }

    /// Runs a command in the root with this `/etc`.
    pub fn run(&self, etc: &Etc, args: &[&str]) -> Done {
        let root = self.folder.0.join("root");
        let (link, name) = (root.join("etc"), etc.0.file_name().expect("a name"));
        let _ = fs::remove_file(&link);
        symlink(Path::new("cases").join(name), &link).expect("link");
        let mut command = self.keeper.enter();
        command.arg("chroot").arg(&root).args(args);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_CTYPE", "C").env("HOME", "/");
        let done = command.env("RUNG_RUNDIR", "/run/rung").stdin(Stdio::null()).output().expect("nsenter");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { status: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&done.stderr) }
    }
}

/// Holds the namespace in which the root has its `/dev/null` and its `/proc`. It ends with its value.
struct Keeper(Child);

impl Keeper {
    fn new(root: &Path) -> Result<Self, String> {
        let inside = "mount --make-rprivate / && mount --bind /dev/null \"$1/dev/null\" && \
                      mount --rbind /proc \"$1/proc\" && echo ready && exec cat";
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", inside, "sh"]).arg(root).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("unshare: {e}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("read");
        let this = Self(child);
        if line == "ready\n" { Ok(this) } else { Err("no mount namespace can be made here".to_owned()) }
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.0.id())).arg("--mount").args((!is_root()).then_some("--user"));
        command
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn has(program: &str) -> bool {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

/// What a case wants to be there or not lies below `/etc/at`.
fn furnish(root: &Path) {
    for folder in ["oracle", "rung", "dev", "proc", "run", "tmp"] {
        fs::create_dir_all(root.join(folder)).expect("folder");
    }
    fs::write(root.join("dev/null"), "").expect("a place for the device");
    fs::rename(root.join("sbin/insserv"), root.join("oracle/insserv")).expect("insserv");
    for (at, path) in [
        ("insserv", "sbin/insserv"),
        ("runlevel", "sbin/runlevel"),
        ("init", "sbin/init"),
        ("policy", "usr/sbin/policy-rc.d"),
    ] {
        symlink(Path::new("/etc/at").join(at), root.join(path)).expect("link");
    }
    executable(&root.join("bin/ps"), "#!/bin/sh\n");
    rung_tests::copy_program(world::programs().join("sysv"), root.join("rung/sysv")).expect("sysv");
    for tool in ["update-rc.d", "invoke-rc.d", "service", "insserv", "chkconfig"] {
        symlink("sysv", root.join("rung").join(tool)).expect("link");
    }
}

impl Etc {
    /// A copy of its own for somebody.
    pub fn copy(&self) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let to = self.0.with_file_name(format!("etc-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        sh("cp -a \"$1\" \"$2\"", &[&self.0, &to]);
        Self(to)
    }

    fn furnish(&self) {
        for (name, header) in OWN {
            executable(&self.0.join("init.d").join(name), &format!("#!/bin/sh\n{header}{BODY}"));
        }
        fs::create_dir_all(self.0.join("at")).expect("at");
        fs::write(self.0.join("at/init"), "").expect("init");
        executable(&self.0.join("at/runlevel"), "#!/bin/sh\necho N 2\n");
    }

    /// With a `policy-rc.d` that ends with this status, and wants these actions instead.
    pub fn with_policy(self, code: &str, instead: &str) -> Self {
        let text = format!("#!/bin/sh\nfor word; do echo \"policy: $word\"; done >&2\necho {instead}\nexit {code}\n");
        executable(&self.0.join("at/policy"), &text);
        self
    }

    /// All links of levels, and the files that insserv writes, a line each.
    pub fn links(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().collect::<Vec<_>>();
        for level in "0123456S".chars() {
            let folder = format!("rc{level}.d");
            for entry in names(&self.0.join(&folder)) {
                let target = fs::read_link(entry.path()).map(|to| to.display().to_string()).unwrap_or_default();
                found.insert(format!("{folder}/{} -> {target}", entry.file_name().to_string_lossy()));
            }
        }
        for end in ["boot", "start", "stop"] {
            let name = format!(".depend.{end}");
            let text = fs::read_to_string(self.0.join("init.d").join(&name)).unwrap_or_default();
            found.extend(order(&text).into_iter().map(|line| format!("{name}: {line}")));
        }
        found
    }
}

/// What a file for `startpar` comes to: lists as sets, and for each script all that comes before it, by way of others too.
fn order(text: &str) -> Vec<String> {
    let sorted = |words: &str| {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words.sort_unstable();
        words.join(" ")
    };
    let lists = text.lines().filter_map(|line| line.split_once(" ="));
    let mut lines: Vec<String> = lists.map(|(key, words)| format!("{key} = {}", sorted(words))).collect();
    let needs: BTreeMap<&str, Vec<&str>> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, words)| (name, words.split_whitespace().collect()))
        .collect();
    for name in needs.keys() {
        let (mut all, mut work) = (BTreeSet::new(), vec![*name]);
        while let Some(one) = work.pop() {
            work.extend(needs.get(one).into_iter().flatten().copied().filter(|need| all.insert(*need)));
        }
        lines.push(format!("{name} after {}", all.into_iter().collect::<Vec<_>>().join(" ")));
    }
    lines
}
