//! `tree` and `deps`.

use super::Context;
use crate::exit::Failure;
use crate::graph::{Graph, Node, Relation};
use crate::render::tree::{Say, title, tree};
use init::proto::control::{Names, Runlevel, UnitStatus, Units};
use init::unit::{Level, UnitName};
use serde::Serialize;
use std::collections::BTreeSet;

/// `tree`
#[derive(Debug, clap::Args)]
pub struct TreeArgs {
    /// Units to begin with; else what is on in levels S and the present one.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Begin with what is on in this level.
    #[arg(long, value_parser = crate::cli::level, value_name = "LEVEL", conflicts_with = "names")]
    pub level: Option<Level>,
}

/// `deps`
#[derive(Debug, clap::Args)]
pub struct DepsArgs {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// What refers to them, instead of what they refer to.
    #[arg(long, short)]
    pub reverse: bool,
    /// Also the dependencies of those, and so on.
    #[arg(long, short)]
    pub all: bool,
}

/// One tree, with what stands over it.
#[derive(Serialize)]
struct Tree {
    title: String,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Trees {
    trees: Vec<Tree>,
}

/// All units, those named among them: instances of templates are loaded by being named.
pub fn units(c: &mut Context, names: &[String]) -> Result<(Vec<UnitStatus>, Vec<UnitName>), Failure> {
    let named: Vec<UnitName> = if names.is_empty() {
        Vec::new()
    } else {
        let units: Units = c.ask("Status", &Names { names: names.to_vec() })?;
        units.units.into_iter().map(|u| u.name).collect()
    };
    Ok((c.ask::<_, Units>("List", &())?.units, named))
}

/// `tree [NAME…]`
pub fn run(c: &mut Context, args: &TreeArgs) -> Result<(), Failure> {
    let (units, named) = units(c, &args.names)?;
    let graph = Graph::new(&units);
    let walk = |roots: &[UnitName]| graph.walk(roots, false, true, Relation::pulls);
    let on = |level: Level| -> Vec<UnitName> {
        let on = units.iter().filter(|u| u.levels.contains(level.as_char()));
        let all: BTreeSet<UnitName> = on.map(|u| u.name.clone()).collect();
        all.into_iter().collect()
    };
    let mut trees = Vec::new();
    if !named.is_empty() {
        trees.push(Tree { title: String::new(), nodes: walk(&named) });
    } else if let Some(level) = args.level {
        trees.push(Tree { title: format!("runlevel {level}"), nodes: walk(&on(level)) });
    } else {
        let now: Runlevel = c.ask("Runlevel", &())?;
        let present = now.switching_to.or(now.current).filter(|l| *l != Level::S);
        let mut shown: BTreeSet<UnitName> = BTreeSet::new();
        for level in [Some(Level::S), present].into_iter().flatten() {
            let nodes = walk(&on(level));
            shown.extend(nodes.iter().map(|n| n.name.clone()));
            trees.push(Tree { title: format!("runlevel {level}"), nodes });
        }
        let up = |u: &&UnitStatus| u.state != init::core::State::Inactive && !shown.contains(&u.name);
        let others: BTreeSet<UnitName> = units.iter().filter(up).map(|u| u.name.clone()).collect();
        let others: Vec<UnitName> = others.into_iter().collect();
        trees.push(Tree { title: "started besides".to_owned(), nodes: walk(&others) });
        trees.retain(|t| !t.nodes.is_empty());
    }
    let glyphs = c.out.glyphs;
    c.out.data(&Trees { trees }, |all, style| {
        let draw = |t: &Tree| {
            let head = if t.title.is_empty() { String::new() } else { title(&t.title, style) };
            head + &tree(&t.nodes, &graph, Say::Description, &glyphs, style)
        };
        all.trees.iter().map(draw).collect::<Vec<_>>().join("\n")
    })
}

/// `deps NAME…`
pub fn deps(c: &mut Context, args: &DepsArgs) -> Result<(), Failure> {
    let (units, named) = units(c, &args.names)?;
    let graph = Graph::new(&units);
    // All the way, an order or a conflict says nothing about the unit at the root.
    let follow = |r: Relation| if args.all { r.pulls() } else { true };
    let trees = named
        .iter()
        .map(|name| Tree {
            title: name.as_str().to_owned(),
            nodes: graph.walk(std::slice::from_ref(name), args.reverse, args.all, follow),
        })
        .collect();
    let glyphs = c.out.glyphs;
    c.out.data(&Trees { trees }, |all, style| {
        let draw = |t: &Tree| tree(&t.nodes, &graph, Say::Relations(args.reverse), &glyphs, style);
        all.trees.iter().map(draw).collect::<Vec<_>>().join("\n")
    })
}
