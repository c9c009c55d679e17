//! The picture, read back: it is XML, and what is in it is where it belongs.

use super::super::course::samples::{record, unit};
use super::*;
use init::core::State;
use init::proto::control::BootRecord;

/// An element, and the text in it up to the next one.
#[derive(Debug, Clone, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    /// The classes of those around it.
    within: Vec<String>,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap_or_else(|_| panic!("{name} of {self:?}"))
    }
}

/// Just enough of XML to fail on what a browser would refuse.
fn parse(text: &str) -> Vec<Element> {
    let bare = |text: &str| {
        for part in text.split('&').skip(1) {
            let entity = part.split_once(';').map(|(name, _)| name).unwrap_or_default();
            assert!(["amp", "lt", "gt", "quot"].contains(&entity), "&{part}");
        }
        assert!(!text.contains('<') && text.chars().all(|c| !c.is_control() || c == '\n'), "{text:?}");
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    let (mut all, mut open): (Vec<Element>, Vec<(String, String)>) = Default::default();
    for part in text.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap_or_else(|| panic!("<{part} has no end"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().map(|o| o.0).as_deref(), Some(name), "closes what is open");
            continue;
        }
        let (tag, alone) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes: Vec<(String, String)> = Vec::new();
        while let Some((key, more)) = rest.split_once("=\"") {
            let (value, more) = more.split_once('"').expect("a quote");
            let key = key.trim().to_owned();
            assert!(!attributes.iter().any(|(k, _)| *k == key), "{key} twice in <{tag}>");
            attributes.push((key, bare(value)));
            rest = more;
        }
        assert!(rest.trim().is_empty(), "{rest} in <{tag}>");
        let within = open.iter().map(|o| o.1.clone()).collect();
        let text = if name == "style" { after.to_owned() } else { bare(after) };
        let element = Element { name: name.to_owned(), attributes, text, within };
        if !alone {
            open.push((name.to_owned(), element.get("class").to_owned()));
        }
        all.push(element);
    }
    assert_eq!(open, [], "all is closed");
    all
}

fn drawn(record: &BootRecord) -> Vec<Element> {
    parse(&svg(&Course::new(record), 0))
}

fn bars<'a>(all: &'a [Element], class: &str) -> Vec<&'a Element> {
    let of = |e: &&Element| e.get("class") == class && e.within.iter().any(|w| w.starts_with("unit"));
    all.iter().filter(of).collect()
}

