//! systemd's well-known targets, for units that name one without which nothing brings a file. Level S does what most of
//! them stand for; each comes after the units that do it, as far as these are started along with it.

use super::{End, EndAction, Haste, LevelSet, Service, ServiceType, Source, Unit, UnitName};

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
    ("runlevel1", "Level 1", ""),
    ("runlevel2", "Level 2", ""),
    ("runlevel3", "Level 3", ""),
    ("runlevel4", "Level 4", ""),
    ("runlevel5", "Level 5", ""),
    ("cryptsetup-pre", "Before encrypted devices are opened", ""),
    ("cryptsetup", "Encrypted devices are open", ""),
    ("veritysetup", "Verified devices are open", ""),
    ("integritysetup", "Devices with integrity protection are open", ""),
    ("remote-cryptsetup", "Encrypted devices of the network are open", ""),
    ("first-boot-complete", "The first boot is done", ""),
    ("machines", "Containers and virtual machines", ""),
    ("bluetooth", "Bluetooth", ""),
    ("printer", "Printers", ""),
    ("smartcard", "Smart cards", ""),
    ("sound", "Sound cards", ""),
    ("usb-gadget", "USB gadgets", ""),
];

/// What a shutdown goes through. Nobody starts them: level 0 and 6 stop everything, in order.
const PASSED: &[(&str, &str)] =
    &[("shutdown", "Services are down"), ("umount", "File systems are unmounted"), ("final", "The end is near")];

/// Targets that bring a service of etc-skel.
const SHELLS: &[(&str, &str, &str)] =
    &[("rescue", "Maintenance shell", "single.service"), ("emergency", "Emergency shell", "emergency.service")];

/// Targets that end the machine, by `systemd-NAME.service` as under systemd.
const ENDS: &[(&str, &str, End)] = &[
    ("poweroff", "Power off", End::PowerOff),
    ("halt", "Halt", End::Halt),
    ("reboot", "Reboot", End::Reboot),
    ("ctrl-alt-del", "Reboot", End::Reboot),
    ("exit", "Exit", End::Exit),
];

/// A well-known target, or a service that does its work.
pub fn well_known(name: &UnitName) -> Option<Unit> {
    let Some(stem) = name.as_str().strip_suffix(".target") else { return end(name) };
    if let Some((_, what, after)) = TARGETS.iter().find(|(known, ..)| *known == stem) {
        return Some(Unit { after: units(after).into(), ..generated(name, what) });
    }
    if let Some((_, what, service)) = SHELLS.iter().find(|(known, ..)| *known == stem) {
        return Some(Unit { wants: units(service).into(), ..generated(name, what) });
    }
    if let Some((_, what)) = PASSED.iter().find(|(known, _)| *known == stem) {
        let mut unit = generated(name, what);
        unit.relations.refuse_manual_start = true;
        return Some(unit);
    }
    end(name)
}

/// A target that ends the machine, or the service by which it does: Rung's way, even where a file has systemd's.
pub fn end(name: &UnitName) -> Option<Unit> {
    let target = name.as_str().strip_suffix(".target");
    let wanted = target.or_else(|| name.as_str().strip_suffix(".service")?.strip_prefix("systemd-"))?;
    let (stem, what, end) = ENDS.iter().find(|(stem, ..)| *stem == wanted)?;
    let mut unit = generated(name, what);
    if name.kind() == super::name::Kind::Target {
        unit.requires = units(&format!("systemd-{stem}.service")).into();
        return Some(unit);
    }
    unit.service = Service { kind: ServiceType::Oneshot, ..Service::default() };
    unit.service.ending.success_action = Some(EndAction { end: *end, haste: Haste::None });
    Some(unit)
}

/// The levels in which a well-known target has been reached, as far as levels say; with `S`: once S is through.
pub fn reached_in(name: &UnitName) -> LevelSet {
    let levels = match name.as_str().strip_suffix(".target") {
        Some("multi-user" | "default" | "getty") => "2345",
        Some("graphical" | "runlevel5") => "5",
        Some("runlevel2") => "2",
        Some("runlevel3") => "3",
        Some("runlevel4") => "4",
        Some("runlevel1") => "1",
        Some(
            "local-fs-pre" | "local-fs" | "remote-fs-pre" | "remote-fs" | "swap" | "time-set" | "sysinit" | "basic"
            | "network-pre" | "network" | "network-online" | "nss-lookup" | "nss-user-lookup" | "sockets" | "timers"
            | "paths",
        ) => "S",
        _ => "",
    };
    LevelSet::parse(levels).unwrap_or(LevelSet::EMPTY)
}

fn generated(name: &UnitName, what: &str) -> Unit {
    Unit { description: Some(what.into()), source: Source::Generated, ..Unit::new(name.clone()) }
}

fn units(names: &str) -> Vec<UnitName> {
    names.split_ascii_whitespace().filter_map(|n| UnitName::new(n).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_target_and_none_comes_after_itself() {
        for (stem, ..) in TARGETS {
            let name = UnitName::new(&format!("{stem}.target")).expect(stem);
            let unit = well_known(&name).expect(stem);
            let mut work = unit.after.to_vec();
            while let Some(other) = work.pop() {
                assert_ne!(other, name);
                work.extend(well_known(&other).into_iter().flat_map(|u| u.after.to_vec()));
            }
        }
        assert!(well_known(&UnitName::new("network.service").expect("name")).is_none());
        let reboot = well_known(&UnitName::new("reboot.target").expect("name")).expect("a target");
        let service = reboot.requires.first().and_then(well_known).expect("its service");
        assert_eq!(service.service.ending.success_action.map(|a| a.end), Some(End::Reboot));
    }
}
