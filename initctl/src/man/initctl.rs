//! initctl(1), from the declaration of the command line.

use super::Text;
use crate::cli::Cli;
use clap::{Arg, Command, CommandFactory};
use roff::{Inline, bold, italic, roman};

pub(super) fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut text = Text::new("initctl", 1, lower(about.trim_end_matches('.')).as_str());
    text.section("SYNOPSIS");
    text.0.text([
        bold("initctl"),
        roman(" ["),
        italic("OPTION"),
        roman("...] ["),
        italic("VERB"),
        roman(" ["),
        italic("ARGUMENT"),
        roman("...]]"),
    ]);
    text.section("DESCRIPTION");
    text.prose(
        "Asks Rung's manager about services and levels, and has it change them. Without a verb: `list`. Units are named \
         with or without `.service`. Data goes to standard output, messages to standard error.",
    );
    text.section("OPTIONS");
    options(&mut text, &command, true);
    text.section("VERBS");
    for verb in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        text.sub(&usage(verb));
        text.prose(&stopped(verb.get_about().map(ToString::to_string).unwrap_or_default()));
        options(&mut text, verb, false);
        if let Some(more) = verb.get_after_help() {
            text.0.control("PP", []);
            text.prose(&more.to_string());
        }
    }
    let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    sections(&mut text, &more);
    text.finish("init(8), rung.unit(5), init.conf(5), telinit(8), runlevel(8), shutdown(8), service(8)")
}

/// The help's last part: headed blocks become sections.
fn sections(text: &mut Text, more: &str) {
    for block in more.split("\n\n") {
        match block.split_once(":\n") {
            Some((head, rest)) if !head.contains('\n') => {
                text.section(&head.to_uppercase());
                text.prose(rest);
            }
            _ => {
                text.section("NOTES");
                text.prose(block);
            }
        }
    }
}

fn options(text: &mut Text, command: &Command, global: bool) {
    let args = command.get_arguments().filter(|a| !a.is_hide_set() && a.is_global_set() == global);
    for arg in args.filter(|a| global || a.get_id() != "help") {
        let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
        help = stopped(help);
        if values.len() > 1 && arg.get_action().takes_values() {
            help.push_str(&format!(" One of: {}.", values.join(", ")));
        }
        let default: Vec<String> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        if !default.is_empty() && arg.get_action().takes_values() {
            help.push_str(&format!(" Default: {}.", default.join(" ")));
        }
        text.item(head(arg), &help);
    }
}

fn head(arg: &Arg) -> Vec<Inline> {
    let names: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names.join(" ") };
    if arg.is_positional() {
        return vec![italic(value)];
    }
    let mut flags: Vec<Inline> = Vec::new();
    for flag in arg.get_short().map(|c| format!("-{c}")).into_iter().chain(arg.get_long().map(|l| format!("--{l}"))) {
        if !flags.is_empty() {
            flags.push(roman(", "));
        }
        flags.push(bold(flag));
    }
    if arg.get_action().takes_values() {
        flags.extend([roman(" "), italic(value)]);
    }
    flags
}

/// clap takes the full stop away that ends a help text.
fn stopped(mut text: String) -> String {
    if text.ends_with(|c: char| c.is_alphanumeric() || c == ')' || c == '`') {
        text.push('.');
    }
    text
}

/// `start NAME...`
fn usage(verb: &Command) -> String {
    let text = verb.clone().render_usage().to_string();
    let text = text.strip_prefix("Usage: ").unwrap_or(&text).to_owned();
    text.trim_start_matches("initctl ").to_owned()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
