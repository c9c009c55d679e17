use super::*;
use crate::generate::generate;
use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::symlink;

impl Scratch {
    /// A script with a header of these lines, separated by `;`.
    fn script(&self, name: &str, header: &str) {
        let lines: String = header.split(';').map(|line| format!("# {}\n", line.trim())).collect();
        let usual = "# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n";
        let usual: String = usual
            .lines()
            .filter(|line| !lines.contains(line.split(':').next().unwrap_or("")))
            .map(|line| format!("{line}\n"))
            .collect();
        let text =
            format!("#!/bin/sh\n### BEGIN INIT INFO\n{lines}{usual}### END INIT INFO\ncase $1 in start) ;; esac\n");
        self.put(&format!("etc/init.d/{name}"), &text);
    }

    /// Scripts that provide their names and nothing else, and the rest of their headers.
    fn scripts<const N: usize>(&self, all: [(&str, &str); N]) {
        all.into_iter().for_each(|(name, header)| self.script(name, &format!("Provides: {name}; {header}")));
    }

    /// `S01NAME` or `K01NAME`, or several of them, in each of the levels.
    fn links(&self, levels: &str, links: &str) {
        for (level, link) in levels.chars().flat_map(|level| links.split(' ').map(move |link| (level, link))) {
            self.link(&format!("etc/rc{level}.d/{link}"), &format!("../init.d/{}", &link[3..]));
        }
    }

    fn made(&self) -> Made {
        generate(&self.root(), &self.0.join("out"))
    }

    fn unit(&self, name: &str) -> String {
        let output = self.made();
        match output.items.get(&format!("scripts/{name}.service")) {
            Some(Item::Text(text)) => text.clone(),
            other => panic!("{name}: {other:?} in {:?}", output.items.keys()),
        }
    }

    /// What the unit says for a key, each word once.
    fn said(&self, name: &str, key: &str) -> String {
        let unit = self.unit(name);
        let values: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect();
        values.join("|")
    }

    fn findings(&self) -> Vec<String> {
        let top = format!("{}", self.0.display());
        self.made().findings_text().lines().map(|line| line.replace(&top, "")).collect()
    }
}

/// As `urandom` and `networking` of Debian: the one needs the other's start, and nothing of it at the end.
#[test]
fn a_stop_waits_for_whom_the_headers_name_for_it() {
    let place = Scratch::new();
    place.scripts([
        ("seed", ""),
        ("net", "Required-Start: seed"),
        ("log", "Required-Start: seed; Required-Stop: seed"),
        ("last", "Required-Stop: seed"),
        ("by", "Required-Start: seed; Required-Stop: last"),
        ("kept", "Required-Start: seed; Default-Stop:"),
    ]);
    place.links("06", "K01seed K01net K01log K01last K01by");
    place.links("2", "S01seed S01net S01log S01by S01kept");
    let said = |name: &str| [place.said(name, "After"), place.said(name, "StartAfter"), place.said(name, "Wants")];
    assert_eq!(said("net"), ["", "seed.service", "seed.service"]);
    // By way of a third it stops before it all the same; what isn't called at the end says nothing of that order.
    for name in ["log", "by", "kept"] {
        assert!(said(name)[0].split(' ').any(|other| other == "seed.service"), "{name}: {:?}", said(name));
        assert_eq!(said(name)[1], "", "{name}");
    }
    assert!(!place.said("seed", "Before").contains("net"), "{}", place.said("seed", "Before"));
}

#[test]
fn a_whole_unit() {
    let place = Scratch::new();
    place.script("db", "Provides: db");
    place.links("2345", "S01db");
    place.put(
        "etc/init.d/web",
        "#!/bin/sh\n# pidfile: /run/web.pid\n### BEGIN INIT INFO\n# Provides: web\n# Required-Start: db\n# Required-Stop: db\n\
         # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: 100% web\n### END INIT INFO\n\
         case \"$1\" in\nstart|stop) ;;\nforce-reload|reload) ;;\nesac\n",
    );
    place.links("2345", "S02web");
    let expect = "\
# Made by `sysv generate` from /etc/init.d/web; changes here are lost: initctl edit web
[Unit]
Description=100%% web
SourcePath=/etc/init.d/web
DefaultDependencies=no
After=db.service
Wants=db.service

[Install]
Runlevels=2345

[Service]
Type=script
ExecStart=/etc/init.d/web start
ExecStop=/etc/init.d/web stop
ExecReload=/etc/init.d/web reload
PIDFile=/run/web.pid
TimeoutStartSec=5min
SkipExitStatus=5 6
KillMode=process
IgnoreSIGPIPE=no
";
    assert_eq!(place.unit("web"), expect);
    assert_eq!(place.said("db", "Before"), "web.service");
    assert_eq!(place.said("db", "ExecReload"), "");
    assert_eq!(place.findings(), [""; 0]);
    assert_eq!(place.made(), place.made());
}

