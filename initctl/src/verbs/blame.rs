//! `blame`.

use super::Context;
use crate::exit::Failure;
use crate::graph::Graph;
use crate::render::blame::{blame, chain, chain_lines, last_of_boot, sorted, summary};
use crate::render::table::text;
use crate::terminal::Line;
use init::proto::control::StartTimes;
use init::unit::UnitName;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these units; with --chain, what each of them waited for.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// What the boot waited for: from its last unit back to the first, each with what it was ordered after.
    #[arg(long, short)]
    pub chain: bool,
}

/// `blame [NAME…]`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Blame {
        #[serde(flatten)]
        times: StartTimes,
        chains: Vec<Vec<UnitName>>,
    }
    let (units, named) = super::tree::units(c, &args.names)?;
    let mut times: StartTimes = c.ask("StartTimes", &())?;
    let graph = Graph::new(&units);
    let roots = if named.is_empty() {
        last_of_boot(&times).map(|(_, n)| n.clone()).into_iter().collect()
    } else {
        named.clone()
    };
    let chains: Vec<Vec<UnitName>> = roots.iter().map(|root| chain(&times, &graph, root)).collect();
    if !named.is_empty() && !args.chain {
        times.units.retain(|u| named.contains(&u.name));
    }
    sorted(&mut times.units);
    let glyphs = c.out.glyphs;
    c.out.data(&Blame { times, chains }, |all, style| {
        let mut lines = Vec::new();
        if named.is_empty() && (style.width.is_some() || args.chain) {
            lines.extend(summary(&all.times));
            lines.push(Line::default());
        }
        if args.chain {
            for chain in &all.chains {
                lines.extend(chain_lines(&all.times, chain, &glyphs, style.width));
            }
        } else {
            lines.extend(blame(&all.times, style.width.is_some(), style.width));
        }
        text(&lines, style)
    })
}
