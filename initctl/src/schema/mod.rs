//! What `--json` prints, as JSON Schema (draft 2020-12): `initctl schema`.
//!
//! The shape of a document is a contract. Under one [`VERSION`] fields and words may be added; none is renamed, taken away
//! or given another type or meaning. Shapes of the manager's come from the description of its interface ([`interface`]),
//! those of initctl's own are in `documents.json`.

mod interface;

use crate::exit::Failure;
use crate::output::Output;
use init::proto::control::DESCRIPTION;
use init::unit::nearest;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Of the contract; a part of each schema's `$id`.
pub const VERSION: u32 = 1;
/// Further help of the verb.
pub const HELP: &str = "\
A schema's name, its $id, holds the version of the contract: under one version fields and words may be added, and programs
have to skip those they don't know; nothing is renamed, taken away or given another meaning. What has gone wrong is told in
the field `error` of every document.

Examples:
  initctl schema status
  initctl schema | cut -f 2";

/// Documents of initctl's own.
const DOCUMENTS: &str = include_str!("documents.json");

/// Verbs, and what they print: one of these.
const VERBS: &[(&str, &[&str])] = &[
    ("adopt", &["AdoptReply"]),
    ("blame", &["Blame"]),
    ("boot", &["BootTimes", "BootUnits", "BootChains", "BootReply", "Boots"]),
    ("cat", &["Files"]),
    ("clean", &["Removed"]),
    ("completion", &["Text"]),
    ("deps", &["Trees"]),
    ("diff", &["Differences"]),
    ("disable", &["Switched", "PlanReply"]),
    ("edit", &["Written"]),
    ("emit", &["Nothing"]),
    ("enable", &["Switched", "PlanReply"]),
    ("events", &["EventsReply", "HistoryEvent"]),
    ("explain", &["ExplainReply"]),
    ("halt", &["PowerReply", "PlanReply"]),
    ("history", &["History"]),
    ("is-active", &["Answers"]),
    ("is-enabled", &["Answers"]),
    ("is-failed", &["Answers"]),
    ("kill", &["ChangeReply", "PlanReply"]),
    ("levels", &["LevelsReply", "EnableReply", "PlanReply"]),
    ("list", &["ListReply"]),
    ("logs", &["LogLine"]),
    ("man", &["Text", "Nothing"]),
    ("mask", &["Written"]),
    ("new", &["Written"]),
    ("plan", &["PlanReply"]),
    ("poweroff", &["PowerReply", "PlanReply"]),
    ("ps", &["Picture"]),
    ("reboot", &["PowerReply", "PlanReply"]),
    ("reexec", &["VersionReply", "Nothing", "PlanReply"]),
    ("reload", &["ChangeReply", "ReloadUnitsReply", "PlanReply"]),
    ("reset-failed", &["ChangeReply", "PlanReply"]),
    ("restart", &["ChangeReply", "PlanReply"]),
    ("revert", &["Written"]),
    ("runlevel", &["RunlevelReply", "SetLevelReply", "PlanReply"]),
    ("schema", &["Schemas", "Schema"]),
    ("set", &["Written"]),
    ("show", &["Properties"]),
    ("shutdown-jobs", &["Holdups", "ChangeReply", "PlanReply"]),
    ("start", &["ChangeReply", "PlanReply"]),
    ("status", &["Pages", "Overview"]),
    ("stop", &["ChangeReply", "PlanReply"]),
    ("top", &["Top"]),
    ("tree", &["Trees"]),
    ("try-restart", &["ChangeReply", "PlanReply"]),
    ("unmask", &["Written"]),
    ("verify", &["Report"]),
    ("version", &["Versions"]),
    ("wait", &["WaitReply"]),
    ("why", &["Why"]),
];

/// `schema`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The verb.
    #[arg(value_name = "VERB")]
    pub verb: Option<String>,
}

/// The verbs that have one.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|(verb, _)| *verb)
}

/// One verb's schema, by name.
#[derive(Serialize)]
struct Named {
    verb: &'static str,
    id: String,
}

#[derive(Serialize)]
struct Schemas {
    version: u32,
    schemas: Vec<Named>,
}

/// `schema [VERB]`
pub fn run(out: &Output, args: &Args) -> Result<(), Failure> {
    let Some(wanted) = &args.verb else {
        let schemas = VERBS.iter().map(|(verb, _)| Named { verb, id: id(verb) }).collect();
        let lines = |all: &Schemas| all.schemas.iter().map(|s| format!("{}\t{}\n", s.verb, s.id)).collect();
        return out.data(&Schemas { version: VERSION, schemas }, |all, _| lines(all));
    };
    let Some((verb, documents)) = VERBS.iter().find(|(verb, _)| verb == wanted) else {
        if let "sandbox" | "run" = wanted.as_str() {
            return Err(Failure::Other(format!("{wanted} prints what its command prints: it has no schema")));
        }
        let near = nearest(wanted, verbs());
        let near = crate::render::did_you_mean(&near);
        return Err(Failure::Other(format!("there is no verb `{wanted}`{near}\n  try: initctl schema")));
    };
    let schema = schema(verb, documents);
    out.data(&schema, |schema, _| serde_json::to_string_pretty(schema).unwrap_or_default() + "\n")
}

fn id(verb: &str) -> String {
    format!("urn:rung:initctl:{VERSION}:{verb}")
}

/// The schema of what a verb prints, with all it refers to.
fn schema(verb: &str, documents: &[&str]) -> Value {
    let mut all = interface::definitions(DESCRIPTION);
    // A test reads it; were it not JSON, references would lead nowhere.
    all.extend(serde_json::from_str::<Map<String, Value>>(DOCUMENTS).unwrap_or_default());
    let choice: Vec<Value> = documents.iter().chain([&"Failed"]).map(|name| reference(name)).collect();
    let mut used = BTreeSet::new();
    let mut work: Vec<String> = documents.iter().chain([&"Failed"]).map(|name| (*name).to_owned()).collect();
    while let Some(name) = work.pop() {
        if let (true, Some(definition)) = (used.insert(name.clone()), all.get(&name)) {
            references(definition, &mut work);
        }
    }
    all.retain(|name, _| used.contains(name));
    for document in documents {
        // Whatever a verb prints may come with an error.
        if let Some(Value::Object(properties)) = all.get_mut(*document).and_then(|d| d.get_mut("properties")) {
            properties.insert("error".to_owned(), reference("Error"));
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": id(verb),
        "title": format!("What `initctl {verb} --json` prints"),
        "anyOf": choice,
        "$defs": all,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The names a definition refers to.
fn references(definition: &Value, names: &mut Vec<String>) {
    match definition {
        Value::Object(object) => {
            let target = object.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
            names.extend(target.map(str::to_owned));
            object.values().for_each(|inner| references(inner, names));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_verb_has_a_schema() {
        let verbs: BTreeSet<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let mut described: BTreeSet<String> = VERBS.iter().map(|(verb, _)| (*verb).to_owned()).collect();
        described.extend(["run", "sandbox"].map(ToOwned::to_owned));
        assert_eq!(verbs, described);
    }

    #[test]
    fn references_lead_somewhere() {
        assert!(serde_json::from_str::<Map<String, Value>>(DOCUMENTS).is_ok());
        let mut names: Vec<String> = Vec::new();
        for (verb, documents) in VERBS {
            let schema = schema(verb, documents);
            names.clear();
            references(&schema, &mut names);
            let missing: Vec<&String> = names.iter().filter(|name| schema["$defs"].get(name).is_none()).collect();
            assert!(missing.is_empty(), "{verb}: {missing:?}");
        }
    }
}
