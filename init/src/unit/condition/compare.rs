//! `>= 5.10`: numbers, and versions by the rules of the UAPI version format specification.

use crate::unit::glob;
use crate::unit::scalar;
use std::cmp::Ordering;

/// How two things are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// The whole text, as a pattern.
    Glob,
    NotGlob,
    /// The same text.
    Same,
    Other,
    Less,
    LessEqual,
    Equal,
    Unequal,
    GreaterEqual,
    Greater,
}

/// The longer ones first.
const OPERATORS: &[(&str, Operator)] = &[
    ("!$=", Operator::NotGlob),
    ("$=", Operator::Glob),
    ("<>", Operator::Unequal),
    ("<=", Operator::LessEqual),
    (">=", Operator::GreaterEqual),
    ("==", Operator::Equal),
    ("!=", Operator::Other),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=", Operator::Same),
];

/// The operator at the beginning, and the rest without white space before it.
pub(super) fn operator(text: &str) -> (Option<Operator>, &str) {
    let found = OPERATORS.iter().find_map(|(word, operator)| Some((*operator, text.strip_prefix(word)?)));
    found.map_or((None, text), |(operator, rest)| (Some(operator), rest.trim_start()))
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Equal | Self::Same | Self::Glob => order.is_eq(),
            Self::Unequal | Self::Other | Self::NotGlob => order.is_ne(),
            Self::GreaterEqual => order.is_ge(),
            Self::Greater => order.is_gt(),
        }
    }

    /// Whether `text` stands so to `reference`.
    pub fn compare(self, text: &str, reference: &str) -> bool {
        match self {
            Self::Glob => glob::matches(reference, text),
            Self::NotGlob => !glob::matches(reference, text),
            Self::Same => text == reference,
            Self::Other => text != reference,
            _ => self.holds(versions(text, reference)),
        }
    }
}

/// `>= 4`, `!= 2`; without an operator: at least so many.
pub(super) fn number(text: &str, read: &dyn Fn(&str) -> Option<u64>) -> Result<(Operator, u64), String> {
    let (operator, rest) = operator(text);
    let value = read(rest).ok_or_else(|| format!("`{rest}` is no number to compare with; expected is e.g. `>= 4`"))?;
    match operator.unwrap_or(Operator::GreaterEqual) {
        Operator::Glob | Operator::NotGlob => Err("a number is no pattern; compare with < <= = != >= >".to_owned()),
        operator => Ok((operator, value)),
    }
}

/// Whether a number stands so to another.
pub(super) fn numbers(operator: Operator, have: u64, wanted: u64) -> bool {
    operator.holds(have.cmp(&wanted))
}

pub(super) fn bytes(text: &str) -> Option<u64> {
    scalar::size(text).ok()
}

/// `>= 5.4 < 6`: all of them count. Without an operator: a pattern.
pub(super) fn expressions(text: &str) -> Result<Vec<(Operator, String)>, String> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (operator, after) = operator(rest);
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (version, after) = after.split_at_checked(end).unwrap_or((after, ""));
        if version.is_empty() {
            return Err("no version stands after the operator".to_owned());
        }
        all.push((operator.unwrap_or(Operator::Glob), version.to_owned()));
        rest = after.trim_start();
    }
    Ok(all)
}

/// The order of two versions.
pub(super) fn versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let part = |c: char| c.is_ascii_alphanumeric() || "~-^.".contains(c);
        a = a.trim_start_matches(|c| !part(c));
        b = b.trim_start_matches(|c| !part(c));
        if let Some(order) = mark(&mut a, &mut b, '~') {
            return order;
        }
        if a.is_empty() || b.is_empty() {
            return b.is_empty().cmp(&a.is_empty());
        }
        if let Some(order) = ['-', '^', '.'].into_iter().find_map(|c| mark(&mut a, &mut b, c)) {
            return order;
        }
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if digits(a) || digits(b) {
            let (x, y) = (take(&mut a, |c| c.is_ascii_digit()), take(&mut b, |c| c.is_ascii_digit()));
            let (whole_x, whole_y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let length = whole_x.len().cmp(&whole_y.len());
            // No number at all comes before any.
            y.is_empty().cmp(&x.is_empty()).then(length).then(whole_x.cmp(whole_y))
        } else {
            take(&mut a, |c| c.is_ascii_alphabetic()).cmp(take(&mut b, |c| c.is_ascii_alphabetic()))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes a mark off both; where only one has it, that one is the lower.
fn mark(a: &mut &str, b: &mut &str, c: char) -> Option<Ordering> {
    match (a.strip_prefix(c), b.strip_prefix(c)) {
        (Some(x), Some(y)) => {
            (*a, *b) = (x, y);
            None
        }
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (None, None) => None,
    }
}

fn take<'a>(text: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    *text = rest;
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_the_specification_says() {
        let rising = [
            "122.1~rc1",
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
            "124.010",
        ];
        for (index, low) in rising.iter().enumerate() {
            assert_eq!(versions(low, low), Ordering::Equal, "{low}");
            for high in rising.iter().skip(index + 1) {
                assert_eq!(versions(low, high), Ordering::Less, "{low} {high}");
                assert_eq!(versions(high, low), Ordering::Greater, "{high} {low}");
            }
        }
        assert_eq!(versions("6.01", "6.1"), Ordering::Equal);
    }

    #[test]
    fn expressions_are_split() {
        let both = vec![(Operator::GreaterEqual, "5.4".to_owned()), (Operator::Less, "6".to_owned())];
        assert_eq!(expressions(">= 5.4 <6"), Ok(both));
        assert_eq!(expressions("6.*"), Ok(vec![(Operator::Glob, "6.*".to_owned())]));
        assert!(expressions(">=").is_err());
        assert_eq!(number(">=4", &|t| t.parse().ok()), Ok((Operator::GreaterEqual, 4)));
        assert!(number("$=4", &|t| t.parse().ok()).is_err() && number("four", &|t| t.parse().ok()).is_err());
    }
}
