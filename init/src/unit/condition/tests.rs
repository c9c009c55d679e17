use super::*;
use crate::unit::{Facts, Source, SourceFile, UnitName, parse};
use std::collections::BTreeMap;

/// A machine that is made of files.
#[derive(Default)]
struct Machine {
    files: BTreeMap<&'static str, &'static str>,
    environment: BTreeMap<&'static str, &'static str>,
    facts: Facts,
    command_line: &'static str,
    container: bool,
    hypervisor: &'static str,
    first_boot: bool,
}

impl Probe for Machine {
    fn read(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|t| (*t).to_owned())
    }
    fn list(&self, folder: &str) -> Vec<String> {
        let inside = self.files.keys().filter_map(|p| p.strip_prefix(folder)?.strip_prefix('/')?.split('/').next());
        let mut names: Vec<String> = inside.map(str::to_owned).collect();
        names.dedup();
        names
    }
    fn exists(&self, path: &str) -> bool {
        self.files.keys().any(|p| *p == path || p.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).map(|t| (*t).to_owned())
    }
    fn facts(&self) -> &Facts {
        &self.facts
    }
    fn command_line(&self) -> String {
        self.command_line.to_owned()
    }
    fn in_container(&self) -> bool {
        self.container
    }
    fn hypervisor(&self) -> String {
        self.hypervisor.to_owned()
    }
    fn controllers(&self) -> Option<Vec<String>> {
        Some(vec!["memory".to_owned(), "pids".to_owned()])
    }
    fn first_boot(&self) -> bool {
        self.first_boot
    }
}

