//! What a process finds around it: environment, groups and root folder (systemd.exec(5)).

use super::fields::Show;
use super::scalar::is_variable;
use super::value::{Bad, Value, absolute};
use super::words::quote;
use super::{Severity, fields};
use std::path::PathBuf;

type Read<T> = Result<T, Bad>;

/// The keys about a process's surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exec {
    /// `RootDirectory=`: what is `/` for the service.
    pub root: Option<PathBuf>,
    /// `RootDirectoryStartOnly=`: only for `ExecStart=`.
    pub root_start_only: bool,
    /// `PermissionsStartOnly=`: only `ExecStart=` is restricted, the other commands run as with prefix `+`.
    pub permissions_start_only: bool,
    /// `SupplementaryGroups=`: names or numbers.
    pub supplementary_groups: Vec<String>,
    /// `SetLoginEnvironment=`; without it: where there is a `User=`.
    pub login_environment: Option<bool>,
    /// `PassEnvironment=`: names of variables.
    pub pass_environment: Vec<String>,
    /// `UnsetEnvironment=`: `NAME`, or `NAME=value` for that value alone.
    pub unset_environment: Vec<String>,
    /// `ExecSearchPath=`: where programs without a path are looked for.
    pub search_path: Vec<PathBuf>,
}

/// `NAME=value` words. As in systemd, one that is none is told and passed over.
pub(super) fn assignments(v: &Value<'_>) -> Read<Vec<(String, String)>> {
    let mut list = Vec::new();
    for word in v.words()? {
        match word.text.split_once('=') {
            Some((name, value)) if is_variable(name) && is_value(value) => {
                list.push((name.to_owned(), value.to_owned()));
            }
            _ => v.remark(
                Severity::Warning,
                Bad::new(word.at, format!("`{}` is no `NAME=value`; passed over", word.text))
                    .hint("a value with spaces is quoted as a whole: \"NAME=some words\""),
            ),
        }
    }
    Ok(list)
}

/// A variable may hold what can be printed, tabs and newlines.
fn is_value(value: &str) -> bool {
    !value.chars().any(|c| c.is_ascii_control() && !['\t', '\n'].contains(&c))
}

/// Names of variables; with `values` also `NAME=value`.
fn names(v: &Value<'_>, values: bool) -> Read<Vec<String>> {
    let mut list = Vec::new();
    for word in v.words()? {
        let name = if values { word.text.split_once('=').map_or(word.text.as_str(), |(n, _)| n) } else { &word.text };
        if is_variable(name) {
            list.push(word.text);
        } else {
            let bad = Bad::new(word.at, format!("`{}` is no name of a variable; passed over", word.text));
            v.remark(Severity::Warning, bad);
        }
    }
    Ok(list)
}

pub(super) fn pass(v: &Value<'_>) -> Read<Vec<String>> {
    names(v, false)
}

pub(super) fn unset(v: &Value<'_>) -> Read<Vec<String>> {
    names(v, true)
}

pub(super) fn groups(v: &Value<'_>) -> Read<Vec<String>> {
    v.words()?.iter().map(|word| fields::account_name(&word.text, word.at)).collect()
}

/// Folders separated by colons.
pub(super) fn search_path(v: &Value<'_>) -> Read<Vec<PathBuf>> {
    let text = v.expand(0, v.text)?;
    text.split(':').map(|folder| absolute(folder, v.text.find(folder).unwrap_or(0))).collect()
}

impl Show for Vec<String> {
    fn show(&self) -> Vec<String> {
        if self.is_empty() { Vec::new() } else { vec![self.iter().map(|w| quote(w)).collect::<Vec<_>>().join(" ")] }
    }
}

impl Show for Vec<PathBuf> {
    fn show(&self) -> Vec<String> {
        let all: Vec<String> = self.iter().map(|p| p.to_string_lossy().replace('%', "%%")).collect();
        if all.is_empty() { Vec::new() } else { vec![all.join(":")] }
    }
}

impl Show for Option<bool> {
    fn show(&self) -> Vec<String> {
        self.iter().flat_map(Show::show).collect()
    }
}
