use super::*;

fn read(text: &str) -> Header {
    let (header, findings) = parse(Path::new("/etc/init.d/x"), text);
    assert!(findings.is_empty(), "{findings:?}");
    header
}

/// In the style of Red Hat's own scripts.
const HTTPD: &str = "\
#!/bin/bash
#
# httpd        Startup script for a web server
#
# chkconfig: - 85 15
# description: A web server that \\
#              serves HTML files \\
#\t      and CGI.
# processname: httpd
# processname: httpd.worker
# config: /etc/httpd/conf/httpd.conf
# config: /etc/sysconfig/httpd
# pidfile: /var/run/httpd/httpd.pid
#
### BEGIN INIT INFO
# Provides: httpd
# Required-Start: $local_fs $remote_fs $network $named
# Required-Stop: $local_fs $remote_fs $network
# Should-Start: distcache
# Short-Description: start and stop a web server
# Description: A web server.
### END INIT INFO
. /etc/rc.d/init.d/functions
";

#[test]
fn a_header_in_the_usual_style_is_read() {
    let header = read(HTTPD);
    assert_eq!(header.line, Some(Line { line: 5, levels: LevelSet::EMPTY, start: 85, stop: 15 }));
    assert_eq!(header.description.as_deref(), Some("A web server that serves HTML files and CGI."));
    assert_eq!(header.processnames, ["httpd", "httpd.worker"]);
    assert_eq!(header.pidfiles, ["/var/run/httpd/httpd.pid"]);
    assert_eq!(header.configs, ["/etc/httpd/conf/httpd.conf", "/etc/sysconfig/httpd"]);
    assert!(!header.hide && header.is_some());
}

#[test]
fn the_line_may_be_indented_and_the_first_counts() {
    let line = |text: &str| read(text).line.map(|line| (line.levels.to_string(), line.start, line.stop));
    assert_eq!(line("  #chkconfig:\t2345 08 92\n"), Some(("2345".to_owned(), 8, 92)));
    assert_eq!(line("# chkconfig: 35 99 01\n# chkconfig: 2 1 1\n"), Some(("35".to_owned(), 99, 1)));
    assert_eq!(line("# chkconfig 35 99 01\necho '# chkconfig: 3 1 1'\n"), None);
}

#[test]
fn a_line_that_chkconfig_refuses_is_told() {
    for (text, why) in [
        ("2345 85", "`2345 85` is not levels, start number and stop number"),
        ("2347 85 15", "`7` in `2347` is no level"),
        ("S 85 15", "`S` in `S` is no level"),
        ("345 100 15", "`100` is no number from 0 to 99"),
        ("345 85 -1", "`-1` is no number from 0 to 99"),
    ] {
        let (header, findings) = parse(Path::new("/x"), &format!("#!/bin/sh\n# chkconfig: {text}\n# pidfile: /p\n"));
        assert_eq!(header.line, None);
        assert_eq!(header.pidfiles, ["/p"]);
        assert_eq!(
            (findings[0].line, findings[0].message.as_str()),
            (2, &*format!("{why}; chkconfig refuses the script"))
        );
    }
}

#[test]
fn translations_and_hidden_ones() {
    let header = read("# description(de): Ein Dienst\n# description: A service\n# hide: true\n");
    assert_eq!((header.description.as_deref(), header.hide), (Some("A service"), true));
    assert!(!read("# hide: false\n").is_some());
    assert!(read("# hide:\n").hide);
    assert_eq!(read("# description: cut off \\\n").description.as_deref(), Some("cut off"));
}

#[test]
fn ignored_names() {
    for name in [".x", "x.rpmsave", "x.rpmnew", "x.rpmorig", "x.swp", "x~", "x,"] {
        assert!(is_ignored(name), "{name}");
    }
    for name in ["x", "x.local", "rpmsave", "x.bak"] {
        assert!(!is_ignored(name), "{name}");
    }
}

#[test]
fn chkconfig_sees_both_headers() {
    let info = Info::read("httpd", HTTPD).expect("supported");
    assert_eq!((info.start, info.stop, info.lsb), (Some(85), Some(15), true));
    assert!(info.levels.is_empty());
    assert_eq!(info.provides, ["httpd"]);
    assert_eq!(info.required_start, ["$local_fs", "$remote_fs", "$network", "$named"]);
    assert_eq!((info.should_start.len(), info.required_stop.len()), (1, 3));
    assert_eq!(info.description, "A web server.", "the last one counts");
}

