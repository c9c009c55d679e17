use super::*;
use crate::lsb::Key;
use crate::scratch::Scratch;

fn tree_of(place: &Scratch) -> Tree {
    Tree::read(&place.root())
}

fn header(provides: &str) -> String {
    format!(
        "#!/bin/sh\n{}\n# Provides: {provides}\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3\n# Default-Stop: 0\n{}\n",
        lsb::BEGIN,
        lsb::END
    )
}

fn names(tree: &Tree) -> Vec<&str> {
    tree.scripts.iter().map(|s| s.name.as_str()).collect()
}

fn provides(tree: &Tree, name: &str) -> Vec<String> {
    let script = tree.script(name).unwrap_or_else(|| panic!("no {name} in {:?}", names(tree)));
    script.header().map(|h| h.names(Key::Provides).into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

#[test]
fn what_is_no_script_is_passed_over() {
    let place = Scratch::new();
    for name in ["web", "mountall.sh", "x11-common"] {
        place.put(&format!("etc/init.d/{name}"), &header(name));
    }
    for name in [
        "README",
        "README.md",
        "Makefile",
        "skeleton",
        "rc",
        "rcS",
        "core",
        "web.dpkg-new",
        "web.rpmsave",
        "web.bak",
        "web.old",
        "web.swp",
        "web~",
        ".depend.start",
        "#web#",
        "_web",
        "functions",
        "powerfail.sh",
        "web.ucf-dist",
        "web,v",
    ] {
        place.put(&format!("etc/init.d/{name}"), &header("no"));
    }
    place.put("etc/init.d/plain", &header("no"));
    fs::set_permissions(place.0.join("etc/init.d/plain"), fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::create_dir(place.0.join("etc/init.d/folder")).expect("mkdir");
    place.link("etc/init.d/second", "web");
    nix::unistd::mkfifo(&place.0.join("etc/init.d/fifo"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    let tree = tree_of(&place);
    assert_eq!(names(&tree), ["mountall.sh", "web", "x11-common"]);
    assert_eq!(tree.findings, []);
    assert_eq!(tree.style, Style::Debian);
}

#[test]
fn overrides_win_as_in_insserv() {
    let place = Scratch::new();
    place.put("etc/init.d/web", &header("own"));
    assert_eq!(provides(&tree_of(&place), "web"), ["own"]);
    place.put("usr/share/insserv/overrides/web", &header("shared"));
    assert_eq!(provides(&tree_of(&place), "web"), ["shared"]);
    place.put("etc/insserv/overrides/web", &header("admin"));
    let tree = tree_of(&place);
    assert_eq!(provides(&tree, "web"), ["admin"]);
    let source = tree.script("web").and_then(|s| s.lsb.as_ref()).map(|(path, _)| path.clone());
    assert_eq!(source, Some(place.0.join("etc/insserv/overrides/web")));
    place.put("etc/insserv/overrides/web", "no header here\n");
    assert_eq!(provides(&tree_of(&place), "web"), ["shared"], "one without a header is none");
}

#[test]
fn scripts_that_lie_elsewhere() {
    let place = Scratch::new();
    place.put("opt/vendor/lib/agent.sh", &header("agent"));
    place.link("etc/init.d/agent", "/opt/vendor/lib/agent.sh");
    place.link("etc/init.d/second", "agent");
    place.link("etc/rc2.d/S01second", "../init.d/second");
    place.put("etc/rc.local", "#!/bin/sh\n");
    place.link("etc/rc2.d/S99local", "../rc.local");
    place.link("etc/rc2.d/S98README", "../rc.local");
    place.put("etc/insserv/overrides/agent.sh", &header("by-its-real-name"));
    let tree = tree_of(&place);
    assert_eq!(names(&tree), ["agent", "local", "second"]);
    assert_eq!(provides(&tree, "agent"), ["by-its-real-name"]);
    assert_eq!(tree.script("second").map(|s| s.lsb.is_some()), Some(false), "the header is the first name's");
    assert_eq!(tree.script("local").map(|s| s.path.clone()), Some(place.0.join("etc/rc.local")));
}

#[test]
fn jobs_of_upstart_are_asked_for_their_headers() {
    let place = Scratch::new();
    place.put("lib/init/upstart-job", "#!/bin/sh\n");
    place.link("etc/init.d/job", "/lib/init/upstart-job");
    place.link("etc/init.d/chain", "../init.d/job");
    place.link("etc/init.d/bad", "../../lib/init/upstart-job");
    let root = place.root();
    let tree = Tree::read_with(&root, &mut |name| match name {
        "bad" => Err("it failed".to_owned()),
        name => Ok(Some(header(&format!("{name}-asked")))),
    });
    assert_eq!(provides(&tree, "job"), ["job-asked"]);
    assert_eq!(provides(&tree, "chain"), ["chain-asked"]);
}

#[test]
fn a_red_hat_tree_is_known_by_its_folders() {
    let place = Scratch::new();
    fs::remove_dir_all(place.0.join("etc/init.d")).expect("remove");
    place.put("etc/rc.d/init.d/httpd", "#!/bin/bash\n# chkconfig: - 85 15\n# pidfile: /var/run/httpd.pid\n");
    place.put("etc/rc.d/init.d/old,", "#!/bin/bash\n");
    let tree = tree_of(&place);
    assert_eq!((tree.style, names(&tree)), (Style::RedHat, vec!["httpd"]));
    assert_eq!(tree.folder, place.0.join("etc/rc.d/init.d"));
    assert_eq!(tree.scripts[0].chkconfig.line.map(|l| l.start), Some(85));
    assert!(tree.facilities.knows("$syslog"));
    place.link("etc/init.d", "rc.d/init.d");
    assert_eq!(tree_of(&place).folder, place.0.join("etc/init.d"));
}

#[test]
fn a_script_that_is_too_long_is_told_and_kept() {
    let place = Scratch::new();
    place.put("etc/init.d/web", &"#".repeat(MAX_FILE + 1));
    let tree = tree_of(&place);
    assert_eq!((names(&tree), tree.findings.len()), (vec!["web"], 1));
}

#[test]
fn levels_are_the_farms_or_the_headers() {
    let place = Scratch::new();
    place.put("etc/init.d/on", &header("on"));
    place.put("etc/init.d/off", &header("off"));
    place.link("etc/rc5.d/S01on", "../init.d/on");
    let tree = tree_of(&place);
    let levels = |name: &str, kind| tree.levels(tree.script(name).expect("script"), kind).to_string();
    assert_eq!((levels("on", Kind::Start), levels("on", Kind::Stop)), ("5".to_owned(), String::new()));
    assert_eq!((levels("off", Kind::Start), levels("off", Kind::Stop)), ("23".to_owned(), "0".to_owned()));
}