#[test]
fn an_interactive_one_gets_the_console_and_runs_alone() {
    let place = Scratch::new();
    place.script("ask", "Provides: ask; Required-Start: early; X-Interactive: true");
    for name in ["early", "other", "far"] {
        place.script(
            name,
            &format!("Provides: {name}{}", if name == "far" { "; Default-Start: S; Default-Stop:" } else { "" }),
        );
    }
    let unit = place.unit("ask");
    assert!(unit.contains("\nStandardInput=tty-force\nStandardOutput=tty\nTTYPath=/dev/console\n"), "{unit}");
    assert_eq!(place.said("ask", "After"), "early.service other.service", "`far` is in another level");
    assert_eq!(place.said("other", "Before"), "", "the one that runs alone says so");
    assert_eq!(place.said("ask", "X-ForConsole"), "other.service", "a native unit in its stead has no such order");
    place.put("etc/insserv.conf", "<interactive> other\n");
    assert!(place.unit("other").contains("TTYPath=/dev/console"));
}

#[test]
fn wanted_is_what_is_on_wherever_it_is() {
    let place = Scratch::new();
    place.scripts(["off", "less", "same", "more", "early", "soft"].map(|name| (name, "")));
    place.scripts([("web", "Required-Start: off less same more early; Should-Start: soft")]);
    place.links("23", "S01web S01same S01soft");
    place.links("2345", "S01more");
    place.links("3", "S01less");
    place.links("S", "S01early");
    assert_eq!(place.said("web", "Wants"), "more.service same.service");
    assert_eq!(place.said("web", "After"), "less.service more.service off.service same.service soft.service");
}

#[test]
fn what_no_script_provides_may_be_a_unit() {
    let place = Scratch::new();
    place.script(
        "web",
        "Provides: web; Required-Start: cache $network $syslog lost; X-Start-Before: proxy; X-Stop-After: proxy",
    );
    place.put("usr/lib/systemd/system/cache.service", "[Service]\nExecStart=/bin/true\n");
    place.put("etc/rung/units/rsyslog.service", "[Service]\nExecStart=/bin/true\n");
    place.put("lib/systemd/system/proxy.service", "[Service]\nExecStart=/bin/true\n");
    let after = "cache.service network-online.target rsyslog.service";
    assert_eq!(place.said("web", "After"), after);
    assert_eq!((place.said("web", "Before"), place.said("web", "Wants")), ("proxy.service".to_owned(), String::new()));
    let line = "warning\t/etc/init.d/web\t4\tRequired-Start: no script and no unit provides `lost`\t\
                install what provides it, or take `lost` out of Required-Start";
    assert_eq!(place.findings(), [line]);
}

#[test]
fn a_loop_is_told_with_its_members() {
    let place = Scratch::new();
    place.script("a", "Provides: a; Required-Start: b");
    place.script("b", "Provides: b; Should-Start: a");
    assert_eq!((place.said("a", "After"), place.said("b", "After")), ("b.service".to_owned(), String::new()));
    let line = "warning\t/etc/init.d/b\t4\tShould-Start: `b`, `a` wait for each other in a loop at start; \
                that `a` is to start before `b` isn't honoured\ttake `a`, or the facility it is in, out of Should-Start";
    assert_eq!(place.findings(), [line]);
}

#[test]
fn names_that_are_no_units_are_told() {
    let place = Scratch::new();
    for name in ["web@", "a b", "x@y", "same", "same.service"] {
        place.script(name, "Provides: x");
    }
    let output = place.made();
    let made: Vec<String> = output.items.keys().cloned().collect();
    assert_eq!(made, ["scripts/same.service", "scripts/x@y.service"]);
    let told: Vec<Severity> = output.findings.iter().map(|f| f.severity).collect();
    assert_eq!(told.len(), 3, "{:?}", output.findings);
    assert!(told.iter().all(|severity| *severity == Severity::Error));
}

#[test]
fn descriptions_are_one_safe_line() {
    let place = Scratch::new();
    let described = |text: &str| {
        place.put("etc/init.d/web", &format!("#!/bin/sh\n{text}\n"));
        place.said("web", "Description")
    };
    assert_eq!(described(""), "web (init script)");
    assert_eq!(described("# description: from chkconfig \\\n#   and on"), "from chkconfig and on");
    assert_eq!(described("### BEGIN INIT INFO\n# Description: long\n# text\n### END INIT INFO"), "long");
    assert_eq!(described("### BEGIN INIT INFO\n# Short-Description: a\\\\\\ \n### END INIT INFO"), "a");
    assert_eq!(described(&format!("# description: {}", "x".repeat(500))).len(), 200);
}

