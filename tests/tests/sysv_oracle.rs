//! Debian's own `update-rc.d`, `invoke-rc.d` and `service` beside Rung's: the same root before, the same command line;
//! then the same links, the same words and the same exit status.
//!
//! Rung may say more on stderr (names that are near), never less. The root is made of Debian packages, which apt fetches
//! the first time.

#![allow(clippy::expect_used, clippy::panic, reason = "tests' helpers fail by it")]

#[path = "sysv_oracle/root.rs"]
mod root;

use root::{Etc, Oracle};
use std::fmt::Write as _;

/// What is wrong with a command line, if anything: what differs.
fn differences(oracle: &Oracle, before: &Etc, setup: &str, line: &str) -> Option<String> {
    let insserv = line.starts_with("insserv");
    let [theirs, ours] = [if insserv { "/oracle" } else { "/usr/sbin" }, "/rung"].map(|folder| {
        let etc = before.copy();
        let (tool, rest) = line.split_once(' ').map_or((line, ""), |(tool, rest)| (tool, rest));
        let setup = if setup.is_empty() { ":" } else { setup };
        let done = oracle.run(&etc, &["sh", "-c", &format!("({setup}) || exit 126; exec {folder}/{tool} {rest}")]);
        assert_ne!(done.status, 126, "`{setup}` failed: {}", done.err);
        let links = etc.links();
        (done, links)
    });
    let mut text = String::new();
    let said = |err: &str| -> Vec<String> {
        let lines = err.lines().filter(|line| !line.contains("did you mean"));
        // What insserv has to say of headers it says several times, and of each level: only what it ends with counts.
        let lines = lines
            .filter(|line| !insserv || line.contains("FATAL") || line.contains("exiting") || line.contains("No such"));
        lines.map(str::to_owned).collect()
    };
    // Help and versions are one's own.
    let own_words = line.contains("-h") || line.contains("--version") || line.contains("-V");
    if theirs.0.status != ours.0.status {
        let _ = writeln!(text, "  exit status {}, not {}", ours.0.status, theirs.0.status);
    }
    // What `-s` shows stands in the order of a folder there.
    let sorted = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    if !own_words && theirs.0.out != ours.0.out && !(insserv && sorted(&theirs.0.out) == sorted(&ours.0.out)) {
        let _ = writeln!(text, "  stdout\n{}  instead of\n{}", ours.0.out, theirs.0.out);
    }
    if !own_words && said(&theirs.0.err) != said(&ours.0.err) {
        let _ = writeln!(text, "  stderr\n{}  instead of\n{}", ours.0.err, theirs.0.err);
    }
    for link in theirs.1.iter().filter(|link| !ours.1.contains(*link)) {
        let _ = writeln!(text, "  missing {link}");
    }
    for link in ours.1.iter().filter(|link| !theirs.1.contains(*link)) {
        let _ = writeln!(text, "  beyond  {link}");
    }
    (!text.is_empty()).then(|| format!("`{line}` after `{setup}`:\n{text}"))
}

