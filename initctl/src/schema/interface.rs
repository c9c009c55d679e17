//! The manager's types as JSON Schema: from the Varlink description of its interface, which a test of the manager's
//! compares with what it sends. Pure.

use serde_json::{Map, Value, json};
use std::vec::IntoIter;

/// Fields that Varlink can only call `object`, and what they are.
const UNIONS: &[(&str, &str)] = &[("last_exit", "Exit"), ("outcome", "Outcome"), ("result", "JobResult")];

/// A part of the description.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name, a type, `->`, one of `(),:`.
    Word(String),
    /// A comment's line.
    Comment(String),
    /// An empty line: a comment above it belongs to nothing below.
    Gap,
}

fn tokens(text: &str) -> IntoIter<Token> {
    let mut all = Vec::new();
    for line in text.lines() {
        let (code, comment) = line.split_once('#').map_or((line, None), |(code, rest)| (code, Some(rest)));
        if code.trim().is_empty() && comment.is_none() {
            all.push(Token::Gap);
        }
        let mut word = String::new();
        for c in code.chars().chain([' ']) {
            let alone = matches!(c, '(' | ')' | ',' | ':');
            if (alone || c.is_whitespace()) && !word.is_empty() {
                all.push(Token::Word(std::mem::take(&mut word)));
            }
            match c {
                _ if alone => all.push(Token::Word(c.to_string())),
                c if !c.is_whitespace() => word.push(c),
                _ => {}
            }
        }
        all.extend(comment.map(|c| Token::Comment(c.trim().to_owned())));
    }
    all.into_iter()
}

/// Reads tokens and keeps the comment before the next thing.
struct Reader {
    tokens: IntoIter<Token>,
    comment: Vec<String>,
}

impl Reader {
    fn word(&mut self) -> Option<String> {
        loop {
            match self.tokens.next()? {
                Token::Word(word) => return Some(word),
                Token::Comment(line) => self.comment.push(line),
                Token::Gap => self.comment.clear(),
            }
        }
    }

    /// What the comment before it says.
    fn about(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.comment).join(" ");
        (!text.is_empty()).then_some(text)
    }

    /// What stands between brackets: an object's fields, or words.
    fn body(&mut self) -> Value {
        let (mut words, mut properties, mut required) = (Vec::new(), Map::new(), Vec::new());
        let (mut name, mut about) = (String::new(), None);
        // The opening bracket.
        self.word();
        while let Some(word) = self.word() {
            match word.as_str() {
                "," | ")" => {
                    if !name.is_empty() {
                        words.push(std::mem::take(&mut name));
                    }
                    if word == ")" {
                        break;
                    }
                }
                ":" => {
                    let kind = self.word().unwrap_or_default();
                    if !kind.starts_with('?') {
                        required.push(name.clone());
                    }
                    let schema = described(kind_schema(&name, &kind), about.take());
                    properties.insert(std::mem::take(&mut name), schema);
                }
                _ => (name, about) = (word, self.about()),
            }
        }
        if properties.is_empty() && !words.is_empty() {
            return json!({ "enum": words });
        }
        json!({ "type": "object", "properties": properties, "required": required })
    }
}

fn kind_schema(name: &str, kind: &str) -> Value {
    if let Some(inner) = kind.strip_prefix('?') {
        return json!({ "anyOf": [kind_schema(name, inner), { "type": "null" }] });
    }
    if let Some(inner) = kind.strip_prefix("[]") {
        return json!({ "type": "array", "items": kind_schema(name, inner) });
    }
    match kind {
        "string" => json!({ "type": "string" }),
        "int" => json!({ "type": "integer" }),
        "bool" => json!({ "type": "boolean" }),
        "object" => match UNIONS.iter().find(|(field, _)| *field == name) {
            Some((_, union)) => json!({ "$ref": format!("#/$defs/{union}") }),
            None => json!({}),
        },
        named => json!({ "$ref": format!("#/$defs/{named}") }),
    }
}

fn described(mut schema: Value, about: Option<String>) -> Value {
    if let (Some(object), Some(about)) = (schema.as_object_mut(), about) {
        object.insert("description".to_owned(), about.into());
    }
    schema
}

/// Every type by its name, and every method's reply as `NAMEReply`.
pub fn definitions(description: &str) -> Map<String, Value> {
    let mut reader = Reader { tokens: tokens(description), comment: Vec::new() };
    let mut all = Map::new();
    while let Some(keyword) = reader.word() {
        let about = reader.about();
        let name = reader.word().unwrap_or_default();
        match keyword.as_str() {
            "type" => drop(all.insert(name, described(reader.body(), about))),
            "method" => {
                reader.body();
                // The arrow.
                reader.word();
                all.insert(format!("{name}Reply"), described(reader.body(), about));
            }
            "error" => drop(reader.body()),
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_fields_and_comments_are_read() {
        let text = "# The whole.\ninterface a.b\n\n# Two\n# lines.\ntype W (one, two)\n\n# Lost.\n\n\
                    method Do(x: int) -> (\n  # Its name.\n  name: string,\n  w: ?W, list: [][]string, outcome: object\n)\n\
                    error E (text: string)\nmethod No() -> ()\n";
        let wanted = json!({
            "W": { "enum": ["one", "two"], "description": "Two lines." },
            "DoReply": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "description": "Its name." },
                    "w": { "anyOf": [{ "$ref": "#/$defs/W" }, { "type": "null" }] },
                    "list": { "type": "array", "items": { "type": "array", "items": { "type": "string" } } },
                    "outcome": { "$ref": "#/$defs/Outcome" },
                },
                "required": ["name", "list", "outcome"],
            },
            "NoReply": { "type": "object", "properties": {}, "required": [] },
        });
        assert_eq!(Value::Object(definitions(text)), wanted);
    }
}
