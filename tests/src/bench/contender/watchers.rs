//! Those that were made to run below an init, and are put in its place in containers: supervisord and monit.

use super::{Contender, Launch, Setting, Stop, package, path, words};
use crate::bench::job::{Delay, Job, Kind};
use crate::bench::{Doing, Result};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug)]
struct Supervisord;

#[derive(Debug)]
struct Monit;

pub(super) fn all() -> Vec<Box<dyn Contender>> {
    vec![Box::new(Supervisord), Box::new(Monit)]
}

impl Contender for Supervisord {
    fn name(&self) -> &'static str {
        "supervisord"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "supervisord")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        if job.kind == Kind::Once {
            return Ok(None);
        }
        let mut text = String::from(
            "[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/run/sup.pid\n\
             [unix_http_server]\nfile=/run/sup.sock\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [supervisorctl]\nserverurl=unix:///run/sup.sock\n",
        );
        for service in job.services() {
            let _ = writeln!(
                text,
                "[program:{}]\ncommand={}\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE",
                service.name,
                service.words.join(" ")
            );
            if job.delay == Delay::None {
                text += "startsecs=0\nstartretries=1000000\n";
            }
        }
        fs::write(root.join("etc/sup.conf"), text).doing("sup.conf")?;
        let over = vec![setting.packages.join("supervisord")];
        let argv = words(&["/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c", "/etc/sup.conf"]);
        Ok(Some(Launch { argv, env: path(), over_usr: Some(over), ..Launch::default() }))
    }

    fn stop(&self, _: &Job) -> Stop {
        Stop::Command(words(&["supervisorctl", "-c", "/etc/sup.conf", "stop", "all"]))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["supervisorctl", "-c", "/etc/sup.conf", "status", name]))
    }

    fn most(&self) -> usize {
        100
    }

    fn binaries(&self, _: &Setting) -> Vec<PathBuf> {
        vec![PathBuf::from("/usr/bin/python3")]
    }
}

impl Contender for Monit {
    fn name(&self) -> &'static str {
        "monit"
    }

    fn version(&self, setting: &Setting) -> Result<String> {
        package(setting, "monit")
    }

    fn prepare(&self, setting: &Setting, root: &Path, job: &Job) -> Result<Option<Launch>> {
        // It starts one service after the other and looks every second; what isn't a daemon it can't keep.
        if job.kind != Kind::Run {
            return Ok(None);
        }
        let mut text = String::from(
            "set daemon 1\nset pidfile /run/monit.pid\nset idfile /run/monit.id\nset statefile /run/monit.state\n\
             set httpd unixsocket /run/monit.sock\n allow localhost\n",
        );
        for service in job.services() {
            let (name, command) = (&service.name, service.words.join(" "));
            let _ = writeln!(
                text,
                "check process {name} with pidfile /run/{name}.pid\n \
                 start program = \"/bin/sh -c '{command} & echo $! >/run/{name}.pid'\"\n \
                 stop program = \"/bin/sh -c 'kill $(cat /run/{name}.pid)'\""
            );
        }
        let conf = root.join("etc/bmonitrc");
        fs::write(&conf, text).doing("bmonitrc")?;
        fs::set_permissions(&conf, fs::Permissions::from_mode(0o600)).doing("bmonitrc")?;
        let over = vec![setting.packages.join("monit")];
        let argv = words(&["/usr/bin/monit", "-I", "-c", "/etc/bmonitrc"]);
        Ok(Some(Launch { argv, env: path(), over_usr: Some(over), ..Launch::default() }))
    }

    fn state(&self, name: &str) -> Option<Vec<String>> {
        Some(words(&["monit", "-c", "/etc/bmonitrc", "status", name]))
    }

    fn most(&self) -> usize {
        20
    }

    fn binaries(&self, setting: &Setting) -> Vec<PathBuf> {
        vec![setting.packages.join("monit/usr/bin/monit")]
    }
}