#[test]
fn each_unit_has_its_parts_where_they_belong() {
    let all = drawn(&record());
    let names: Vec<&str> = all
        .iter()
        .filter(|e| e.name == "text" && e.within.iter().any(|w| w.starts_with("unit")))
        .map(|e| e.text.trim())
        .collect();
    assert_eq!(names, ["disk", "net", "slow", "broken", "needs-broken", "web"], "by their start");
    let start: Vec<(f64, f64)> = bars(&all, "start").iter().map(|e| (e.number("x"), e.number("width"))).collect();
    // 980 pixels for 6 s.
    let x = |ms: f64| (ms * 980.0 / 6000.0 * 10.0).round() / 10.0;
    assert_eq!(start[0], (x(1010.0), x(1390.0)), "{start:?}");
    assert_eq!(start.len(), 5, "what never began has none");
    let web = bars(&all, "wait").into_iter().next_back().expect("it waited");
    assert_eq!((web.number("x"), web.number("width")), (x(2600.0), x(900.0)));
    let failed = all.iter().filter(|e| e.get("class") == "unit bad").count();
    assert_eq!(failed, 2);
    let titles: Vec<&str> = all.iter().filter(|e| e.name == "title").map(|e| e.text.as_str()).collect();
    assert!(
        titles.iter().any(|t| t.contains(
            "web.service\nasked for at 2.600s, waited 900ms, last for net\nstarted from 3.500s to 6s: 2.500s"
        )),
        "{titles:?}"
    );
    assert!(titles.iter().any(|t| t.contains("CPU 0.70s")) && titles.contains(&"runlevel 3 3.500s"), "{titles:?}");
    let texts: Vec<&str> = all.iter().map(|e| e.text.trim()).collect();
    for text in ["rung: up in 6s", "kernel  1s", "runlevel S", "all up", "Disks", "peak 1000 KiB/s", "5s"] {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
}

#[test]
fn the_curves_are_shares_of_what_there_was() {
    let all = drawn(&record());
    let busy = all.iter().find(|e| e.get("class") == "busy" && e.name == "path").expect("a curve");
    let base: f64 =
        busy.get("d").trim_start_matches('M').split([' ', 'L']).nth(1).and_then(|y| y.parse().ok()).expect("a place");
    let first =
        busy.get("d").split('L').nth(1).and_then(|p| p.split([' ', 'H']).nth(1)).and_then(|y| y.parse::<f64>().ok());
    assert_eq!(first.map(|y| base - y), Some(CURVE / 2.0), "half of all: {}", busy.get("d"));
    let without = BootRecord { load: Vec::new(), ..record() };
    let all = drawn(&without);
    assert!(all.iter().all(|e| e.name != "path") && all.iter().any(|e| e.text.contains("isn't known: it is kept")));
}

#[test]
fn nothing_is_cut_off_and_no_name_is_dangerous() {
    for (count, total) in [(0, 1), (1, 3), (10, 900), (60, 7_000), (300, 95_000)] {
        let mut record = record();
        record.host = "<script>&\"'\u{1b}[31m".into();
        record.levels[1].reached_ms = 2600 + total;
        record.now_ms = 2600 + total;
        record.units = (0..count)
            .map(|n| {
                let begun = 2600 + total * n / count;
                let name = format!("a-quite-long-name-of-a-unit-{n}@{}", "x".repeat((n as usize * 7) % 60));
                let done = (begun + total / (n % 7 + 1)).min(2600 + total);
                let mut unit = unit(&name, [2600, begun, done, 0], None);
                unit.state = if n % 11 == 3 { State::Failed } else { State::Active };
                unit
            })
            .collect();
        let all = drawn(&record);
        let page = all.first().expect("a page");
        let (width, height) = (page.number("width"), page.number("height"));
        assert!((900.0..=2600.0).contains(&width), "{count}: {width}");
        for e in all.iter().filter(|e| e.name == "text") {
            let room = wide(&e.text) + if e.within.iter().any(|w| w.starts_with("unit")) { 8.0 * LETTER } else { 0.0 };
            let x = e.number("x") + MARGIN;
            let (from, to) = match e.get("text-anchor") {
                "end" => (x - room, x),
                "middle" => (x - room / 2.0, x + room / 2.0),
                _ => (x, x + room),
            };
            assert!(from >= -1.0 && to <= width + 1.0, "{count}: {e:?} from {from} to {to} of {width}");
            assert!(e.number("y") < height, "{e:?}");
        }
        assert!(all.iter().any(|e| e.text.starts_with("<script>&\"'\u{fffd}[31m: up in")));
    }
}

#[test]
fn a_boot_that_is_not_done_is_drawn_as_far_as_it_came() {
    let mut record = record();
    record.levels.pop();
    record.stage = init::proto::control::BootStage::Cut;
    record.now_ms = 4000;
    let all = drawn(&record);
    assert!(all.iter().any(|e| e.text == "rung: cut short by a shutdown, 2 failed after 4s"));
    let page = all[0].number("width") - 2.0 * MARGIN;
    assert!(bars(&all, "start").iter().all(|e| e.number("x") + e.number("width") <= page + 0.1));
    drawn(&BootRecord::default());
}

#[test]
fn ticks_are_round() {
    assert_eq!((step(6000, 12), step(1466, 12), step(95_000, 12), step(0, 12)), (500, 200, 10_000, 1));
    let ticks = [0, 200, 1000, 1200, 2500, 60_000, 75_000].map(tick);
    assert_eq!(ticks, ["0", "200ms", "1s", "1.2s", "2.5s", "1min", "1min 15s"]);
}