#[test]
fn a_pid_file_only_where_the_header_is_clear() {
    let place = Scratch::new();
    let file = |text: &str| {
        place.put("etc/init.d/web", text);
        place.said("web", "PIDFile")
    };
    assert_eq!(file("# pidfile: /var/run/web.pid\n"), "/var/run/web.pid");
    assert_eq!(file("# pidfile: /run/a.pid\n# pidfile: /run/b.pid\n"), "", "which of the two is the main one?");
    assert_eq!(file("# pidfile: /run/$NAME.pid\n"), "");
    assert_eq!(file("# pidfile: /run/a.pid or /run/b.pid\n"), "");
    assert_eq!(file("PIDFILE=/run/web.pid\n"), "");
}

#[test]
fn the_verb_reload_is_found() {
    for text in [
        "case $1 in\n  reload)\n",
        "  start|reload | stop)\n",
        "case \"$1\" in start) x;; \"reload\") y;;\n",
        "(reload)\n",
        "restart|\\\nreload)\n",
        "#!/lib/init/init-d-script\ndo_reload() { :; }\n",
        "#!/usr/bin/env /lib/init/init-d-script\nRELOAD_SIGNAL=1\n",
        "reload)\n log_daemon_msg Reloading\n do_reload || exit 1\n;;\n",
        "reload) [ -e /run/web.pid ] || exit 7\n kill -HUP 1\n;;\n",
        "reload) echo nothing to do; exit 0;;\n",
        "reload) echo; exit $?;;\n",
    ] {
        assert!(names_reload(text), "{text:?}");
    }
    for text in [
        "",
        "# reload)\n",
        "echo \"usage: (start|reload)\"\n",
        "force-reload)\n",
        "echo {start|stop|reload}\n",
        "do_reload() {\n",
        "#!/lib/init/init-d-script\nDAEMON=/x\n",
        "reload)\n  exit 3\n;;\n",
        "start) x ;;\nreload|force-reload) echo \"reload: not supported\" >&2; exit 3 ;;\n",
        "  reload)\n\tlog_warning_msg \"Reloading $DESC is not implemented\"\n;;\n",
        "*|reload)\n echo \"Usage: $0 start|stop\" >&2\n exit 1\n;;\nesac\n",
        "reload)\n print_usage\n RETVAL=2\nesac\n",
        "case $1 in reload) return 3;; esac\n",
    ] {
        assert!(!names_reload(text), "{text:?}");
    }
}

#[test]
fn a_red_hat_tree_is_ordered_by_numbers() {
    let place = Scratch::new();
    fs::remove_dir_all(place.0.join("etc/init.d")).expect("remove");
    let put = |name: &str, start: u8, text: &str| {
        place.put(
            &format!("etc/rc.d/init.d/{name}"),
            &format!("#!/bin/bash\n# chkconfig: 345 {start} {}\n{text}", 100 - start),
        );
        for level in ["3", "5"] {
            let rc = place.0.join(format!("etc/rc.d/rc{level}.d"));
            fs::create_dir_all(&rc).expect("mkdir");
            symlink(format!("../init.d/{name}"), rc.join(format!("S{start:02}{name}"))).expect("link");
        }
    };
    put("network", 10, "### BEGIN INIT INFO\n# Provides: $network\n### END INIT INFO\n");
    put("nginx", 85, "# pidfile: /var/run/nginx.pid\nreload) ;;\n");
    put("agent", 12, "");
    place.put("etc/rc.d/rc.local", "#!/bin/sh\n");
    symlink("../rc.local", place.0.join("etc/rc.d/rc3.d/S99local")).expect("link");
    assert_eq!(place.said("nginx", "After"), "agent.service network.service");
    assert_eq!(place.said("nginx", "Before"), "local.service");
    assert_eq!(place.said("nginx", "ExecStart"), "/etc/rc.d/init.d/nginx start");
    assert_eq!(place.said("nginx", "PIDFile"), "/var/run/nginx.pid");
    assert_eq!(place.said("local", "ExecStart"), "/etc/rc.d/rc.local start");
    assert_eq!(place.said("agent", "After"), "network.service");
}

#[test]
fn a_machine_without_scripts_has_none() {
    let place = Scratch::new();
    fs::remove_dir_all(place.0.join("etc")).expect("remove");
    assert_eq!(place.made(), Made::default());
}

/// rc's shell runs also what the kernel doesn't execute (section 1.3: ENOEXEC).
#[test]
fn a_script_without_an_interpreter_is_the_shells() {
    let place = Scratch::new();
    place.put("etc/init.d/bare", "# chkconfig: 2345 10 90\ncase $1 in reload) ;; esac\n");
    let path = "/etc/init.d/bare";
    assert_eq!(place.said("bare", "ExecStart"), format!("/bin/sh {path} start"));
    assert_eq!(place.said("bare", "ExecReload"), format!("/bin/sh {path} reload"));
    assert_eq!(place.said("bare", "ExecStop"), format!("/bin/sh {path} stop"));
}
