//! OpenRC: openrc-init, and a supervise-daemon for each service.

use super::{Contender, Launch, Setting, Stop, package, path, words};
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::{Doing, Result};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Openrc;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Openrc)]
}

impl Contender for Openrc {
    fn name(&self) -> &'static str {
        "openrc"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "openrc")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        if job.kind == Kind::Once {
            return Ok(None);
        }
        let (scripts, level) = (root.join("etc/init.d"), root.join("etc/runlevels/default"));
        for folder in [&scripts, &level, &root.join("etc/runlevels/sysinit"), &root.join("etc/runlevels/boot")] {
            fs::create_dir_all(folder).doing(folder.display())?;
        }
        fs::write(root.join("etc/rc.conf"), "rc_sys=\"\"\nrc_parallel=\"NO\"\n").doing("rc.conf")?;
        // Debian's asks insserv what scripts need.
        fs::write(root.join("etc/insserv.conf"), "").doing("insserv.conf")?;
        for service in job.services() {
            let limit = if job.delay == Delay::None { "respawn_max=0\n" } else { "" };
            let text = format!(
                "#!/sbin/openrc-run\nsupervisor=supervise-daemon\ncommand={}\ncommand_args=\"{}\"\n{limit}",
                service.words[0],
                service.words[1..].join(" ")
            );
            let at = scripts.join(&service.name);
            fs::write(&at, text).doing(&service.name)?;
            fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).doing(&service.name)?;
            symlink(format!("/etc/init.d/{}", service.name), level.join(&service.name)).doing(&service.name)?;
        }
        let over = vec![setting.packages.join("openrc")];
        Ok(Some(Launch {
            argv: words(&["/usr/sbin/openrc-init"]),
            env: path(),
            over_usr: Some(over),
            ..Launch::default()
        }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["/sbin/openrc", "nonetwork"]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["/sbin/rc-service", name, "status"]))
    }

    fn most(&self) -> usize {
        100
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        let sbin = setting.packages.join("openrc/usr/sbin");
        vec![sbin.join("openrc-init"), sbin.join("supervise-daemon")]
    }
}
