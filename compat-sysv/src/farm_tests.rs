use super::*;
use std::os::unix::fs::symlink;

#[test]
fn names_of_links_are_read_and_made() {
    assert_eq!(parse("S20nginx"), Some((Kind::Start, 20, "nginx")));
    assert_eq!(parse("K01x-y.sh"), Some((Kind::Stop, 1, "x-y.sh")));
    assert_eq!(parse("S0102"), Some((Kind::Start, 1, "02")), "two digits count");
    for bad in ["README", "S1x", "S01", "", "Sé1x", "s01x", "S+1x"] {
        assert_eq!(parse(bad), None, "{bad}");
    }
    assert_eq!(file_name(Kind::Stop, 7, "a"), "K07a");
}

fn root(name: &str) -> (PathBuf, Root) {
    let folder = std::env::temp_dir().join(format!("rung-farm-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("etc/init.d")).expect("mkdir");
    for script in ["a", "b"] {
        fs::write(folder.join("etc/init.d").join(script), "").expect("write");
    }
    (folder.clone(), Root::image(folder))
}

fn link(folder: &Path, level: char, file: &str, target: &str) {
    let rc = folder.join(format!("etc/rc{level}.d"));
    fs::create_dir_all(&rc).expect("mkdir");
    symlink(target, rc.join(file)).expect("link");
}

#[test]
fn a_farm_is_read_with_levels_and_numbers() {
    let (folder, root) = root("read");
    for level in ['2', '3'] {
        link(&folder, level, "S05a", "../init.d/a");
    }
    link(&folder, '3', "S03a", "../init.d/a");
    link(&folder, 'S', "S01b", "/etc/init.d/b");
    link(&folder, '0', "K09a", "../init.d/a");
    link(&folder, '0', "K01gone", "../init.d/gone");
    fs::write(folder.join("etc/rc2.d/README"), "").expect("write");
    fs::write(folder.join("etc/rc2.d/notes"), "").expect("write");
    let (farm, findings) = Farm::read(&root);
    assert_eq!(farm.names(), ["a", "b"]);
    assert_eq!(farm.levels("a", Kind::Start).to_string(), "23");
    assert_eq!(farm.levels("a", Kind::Stop).to_string(), "0");
    assert_eq!(farm.levels("b", Kind::Start).to_string(), "S");
    let level = |c| Level::from_char(c).expect("level");
    assert_eq!(farm.number("a", Kind::Start, level('3')), Some(3), "the lowest of two");
    assert_eq!(farm.number("a", Kind::Stop, level('0')), Some(9));
    assert_eq!(farm.number("b", Kind::Start, level('2')), None);
    assert!(!farm.knows("gone"));
    let told: Vec<PathBuf> = findings.iter().map(|f| f.path.clone()).collect();
    assert_eq!(told, [folder.join("etc/rc0.d/K01gone"), folder.join("etc/rc2.d/notes")]);
    fs::remove_dir_all(&folder).expect("clean");
}

#[test]
fn a_red_hat_farm_is_read_with_and_without_links_in_etc() {
    let (folder, root) = root("redhat");
    fs::create_dir_all(folder.join("etc/rc.d/rc3.d")).expect("mkdir");
    symlink("../../init.d/a", folder.join("etc/rc.d/rc3.d/S85a")).expect("link");
    assert_eq!(Farm::read(&root).0.levels("a", Kind::Start).to_string(), "3");
    symlink("rc.d/rc3.d", folder.join("etc/rc3.d")).expect("link");
    let (farm, findings) = Farm::read(&root);
    assert_eq!((farm.links.len(), findings.len()), (1, 0), "not twice");
    assert_eq!(farm.links[0].path, folder.join("etc/rc3.d/S85a"));
    fs::remove_dir_all(&folder).expect("clean");
}
