//! `Condition…=` and `Assert…=`: whether a unit is to be started now, as systemd.unit(5) has it.
//!
//! Text → [`Conditions`] ([`read`]); a condition and what a [`Probe`] tells of the machine → its truth ([`truth`]); the
//! truths → a [`Verdict`]. All of it is pure: whoever asks the machine stands behind the trait. Tests that look at files
//! somebody named ([`Test::touches_files`]) may hang on a dead file server and are for a process that may hang.

mod compare;
mod read;
mod truth;
mod vain;
mod virtualization;

pub use truth::{Probe, truth};

use super::{Place, Unit};
pub(super) use read::{assert, condition};

macro_rules! tests {
    ($($name:ident $doc:literal;)*) => {
        /// What a condition looks at: the key's name without `Condition` or `Assert`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Test { $(#[doc = $doc] $name,)* }

        impl Test {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// `PathExists`
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

tests! {
    PathExists "Something is there.";
    PathExistsGlob "Something matches the pattern.";
    PathIsDirectory "A folder, or a link to one.";
    PathIsSymbolicLink "A symbolic link.";
    PathIsMountPoint "Something is mounted there.";
    PathIsReadWrite "Its file system can be written to.";
    PathIsEncrypted "Its file system lies on an encrypted device.";
    DirectoryNotEmpty "A folder that holds more than hidden and backup files.";
    FileNotEmpty "A plain file that isn't empty.";
    FileIsExecutable "A plain file that can be executed.";
    NeedsUpdate "`/etc` or `/var` is older than `/usr`.";
    KernelCommandLine "A word of the kernel's command line.";
    KernelVersion "The kernel's version.";
    Version "A version of the kernel.";
    KernelModuleLoaded "A module of the kernel.";
    Virtualization "A virtual machine or container.";
    Architecture "The processor's architecture.";
    Host "Host name, machine id or boot id.";
    ACPower "Running on mains power.";
    Capability "In the capability bounding set.";
    User "The user Rung runs as.";
    Group "A group Rung runs as.";
    CPUs "How many processors there are.";
    CPUFeature "What the processor can do.";
    Memory "How much memory there is.";
    Environment "A variable of Rung's own environment.";
    FirstBoot "The machine's first boot.";
    ControlGroupController "Controllers of the cgroup tree.";
    Security "A security technology.";
    Credential "A credential handed to Rung.";
    Firmware "What the firmware is.";
    OSRelease "Fields of os-release.";
}

impl Test {
    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|test| test.name() == name)
    }

    /// It looks at files that somebody named.
    pub fn touches_files(self) -> bool {
        use Test::{
            DirectoryNotEmpty, FileIsExecutable, FileNotEmpty, NeedsUpdate, PathExists, PathExistsGlob,
            PathIsDirectory, PathIsEncrypted, PathIsMountPoint, PathIsReadWrite, PathIsSymbolicLink,
        };
        matches!(
            self,
            PathExists
                | PathExistsGlob
                | PathIsDirectory
                | PathIsSymbolicLink
                | PathIsMountPoint
                | PathIsReadWrite
                | PathIsEncrypted
                | DirectoryNotEmpty
                | FileNotEmpty
                | FileIsExecutable
                | NeedsUpdate
        )
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What it looks at.
    pub test: Test,
    /// Prefix `|`: of all of these one has to be met.
    pub triggering: bool,
    /// Prefix `!`: the opposite.
    pub negated: bool,
    /// The rest, with specifiers put in.
    pub value: String,
    /// Where it stands.
    pub place: Place,
}

impl Condition {
    /// The value as it would be written.
    pub fn show(&self) -> String {
        format!(
            "{}{}{}",
            self.prefix("|", self.triggering),
            self.prefix("!", self.negated),
            self.value.replace('%', "%%")
        )
    }

    fn prefix(&self, prefix: &'static str, on: bool) -> &'static str {
        if on { prefix } else { "" }
    }
}

/// All of a unit's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// `Condition…=`: where they aren't met the unit is skipped.
    pub conditions: Vec<Condition>,
    /// `Assert…=`: where they aren't met its start fails.
    pub asserts: Vec<Condition>,
}

/// What becomes of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Met,
    /// A condition isn't met: a sentence with key and place.
    Skip(String),
    /// An assertion isn't met: a sentence with key and place.
    Refuse(String),
}

/// Whether the test of a condition holds, or why that can't be told. `negated` isn't looked at.
pub type Truth = Result<bool, String>;

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.asserts.is_empty()
    }

    /// All, conditions first.
    pub fn all(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().chain(&self.asserts)
    }

    /// What comes of the truths. One that can't be told counts as not met, negated or not.
    pub fn judge(&self, unit: &Unit, truth: &mut dyn FnMut(&Condition) -> Truth) -> Verdict {
        if let Some(reason) = unmet(unit, "Condition", &self.conditions, truth) {
            return Verdict::Skip(reason);
        }
        unmet(unit, "Assert", &self.asserts, truth).map_or(Verdict::Met, Verdict::Refuse)
    }
}

/// The values of a list's lines of one kind, as they would be written.
pub(super) fn show(list: &[Condition], test: Test) -> Vec<String> {
    list.iter().filter(|c| c.test == test).map(Condition::show).collect()
}

/// Why a list isn't met; `None` when it is.
fn unmet(unit: &Unit, key: &str, list: &[Condition], truth: &mut dyn FnMut(&Condition) -> Truth) -> Option<String> {
    let line = |c: &Condition| {
        let place = unit.show_place(c.place).map(|p| format!(" ({p})")).unwrap_or_default();
        format!("{key}{}={}{place}", c.test.name(), c.show())
    };
    let mut triggers = Vec::new();
    let mut triggered = false;
    for c in list {
        let told = truth(c);
        let met = told.as_ref().is_ok_and(|holds| *holds != c.negated);
        match (c.triggering, told) {
            (false, Err(why)) => return Some(format!("{} can't be told, which counts as no: {why}", line(c))),
            (false, Ok(_)) if !met => return Some(format!("{} is not met", line(c))),
            (false, Ok(_)) => {}
            (true, _) => {
                triggered |= met;
                triggers.push(line(c));
            }
        }
    }
    match triggers.as_slice() {
        [] => None,
        _ if triggered => None,
        [one] => Some(format!("{one} is not met")),
        several => Some(format!("none of these is met: {}", several.join(", "))),
    }
}

#[cfg(test)]
mod tests;