#[test]
fn chkconfig_takes_levels_from_the_lsb_header() {
    let lsb = "### BEGIN INIT INFO\n# Provides: a b\n# Default-Start: 3 5\n# Default-Stop: 2\n### END INIT INFO\n";
    let info = Info::read("x", lsb).expect("an LSB header is enough");
    assert_eq!((info.levels.to_string().as_str(), info.start, info.stop), ("35", None, None));
    assert_eq!(info.provides, ["a", "b"]);
    let info = Info::read("x", &format!("# chkconfig: 24 10 90\n{lsb}")).expect("both");
    assert_eq!((info.levels.to_string().as_str(), info.start), ("345", Some(10)), "added and taken away");
}

#[test]
fn what_says_too_little_does_not_support_chkconfig() {
    assert_eq!(Info::read("x", "#!/bin/sh\n"), None);
    assert_eq!(Info::read("x", "# chkconfig: 3 100 1\n"), None);
    assert_eq!(Info::read("x", "# Default-Start: 3\n"), None, "no numbers and no LSB header");
    assert_eq!(Info::read("x", "### BEGIN INIT INFO\n# Provides: x\n### END INIT INFO\n"), None, "no levels");
    assert_eq!(Info::read("x", "# chkconfig: - 1 2\n").expect("supported").provides, ["x"]);
}

/// A script; levels and numbers of its line; its description; what it provides.
type Case = (&'static str, Option<(&'static str, u8, u8)>, Option<&'static str>, &'static [&'static str]);

/// Headers in the styles that are found on Red Hat machines, and what both readers make of them.
#[test]
fn styles_of_red_hat_scripts() {
    let cases: [Case; 6] = [
        // The network's: a description over two lines, then an LSB header that only says what is provided.
        (
            "#! /bin/bash\n#\n# network       Bring up/down networking\n#\n# chkconfig: 2345 10 90\n\
             # description: Activates/Deactivates all network interfaces configured to \\\n#              start at boot time.\n#\n\
             ### BEGIN INIT INFO\n# Provides: $network\n### END INIT INFO\n",
            Some(("2345", 10, 90)),
            Some("Activates/Deactivates all network interfaces configured to start at boot time."),
            &["$network"],
        ),
        // A vendor's: everything indented by tabs, and a number with one digit.
        (
            "#!/bin/sh\n#\tchkconfig:\t35\t9\t91\n#\tdescription:\tVendor agent\n#\tpidfile:\t/var/run/agent.pid\n",
            Some(("35", 9, 91)),
            Some("Vendor agent"),
            &["agent"],
        ),
        // Off everywhere, and the colon followed at once.
        (
            "#!/bin/sh\n#chkconfig:- 20 80\n#description:Off by default\n",
            Some(("", 20, 80)),
            Some("Off by default"),
            &["agent"],
        ),
        // No space between the `#` and the key, words behind the numbers.
        ("#!/bin/bash\n#chkconfig: 345 64 36 # start late\n", Some(("345", 64, 36)), None, &["agent"]),
        // Only an LSB header, with levels.
        (
            "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: agent helper\n# Required-Start: $local_fs $network\n\
             # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: An agent\n### END INIT INFO\n",
            None,
            None,
            &["agent", "helper"],
        ),
        // The line stands behind some code, as some installers leave it.
        (
            "#!/bin/sh\nexport LANG=C\n\n# chkconfig: 2345 98 02\n# description: late\n",
            Some(("2345", 98, 2)),
            Some("late"),
            &["agent"],
        ),
    ];
    for (text, line, description, provides) in cases {
        let header = read(text);
        let found = header.line.map(|l| (l.levels.to_string(), l.start, l.stop));
        assert_eq!(found, line.map(|(levels, start, stop)| (levels.to_owned(), start, stop)), "{text}");
        assert_eq!(header.description.as_deref(), description, "{text}");
        let info = Info::read("agent", text).unwrap_or_else(|| panic!("not supported: {text}"));
        assert_eq!(info.provides, provides, "{text}");
        assert_eq!((info.start, info.stop), (line.map(|l| l.1), line.map(|l| l.2)), "{text}");
    }
}
