//! What a command line of `shutdown` wants. Pure.

use crate::fifo::SLEEP_TIME;
use crate::shims::args::Args;
use init::proto::control::PowerWord;
use init::unit::Level;

/// Longest wait, in minutes: as many as anybody plans ahead.
const MAX_MINUTES: u32 = 60 * 24 * 366;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// End the machine.
    Power(PowerWord),
    /// Change the level.
    Level(Level),
    /// `-i a`: an on-demand level of inittab's, asked for as `telinit a` does.
    Demand(char),
    /// `-k`: only tell people.
    Warn,
    /// `-c`
    Cancel,
}

/// The command line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// What.
    pub(super) goal: Goal,
    /// In how many minutes.
    pub(super) minutes: u32,
    /// Words for those who are warned.
    pub(super) message: String,
    /// `-n`: without asking init to stop services.
    pub(super) at_once: bool,
    /// `-b`: leave the terminal alone.
    pub(super) background: bool,
    /// `-f`
    pub(super) fast: bool,
    /// `-F`
    pub(super) check: bool,
    /// `-a`
    pub(super) authorize: bool,
    /// `-t`
    pub(super) sleep_time: i32,
    /// What warnings call it; `-k` warns of what it doesn't do.
    state: String,
    quiet: Quiet,
}

/// How many warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quiet {
    No,
    /// `-q`
    Fewer,
    /// `-Q`
    OnlyLast,
}

impl Wish {
    /// Reads the arguments. `seconds` is the local time of day.
    pub(super) fn parse(args: &[String], seconds: i64) -> Result<Self, String> {
        const LONG: &[(&str, char)] =
            &[("halt", 'H'), ("poweroff", 'P'), ("reboot", 'r'), ("no-wall", 'Q'), ("background", 'b')];
        let args = Args::parse(args, "abkrhPHfFncqQyt:g:i:", LONG)?;
        let aim = aim(&args)?;
        if args.has('n') && !matches!(aim, Goal::Power(_) | Goal::Level(Level::HALT)) {
            return Err("can use \"-n\" for halt or reboot only.".into());
        }
        let goal = match aim {
            _ if args.has('c') => Goal::Cancel,
            _ if args.has('k') => Goal::Warn,
            aim => aim,
        };
        let mut words = args.words.as_slice();
        let minutes = match (goal, args.value('g')) {
            (Goal::Cancel, _) => 0,
            (_, Some(time)) => minutes(time, seconds)?,
            (_, None) => {
                let (time, rest) = words.split_first().ok_or("when? `now`, `+5`, `23:30`")?;
                words = rest;
                minutes(time, seconds)?
            }
        };
        let quiet = match (args.has('Q'), args.has('q')) {
            (true, _) => Quiet::OnlyLast,
            (false, true) => Quiet::Fewer,
            (false, false) => Quiet::No,
        };
        Ok(Self {
            goal,
            minutes,
            message: words.join(" "),
            at_once: args.has('n'),
            background: args.has('b'),
            fast: args.has('f'),
            check: args.has('F'),
            authorize: args.has('a'),
            sleep_time: args
                .value('t')
                .map_or(Ok(SLEEP_TIME), str::parse)
                .map_err(|_| "-t wants a number of seconds")?,
            state: state(aim),
            quiet,
        })
    }

    /// Whether people are told with this many minutes left: each minute at the end, rarely before.
    pub(super) fn warns_at(&self, minutes: u32) -> bool {
        let every = match minutes {
            0..10 => 1,
            10..60 => 15,
            60..180 => 30,
            _ => 60,
        };
        match self.quiet {
            Quiet::No => minutes.is_multiple_of(every),
            Quiet::Fewer => minutes == self.minutes || minutes == 1,
            Quiet::OnlyLast => false,
        }
    }

    /// What the log is told when it happens.
    pub(super) fn logged(&self) -> String {
        let state = if self.state == "for reboot" { "for system reboot" } else { &self.state };
        format!("shutting down {state}")
    }

    /// The warning with this many minutes left.
    pub(super) fn warning(&self, minutes: u32) -> String {
        let state = &self.state;
        let when = match minutes {
            0 => format!("The system is going down {state} NOW!"),
            1 => format!("The system is going DOWN {state} in 1 minute!"),
            n => format!("The system is going DOWN {state} in {n} minutes!"),
        };
        if self.message.is_empty() { when } else { format!("{}\n{when}", self.message) }
    }
}

/// Where the letters lead.
fn aim(args: &Args) -> Result<Goal, String> {
    let level = match args.value('i') {
        Some("a" | "A") => return Ok(Goal::Demand('a')),
        Some("b" | "B") => return Ok(Goal::Demand('b')),
        Some("c" | "C") => return Ok(Goal::Demand('c')),
        Some(word) => {
            let mut letters = word.chars();
            let level = letters.next().and_then(Level::from_char);
            let level = level.filter(|l| letters.next().is_none() && "0156S".contains(l.as_char()));
            level.ok_or_else(|| format!("`{word}': bad runlevel"))?
        }
        None if args.has('h') => Level::HALT,
        None if args.has('r') => Level::REBOOT,
        None => Level::SINGLE,
    };
    if (args.has('P') || args.has('H')) && level != Level::HALT {
        return Err("-H and -P flags can only be used along with -h flag.".into());
    }
    Ok(match level {
        Level::HALT if args.has('H') => Goal::Power(PowerWord::Halt),
        Level::HALT if args.has('P') => Goal::Power(PowerWord::PowerOff),
        Level::REBOOT => Goal::Power(PowerWord::Reboot),
        level => Goal::Level(level),
    })
}

fn state(goal: Goal) -> String {
    match goal {
        Goal::Power(PowerWord::Reboot) => "for reboot".into(),
        Goal::Power(_) | Goal::Level(Level::HALT) => "for system halt".into(),
        Goal::Level(Level::SINGLE) => "to maintenance mode".into(),
        Goal::Level(level) => format!("to runlevel {level}"),
        Goal::Demand(letter) => format!("to runlevel {letter}"),
        Goal::Warn | Goal::Cancel => String::new(),
    }
}

/// `now`, `+5`, `5`, `+1:30`, `23:30`; `seconds` is the local time of day.
fn minutes(time: &str, seconds: i64) -> Result<u32, String> {
    let bad = || format!("`{time}` is no time: `now`, `+5`, `+1:30` and `23:30` are");
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(bad)
    };
    if time == "now" {
        return Ok(0);
    }
    let (later, rest) = time.strip_prefix('+').map_or((false, time), |rest| (true, rest));
    let Some((hours, rest)) = rest.split_once(':') else {
        return Ok(number(rest)?.min(MAX_MINUTES));
    };
    let (hours, rest) = (number(hours)?, number(rest)?);
    if rest > 59 || (!later && hours > 23) {
        return Err(bad());
    }
    let total = hours.saturating_mul(60).saturating_add(rest).min(MAX_MINUTES);
    if later {
        return Ok(total);
    }
    let today = i64::from(total) - seconds.div_euclid(60);
    u32::try_from(today.rem_euclid(24 * 60)).map_err(|_| bad())
}

/// Whether a line of `/etc/shutdown.allow` (the first 32 names) is this user.
pub(super) fn allowed(text: &str, user: &str) -> bool {
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.take(32).any(|name| name == user)
}

#[cfg(test)]
#[path = "wish_tests.rs"]
mod tests;
