//! Which virtual machine or container this is, in systemd-detect-virt(1)'s words, by what both show of themselves.

use super::Probe;

const VMS: [&str; 20] = [
    "qemu",
    "kvm",
    "amazon",
    "zvm",
    "vmware",
    "microsoft",
    "oracle",
    "powervm",
    "xen",
    "bochs",
    "uml",
    "parallels",
    "bhyve",
    "qnx",
    "acrn",
    "apple",
    "sre",
    "google",
    "openstack",
    "vm-other",
];
const CONTAINERS: [&str; 11] = [
    "systemd-nspawn",
    "lxc-libvirt",
    "lxc",
    "openvz",
    "docker",
    "podman",
    "rkt",
    "wsl",
    "proot",
    "pouch",
    "container-other",
];

/// Beginnings of what the firmware says of the machine. Those before the gap count more than what the processor says:
/// these run their machines by a hypervisor that others use, too.
const FIRMWARE_FIRST: [(&str, &str); 6] = [
    ("Amazon EC2", "amazon"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Parallels", "parallels"),
    ("Xen", "xen"),
    ("Google Compute Engine", "google"),
];
const FIRMWARE_LAST: [(&str, &str); 11] = [
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("Oracle Corporation", "oracle"),
    ("Bochs", "bochs"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
];
const SIGNATURES: [(&str, &str); 11] = [
    ("XenVMMXenVMM", "xen"),
    ("KVMKVMKVM", "kvm"),
    ("Linux KVM Hv", "kvm"),
    ("TCGTCGTCGTCG", "qemu"),
    ("VMwareVMware", "vmware"),
    ("Microsoft Hv", "microsoft"),
    ("bhyve bhyve ", "bhyve"),
    ("QNXQVMBSQG", "qnx"),
    ("ACRNACRNACRN", "acrn"),
    ("SRESRESRESRE", "sre"),
    ("Apple VZ", "apple"),
];

/// The words that `ConditionVirtualization=` knows, booleans apart.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    ["vm", "container", "private-users"].into_iter().chain(VMS).chain(CONTAINERS)
}

/// One of these.
pub(super) fn is_known(word: &str) -> bool {
    known().any(|known| known == word)
}

/// A virtual machine, not a container.
pub(super) fn is_vm(kind: &str) -> bool {
    VMS.contains(&kind)
}

/// The innermost: a container in a virtual machine is a container.
pub(super) fn detect(probe: &dyn Probe) -> Option<&'static str> {
    container(probe).or_else(|| vm(probe))
}

fn container(probe: &dyn Probe) -> Option<&'static str> {
    if probe.exists("/proc/vz") && !probe.exists("/proc/bc") {
        return Some("openvz");
    }
    let kernel = probe.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    if kernel.contains("Microsoft") || kernel.contains("WSL") {
        return Some("wsl");
    }
    let told = ["/run/host/container-manager", "/run/systemd/container"].into_iter().find_map(|path| probe.read(path));
    let told = told.or_else(|| probe.variable("container")).unwrap_or_default();
    let by_file = || {
        let known = [("/run/.containerenv", "podman"), ("/.dockerenv", "docker")];
        known.into_iter().find(|(file, _)| probe.exists(file)).map(|(_, kind)| kind)
    };
    match told.trim() {
        "" => by_file().or_else(|| probe.in_container().then_some("container-other")),
        // Docker and podman may both say so.
        "oci" => by_file().or(Some("container-other")),
        name => CONTAINERS.into_iter().find(|known| *known == name).or(Some("container-other")),
    }
}

fn vm(probe: &dyn Probe) -> Option<&'static str> {
    let fields = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"];
    let said: Vec<String> = fields.iter().filter_map(|f| probe.read(&format!("/sys/class/dmi/id/{f}"))).collect();
    let firmware = |known: &[(&str, &'static str)]| {
        said.iter().find_map(|text| known.iter().find(|(begin, _)| text.starts_with(begin)).map(|(_, kind)| *kind))
    };
    let cpuinfo = probe.read("/proc/cpuinfo").unwrap_or_default();
    // The first domain of Xen is the machine itself.
    let dom0 = probe.read("/proc/xen/capabilities").is_some_and(|t| t.contains("control_d"));
    if dom0 {
        return None;
    }
    if let Some(kind) = firmware(&FIRMWARE_FIRST) {
        return Some(kind);
    }
    if cpuinfo.lines().any(|l| l.starts_with("vendor_id") && l.contains("User Mode Linux")) {
        return Some("uml");
    }
    let signature = probe.hypervisor();
    let processor = SIGNATURES.iter().find(|(begin, _)| signature.starts_with(begin)).map(|(_, kind)| *kind);
    let hypervisor = probe.read("/sys/hypervisor/type");
    let tree = probe.read("/proc/device-tree/hypervisor/compatible").unwrap_or_default();
    let by_tree = || match tree.trim_end_matches('\0') {
        "" => probe.exists("/proc/device-tree/ibm,partition-name").then_some("powervm"),
        "linux,kvm" => Some("kvm"),
        text if text.contains("xen") => Some("xen"),
        text if text.contains("vmware") => Some("vmware"),
        _ => Some("vm-other"),
    };
    let sysinfo = probe.read("/proc/sysinfo").unwrap_or_default();
    let by_sysinfo = || {
        let control = sysinfo.lines().find_map(|l| l.strip_prefix("VM00 Control Program:"))?;
        Some(if control.contains("z/VM") { "zvm" } else { "kvm" })
    };
    processor
        .or_else(|| firmware(&FIRMWARE_LAST))
        .or_else(|| hypervisor.filter(|t| t.trim() == "xen").map(|_| "xen"))
        .or_else(by_tree)
        .or_else(by_sysinfo)
        .or_else(|| (!signature.is_empty()).then_some("vm-other"))
}
