//! Text → [`Condition`]. What can't be meant is an error at its place; what only this machine can't know is not.

use super::{Condition, Conditions, Test, compare, truth, vain};
use crate::unit::Severity;
use crate::unit::scalar::boolean;
use crate::unit::value::{Bad, Value, absolute};

type List = fn(&mut Conditions) -> &mut Vec<Condition>;

/// A line of `Condition…=`.
pub(in crate::unit) fn condition(target: &mut Conditions, test: Test, v: &Value<'_>) -> Result<(), Bad> {
    add(target, |c| &mut c.conditions, test, v)
}

/// A line of `Assert…=`.
pub(in crate::unit) fn assert(target: &mut Conditions, test: Test, v: &Value<'_>) -> Result<(), Bad> {
    add(target, |c| &mut c.asserts, test, v)
}

/// Adds a line; an empty one of any of these keys drops all before it, whatever they look at.
fn add(target: &mut Conditions, list: List, test: Test, v: &Value<'_>) -> Result<(), Bad> {
    if v.text.is_empty() {
        list(target).clear();
        return Ok(());
    }
    let (triggering, text) = prefix(v.text, '|');
    let (negated, text) = prefix(text, '!');
    let at = v.text.len() - text.len();
    if text.is_empty() {
        return Err(Bad::new(at, "nothing stands after the prefix"));
    }
    let mut value = v.expand(at, text)?;
    if matches!(test, Test::PathExistsGlob) {
        if !value.starts_with('/') {
            return Err(Bad::new(at, format!("`{value}` is no absolute path")).hint("begin it with `/`"));
        }
    } else if test.touches_files() {
        value = absolute(&value, at)?.to_string_lossy().into_owned();
    }
    check(test, &value).map_err(|bad| Bad { at: at + bad.at, ..bad })?;
    if let Some((what, hint)) = vain::never(test, &value) {
        let bad = Bad::new(at, format!("`{value}` {what}; it counts as no"));
        // No more than a note: of systemd's units those with warnings aren't started by a level.
        v.remark(
            Severity::Note,
            match hint {
                Some(hint) => bad.hint(hint),
                None => bad,
            },
        );
    }
    list(target).push(Condition { test, triggering, negated, value, place: v.place(0) });
    Ok(())
}

fn prefix(text: &str, prefix: char) -> (bool, &str) {
    text.strip_prefix(prefix).map_or((false, text), |rest| (true, rest.trim_start()))
}

/// What can't be meant.
fn check(test: Test, value: &str) -> Result<(), Bad> {
    match test {
        Test::ACPower | Test::FirstBoot => Ok(boolean(value).map(drop)?),
        Test::CPUs => Ok(compare::number(value, &|t| t.parse().ok()).map(drop)?),
        Test::Memory => Ok(compare::number(value, &compare::bytes).map(drop)?),
        Test::KernelVersion => Ok(compare::expressions(value).map(drop)?),
        Test::Version => {
            let (component, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
            if rest.trim().is_empty() {
                let at = component.len();
                return Err(Bad::new(at, "no version to compare with").hint("write e.g. `kernel >= 6.1`"));
            }
            compare::expressions(rest).map(drop).map_err(|message| Bad::new(value.len() - rest.len(), message))
        }
        Test::OSRelease => Ok(truth::fields(value).map(drop)?),
        Test::Capability if truth::capability(value).is_none() => {
            let names = truth::capabilities();
            let bad = Bad::new(0, format!("`{value}` is no capability"));
            Err(match crate::unit::finding::did_you_mean(value, names) {
                Some(hint) => bad.hint(hint),
                None => bad.hint("capabilities(7) lists them: CAP_NET_ADMIN, …"),
            })
        }
        Test::NeedsUpdate if !["/etc", "/var"].contains(&value) => {
            Err(Bad::new(0, format!("`{value}` is neither `/etc` nor `/var`")))
        }
        Test::Environment | Test::KernelCommandLine if value.starts_with('=') => {
            Err(Bad::new(0, "no name stands before the `=`"))
        }
        _ => Ok(()),
    }
}
