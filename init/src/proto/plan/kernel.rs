//! What one number sets in the kernel for a process.

/// The enum, and its numbers' way back.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// A setting of the calling process, for [`super::Step::Set`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Setting { $($(#[$doc])* $name = $number,)* }

        impl Setting {
            pub(super) fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// `ioprio_set(2)`: class and level as the kernel packs them.
    IoPriority = 0,
    /// `PR_SET_TIMERSLACK`, in nanoseconds.
    TimerSlack = 1,
    /// `personality(2)`.
    Personality = 2,
    /// `PR_SET_SECUREBITS`.
    SecureBits = 3,
    /// The bounding set loses all capabilities but these (bit n for capability n); so does the inheritable set.
    BoundingSet = 4,
    /// These become ambient (and inheritable) capabilities.
    AmbientSet = 5,
    /// `PR_SET_KEEPCAPS`: the next change of the user leaves the permitted capabilities, until `execve`.
    KeepCapabilities = 6,
    /// `PR_SET_NO_NEW_PRIVS`; the number counts for nothing.
    NoNewPrivileges = 7,
    /// `/proc/self/coredump_filter`.
    CoredumpFilter = 8,
    /// A session keyring of its own (0), with the user's linked into it (1).
    Keyring = 9,
    /// `PR_SET_MEMORY_MERGE`.
    MemoryMerge = 10,
}
