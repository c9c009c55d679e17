//! `invoke-rc.d NAME ACTION`: what Debian's maintainer scripts call to start and stop services, as far as the
//! administrator's policy and the level allow.
//!
//! The order of the checks, the messages and the exit statuses are those of init-system-helpers 1.65; so are the strange
//! ones: an unknown script is said to be unknown, isn't run, and that is 0.

use super::act::{carry_out, unit};
use super::invoke_args::{Asked, Line};
use super::place::Place;
use super::units::Units;
use crate::farm::Kind;
use crate::pid1;
use crate::shims::script::{is_executable, own_verb};
use crate::shims::{err_plain, out};
use init::core::State;
use init::proto::control::UnitStatus;
use init::unit::{Level, UnitName};
use std::path::Path;
use std::process::{Command, Stdio};

pub(in crate::shims) use super::invoke_args::HELP;

/// What was decided, as `--query` gives it.
const DENIED: u8 = 101;
const BROKEN: u8 = 102;
const SYNTAX: u8 = 103;
const ALLOWED: u8 = 104;
const UNCERTAIN: u8 = 105;
const FALLBACK: u8 = 106;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const RUNLEVEL: &str = "/sbin/runlevel";

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    let line = match Line::parse(args) {
        Ok(Asked::Help) => return out(&format!("Usage: {}", HELP.replace("NAME0", name))),
        Ok(Asked::Run(line)) => line,
        Err(why) => {
            if !why.is_empty() {
                err_plain(&format!("{name}: syntax error: {why}"));
            }
            if args.is_empty() {
                out(&format!("Usage: {}", HELP.replace("NAME0", name)));
            }
            return SYNTAX;
        }
    };
    Invocation { name, place: Place::new(None), quiet: line.quiet, policy: true, unit: None, line }.run()
}

/// One call.
struct Invocation<'a> {
    name: &'a str,
    place: Place,
    line: Line,
    quiet: bool,
    /// Whether the administrator's policy is asked at all.
    policy: bool,
    /// The unit that Rung has under this name.
    unit: Option<UnitStatus>,
}

