//! What the processor tells of a hypervisor below it.

/// The hypervisor's signature (`KVMKVMKVM`), NULs at its end taken off. Empty where there is none, or on another
/// architecture than x86-64; `unknown` where it says that there is one and not which.
#[cfg(target_arch = "x86_64")]
pub fn hypervisor() -> String {
    use std::arch::x86_64::__cpuid;
    // Bit 31 of leaf 1's ECX is kept for hypervisors; only where it is set is there the leaf they tell of themselves in.
    if __cpuid(1).ecx & 1 << 31 == 0 {
        return String::new();
    }
    let leaf = __cpuid(0x4000_0000);
    let bytes: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    let text = String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned();
    if text.is_empty() { "unknown".to_owned() } else { text }
}

/// Other architectures tell by their device tree.
#[cfg(not(target_arch = "x86_64"))]
pub fn hypervisor() -> String {
    String::new()
}
