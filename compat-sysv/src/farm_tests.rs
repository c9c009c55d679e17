use super::*;
use crate::scratch::Scratch;

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

/// A root with two scripts.
fn place() -> Scratch {
    let place = Scratch::new();
    place.put("etc/init.d/a", "");
    place.put("etc/init.d/b", "");
    place
}

fn link(place: &Scratch, level: char, file: &str, target: &str) {
    place.link(&format!("etc/rc{level}.d/{file}"), target);
}

#[test]
fn a_farm_is_read_with_levels_and_numbers() {
    let place = place();
    let (folder, root) = (&place.0, place.root());
    for level in ['2', '3'] {
        link(&place, level, "S05a", "../init.d/a");
    }
    link(&place, '3', "S03a", "../init.d/a");
    link(&place, 'S', "S01b", "/etc/init.d/b");
    link(&place, '0', "K09a", "../init.d/a");
    link(&place, '0', "K01gone", "../init.d/gone");
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
}

#[test]
fn a_red_hat_farm_is_read_with_and_without_links_in_etc() {
    let place = place();
    let (folder, root) = (&place.0, place.root());
    place.link("etc/rc.d/rc3.d/S85a", "../../init.d/a");
    assert_eq!(Farm::read(&root).0.levels("a", Kind::Start).to_string(), "3");
    place.link("etc/rc3.d", "rc.d/rc3.d");
    let (farm, findings) = Farm::read(&root);
    assert_eq!((farm.links.len(), findings.len()), (1, 0), "not twice");
    assert_eq!(farm.links[0].path, folder.join("etc/rc3.d/S85a"));
}
