//! The machine under test: its console, ssh sessions into it, and what its manager says of its units.

use super::sysv::Record;
use crate::error::{Context, Result, fail};
use crate::host;
use crate::image::{Disks, Machine};
use crate::qemu::{Accel, Guard, MONITOR, Qemu, Root};
use crate::shell::{PATIENCE, Shell};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long a boot may take.
pub const BOOT: Duration = Duration::from_secs(300);

/// What a machine is started with.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The machine it is a copy of.
    pub machine: &'a Machine,
    /// Where its root is.
    pub root: Root,
    /// How its instructions are run.
    pub accel: Accel,
    /// Words for the kernel's command line.
    pub words: String,
    /// Gets all that its console shows.
    pub transcript: PathBuf,
}

/// The machine under test.
#[derive(Debug)]
pub struct Guest<'a> {
    parts: Parts<'a>,
    /// QEMU.
    pub qemu: Qemu,
    /// A shell on the serial line.
    pub console: Shell,
    ssh: Option<(Guard, Shell)>,
    /// What another init made of the same machine.
    pub beside: Option<Record>,
}

/// A unit as `initctl --json list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitLine {
    /// `active`, `failed`, …
    pub state: String,
    /// Its main process.
    pub main_pid: Option<i64>,
    /// The levels it is on in.
    pub levels: String,
}

impl<'a> Guest<'a> {
    /// Switches it on.
    pub fn start(parts: Parts<'a>) -> Result<Self> {
        let (qemu, to, from) = Qemu::start(parts.machine, &parts.root, parts.accel, &parts.words)?;
        let mut console = Shell::new(to, from)?;
        console.log_to(&parts.transcript)?;
        Ok(Self { parts, qemu, console, ssh: None, beside: None })
    }

    /// Pulls its plug and switches it on again.
    pub fn power_cut(&mut self) -> Result<()> {
        self.ssh = None;
        self.qemu.cut();
        let Parts { machine, root, accel, words, transcript } = &self.parts;
        let (qemu, to, from) = Qemu::start(machine, root, *accel, words)?;
        let mut console = Shell::new(to, from)?;
        console.log_to(&transcript.with_extension("2.log"))?;
        (self.qemu, self.console) = (qemu, console);
        Ok(())
    }

    /// Gives its kernel one more word from the next power-on on.
    pub fn add_word(&mut self, word: &str) {
        self.parts.words = format!("{} {word}", self.parts.words);
    }

    /// Its disks, to look at when it is off.
    pub fn disks(&self) -> Result<&Disks> {
        match &self.parts.root {
            Root::Disks(disks) => Ok(disks),
            Root::Initramfs(_) => fail("this machine has no disks"),
        }
    }

    /// Presses Ctrl-Alt-Del on its keyboard, so many times.
    pub fn ctrl_alt_del(&mut self, times: usize) -> Result<()> {
        self.console.send(&format!("{MONITOR}{}", "sendkey ctrl-alt-delete\n".repeat(times)))?;
        self.console.send(MONITOR)
    }

    /// Presses Alt and the arrow up on its keyboard: the key combination that is for init.
    pub fn alt_up(&mut self) -> Result<()> {
        self.console.send(&format!("{MONITOR}sendkey alt-up\n"))?;
        self.console.send(MONITOR)
    }

    /// Waits for the kernel's last words, then for QEMU's end.
    pub fn ends_with(&mut self, words: &str) -> Result<String> {
        let text = self.console.expect(words, PATIENCE * 2)?;
        self.ended()?;
        Ok(text)
    }

    /// Waits for QEMU's end.
    pub fn ended(&mut self) -> Result<()> {
        self.console.from.wait_for_end(Instant::now() + Duration::from_secs(60))?;
        self.qemu.ended()
    }

    /// Seconds since power-on.
    pub fn seconds(&self) -> f64 {
        self.qemu.since.elapsed().as_secs_f64()
    }

    /// Waits for the getty on the console and logs in.
    pub fn log_in(&mut self) -> Result<()> {
        self.wait_for_prompt()?;
        self.log_in_at_prompt()
    }

    /// Waits for the getty on the console.
    pub fn wait_for_prompt(&mut self) -> Result<()> {
        // Not `rmnologin: `, which units are called.
        self.console.expect("rung login: ", BOOT).map(drop)
    }

    /// Logs in at the getty that has just asked.
    pub fn log_in_at_prompt(&mut self) -> Result<()> {
        self.console.send("root\n")?;
        self.console.expect("Password: ", PATIENCE)?;
        self.console.send("rung\n")?;
        self.console.expect("# ", PATIENCE)?;
        self.plain_shell()
    }

    /// Gives sulogin, which has just asked, the password. It throws away what came before it was ready to read.
    pub fn maintenance_password(&mut self) -> Result<()> {
        let mut tries = 0..10;
        loop {
            self.console.send("rung\n")?;
            match self.console.expect("# ", Duration::from_secs(15)) {
                Ok(_) => break,
                Err(why) if tries.next().is_none() => return Err(why),
                Err(_) => {}
            }
        }
        self.plain_shell()
    }