fn machine() -> Machine {
    let files = [
        ("/proc/meminfo", "MemTotal:        2097152 kB\nMemFree: 1 kB\n"),
        ("/proc/self/status", "Name:\tx\nCapBnd:\t0000000000001001\nCpus_allowed_list:\t0-2,5\n"),
        ("/proc/self/uid_map", "         0          0 4294967295\n"),
        ("/proc/cpuinfo", "processor : 0\nflags\t\t: fpu aes pclmulqdq\n"),
        ("/sys/module/loop/initstate", "live\n"),
        ("/sys/module/dm_mod/version", "1\n"),
        ("/sys/module/half/initstate", "coming\n"),
        ("/etc/passwd", "daemon:x:1:1::/:\ntoor:x:0:0::/:\n"),
        ("/etc/group", "root:x:0:\nadm:x:4:root\n"),
        ("/sys/class/power_supply/AC/type", "Mains\n"),
        ("/sys/class/power_supply/AC/online", "0\n"),
        ("/sys/class/power_supply/BAT0/type", "Battery\n"),
        ("/sys/fs/cgroup/cgroup.controllers", "memory pids\n"),
        ("/sys/module/apparmor/parameters/enabled", "Y\n"),
        ("/sys/firmware/efi/fw_platform_size", "64\n"),
        ("/sys/class/dmi/id/bios_version", "1.16.3\n"),
        ("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("/run/credentials/@system/token", "x"),
    ];
    let facts = Facts {
        hostname: "Box.lan".into(),
        machine_id: "0123456789abcdef0123456789abcdef".into(),
        kernel: "6.1.0-18-amd64".into(),
        arch: "x86_64".into(),
        ..Facts::default()
    };
    let environment = [("TERM", "linux"), ("container", "")].into();
    Machine {
        files: files.into(),
        facts,
        environment,
        command_line: "quiet root=/dev/vda1 splash=\"a b\"",
        ..Machine::default()
    }
}

/// Reads lines of `[Unit]`; the findings as text.
fn read(lines: &str) -> Result<Unit, String> {
    let name = UnitName::new("a").expect("name");
    let text = format!("[Unit]\n{lines}\n[Service]\nExecStart=/bin/true\n");
    let file = SourceFile { path: "/u/a.service".into(), text };
    let parsed = parse(&name, Source::Native, &file, &[], &Facts { machine_id: "77".into(), ..Facts::default() });
    if parsed.is_bad() {
        return Err(parsed.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    Ok(parsed.unit)
}

fn judge(lines: &str, machine: &Machine) -> Verdict {
    let unit = read(lines).expect(lines);
    unit.conditions.judge(&unit, &mut |c| truth(c, machine))
}

fn holds(line: &str, machine: &Machine) -> bool {
    let met = judge(&format!("Condition{line}"), machine) == Verdict::Met;
    let (key, value) = line.split_once('=').expect(line);
    let opposite = judge(&format!("Condition{key}=!{value}"), machine) == Verdict::Met;
    assert_ne!(met, opposite, "{line} and its opposite");
    met
}

#[test]
fn what_the_machine_shows_decides() {
    let machine = machine();
    for (line, wanted) in [
        ("KernelCommandLine=quiet", true),
        ("KernelCommandLine=root", true),
        ("KernelCommandLine=root=/dev/vda1", true),
        ("KernelCommandLine=root=/dev", false),
        ("KernelCommandLine=roo", false),
        ("KernelCommandLine=splash=a b", true),
        ("KernelVersion=>= 6.1 <6.2", true),
        ("KernelVersion=6.*", true),
        ("KernelVersion=>6.10", false),
        ("KernelVersion=5.*", false),
        ("Version=kernel >= 5.10", true),
        ("Version=systemd >= 200", false),
        ("KernelModuleLoaded=loop", true),
        ("KernelModuleLoaded=dm-mod", true),
        ("KernelModuleLoaded=half", false),
        ("KernelModuleLoaded=absent", false),
        ("Architecture=x86-64", true),
        ("Architecture=native", true),
        ("Architecture=arm64", false),
        ("Host=box.*", true),
        ("Host=other", false),
        ("Host=01234567-89ab-cdef-0123-456789abcdef", true),
        ("ACPower=no", true),
        ("ACPower=yes", false),
        ("Capability=CAP_NET_ADMIN", true),
        ("Capability=cap_chown", true),
        ("Capability=CAP_SYS_ADMIN", false),
        ("User=root", false),
        ("User=toor", true),
        ("User=0", true),
        ("User=@system", true),
        ("User=daemon", false),
        ("Group=root", true),
        ("Group=adm", false),
        ("CPUs=4", true),
        ("CPUs=>4", false),
        ("CPUs=!= 3", true),
        ("CPUFeature=pclmul", true),
        ("CPUFeature=avx", false),
        ("Memory=>= 2G", true),
        ("Memory=>2G", false),
        ("Memory=512M", true),
        ("Environment=TERM", true),
        ("Environment=TERM=linux", true),
        ("Environment=TERM=vt100", false),
        ("Environment=HOME", false),
        ("FirstBoot=yes", false),
        ("FirstBoot=no", true),
        ("ControlGroupController=memory pids", true),
        ("ControlGroupController=memory io", false),
        ("ControlGroupController=v2", true),
        ("ControlGroupController=v1", false),
        ("Security=apparmor", true),
        ("Security=selinux", false),
        ("Credential=token", true),
        ("Credential=other", false),
        ("Firmware=uefi", true),
        ("Firmware=device-tree", false),
        ("Firmware=smbios-field(bios_version >= 1.16)", true),
        ("Firmware=smbios-field(board_name = x)", false),
        ("OSRelease=ID=debian", true),
        ("OSRelease=ID=debian VERSION_ID>=13", false),
        ("OSRelease=VERSION_ID >= 12", true),
        ("OSRelease=ID!=debian", false),
        ("Virtualization=no", true),
        ("Virtualization=vm", false),
        ("Virtualization=private-users", false),
    ] {
        assert_eq!(holds(line, &machine), wanted, "{line}");
    }
}

#[test]
fn a_limit_of_the_container_and_a_word_for_the_first_boot_count() {
    let mut machine = machine();
    machine.files.insert("/sys/fs/cgroup/memory.max", "1073741824\n");
    assert!(!holds("Memory=>= 2G", &machine));
    machine.command_line = "systemd.condition_first_boot=1";
    assert!(holds("FirstBoot=yes", &machine));
    machine.files.insert("/sys/class/power_supply/AC/online", "1\n");
    assert!(holds("ACPower=true", &machine));
}

#[test]
fn machines_and_containers_are_told_apart() {
    let kind = |change: &dyn Fn(&mut Machine)| {
        let mut machine = machine();
        change(&mut machine);
        let found = virtualization::detect(&machine);
        assert_eq!(holds("Virtualization=vm", &machine), found.is_some_and(virtualization::is_vm));
        assert_eq!(holds("Virtualization=yes", &machine), found.is_some());
        found
    };
    assert_eq!(kind(&|_| {}), None);
    assert_eq!(kind(&|m| m.hypervisor = "KVMKVMKVM\0\0\0"), Some("kvm"));
    assert_eq!(kind(&|m| m.hypervisor = "SomethingNew"), Some("vm-other"));
    let vendor = "/sys/class/dmi/id/sys_vendor";
    assert_eq!(kind(&|m| m.files.extend([(vendor, "QEMU\n")])), Some("qemu"));
    let amazon = |m: &mut Machine| {
        m.files.insert(vendor, "Amazon EC2\n");
        m.hypervisor = "KVMKVMKVM";
    };
    assert_eq!(kind(&amazon), Some("amazon"));
    assert_eq!(kind(&|m| m.container = true), Some("container-other"));
    assert_eq!(kind(&|m| m.environment.extend([("container", "lxc")])), Some("lxc"));
    assert_eq!(kind(&|m| m.environment.extend([("container", "frobnicator")])), Some("container-other"));
    let podman = |m: &mut Machine| {
        m.environment.insert("container", "oci");
        m.files.insert("/run/.containerenv", "");
        m.hypervisor = "KVMKVMKVM";
    };
    assert_eq!(kind(&podman), Some("podman"));
    let mut machine = machine();
    podman(&mut machine);
    assert!(holds("Virtualization=container", &machine) && holds("Virtualization=podman", &machine));
}

#[test]
fn all_lines_count_and_of_triggers_one() {
    let machine = machine();
    assert_eq!(judge("ConditionUser=root\nConditionUser=\nConditionUser=0", &machine), Verdict::Met);
    assert_eq!(
        judge("ConditionUser=x\nConditionHost=", &machine),
        Verdict::Met,
        "an empty line drops those of any kind"
    );
    let skip = |text: &str| Verdict::Skip(text.to_owned());
    assert_eq!(
        judge("ConditionUser=0\nConditionCPUs=! 4", &machine),
        skip("ConditionCPUs=!4 (/u/a.service:3) is not met")
    );
    assert_eq!(judge("ConditionUser=|root\nConditionCPUs=|!9", &machine), Verdict::Met);
    assert_eq!(
        judge("ConditionUser=0\nConditionUser=|root\nConditionCPUs=| !4", &machine),
        skip("none of these is met: ConditionUser=|root (/u/a.service:3), ConditionCPUs=|!4 (/u/a.service:4)")
    );
    assert_eq!(judge("ConditionUser=|root", &machine), skip("ConditionUser=|root (/u/a.service:2) is not met"));
    let refused = Verdict::Refuse("AssertCPUs=9 (/u/a.service:3) is not met".to_owned());
    assert_eq!(judge("AssertUser=0\nAssertCPUs=9", &machine), refused);
    assert_eq!(
        judge("AssertCPUs=9\nConditionCPUs=9", &machine),
        skip("ConditionCPUs=9 (/u/a.service:3) is not met"),
        "what is skipped isn't asserted"
    );
}

#[test]
fn what_cant_be_told_counts_as_no_negated_or_not() {
    for value in ["/x", "!/x"] {
        let unit = read(&format!("ConditionPathExists={value}")).expect("unit");
        let verdict = unit.conditions.judge(&unit, &mut |_| Err("it took too long".to_owned()));
        let text =
            format!("ConditionPathExists={value} (/u/a.service:2) can't be told, which counts as no: it took too long");
        assert_eq!(verdict, Verdict::Skip(text));
    }
}

#[test]
fn specifiers_are_put_in_and_shown_as_written() {
    let unit = read("ConditionPathExists=|!/etc/%m/100%%").expect("unit");
    let condition = unit.conditions.conditions.first().expect("one");
    assert_eq!((condition.value.as_str(), condition.show().as_str()), ("/etc/77/100%", "|!/etc/77/100%%"));
}

#[test]
fn what_cant_be_meant_is_an_error_at_its_place() {
    for (line, column, why) in [
        ("ConditionPathExists=etc/x", 21, "no absolute path"),
        ("ConditionPathExists=|! etc/x", 24, "no absolute path"),
        ("ConditionPathExistsGlob=*.conf", 25, "no absolute path"),
        ("ConditionPathExists=!", 22, "nothing stands after the prefix"),
        ("ConditionACPower=maybe", 18, "neither yes nor no"),
        ("ConditionCPUs=>= four", 15, "no number"),
        ("ConditionMemory=!lots", 18, "no number"),
        ("ConditionKernelVersion=>=", 24, "no version"),
        ("ConditionVersion=kernel", 24, "no version to compare with"),
        ("ConditionCapability=CAP_NET_ADMN", 21, "did you mean `cap_net_admin`"),
        ("ConditionNeedsUpdate=/usr", 22, "neither `/etc` nor `/var`"),
        ("AssertOSRelease=debian", 17, "compares nothing"),
        ("AssertEnvironment==x", 19, "no name"),
    ] {
        let error = read(line).expect_err(line);
        assert!(error.contains(why) && error.contains(&format!("/u/a.service:2:{column}")), "{line}\n{error}");
    }
}

#[test]
fn names_are_their_keys() {
    for test in Test::ALL {
        assert_eq!(Test::from_name(test.name()), Some(*test));
        for prefix in ["Condition", "Assert"] {
            let key = format!("{prefix}{}", test.name());
            assert!(crate::unit::keys().any(|k| k.section == "Unit" && k.name == key), "{key}");
        }
    }
}
