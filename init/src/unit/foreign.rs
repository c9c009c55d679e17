//! systemd's keys that aren't honoured yet, and what that means for a unit.

/// What passing a key over means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// The service does the same without it, or the key speaks of what doesn't exist here.
    Harmless,
    /// The service does something else without it: what.
    Changes(&'static str),
}

/// Keys without which the service does the same.
const HARMLESS: &[(&str, &str)] = &[
    (
        "Unit",
        "IgnoreOnIsolate AllowIsolate CollectMode RequiresMountsFor \
         WantsMountsFor SurviveFinalKillSignal OnSuccessJobMode OnFailureJobMode",
    ),
    (
        "Service",
        "SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix LogRateLimitIntervalSec \
         LogRateLimitBurst LogLevelMax LogExtraFields LogNamespace TTYRows TTYColumns Slice Delegate \
         DelegateSubgroup CPUAccounting MemoryAccounting TasksAccounting IOAccounting IPAccounting BlockIOAccounting \
         ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference CoredumpReceive \
         MemoryPressureWatch FileDescriptorStoreMax FileDescriptorStorePreserve NonBlocking",
    ),
];

/// Keys that change what the service does, by what is lost without them.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "Unit",
        "ConditionMemoryPressure ConditionCPUPressure ConditionIOPressure AssertMemoryPressure AssertCPUPressure \
         AssertIOPressure",
        "the unit starts without this condition",
    ),
    ("Unit", "JoinsNamespaceOf", "the units don't share what they were meant to"),
    (
        "Unit",
        "JobTimeoutAction \
         JobTimeoutRebootArgument RebootArgument",
        "the machine doesn't act on this",
    ),
    (
        "Service",
        "SystemCallFilter \
         SystemCallErrorNumber SystemCallArchitectures SystemCallLog RestrictAddressFamilies RestrictNamespaces \
         RestrictRealtime RestrictSUIDSGID RestrictFileSystems RestrictNetworkInterfaces LockPersonality \
         MemoryDenyWriteExecute SELinuxContext AppArmorProfile SmackProcessLabel DevicePolicy DeviceAllow \
         SocketBindAllow SocketBindDeny IPAddressAllow IPAddressDeny IPIngressFilterPath IPEgressFilterPath BPFProgram",
        "the service runs with more rights than meant",
    ),
    (
        "Service",
        "ProtectSystem ProtectHome ProtectClock ProtectHostname ProtectControlGroups ProtectKernelLogs \
         ProtectKernelModules ProtectKernelTunables ProtectProc ProcSubset PrivateTmp PrivateDevices PrivateNetwork \
         PrivateIPC PrivateUsers PrivateMounts PrivatePIDs NetworkNamespacePath IPCNamespacePath ReadWritePaths \
         ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths TemporaryFileSystem BindPaths BindReadOnlyPaths \
         MountFlags MountAPIVFS RootImage RootVerity RootHash RootEphemeral ExtensionImages \
         ExtensionDirectories MountImages ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories",
        "the service sees the machine as it is",
    ),
    (
        "Service",
        "MemoryMin MemoryLow MemoryHigh MemoryMax MemorySwapMax MemoryZSwapMax MemoryLimit CPUWeight StartupCPUWeight \
         CPUShares CPUQuota CPUQuotaPeriodSec AllowedCPUs AllowedMemoryNodes TasksMax IOWeight StartupIOWeight \
         IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax BlockIOWeight \
         DisableControllers OOMPolicy NUMAPolicy NUMAMask",
        "the kernel treats the service as any other",
    ),
    (
        "Service",
        "BusName Sockets OpenFile USBFunctionDescriptors USBFunctionStrings",
        "start, stop or restart go on without it",
    ),
    ("Service", "RebootArgument", "the machine doesn't act on this"),
    (
        "Service",
        "DynamicUser \
         LoadCredential LoadCredentialEncrypted SetCredential SetCredentialEncrypted \
         ImportCredential StandardInputText StandardInputData RemoveIPC",
        "the program gets another environment than meant",
    ),
    (
        "Service",
        "PAMName",
        "no PAM session is opened: what its modules would set (limits, groups, keyring) has to be set by keys",
    ),
];

/// What passing over a key of systemd's means; `None`: systemd has no such key either.
pub(super) fn effect(section: &str, key: &str) -> Option<Effect> {
    let holds = |names: &str| names.split_ascii_whitespace().any(|name| name == key);
    let changes = CHANGES.iter().find(|(s, names, _)| *s == section && holds(names));
    changes
        .map(|(_, _, what)| Effect::Changes(what))
        .or_else(|| HARMLESS.iter().any(|(s, names)| *s == section && holds(names)).then_some(Effect::Harmless))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_listed_that_is_honoured_or_listed_twice() {
        let mut seen = std::collections::HashSet::new();
        let lists = HARMLESS.iter().map(|(s, n)| (s, n)).chain(CHANGES.iter().map(|(s, n, _)| (s, n)));
        for (section, names) in lists {
            for name in names.split_ascii_whitespace() {
                assert!(seen.insert((*section, name)), "{section}.{name} twice");
                assert!(!crate::unit::keys().any(|k| k.section == *section && k.name == name), "{section}.{name}");
            }
        }
    }
}
