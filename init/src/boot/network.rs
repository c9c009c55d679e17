//! Network interfaces: the loopback one by ourselves, the others by what the system has for them.

use super::{Job, Outcome, program, say};
use crate::sys::net;
use nix::errno::Errno;
use std::path::Path;

pub const LOOPBACK: Job = Job {
    name: "lo",
    arguments: "",
    what: "brings the loopback interface up",
    help: "Brings the loopback interface up. The kernel gives it 127.0.0.1 and ::1.",
    run: loopback,
};

pub const JOB: Job = Job {
    name: "network",
    arguments: "start|stop",
    what: "brings the network interfaces up or down",
    help: "By ifupdown where it is installed and /etc/network/interfaces is there; else by the DHCP client that is installed\n(dhcpcd, dhclient or udhcpc), on all Ethernet interfaces with a device behind them; else not at all.",
    run,
};

fn loopback(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Outcome::Usage;
    }
    match net::loopback_up() {
        // A network namespace's loopback always exists; a kernel without network has none.
        Ok(()) | Err(Errno::ENODEV | Errno::EAFNOSUPPORT) => Outcome::Done,
        Err(e) => {
            say(&format!("lo can't be brought up: {}", e.desc()));
            Outcome::Failed
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
}

fn run(arguments: &[String]) -> Outcome {
    let verb = match arguments {
        [verb] if verb == "start" => Verb::Start,
        [verb] if verb == "stop" => Verb::Stop,
        _ => return Outcome::Usage,
    };
    if Path::new("/etc/network/interfaces").exists() {
        match (verb, program::find("ifup"), program::find("ifdown")) {
            (Verb::Start, Some(ifup), _) => {
                let _ = std::fs::create_dir_all("/run/network");
                return become_it(&ifup, &["-a"]);
            }
            // What a service still talks through goes last: the loopback interface stays.
            (Verb::Stop, _, Some(ifdown)) => return become_it(&ifdown, &["-a", "--exclude=lo"]),
            _ => {}
        }
    }
    let found = interfaces(Path::new("/sys/class/net"));
    let names: Vec<&str> = found.iter().map(String::as_str).collect();
    if names.is_empty() {
        return Outcome::Done;
    }
    let with = |arguments: &[&'static str]| arguments.iter().copied().chain(names.iter().copied()).collect::<Vec<_>>();
    if let Some(dhcpcd) = program::find("dhcpcd") {
        return become_it(&dhcpcd, &if verb == Verb::Start { with(&["-q"]) } else { vec!["-q", "-x"] });
    }
    if let Some(dhclient) = program::find("dhclient") {
        return become_it(&dhclient, &if verb == Verb::Start { with(&["-q"]) } else { with(&["-q", "-r"]) });
    }
    match program::find("udhcpc").or_else(|| program::find("busybox")) {
        Some(client) if verb == Verb::Start => Outcome::done_if(udhcpc(&client, &names)),
        Some(_) => Outcome::Done,
        None => {
            say(
                "no ifupdown with /etc/network/interfaces and no DHCP client is installed: the interfaces stay as they are",
            );
            Outcome::Done
        }
    }
}

/// One client for each interface; it goes to the background with its lease, or gives up.
fn udhcpc(client: &Path, names: &[&str]) -> bool {
    let mut fine = true;
    for name in names {
        let applet: &[&str] = if client.ends_with("busybox") { &["udhcpc"] } else { &[] };
        let arguments: Vec<&str> = applet.iter().copied().chain(["-n", "-i", name]).collect();
        let result = net::up(name).and_then(|()| program::run(client, &arguments));
        if result != Ok(0) {
            let why = result.map_or_else(|e| e.desc().to_owned(), |status| format!("udhcpc: status {status}"));
            say(&format!("{name}: no address by DHCP: {why}"));
            fine = false;
        }
    }
    fine
}

fn become_it(program: &Path, arguments: &[&str]) -> Outcome {
    say(&format!("{}: {}", program.display(), program::become_it(program, arguments)));
    Outcome::Failed
}

/// Ethernet interfaces with a device behind them, so neither the loopback one nor a bridge, in order.
fn interfaces(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ethernet = |path: &Path| std::fs::read_to_string(path.join("type")).is_ok_and(|kind| kind.trim() == "1");
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("device").exists() && is_ethernet(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_a_device() {
        let folder = std::env::temp_dir().join(format!("rung-boot-net-{}", std::process::id()));
        for (name, kind, device) in
            [("eth1", "1", true), ("eth0", "1", true), ("lo", "772", false), ("br0", "1", false)]
        {
            let interface = folder.join(name);
            std::fs::create_dir_all(&interface).unwrap();
            std::fs::write(interface.join("type"), format!("{kind}\n")).unwrap();
            if device {
                std::fs::create_dir(interface.join("device")).unwrap();
            }
        }
        assert_eq!(interfaces(&folder), ["eth0", "eth1"]);
        assert!(interfaces(&folder.join("none")).is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