    /// A shell has just been started on the console: makes it a plain one that nothing writes into.
    pub fn plain_shell(&mut self) -> Result<()> {
        self.console.send("dmesg -n 1; stty -echo; export PS1= PS2=; exec /bin/sh\n")?;
        self.console.run("true").map(drop)
    }

    /// A new ssh session, with a shell in it.
    pub fn new_ssh(&self) -> Result<(Guard, Shell)> {
        let mut ssh = host::command("setpriv");
        ssh.args(["--pdeathsig", "KILL", "--", "ssh", "-T", "-F", "none", "-i"]).arg(&self.parts.machine.key);
        let options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "BatchMode=yes",
            "ConnectTimeout=60",
            "LogLevel=ERROR",
        ];
        ssh.args(options.iter().flat_map(|o| ["-o", o]));
        ssh.args(["-p", &self.qemu.ports.ssh.to_string(), "root@127.0.0.1", "exec /bin/sh"]);
        let mut child = Guard(ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("ssh")?);
        let (Some(to), Some(from)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return fail("ssh: no pipes");
        };
        let mut shell = Shell::new(to.into(), from.into())?;
        shell.run("true")?;
        Ok((child, shell))
    }

    /// The ssh session that is kept through the checks; a new one if there is none.
    pub fn ssh(&mut self) -> Result<&mut Shell> {
        if self.ssh.is_none() {
            self.ssh = Some(self.new_ssh()?);
        }
        match &mut self.ssh {
            Some((_, shell)) => Ok(shell),
            None => fail("no ssh session"),
        }
    }

    /// Forgets the ssh session: the machine has ended it, or is about to.
    pub fn end_ssh(&mut self) {
        self.ssh = None;
    }

    /// Runs a command in the kept ssh session; it must succeed.
    pub fn run(&mut self, command: &str) -> Result<String> {
        let result = self.ssh()?.run(command);
        self.drop_broken(result)
    }

    /// Waits in the kept ssh session until a condition holds.
    pub fn until(&mut self, condition: &str, seconds: u32) -> Result<()> {
        let result = self.ssh()?.until(condition, seconds);
        self.drop_broken(result)
    }

    /// Runs a command that must fail; what it said.
    pub fn refused(&mut self, command: &str) -> Result<String> {
        let result = self.ssh()?.done(command);
        let done = self.drop_broken(result)?;
        if done.status == 0 {
            fail(format!("`{command}` should fail, but said:\n{}", done.text))
        } else {
            Ok(done.text)
        }
    }

    /// A session that is out of step is of no use to later steps.
    fn drop_broken<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.ssh = None;
        }
        result
    }

    /// Asserts that each of these is active.
    pub fn active(&mut self, names: &str) -> Result<()> {
        self.run(&format!("for name in {names}; do initctl is-active $name || exit 1; done")).map(drop)
    }

    /// All units by name.
    pub fn units(&mut self) -> Result<BTreeMap<String, UnitLine>> {
        let text = self.run("initctl --json list")?;
        let json: Value = serde_json::from_str(&text).context("initctl --json list")?;
        let list = json.get("units").unwrap_or(&json).as_array();
        let Some(list) = list else { return fail(format!("initctl --json list gave no list of units:\n{text}")) };
        let word = |unit: &Value, key: &str| unit.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = |unit: &Value| UnitLine {
            state: word(unit, "state"),
            main_pid: unit.get("main_pid").and_then(Value::as_i64),
            levels: word(unit, "levels"),
        };
        Ok(list.iter().map(|unit| (word(unit, "name"), line(unit))).collect())
    }

    /// The main processes of all active services.
    pub fn pids(&mut self) -> Result<BTreeMap<String, i64>> {
        let units = self.units()?.into_iter().filter(|(_, unit)| unit.state == "active");
        let pids: BTreeMap<_, _> = units.filter_map(|(name, unit)| Some((name, unit.main_pid?))).collect();
        if pids.len() < 3 { fail(format!("no three services have a main process: {pids:?}")) } else { Ok(pids) }
    }

    /// Asserts that all these main processes are still the same.
    pub fn same(&mut self, before: &BTreeMap<String, i64>) -> Result<String> {
        let after = self.pids()?;
        let changed: Vec<_> = before
            .iter()
            .filter(|(name, pid)| after.get(*name) != Some(*pid))
            .map(|(name, pid)| {
                format!("{name}: was {pid}, is {}", after.get(name).map_or("gone".to_owned(), i64::to_string))
            })
            .collect();
        if changed.is_empty() { Ok(format!("{} services", before.len())) } else { fail(changed.join("\n")) }
    }
}

/// Asserts that a text holds all of some words.
pub fn holds(text: &str, words: &[&str]) -> Result<()> {
    match words.iter().find(|word| !text.contains(**word)) {
        Some(word) => fail(format!("`{word}` isn't in:\n{text}")),
        None => Ok(()),
    }
}
