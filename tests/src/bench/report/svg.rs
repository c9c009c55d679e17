//! The chart: bars on a logarithmic scale, the least on top; what is of this project has its own colour.

use super::{Report, is_ours};
use crate::bench::rows::{ROWS, Unit};
use std::fmt::Write as _;

/// What is shown, with a word on what it is; the first row of each that was measured.
const PANELS: [(&[&str], &str); 4] = [
    (&["start-1000", "start-100", "start-10"], "from the start of PID 1 until all services run"),
    (&["restart"], "from kill -9 of a service until it runs again"),
    (&["stop"], "from the request until all 100 services are gone"),
    (&["memory-100", "memory-10"], "private memory of the init's own processes"),
];

const WIDTH: f64 = 900.0;
const NAMES: f64 = 120.0;
const BARS: f64 = 520.0;
const LINE: f64 = 22.0;

/// Decades from the least to the most: `left` is a power of ten below all values.
struct Scale {
    left: f64,
    decades: f64,
}

impl Scale {
    fn new(values: &[f64]) -> Self {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min).log10().floor();
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max).log10().ceil();
        Self { left: least, decades: (most - least).max(1.0) }
    }

    fn x(&self, value: f64) -> f64 {
        (value.log10() - self.left) / self.decades * BARS
    }
}

fn colour(contender: &str) -> &'static str {
    match contender {
        c if c.starts_with("rung") => "#c2410c",
        c if c.starts_with("floor") => "#94a3b8",
        _ => "#3b6ea5",
    }
}

impl Report {
    /// As a picture that needs nothing else.
    pub fn svg(&self) -> String {
        let mut body = String::new();
        let mut y = 16.0;
        for (keys, what) in PANELS {
            let Some(key) = keys.iter().find(|k| self.rows.contains_key(**k)) else { continue };
            y = self.panel(&mut body, y, key, what);
        }
        let line = escape(&self.machine.line());
        let _ = writeln!(body, "<text x=\"16\" y=\"{:.0}\" class=\"small\">{line}</text>", y + 6.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {:.0}\" role=\"img\">\n\
             <title>Rung beside other inits</title>\n\
             <style>text{{font:13px system-ui,sans-serif;fill:#1f2937}}.head{{font-weight:600;font-size:15px}}\
             .small{{font-size:11px;fill:#6b7280}}.own{{font-weight:600}}line{{stroke:#e5e7eb}}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n",
            y + 20.0
        )
    }

    /// One row of the report; gives where the next may begin.
    fn panel(&self, body: &mut String, top: f64, key: &str, what: &str) -> f64 {
        let row = ROWS.iter().find(|r| r.key == key);
        let (title, unit) = row.map_or((key, Unit::Count), |r| (plain(r.title, key), r.unit));
        let mut bars: Vec<_> = self.rows.get(key).into_iter().flatten().filter(|(_, s)| s.median > 0.0).collect();
        bars.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
        if bars.is_empty() {
            return top;
        }
        let scale = Scale::new(&bars.iter().map(|(_, s)| s.median).collect::<Vec<_>>());
        let _ = writeln!(body, "<text x=\"16\" y=\"{:.0}\" class=\"head\">{}</text>", top + 14.0, escape(title));
        let _ =
            writeln!(body, "<text x=\"16\" y=\"{:.0}\" class=\"small\">{what}; logarithmic scale</text>", top + 30.0);
        let first = top + 52.0;
        let height = f64::from(u16::try_from(bars.len()).unwrap_or(0)) * LINE;
        for decade in 0..=scale.decades as u32 {
            let value = 10f64.powf(scale.left + f64::from(decade));
            let x = NAMES + scale.x(value);
            let _ = writeln!(
                body,
                "<line x1=\"{x:.1}\" y1=\"{:.0}\" x2=\"{x:.1}\" y2=\"{:.0}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.0}\" class=\"small\" text-anchor=\"middle\">{}</text>",
                first - 6.0,
                first + height - 4.0,
                first - 9.0,
                round(unit, value)
            );
        }
        let mut y = first;
        for (name, stats) in bars {
            let width = scale.x(stats.median).max(2.0);
            let ratio =
                self.floor(key, name).filter(|f| unit != Unit::Kb && f.median > 0.0 && !name.starts_with("floor"));
            let ratio = ratio.map_or(String::new(), |f| format!(" · {} × floor", short(stats.median / f.median)));
            let own = if is_ours(name) && name.starts_with("rung") { " class=\"own\"" } else { "" };
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\"{own}>{}</text>\
                 <rect x=\"{NAMES}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"14\" rx=\"2\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.0}\"{own}>{}{ratio}</text>",
                NAMES - 8.0,
                y + 11.0,
                escape(name),
                y,
                colour(name),
                NAMES + width + 8.0,
                y + 11.0,
                unit.show(stats.median)
            );
            y += LINE;
        }
        y + 18.0
    }
}

/// A title that stands alone.
fn plain<'a>(title: &'a str, key: &str) -> &'a str {
    match key {
        "start-1000" => "Start of 1000 services",
        "start-100" => "Start of 100 services",
        "start-10" => "Start of 10 services",
        "restart" => "Restart",
        "stop" => "Stop",
        "memory-100" => "Memory with 100 services",
        "memory-10" => "Memory with 10 services",
        _ => title,
    }
}

fn round(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ms if value >= 1000.0 => format!("{} s", value / 1000.0),
        Unit::Ms => format!("{value} ms"),
        Unit::Kb if value >= 1000.0 => format!("{} MB", value / 1000.0),
        Unit::Kb => format!("{value} kB"),
        _ => format!("{value}"),
    }
}

fn short(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.0}") } else { format!("{ratio:.2}") }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
