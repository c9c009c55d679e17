//! `list`.

use super::Context;
use crate::cli::ListArgs;
use crate::exit::Failure;
use crate::render::{list, word};
use init::proto::control::{UnitStatus, Units};
use init::proto::words;
use init::unit::glob;

pub fn run(c: &mut Context, args: &ListArgs) -> Result<(), Failure> {
    let mut all: Units = c.ask("List", &())?;
    all.units.retain(|u| keeps(args, u));
    let now = super::status::when().now;
    c.out.data(&all, |all, style| list::list(&all.units, now, style))
}

fn keeps(args: &ListArgs, unit: &UnitStatus) -> bool {
    let state = args.state.is_empty() || args.state.iter().any(|s| s == word(unit) || s == words::state(unit.state));
    let level = args.level.is_none_or(|l| unit.levels.contains(l.as_char()));
    let named = |p: &String| glob::matches(p, unit.name.short()) || glob::matches(p, unit.name.as_str());
    state && level && (args.patterns.is_empty() || args.patterns.iter().any(named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{failed, idle, running};
    use init::unit::Level;

    #[test]
    fn filters_add_up() {
        let units = [running("nginx"), failed("cron"), idle("getty@tty1")];
        let kept = |args: &ListArgs| {
            units.iter().filter(|u| keeps(args, u)).map(|u| u.name.short().to_owned()).collect::<Vec<_>>()
        };
        let args = |p: &[&str], s: &[&str], l: Option<char>| ListArgs {
            patterns: p.iter().map(|p| (*p).to_owned()).collect(),
            state: s.iter().map(|s| (*s).to_owned()).collect(),
            level: l.and_then(Level::from_char),
        };
        assert_eq!(kept(&args(&[], &[], None)).len(), 3);
        assert_eq!(kept(&args(&[], &["failed", "active"], None)), ["nginx", "cron"]);
        assert_eq!(kept(&args(&["getty@*", "nginx.service"], &[], None)), ["nginx", "getty@tty1"]);
        assert_eq!(kept(&args(&[], &[], Some('2'))), ["nginx"]);
    }
}
