//! What was measured, for people and for programs. Pure.

use super::Cost;
use serde_json::{Map, Value, json};

/// A column: what it is called, its figure, digits behind the point.
type Column = (&'static str, &'static str, fn(&Cost) -> f64, usize);

const COLUMNS: &[Column] = &[
    ("init → login, s", "login", |c| c.login, 1),
    ("init → nine up, s", "up", |c| c.up, 1),
    ("power-off → down, s", "off", |c| c.off, 1),
    ("processes until up", "processes", |c| c.processes, 0),
    ("memory of PID 1, kB", "first", |c| c.first, 0),
    ("of all its processes, kB", "all", |c| c.all, 0),
];

/// Median, least and most; zeroes where there is nothing.
fn spread(costs: &[Cost], figure: fn(&Cost) -> f64) -> [f64; 3] {
    let mut all: Vec<f64> = costs.iter().map(figure).collect();
    all.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (all.first(), all.last()) else { return [0.0; 3] };
    let middle = |at: usize| all.get(at).copied().unwrap_or_default();
    let median = f64::midpoint(middle((all.len() - 1) / 2), middle(all.len() / 2));
    [median, *least, *most]
}

/// A table of medians (least–most), and of each time's ratio to the first line's.
pub fn markdown(names: &[&str], costs: &[Vec<Cost>]) -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
    let mut text = format!("| PID 1 | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(COLUMNS.len()));
    for (name, own) in names.iter().zip(costs) {
        let cell = |(_, _, figure, digits): &Column| {
            let [median, least, most] = spread(own, *figure);
            let base = costs.first().map_or(0.0, |first| spread(first, *figure)[0]);
            let ratio = if base > 0.0 { format!(", {:.2}×", median / base) } else { String::new() };
            format!("{median:.digits$} ({least:.digits$}–{most:.digits$}){ratio}")
        };
        text += &format!("| {name} | {} |\n", COLUMNS.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    text
}

/// The figures of each boot, in rounds.
pub fn json(names: &[&str], costs: &[Vec<Cost>]) -> String {
    let boot = |cost: &Cost| COLUMNS.iter().map(|c| (c.1.to_owned(), json!(c.2(cost)))).collect::<Map<_, _>>();
    let all = names.iter().zip(costs).map(|(name, own)| {
        let boots: Vec<Value> = own.iter().map(|cost| Value::Object(boot(cost))).collect();
        ((*name).to_owned(), Value::Array(boots))
    });
    format!("{:#}\n", Value::Object(all.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_spreads_and_ratios() {
        let cost = |up: f64| Cost { login: 1.0, up, off: 2.0, processes: 10.0, first: 0.0, all: 4.0 };
        let costs = [vec![cost(4.0), cost(2.0), cost(3.0)], vec![cost(6.0), cost(7.0)]];
        let text = markdown(&["a", "b"], &costs);
        assert!(text.contains("| a | 1.0 (1.0–1.0), 1.00× | 3.0 (2.0–4.0), 1.00× |"), "{text}");
        assert!(text.contains("6.5 (6.0–7.0), 2.17× |"), "{text}");
        assert!(text.contains("| 10 (10–10), 1.00× | 0 (0–0) |"), "{text}");
        let value: Value = serde_json::from_str(&json(&["a", "b"], &costs)).expect("JSON");
        assert_eq!(value.pointer("/b/1/up"), Some(&json!(7.0)));
    }
}