/// Fails with all that differ.
fn compare(name: &str, choose: impl Fn(&Oracle) -> Vec<(Etc, &'static str, &'static str)>) {
    let oracle = match Oracle::new(name) {
        Ok(oracle) => oracle,
        Err(why) => {
            println!("skipped: {why}");
            return;
        }
    };
    let cases = choose(&oracle);
    assert!(!cases.is_empty());
    let wrong: Vec<String> =
        cases.iter().filter_map(|(etc, setup, line)| differences(&oracle, etc, setup, line)).collect();
    println!("{} command lines", cases.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

const UPDATE: &[(&str, &str)] = &[
    ("", "update-rc.d"),
    ("", "update-rc.d web"),
    ("", "update-rc.d -h"),
    ("", "update-rc.d -x web remove"),
    ("", "update-rc.d web nonsense"),
    ("", "update-rc.d web defaults"),
    ("", "update-rc.d -f web defaults"),
    ("", "update-rc.d web defaults-disabled"),
    ("", "update-rc.d cron defaults"),
    ("", "update-rc.d cron defaults-disabled"),
    ("", "update-rc.d cron disable"),
    ("", "update-rc.d cron enable"),
    ("", "update-rc.d cron disable 2 3"),
    ("", "update-rc.d cron disable 0 6"),
    ("", "update-rc.d cron disable 2 6 x"),
    ("", "update-rc.d cron disable S"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron", "update-rc.d cron enable"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron", "update-rc.d cron enable 3"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron", "update-rc.d cron defaults"),
    ("rm /etc/rc?.d/???cron", "update-rc.d cron disable"),
    ("", "update-rc.d cron remove"),
    ("", "update-rc.d -f cron remove"),
    ("rm /etc/init.d/cron", "update-rc.d cron remove"),
    ("rm /etc/init.d/cron /etc/rc?.d/???cron", "update-rc.d cron remove"),
    ("rm /etc/init.d/cron", "update-rc.d cron defaults"),
    ("", "update-rc.d missing defaults"),
    ("", "update-rc.d missing defaults-disabled"),
    ("", "update-rc.d missing disable"),
    ("", "update-rc.d missing enable 2"),
    ("", "update-rc.d missing remove"),
    ("", "update-rc.d bare defaults"),
    ("", "update-rc.d bare disable"),
    ("", "update-rc.d endless defaults"),
    ("", "update-rc.d lonely defaults"),
    ("", "update-rc.d lonely disable"),
    ("", "update-rc.d web start 20 2 3 4 5 . stop 80 0 1 6 ."),
    ("", "update-rc.d web start 20 2 3 . stop 20 0 6 ."),
    ("", "update-rc.d web stop 20 0 1 6 ."),
    ("", "update-rc.d web start 20"),
    ("", "update-rc.d bare start 20 2 ."),
    ("", "update-rc.d missing start 20 2 ."),
    (
        "mkdir -p /etc/insserv/overrides; sed s/5/4/ /etc/init.d/web >/etc/insserv/overrides/web",
        "update-rc.d web defaults",
    ),
];

#[test]
fn update_rc_d_with_insserv() {
    compare("update", |oracle| UPDATE.iter().map(|(setup, line)| (oracle.ordered(), *setup, *line)).collect());
}

#[test]
fn update_rc_d_without_insserv() {
    compare("plain", |oracle| UPDATE.iter().map(|(setup, line)| (oracle.plain(), *setup, *line)).collect());
}

const POLICIES: [&str; 9] = ["0", "1", "2", "100", "101", "102", "103", "104", "105"];

const INVOKE: &[(&str, &str)] = &[
    ("", "invoke-rc.d cron"),
    ("", "invoke-rc.d --nonsense cron start"),
    ("", "invoke-rc.d '' start"),
    ("", "invoke-rc.d --quiet '' start"),
    ("", "invoke-rc.d 'a b' start"),
    ("", "invoke-rc.d --help"),
    ("", "invoke-rc.d cron --help"),
    ("", "invoke-rc.d tool start"),
    ("", "invoke-rc.d --quiet tool start"),
    ("", "invoke-rc.d --skip-systemd-native tool start"),
    ("", "invoke-rc.d tool --quiet start a 'b c'"),
    ("", "invoke-rc.d tool start --quiet"),
    ("", "invoke-rc.d tool fail"),
    ("", "invoke-rc.d --quiet tool fail"),
    ("", "invoke-rc.d tool upgrade now"),
    ("", "invoke-rc.d tool status"),
    ("", "invoke-rc.d tool stop"),
    ("", "invoke-rc.d --query tool start"),
    ("", "invoke-rc.d --query tool stop"),
    ("", "invoke-rc.d missing start"),
    ("", "invoke-rc.d --quiet missing start"),
    ("", "invoke-rc.d missing stop"),
    ("", "invoke-rc.d missing status"),
    ("", "invoke-rc.d --force missing start"),
    ("", "invoke-rc.d --query missing start"),
    ("", "invoke-rc.d --disclose-deny missing start"),
    ("chmod -x /etc/init.d/tool", "invoke-rc.d tool start"),
    ("chmod -x /etc/init.d/tool", "invoke-rc.d tool stop"),
    ("chmod -x /etc/init.d/tool", "invoke-rc.d --force tool stop"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d tool start"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d tool status"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d tool stop"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d --disclose-deny tool restart"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d --query tool try-restart"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d --force tool start"),
    ("rm /etc/rc2.d/S??tool", "invoke-rc.d --try-anyway tool start"),
    ("mv /etc/rc2.d/S??tool /etc/rc2.d/K01tool", "invoke-rc.d --disclose-deny tool start"),
    ("mv /etc/rc2.d/S??tool /etc/rcS.d/S01tool", "invoke-rc.d tool start"),
    ("ln -s ../init.d/tool /etc/rc2.d/K01tool", "invoke-rc.d tool start"),
    ("rm /etc/rc2.d/S??tool; ln -s ../init.d/none /etc/rc2.d/S01tool", "invoke-rc.d tool start"),
    ("rm /etc/rc2.d/S??tool; ln -s ../init.d/none /etc/rc2.d/S01tool", "invoke-rc.d --try-anyway tool start"),
    ("rm /etc/rc2.d/S??tool; cp /etc/init.d/tool /etc/rc2.d/S01tool", "invoke-rc.d tool stop"),
    ("rm /etc/rc2.d/S??tool; cp /etc/init.d/tool /etc/rc2.d/S01tool", "invoke-rc.d --force tool start"),
    ("rm /etc/at/runlevel", "invoke-rc.d tool start"),
    ("rm /etc/at/runlevel", "invoke-rc.d tool stop"),
    ("rm /etc/at/runlevel", "invoke-rc.d --force tool start"),
    ("printf '#!/bin/sh\\necho unknown; exit 1' >/etc/at/runlevel", "invoke-rc.d --disclose-deny tool start"),
    ("printf '#!/bin/sh\\necho S 3' >/etc/at/runlevel", "invoke-rc.d tool start"),
    ("printf '#!/bin/sh\\necho 2 6' >/etc/at/runlevel", "invoke-rc.d tool start"),
    ("printf '#!/bin/sh\\necho 2 0' >/etc/at/runlevel", "invoke-rc.d --quiet tool stop"),
    ("printf '#!/bin/sh\\necho 2 0' >/etc/at/runlevel; rm /etc/at/init", "invoke-rc.d --quiet tool stop"),
    ("rm /etc/at/init", "invoke-rc.d tool start"),
    ("rm /etc/at/init", "invoke-rc.d tool stop"),
    ("rm /etc/at/init", "invoke-rc.d --disclose-deny tool stop"),
    ("rm /etc/at/init", "invoke-rc.d --force tool stop"),
    ("rm /etc/at/init", "invoke-rc.d --query tool stop"),
];

/// With a policy that says `$1`; it also tells what it was asked.
const POLICY_LINES: &[&str] = &[
    "invoke-rc.d tool start",
    "invoke-rc.d --quiet tool start",
    "invoke-rc.d tool stop",
    "invoke-rc.d --query tool start",
    "invoke-rc.d --disclose-deny tool start",
    "invoke-rc.d --force tool start",
    "invoke-rc.d --try-anyway tool start",
    "invoke-rc.d tool status",
];

const FALLBACK: &[&str] = &[
    "invoke-rc.d tool start",
    "invoke-rc.d --no-fallback tool start",
    "invoke-rc.d --no-fallback --disclose-deny tool start",
    "invoke-rc.d --force tool start",
    "invoke-rc.d --query tool start",
];

#[test]
fn invoke_rc_d() {
    compare("invoke", |oracle| {
        let plain = INVOKE.iter().map(|(setup, line)| (oracle.small(), *setup, *line));
        let mut cases: Vec<_> = plain.collect();
        for code in POLICIES {
            cases.extend(POLICY_LINES.iter().map(|line| (oracle.small().with_policy(code, ""), "", *line)));
            let off = "rm /etc/rc2.d/S??tool";
            cases.push((oracle.small().with_policy(code, ""), off, "invoke-rc.d tool start"));
        }
        for instead in ["stop", "fail upgrade stop", "fail"] {
            cases.extend(FALLBACK.iter().map(|line| (oracle.small().with_policy("106", instead), "", *line)));
        }
        cases
    });
}

const SERVICE: &[(&str, &str)] = &[
    ("", "service"),
    ("", "service -h"),
    ("", "service --help"),
    ("", "service tool start --help"),
    ("", "service --version"),
    ("", "service tool start -V"),
    ("", "service tool"),
    ("", "service tool start"),
    ("", "service tool upgrade a b"),
    ("", "service tool fail"),
    ("", "service tool status"),
    ("", "service tool --full-restart"),
    ("", "service tool env"),
    ("", "service missing start"),
    ("", "service missing --full-restart"),
    ("", "service --status-all"),
    ("", "service --status-all tool"),
    ("", "service tool --status-all"),
    ("chmod -x /etc/init.d/tool", "service tool start"),
    ("", "service nonsense-that-is-a-folder start"),
];

#[test]
fn service() {
    compare("service", |oracle| SERVICE.iter().map(|(setup, line)| (oracle.small(), *setup, *line)).collect());
}

/// Scripts that need each other in a circle; nothing else is wrong.
const LOOP_OF_TWO: &str = "rm /etc/init.d/endless; for n in la:lb lb:la; do sed \"s/web www/${n%:*}/; \
     s/^# Required-Start:.*/# Required-Start: ${n#*:}/\" /etc/init.d/web >/etc/init.d/${n%:*}; \
     chmod +x /etc/init.d/${n%:*}; done";
const LOOP_OF_THREE: &str = "rm /etc/init.d/endless; for n in la:lb lb:lc lc:la; do sed \"s/web www/${n%:*}/; \
     s/^# Required-Start:.*/# Required-Start: ${n#*:}/\" /etc/init.d/web >/etc/init.d/${n%:*}; \
     chmod +x /etc/init.d/${n%:*}; done";

const INSSERV: &[(&str, &str)] = &[
    ("", "insserv"),
    ("", "insserv -f"),
    ("", "insserv -r"),
    ("", "insserv -x"),
    ("", "insserv missing"),
    ("", "insserv -f missing"),
    ("", "insserv -f web"),
    ("", "insserv -f tool"),
    ("", "insserv -f web tool lonely"),
    ("rm /etc/init.d/endless", "insserv web"),
    ("rm /etc/init.d/endless", "insserv lonely"),
    ("", "insserv -f lonely"),
    ("", "insserv -f bare"),
    ("", "insserv -f cron"),
    ("", "insserv -f -r cron"),
    ("", "insserv -f -r dbus"),
    ("rm /etc/init.d/endless", "insserv -r dbus"),
    ("rm /etc/init.d/endless", "insserv -r cron"),
    ("rm /etc/init.d/cron", "insserv -f"),
    ("rm /etc/rc?.d/???cron", "insserv -f cron"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron", "insserv -f cron"),
    ("for l in 2 3 4 5; do mv /etc/rc$l.d/S??cron /etc/rc$l.d/S20cron; done", "insserv -f"),
    ("rm /etc/rc?.d/???dbus", "insserv -f"),
    ("chmod -x /etc/init.d/cron", "insserv -f"),
    ("", "insserv -f -n web"),
    ("", "insserv -f web,start=3,stop=0"),
    ("", "insserv -f cron,start=3"),
    (
        "mkdir -p /etc/insserv/overrides; sed 's/2 3 4 5/4/' /etc/init.d/web >/etc/insserv/overrides/web",
        "insserv -f web",
    ),
    ("sed -i 's/# Required-Start:.*web.*/&/; s/^# Provides: *cron/& web/' /etc/init.d/cron", "insserv -f"),
    (
        "sed 's/web www/wob/; s/^# Should-Start:.*/# X-Start-Before: cron/' /etc/init.d/web >/etc/init.d/wob; chmod +x /etc/init.d/wob",
        "insserv -f wob",
    ),
    (
        "sed 's/web www/wob/; s/^# Should-Start:.*/# Should-Start: $all/' /etc/init.d/web >/etc/init.d/wob; chmod +x /etc/init.d/wob",
        "insserv -f wob",
    ),
    (
        "sed 's/web www/wob/; s/^# Should-Start:.*/# X-Interactive: true/' /etc/init.d/web >/etc/init.d/wob; chmod +x /etc/init.d/wob",
        "insserv -f wob",
    ),
    // Its other options.
    ("", "insserv -s"),
    ("rm /etc/init.d/endless", "insserv -f -s"),
    ("rm /etc/init.d/endless", "insserv -f -s web"),
    ("", "insserv -f -d"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron; rm -f /etc/rc0.d/K??haproxy", "insserv -f -d"),
    ("mv /etc/rc3.d/S??cron /etc/rc3.d/K01cron", "insserv -f -d cron"),
    ("", "insserv -q -f web"),
    ("", "insserv -q missing"),
    ("", "insserv -f -v web"),
    ("mkdir /etc/ov; sed 's/2 3 4 5/4/' /etc/init.d/web >/etc/ov/web", "insserv -f -o /etc/ov web"),
    ("mkdir /etc/ov", "insserv -f -o /etc/ov web"),
    ("", "insserv -f -o /etc/none web"),
    ("sed 's/^[$]named.*/$named +cron/' /etc/insserv.conf >/etc/own.conf", "insserv -f -c /etc/own.conf web"),
    // Without any facility Debian's forgets who is interactive, too.
    ("rm /etc/init.d/apache2 /etc/rc?.d/???apache2", "insserv -f -c /etc/none.conf web"),
    // Names that stand for facilities can't be provided; some names are no scripts.
    ("sed 's/web www/$web/' /etc/init.d/web >/etc/init.d/wob; chmod +x /etc/init.d/wob", "insserv -f wob"),
    ("sed 's/web www/wob $web/' /etc/init.d/web >/etc/init.d/wob; chmod +x /etc/init.d/wob", "insserv -f wob"),
    (
        "for n in 'web~' web.dpkg-old web.bak web.orig '#web' skeleton; do cp /etc/init.d/web /etc/init.d/$n; done",
        "insserv -f",
    ),
    ("cp /etc/init.d/web '/etc/init.d/web~'", "insserv -f 'web~'"),
    ("cp /etc/init.d/web /etc/init.d/web.dpkg-old", "insserv -f web.dpkg-old"),
    ("cp /etc/init.d/web /etc/init.d/skeleton", "insserv -f skeleton"),
    // Loops of two and of three.
    (LOOP_OF_TWO, "insserv la lb"),
    (LOOP_OF_THREE, "insserv la lb lc"),
    ("rm /etc/init.d/endless", "insserv -s"),
];

#[test]
fn insserv() {
    compare("insserv", |oracle| INSSERV.iter().map(|(setup, line)| (oracle.ordered(), *setup, *line)).collect());
}
