//! systemd's well-known targets, for units that name one without which nothing brings a file. Level S does what most of
//! them stand for; each comes after the units that do it, as far as these are started along with it.

use super::{Source, Unit, UnitName};

/// Name, what it stands for, what it comes after.
const TARGETS: &[(&str, &str, &str)] = &[
    ("local-fs-pre", "Before local file systems are mounted", ""),
    ("local-fs", "Local file systems", "root-fs.service local-fs.service"),
    ("remote-fs-pre", "Before remote file systems are mounted", ""),
    ("remote-fs", "Remote file systems", ""),
    ("swap", "Swap areas", "swap.service"),
    ("time-set", "The clock is set", "clock.service"),
    ("time-sync", "The clock is synchronized", "time-set.target"),
    (
        "sysinit",
        "The system is set up",
        "local-fs.target swap.target tmpfiles.service sysctl.service udev-trigger.service",
    ),
    ("basic", "The basis of all services", "sysinit.target"),
    ("network-pre", "Before the network is set up", ""),
    ("network", "The network is set up", "networking.service"),
    ("network-online", "The network is up", "network.target networking.service"),
    ("nss-lookup", "Host names can be looked up", ""),
    ("nss-user-lookup", "Users can be looked up", ""),
    ("rpcbind", "RPC ports can be looked up", ""),
    ("sockets", "Sockets", ""),
    ("timers", "Timers", ""),
    ("paths", "Watched paths", ""),
    ("getty", "Logins", ""),
    ("multi-user", "Levels 2 to 5", ""),
    ("graphical", "Level 5", ""),
    ("default", "The default level", ""),
];

/// A well-known target. Units that run at the end (`Before=shutdown.target`) need none: what goes down is ordered anyway.
pub fn well_known(name: &UnitName) -> Option<Unit> {
    let stem = name.as_str().strip_suffix(".target")?;
    let (_, what, after) = TARGETS.iter().find(|(known, ..)| *known == stem)?;
    let mut unit = Unit::new(name.clone());
    unit.description = (*what).to_owned();
    unit.source = Source::Generated;
    unit.after = after.split_ascii_whitespace().filter_map(|n| UnitName::new(n).ok()).collect();
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_target_and_none_comes_after_itself() {
        for (stem, ..) in TARGETS {
            let name = UnitName::new(&format!("{stem}.target")).expect(stem);
            let unit = well_known(&name).expect(stem);
            let mut work = unit.after.clone();
            while let Some(other) = work.pop() {
                assert_ne!(other, name);
                work.extend(well_known(&other).into_iter().flat_map(|u| u.after));
            }
        }
        assert!(well_known(&UnitName::new("network.service").expect("name")).is_none());
    }
}