impl Invocation<'_> {
    fn say(&self, text: &str) {
        if !self.quiet {
            err_plain(&format!("{}: {text}", self.name));
        }
    }

    fn run(mut self) -> u8 {
        let script = format!("/etc/init.d/{}", self.line.script);
        match unit(&self.line.script) {
            Ok(found) => self.unit = found,
            Err(e) => self.say(&e.to_string()),
        }
        if self.unit.is_none() && !self.place.at(&script).is_file() {
            self.say(&format!("unknown initscript, {script} not found."));
            if let Some(near) = self.place.near(&self.line.script, Units::new(&self.place).names()) {
                self.say(&near);
            }
        }
        let level = self.level();
        if level.is_some_and(Level::is_down) {
            self.safe_mode();
        }
        let decision = match self.decide(level) {
            Ok(decision) => decision,
            Err(code) => return code,
        };
        if self.line.query {
            return decision;
        }
        if self.line.force || decision == ALLOWED {
            return self.execute(&script);
        }
        if decision != DENIED || self.line.disclose {
            self.say(&format!("initscript {} not executed.", actions(&self.line.actions)));
            return decision;
        }
        if self.line.actions.first().is_some_and(|action| action == "status") {
            self.say("emulating initscript action \"status\", returning \"unknown\"");
            return 4;
        }
        0
    }

    /// The current level. `None` where nobody knows one: then no link can allow a start.
    fn level(&self) -> Option<Level> {
        if pid1::is_rung() {
            // In level S nothing has been reached yet.
            if let Ok(levels) = pid1::runlevel() {
                let entered = levels.switching_to.or(levels.current);
                return levels.going_down.map(|_| Level::HALT).or(entered).or(Some(Level::S));
            }
        }
        let answer = Some(Path::new(RUNLEVEL)).filter(|path| is_executable(path));
        let answer = answer.and_then(|path| Command::new(path).stdin(Stdio::null()).output().ok());
        let Some(answer) = answer.filter(|answer| answer.status.success()) else {
            self.say("could not determine current runlevel");
            return None;
        };
        let text = String::from_utf8_lossy(&answer.stdout).trim_end().to_owned();
        let level = text.rsplit(' ').next().and_then(|word| word.chars().next()).and_then(Level::from_char);
        // Records of the last shutdown still stand while level S runs.
        let title = || std::fs::read("/proc/1/cmdline").unwrap_or_default();
        let boots = level.is_some_and(Level::is_down) && title().windows(9).any(|w| w == b"init boot");
        if boots { Some(Level::S) } else { level }
    }

    /// While the machine goes down nothing is to hinder a script.
    fn safe_mode(&mut self) {
        (self.line.force, self.line.retry, self.policy, self.quiet) = (true, true, false, false);
        self.say("-----------------------------------------------------");
        self.say(&format!("WARNING: '{} {} {}' called", self.name, self.line.script, self.line.actions.join(" ")));
        self.say("during shutdown sequence.");
        self.say("enabling safe mode: initscript policy layer disabled");
        self.say("-----------------------------------------------------");
    }

    /// Whether it may run: [`ALLOWED`], [`DENIED`], or another status. `Err`: the end of it.
    fn decide(&mut self, level: Option<Level>) -> Result<u8, u8> {
        let by_links = self.by_links(level)?;
        let starts = matches!(self.line.actions.first().map(String::as_str), Some("start" | "restart" | "try-restart"));
        let by_level = starts.then_some(if by_links { ALLOWED } else { DENIED });
        if !self.is_runnable() {
            return Ok(DENIED);
        }
        let before = by_level.or(self.line.query.then_some(UNCERTAIN));
        let decision = self.ask_policy(level, before, starts);
        if matches!(decision, DENIED | ALLOWED) || self.line.query {
            return Ok(decision);
        }
        self.say(&format!("policy-rc.d returned error status {decision}"));
        if self.line.retry { Ok(BROKEN) } else { Err(decision) }
    }

    /// Whether there is something that can be run: a unit, or a script that is executable.
    fn is_runnable(&self) -> bool {
        self.unit.is_some() || self.place.program(&self.line.script).is_some()
    }

    /// Whether the level, or S, has it on. Links that aren't links, or lead nowhere, are an error.
    fn by_links(&self, level: Option<Level>) -> Result<bool, u8> {
        let Some(level) = level else {
            return Ok(self.is_on(None));
        };
        let here = self.place.links(level, &self.line.script);
        let boot = self.place.links(Level::S, &self.line.script);
        let boot = boot.into_iter().filter(|link| link.kind == Kind::Start);
        let (start, stop): (Vec<_>, Vec<_>) = here.into_iter().partition(|link| link.kind == Kind::Start);
        let (start, stop, boot) = (paths(start), paths(stop), paths(boot));
        let mut broken = false;
        for path in start.iter().chain(&stop).chain(&boot) {
            if !path.is_symlink() {
                self.say(&format!("not a symlink: {}", path.display()));
                broken = true;
            }
            if !path.is_file() {
                self.say(&format!("dangling symlink: {}", path.display()));
                broken = true;
            }
        }
        if broken && !self.line.retry {
            return Err(BROKEN);
        }
        let any = |paths: &[std::path::PathBuf]| paths.iter().any(|path| is_executable(path));
        Ok(any(&start) || (!any(&stop) && any(&boot)) || self.is_on(Some(level)))
    }

    /// Whether Rung has its own or systemd's unit of that name on in the level or in S, or up already.
    fn is_on(&self, level: Option<Level>) -> bool {
        let Some(unit) = self.unit.as_ref().filter(|unit| !unit.source.is_script()) else {
            return false;
        };
        let up = matches!(unit.state, State::Active | State::Reloading | State::Activating);
        let on = |level: Level| unit.levels.contains(level.as_char());
        up || level.is_some_and(on) || on(Level::S)
    }

    /// What `policy-rc.d` says; `before`: what the links say.
    fn ask_policy(&mut self, level: Option<Level>, before: Option<u8>, starts: bool) -> u8 {
        let policy = Path::new(POLICY);
        if !self.policy || !is_executable(policy) {
            if !Path::new("/sbin/init").exists() {
                if self.line.force {
                    self.say("WARNING: No init system and policy-rc.d missing, but force specified so proceeding.");
                } else {
                    self.say("WARNING: No init system and policy-rc.d missing! Defaulting to block.");
                    return DENIED;
                }
            }
            return before.unwrap_or(ALLOWED);
        }
        let wanted = self.line.actions.join(" ");
        let wanted = if before == Some(DENIED) && starts { format!("({wanted})") } else { wanted };
        let mut command = Command::new(policy);
        command.args(self.line.quiet.then_some("--quiet")).arg(&self.line.script).arg(&wanted);
        command.args(level.map(|level| level.to_string())).stderr(Stdio::inherit());
        let answer = command.output().ok();
        let said =
            answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
        let printed = actions_only(&self.line.actions);
        let mut decision = match answer.and_then(|answer| answer.status.code()) {
            Some(0) => ALLOWED,
            Some(1) => UNCERTAIN,
            Some(101) if self.line.force => {
                self.say(&format!("Overriding policy-rc.d denied execution of {printed}."));
                ALLOWED
            }
            Some(101) => {
                self.say(&format!("policy-rc.d denied execution of {printed}."));
                DENIED
            }
            code => code.and_then(|code| u8::try_from(code).ok()).unwrap_or(BROKEN),
        };
        if !self.line.query {
            decision = self.settle(decision, &said);
        }
        if matches!(decision, 100..=FALLBACK) {
            return decision;
        }
        self.say(&format!("WARNING: policy-rc.d returned unexpected error status {decision}, 102 used instead."));
        BROKEN
    }

    /// What is uncertain is allowed; other actions than those asked for are taken, or not.
    fn settle(&mut self, decision: u8, said: &str) -> u8 {
        match decision {
            UNCERTAIN => {
                self.say("policy-rc.d query returned \"behaviour undefined\",");
                self.say(&format!("assuming \"{}\" is allowed.", actions_only(&self.line.actions)));
                ALLOWED
            }
            FALLBACK => {
                let instead: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
                let printed = actions_only(&instead);
                if self.line.force || self.line.no_fallback {
                    self.say(&format!("ignoring policy-rc.d fallback request: {printed}."));
                    return if self.line.force { ALLOWED } else { DENIED };
                }
                let word = if instead.len() == 1 { "action" } else { "actions" };
                self.say(&format!("executing {word} \"{printed}\" instead due to policy-rc.d request."));
                self.line.actions = instead;
                ALLOWED
            }
            other => other,
        }
    }

    /// The actions in turn, until one succeeds.
    fn execute(&self, script: &str) -> u8 {
        if !self.is_runnable() {
            return BROKEN;
        }
        let all = &self.line.actions;
        let mut code = BROKEN;
        for (at, action) in all.iter().enumerate() {
            if all.len() > 1 {
                self.say(&format!("executing initscript action \"{action}\"..."));
            }
            code = self.one(script, action);
            if code == 0 {
                return 0;
            }
            if at + 1 < all.len() {
                self.say(&format!("action \"{action}\" failed, trying next action..."));
            }
        }
        let last = all.last().map_or("", String::as_str);
        self.say(&format!("initscript {}, action \"{last}\" failed.", self.line.script));
        code
    }

    fn one(&self, script: &str, action: &str) -> u8 {
        let by_rung = self.unit.as_ref().and_then(|unit| {
            let known = UnitName::new(&self.line.script).is_ok();
            known.then(|| carry_out(&self.line.script, unit, action, self.line.rest.is_empty()))?
        });
        if let Some(code) = by_rung {
            return code;
        }
        if self.place.program(&self.line.script).is_none() {
            self.say(&format!("the unit has no verb `{action}`, and there is no init script"));
            return 3;
        }
        let mut command = Command::new(script);
        command.arg(action).args(&self.line.rest);
        own_verb(command, self.unit.as_ref(), &self.line.script)
    }
}

fn paths(links: impl IntoIterator<Item = crate::farm::Link>) -> Vec<std::path::PathBuf> {
    links.into_iter().map(|link| link.path).collect()
}

/// `start, stop`
fn actions_only(actions: &[String]) -> String {
    actions.join(", ")
}

/// `action "start"`, `actions "start, stop"`
fn actions(all: &[String]) -> String {
    let word = if all.len() == 1 { "action" } else { "actions" };
    format!("{word} \"{}\"", actions_only(all))
}
