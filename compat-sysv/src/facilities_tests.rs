use super::*;

fn members(table: &Facilities, word: &str) -> Vec<String> {
    match table.meaning(word) {
        Meaning::Services(list) => {
            list.iter().map(|m| format!("{}{}", if m.optional { "+" } else { "" }, m.name)).collect()
        }
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn a_file_is_read() {
    let mut table = Facilities::default();
    let text = "# comment\n$net\tone +two\n\n$sys: three,four\n$eq = five\n<interactive> x y\n$net more\nnonsense\n";
    let findings = table.add(Path::new("/etc/insserv.conf"), text);
    assert_eq!(findings.iter().map(|f| f.line).collect::<Vec<_>>(), [8]);
    assert_eq!(members(&table, "$net"), ["one", "+two", "more"]);
    assert_eq!(members(&table, "$sys"), ["three", "four"]);
    assert_eq!(members(&table, "$eq"), ["five"]);
    assert_eq!(table.interactive.iter().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(table.meaning("$nothing"), Meaning::Unknown);
}

#[test]
fn words_have_their_meanings() {
    let table = Facilities::debian();
    assert_eq!(table.meaning("$null"), Meaning::Nothing);
    assert_eq!(table.meaning("$NULL"), Meaning::Nothing);
    assert_eq!(table.meaning("$all"), Meaning::Everything);
    assert_eq!(members(&table, "web"), ["web"]);
    assert_eq!(members(&table, "+web"), ["+web"]);
}

#[test]
fn debians_table_is_the_one_of_the_reference() {
    let table = Facilities::debian();
    let local = ["+mountall", "+mountall-bootclean", "+mountoverflowtmp", "+umountfs"];
    assert_eq!(members(&table, "$local_fs"), local);
    let remote = [&local[..], &["+mountnfs", "+mountnfs-bootclean", "+umountnfs", "+sendsigs"]].concat();
    assert_eq!(members(&table, "$remote_fs"), remote);
    let named = ["+named", "+dnsmasq", "+lwresd", "+bind9", "+unbound", "+pdns-recursor", "+networking", "+ifupdown"];
    assert_eq!(members(&table, "$named"), named);
    assert_eq!(members(&table, "$syslog"), ["+rsyslog", "+sysklogd", "+syslog-ng", "+dsyslog", "+inetutils-syslogd"]);
    assert_eq!(members(&table, "$time"), ["+hwclock"]);
    assert_eq!(members(&table, "$network"), ["+networking", "+ifupdown"]);
    assert!(table.interactive.contains("cryptdisks"));
    for name in ["$local_fs", "$network", "$named", "$remote_fs", "$syslog", "$time", "$portmap"] {
        assert!(Facilities::red_hat().knows(name), "{name}");
    }
}

#[test]
fn a_facility_that_stands_for_itself_ends() {
    let mut table = Facilities::default();
    table.add(Path::new("/x"), "$a $b one\n$b $a two\n");
    assert_eq!(members(&table, "$a"), ["two", "one"]);
    let chain: String = (0..30).map(|n| format!("$f{n} $f{} s{n}\n", n + 1)).collect();
    table.add(Path::new("/x"), &chain);
    assert!(members(&table, "$f0").len() <= 12);
}

#[test]
fn the_file_of_a_root_wins_over_the_built_in_table() {
    let place = crate::scratch::Scratch::new();
    let (folder, root) = (&place.0, place.root());
    fs::create_dir_all(folder.join("etc/insserv.conf.d/folder")).expect("mkdir");
    assert_eq!(Facilities::read(&root, Facilities::debian()), (Facilities::debian(), Vec::new()), "no file, no word");
    let put = |name: &str, text: &str| fs::write(folder.join("etc").join(name), text).expect("write");
    put("insserv.conf.d/b", "$x two\n");
    put("insserv.conf.d/a.dpkg-old", "$x no\n");
    put("insserv.conf.d/.hidden", "$x no\n");
    put("insserv.conf.d/c,v", "$x no\n");
    let (table, findings) = Facilities::read(&root, Facilities::debian());
    assert_eq!((members(&table, "$x"), findings.len()), (vec!["two".to_owned()], 0));
    assert!(table.knows("$syslog"), "what packages add comes to the usual ones");
    put("insserv.conf", "$x one\n?\n");
    let (table, findings) = Facilities::read(&root, Facilities::debian());
    assert_eq!(members(&table, "$x"), ["one", "two"]);
    assert!(!table.knows("$syslog"), "the file itself says all");
    assert_eq!(findings[0].path, folder.join("etc/insserv.conf"));
}
