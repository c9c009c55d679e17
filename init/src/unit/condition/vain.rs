//! Values that are well written and can never be true here. A systemd takes them for a no as well, and says nothing.

use super::compare::{self, Operator};
use super::{Test, truth, virtualization};
use crate::unit::finding::did_you_mean;
use crate::unit::scalar::boolean;
use crate::unit::specifier::{ARCHITECTURES, architecture};

/// Controllers of cgroups. systemd's others (`bpf-firewall`, …) are its own, and those of the older hierarchy.
const CONTROLLERS: [&str; 8] = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc"];

/// What is to be said of a value that is never true (“`x` …”), and a hint.
pub(super) fn never(test: Test, value: &str) -> Option<(&'static str, Option<String>)> {
    let nothing = "is nothing that can be told here";
    let unless = |known: bool, what: &'static str, hint: Option<String>| (!known).then_some((what, hint));
    let near = |words: &[&'static str]| did_you_mean(value, words.iter().copied());
    match test {
        Test::Virtualization => {
            let known = boolean(value).is_ok() || virtualization::is_known(value);
            unless(known, "is no kind of virtualization", did_you_mean(value, virtualization::known()))
        }
        Test::Architecture => {
            let known = ARCHITECTURES.contains(&value) || value == "native";
            // Debian's words, and the kernel's.
            let debian = [("amd64", "x86-64"), ("armhf", "arm"), ("armel", "arm"), ("ppc64el", "ppc64-le")];
            let kernel = architecture(value);
            let other = debian.iter().find(|(name, _)| *name == value).map_or(kernel, |(_, name)| name);
            let other = Some(other).filter(|name| ARCHITECTURES.contains(name));
            let hint = other.map(|name| format!("write `{name}`")).or_else(|| near(ARCHITECTURES));
            unless(known, "is no architecture", hint)
        }
        Test::Security => unless(truth::SECURITY.contains(&value), nothing, near(&truth::SECURITY)),
        Test::Version => {
            let component = value.split_whitespace().next();
            let hint = "only the kernel's version is known: `kernel >= 6.1`";
            unless(component == Some("kernel"), nothing, Some(hint.to_owned()))
        }
        Test::KernelVersion => unless(
            compare::expressions(value).is_ok_and(|all| all.iter().all(is_version)),
            "fits no \
            kernel's version",
            Some("write e.g. `>= 6.1`, or a pattern such as `6.*`".to_owned()),
        ),
        Test::Firmware => unless(truth::is_firmware(value), nothing, near(&["uefi", "device-tree"])),
        Test::ControlGroupController => {
            let known = ["v1", "v2"].contains(&value) || value.split_whitespace().all(|c| CONTROLLERS.contains(&c));
            unless(known, "is no controller of cgroup2", near(&CONTROLLERS))
        }
        Test::User | Test::Group => {
            // What a name stands for is known where its accounts are.
            let known = value.parse::<u32>().map_or(true, |number| number == 0);
            unless(
                known,
                "is nobody that Rung runs as",
                Some("it runs as root; for a service's own there is `User=`".to_owned()),
            )
        }
        Test::KernelModuleLoaded => {
            let name = value.rsplit('/').next().unwrap_or(value);
            let name = name.split_once(".ko").map_or(name, |(name, _)| name);
            unless(name == value, "is no module's name", Some(format!("write `{name}`")))
        }
        Test::Credential => {
            unless(!value.contains('/'), "is no credential's name", Some("write it without a path".to_owned()))
        }
        _ => None,
    }
}

/// Whether the kernel's version can be told from that: it begins with a number.
fn is_version((operator, reference): &(Operator, String)) -> bool {
    let first = reference.chars().next();
    let pattern = matches!(operator, Operator::Glob | Operator::NotGlob);
    first.is_some_and(|c| c.is_ascii_digit() || (pattern && "*?[".contains(c)))
}

#[cfg(test)]
mod tests {
    use crate::unit::{Facts, Finding, Severity, Source, SourceFile, UnitName, parse};

    fn read(line: &str) -> Vec<Finding> {
        let name = UnitName::new("a").expect("name");
        let text = format!(
            "[Unit]
{line}
[Service]
ExecStart=/bin/true
"
        );
        let file = SourceFile { path: "/u/a.service".into(), text };
        parse(&name, Source::Native, &file, &[], &Facts::default()).findings
    }

    #[test]
    fn what_is_never_true_is_told_with_its_place_and_a_hint() {
        for (line, at, part, hint) in [
            ("ConditionArchitecture=x86_64", 23, "`x86_64` is no architecture", "write `x86-64`"),
            ("ConditionArchitecture=!amr64", 24, "is no architecture", "did you mean `arm64`?"),
            ("ConditionVirtualization=|dokcer", 26, "is no kind of virtualization", "did you mean `docker`?"),
            ("ConditionKernelVersion=>= six", 24, "fits no kernel's version", "`>= 6.1`"),
            ("AssertKernelVersion=v6.*", 21, "fits no kernel's version", "`6.*`"),
            ("ConditionUser=1000", 15, "is nobody that Rung runs as", "`User=`"),
            ("ConditionSecurity=aparmor", 19, "is nothing that can be told here", "did you mean `apparmor`?"),
            ("ConditionControlGroupController=memroy", 33, "is no controller", "did you mean `memory`?"),
            ("ConditionKernelModuleLoaded=/x/loop.ko.xz", 29, "is no module's name", "write `loop`"),
        ] {
            let findings = read(line);
            let [one] = findings.as_slice() else { panic!("{line}: {findings:?}") };
            assert_eq!((one.severity, one.line, one.column), (Severity::Note, 2, at), "{line}");
            assert!(one.message.contains(part) && one.message.ends_with("it counts as no"), "{one}");
            assert!(one.hint.as_ref().is_some_and(|h| h.contains(hint)), "{one}");
        }
    }

    #[test]
    fn what_may_be_true_is_not_told() {
        for line in [
            "ConditionArchitecture=x86-64",
            "ConditionArchitecture=!native",
            "ConditionVirtualization=!wsl",
            "ConditionVirtualization=private-users",
            "ConditionVirtualization=no",
            "ConditionKernelVersion=>= 5.4 <7",
            "ConditionKernelVersion=*-amd64",
            "ConditionUser=@system",
            "ConditionUser=toor",
            "ConditionControlGroupController=memory pids",
            "ConditionKernelModuleLoaded=nf-tables",
            "ConditionHost=box*",
        ] {
            assert!(read(line).is_empty(), "{line}: {:?}", read(line));
        }
    }
}
