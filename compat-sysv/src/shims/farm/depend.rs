//! The files `.depend.boot`, `.depend.start` and `.depend.stop`, by which `startpar` runs scripts side by side. Pure.

use crate::farm::Kind;
use crate::lsb::Key;
use crate::order::{Direction, Order, Service, Strength};
use init::unit::Level;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Boot, start and stop, by the end of their names. Only scripts with links are in them.
pub(super) fn files(
    services: &[Service<'_>],
    linked: &[bool],
    order: &Order,
    interactive: &BTreeSet<String>,
) -> [(&'static str, String); 3] {
    let made = |direction, kind, boot| File { services, linked, direction, interactive, kind, boot };
    [
        ("boot", made(&order.start, Kind::Start, true).text()),
        ("start", made(&order.start, Kind::Start, false).text()),
        ("stop", made(&order.stop, Kind::Stop, false).text()),
    ]
}

struct File<'a> {
    services: &'a [Service<'a>],
    linked: &'a [bool],
    direction: &'a Direction,
    /// The services that insserv.conf says run alone.
    interactive: &'a BTreeSet<String>,
    kind: Kind,
    boot: bool,
}

impl File<'_> {
    fn name(&self, at: usize) -> &str {
        self.services.get(at).map_or("", |service| service.name)
    }

    fn number(&self, at: usize) -> u8 {
        self.direction.numbers.get(at).copied().unwrap_or(0)
    }

    fn levels(&self, at: usize) -> init::unit::LevelSet {
        let levels = |service: &Service<'_>| if self.kind == Kind::Start { service.start } else { service.stop };
        self.services.get(at).map(levels).unwrap_or_default()
    }

    /// Whether `$all` stands in its header: nobody waits for such a one.
    fn is_last(&self, at: usize) -> bool {
        let header = self.services.get(at).and_then(|service| service.header);
        let words = |key| header.map(|header| header.names(key)).unwrap_or_default();
        self.kind == Kind::Start
            && [Key::RequiredStart, Key::ShouldStart]
                .into_iter()
                .flat_map(words)
                .any(|w| w.eq_ignore_ascii_case("$all"))
    }

    /// Its scripts, by number.
    fn targets(&self) -> Vec<usize> {
        let here = |at: &usize| {
            let mut levels = self.levels(*at).iter();
            let linked = self.linked.get(*at) == Some(&true);
            linked && if self.boot { levels.any(|l| l == Level::S) } else { levels.any(|l| l != Level::S) }
        };
        let mut targets: Vec<usize> = (0..self.services.len()).filter(here).collect();
        targets.sort_by_key(|at| (self.number(*at), self.name(*at)));
        targets
    }

    /// What one waits for, the last first.
    fn needs(&self, at: usize) -> Vec<usize> {
        let counts =
            |strength| matches!(strength, Strength::Required | Strength::Should | Strength::Before | Strength::All);
        let needs = self.direction.needs(at).filter(|edge| counts(edge.strength)).map(|edge| edge.before);
        let mut all: Vec<usize> =
            needs.filter(|need| self.linked.get(*need) == Some(&true) && !self.is_last(*need)).collect();
        all.sort_by_key(|need| (std::cmp::Reverse(self.number(*need)), self.name(*need)));
        all
    }

    /// Whether it runs alone.
    fn is_alone(&self, at: usize) -> bool {
        let Some(service) = self.services.get(at) else { return false };
        let provides = service.header.map(|header| header.names(Key::Provides)).unwrap_or_default();
        let listed = |name: &str| self.interactive.contains(name);
        service.header.is_some_and(crate::lsb::Header::is_interactive)
            || if provides.is_empty() { listed(service.name) } else { provides.into_iter().any(listed) }
    }

    fn text(&self) -> String {
        let targets = self.targets();
        let list = |all: &[usize]| all.iter().fold(String::new(), |text, at| format!("{text} {}", self.name(*at)));
        let mut text = format!("TARGETS ={}\n", list(&targets));
        if self.kind == Kind::Start {
            let alone: Vec<usize> = targets.iter().copied().filter(|at| self.is_alone(*at)).collect();
            let _ = writeln!(text, "INTERACTIVE ={}", list(&alone));
        }
        for at in targets {
            // One that is in S too stands there only.
            if self.boot != self.levels(at).contains(Level::S) {
                continue;
            }
            let needs = self.needs(at);
            if !needs.is_empty() {
                let _ = writeln!(text, "{}:{}", self.name(at), list(&needs));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facilities::Facilities;
    use crate::tree::Style;
    use crate::{lsb, order};
    use init::unit::LevelSet;

    #[test]
    fn each_waits_for_what_it_needs_and_has_links() {
        let header = |text: &str| lsb::parse("x".as_ref(), &format!("{}\n{text}\n{}", lsb::BEGIN, lsb::END)).0;
        let headers = [
            header("# Provides: disk"),
            header("# Provides: db\n# Required-Start: disk\n# Required-Stop: disk"),
            header("# Provides: web\n# Required-Start: db disk\n# Required-Stop: db disk\n# X-Interactive: true"),
            header("# Provides: off\n# Required-Start: web"),
        ];
        let levels = ["S", "23", "23", "23"];
        let services: Vec<Service<'_>> = ["disk", "db", "web", "off"]
            .into_iter()
            .zip(&headers)
            .zip(levels)
            .map(|((name, header), levels)| Service {
                start: LevelSet::parse(levels).expect("levels"),
                stop: LevelSet::parse("06").expect("levels"),
                ..Service::new(name, header.as_ref())
            })
            .collect();
        let order = order::order(&services, &Facilities::debian(), Style::Debian);
        let [boot, start, stop] =
            files(&services, &[true, true, true, false], &order, &BTreeSet::from(["disk".to_owned()]));
        assert_eq!(boot.1, "TARGETS = disk\nINTERACTIVE = disk\n");
        assert_eq!(start.1, "TARGETS = db web\nINTERACTIVE = web\nweb: db\n");
        assert_eq!(stop.1, "TARGETS = web db disk\ndb: web\ndisk: db web\n");
    }
}
