//! The boot as a picture: SVG that needs nothing else, for light and dark pages. Pure.
//!
//! From top to bottom: title, legend, the parts of the boot, a bar for each unit, load. A unit's name stands behind its
//! start, or before it where the picture ends first; where it fits on neither side, the picture is made wider.

use super::course::{Course, has_failed, took};
use super::{BEFORE, summary};
use crate::render::amount::{cpu, span};
use crate::render::time;
use crate::terminal::width;
use init::proto::control::{BootUnit, Load};
use std::fmt::Write;

/// Around everything.
const MARGIN: f64 = 28.0;
/// A character of a bar's text, wide enough for every font that a browser may take.
const LETTER: f64 = 7.2;
/// Between a bar and its text.
const GAP: f64 = 5.0;
/// A curve's height.
const CURVE: f64 = 72.0;
/// A row of level changes' names.
const ROW: f64 = 15.0;
/// The narrowest bar that can be seen.
const THIN: f64 = 1.5;

const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2328}\
.title{font-size:20px;font-weight:600}.muted{fill:#667080}.small{font-size:11px;fill:#667080}\
.page{fill:#ffffff}.stripe{fill:#f6f7f9}.grid{stroke:#e3e6ea}.frame{fill:none;stroke:#d5d9df}\
.wait{fill:#cfd5dd}.start{fill:#2b6cd4}.run{fill:#d3e3fb}\
.bad .start{fill:#d1242f}.bad .run{fill:#fbd5d7}.bad .wait{fill:#eec3c6}.bad text{fill:#b3141f}\
.level{stroke:#8250df;stroke-dasharray:3 3}.mark{fill:#7340cf;font-size:11px}\
.kernel{fill:#e4d9f8}.init{fill:#cdbbf2}.part0{fill:#dbe7fb}.part1{fill:#c2d7f9}.last{fill:#e8eaee}\
.busy{fill:#2f9e6e}.iowait{fill:#eda63a}.read{fill:#2b6cd4;fill-opacity:.55}.written{fill:#d9573b;fill-opacity:.55}\
.unit:hover .wait,.unit:hover .start,.unit:hover .run{stroke:#1f2328}\
@media(prefers-color-scheme:dark){text{fill:#e4e7eb}.muted,.small{fill:#98a2b0}.page{fill:#15181d}\
.stripe{fill:#1b1f26}.grid{stroke:#2a3039}.frame{stroke:#363d48}.wait{fill:#434b57}.start{fill:#5d9bff}.run{fill:#22375a}\
.bad .start{fill:#ff6b6b}.bad .run{fill:#552a2e}.bad .wait{fill:#6b4448}.bad text{fill:#ff9a9a}\
.level{stroke:#a78bfa}.mark{fill:#b9a3fb}.kernel{fill:#3a2f57}.init{fill:#4c3c78}.part0{fill:#22375a}.part1{fill:#2c4875}\
.last{fill:#2a3039}.busy{fill:#3fb985}.iowait{fill:#d9932c}.read{fill:#5d9bff}.written{fill:#f07a5f}\
.unit:hover .wait,.unit:hover .start,.unit:hover .run{stroke:#e4e7eb}}";

/// What is drawn so far, and where a moment is.
struct Picture<'a> {
    course: Course<'a>,
    out: String,
    /// Pixels a millisecond.
    scale: f64,
    /// The width of the boot.
    span: f64,
    /// The width of everything.
    width: f64,
}

/// Where a bar's text goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    /// Behind the start, from there on.
    Behind(f64),
    /// Before it, up to there.
    Before(f64),
}

/// A level change.
struct Mark {
    at: u64,
    name: String,
    line: f64,
    /// What its name takes.
    from: f64,
    to: f64,
    /// It stands left of the line.
    left: bool,
    row: usize,
}

/// Text within XML; control characters have no place there.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "a picture's pixels are far coarser")]
fn float(number: u64) -> f64 {
    number as f64
}

fn wide(text: &str) -> f64 {
    float(width(text) as u64) * LETTER
}

/// 1, 2 or 5 times a power of ten, so that about `most` of them make up `whole`.
fn step(whole: u64, most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = unit.saturating_mul(factor);
            if whole / step.max(1) <= most || step == u64::MAX {
                return step.max(1);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A tick's name: `0`, `500ms`, `1.5s`, `2min`, `2min 10s`.
fn tick(ms: u64) -> String {
    match ms {
        0 => "0".to_owned(),
        1..1000 => format!("{ms}ms"),
        1000..60_000 => {
            let text = format!("{}.{:03}", ms / 1000, ms % 1000);
            format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => span(ms).trim_end_matches(" 0s").to_owned(),
    }
}

/// The picture; `offset`: seconds that local time is east of UTC.
pub fn svg(course: &Course<'_>, offset: i32) -> String {
    let total = course.total().max(1);
    let pixels = (float(total) * 0.14).clamp(980.0, 1640.0);
    let mut picture =
        Picture { course: *course, out: String::new(), scale: pixels / float(total), span: pixels, width: pixels };
    let units = course.units();
    let row = match units.len() {
        0..=80 => 20.0,
        81..=200 => 17.0,
        _ => 15.0,
    };
    let sides: Vec<Side> = units.iter().map(|unit| picture.side(unit)).collect();
    for (unit, side) in units.iter().zip(&sides) {
        if let Side::Behind(x) = side {
            picture.width = picture.width.max(x + label_width(unit));
        }
    }
    let marks = picture.level_marks();
    let named = 112.0 + ROW * float(marks.iter().map(|mark| mark.row).max().unwrap_or(0) as u64);
    let top = picture.head(named, offset);
    let bars = top + row * float(units.len() as u64) + 6.0;
    let loads = if course.record.load.len() > 2 { 2.0 * (CURVE + 34.0) } else { 0.0 };
    let bottom = bars + loads;
    for index in (1..units.len()).step_by(2) {
        let y = top + 3.0 + row * float(index as u64);
        picture.rect("stripe", 0.0, y, picture.width, row);
    }
    picture.grid(top, bottom);
    picture.marks(&marks, named, bottom);
    for (index, (unit, side)) in units.iter().zip(&sides).enumerate() {
        picture.unit(unit, *side, top + 3.0 + row * float(index as u64), row);
    }
    if loads > 0.0 {
        picture.processors(bars + 28.0);
        picture.disks(bars + 28.0 + CURVE + 34.0);
    }
    let mut foot = bottom + 36.0;
    let mut note = |picture: &mut Picture<'_>, text: &str| {
        picture.text("small", 0.0, foot, "start", text);
        foot += 16.0;
    };
    if loads <= 0.0 {
        note(
            &mut picture,
            "The load of processors and disks isn't known: it is kept with the record of a boot that is done.",
        );
    }
    if !course.record.container {
        note(&mut picture, &format!("{}.", BEFORE.replacen('w', "W", 1)));
    }
    let (width, height) = ((picture.width + 2.0 * MARGIN).ceil(), foot.ceil() + 8.0);
    let name = xml(&format!("Boot of {}", course.record.host));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"-{MARGIN} 0 {width} {height}\" role=\"img\">\n<title>{name}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"-{MARGIN}\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
        picture.out
    )
}

/// `web` and `2.500s`
fn label(unit: &BootUnit) -> (&str, String) {
    let said = match (took(unit), unit.begun_ms) {
        (Some(ms), _) => span(ms),
        (None, Some(_)) => "not ready yet".to_owned(),
        (None, None) => "never began".to_owned(),
    };
    (unit.name.short(), said)
}

/// How much room that takes.
fn label_width(unit: &BootUnit) -> f64 {
    let (name, said) = label(unit);
    wide(name) + wide(&said) + LETTER
}

impl Picture<'_> {
    fn x(&self, ms: u64) -> f64 {
        float(self.course.at(ms.min(self.course.end))) * self.scale
    }

    fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ =
            writeln!(self.out, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
    }

    fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = xml(text);
        let anchor = if anchor == "start" { String::new() } else { format!(" text-anchor=\"{anchor}\"") };
        let _ = writeln!(self.out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{text}</text>");
    }

    /// Title, legend, parts below what is named at `named`, ticks; where the bars begin.
    fn head(&mut self, named: f64, offset: i32) -> f64 {
        let (course, record) = (self.course, self.course.record);
        let host = if record.host.is_empty() { "the machine".to_owned() } else { record.host.clone() };
        let end = if course.is_done() {
            format!("up in {}", span(course.total()))
        } else {
            format!("{} after {}", course.outcome(true), span(course.total()))
        };
        self.text("title", 0.0, 34.0, "start", &format!("{host}: {end}"));
        let kernel = if record.kernel.is_empty() { String::new() } else { format!("kernel {}  ·  ", record.kernel) };
        let about = |units: &str| {
            let begun = time::moment(course.clock(course.base), offset);
            format!("{begun}  ·  {kernel}Rung {}  ·  boot {}  ·  {units}", record.version, record.boot)
        };
        let mut text = about(&summary(&course));
        if wide(&text) > self.width {
            text = about(&format!("{} units, {} failed", course.units().len(), course.failed().len()));
        }
        self.width = self.width.max(wide(&text));
        self.text("muted", 0.0, 56.0, "start", &text);
        self.legend(80.0);
        self.parts(named + 7.0);
        named + 55.0
    }

    fn legend(&mut self, y: f64) {
        let mut x = 0.0;
        let load = self.course.record.load.len() > 2;
        let failed = !self.course.failed().is_empty();
        let keys = [
            (true, "", "wait", "waiting"),
            (true, "", "start", "starting"),
            (true, "", "run", "running"),
            (failed, "bad", "start", "failed"),
            (load, "", "busy", "CPU busy"),
            (load, "", "iowait", "waiting for disks"),
            (load, "", "read", "read"),
            (load, "", "written", "written"),
        ];
        for (_, group, class, text) in keys.into_iter().filter(|key| key.0) {
            let _ = writeln!(self.out, "<g class=\"{group}\">");
            self.rect(class, x, y - 10.0, 14.0, 11.0);
            self.out.push_str("</g>\n");
            self.text("small", x + 19.0, y, "start", text);
            x += 19.0 + wide(text) + 14.0;
        }
    }

    /// The parts of the boot, one behind the other.
    fn parts(&mut self, y: f64) {
        let mut level = 0;
        for part in self.course.parts() {
            let end = part.done_ms.unwrap_or_else(|| self.course.total());
            let (from, to) = (float(part.begun_ms) * self.scale, float(end) * self.scale);
            let class = match part.name.as_str() {
                "kernel" => "kernel",
                "init" => "init",
                _ => {
                    level += 1;
                    if level % 2 == 1 { "part0" } else { "part1" }
                }
            };
            let took = span(end.saturating_sub(part.begun_ms));
            let _ = writeln!(self.out, "<g><title>{} {took}</title>", xml(&part.name));
            self.rect(class, from, y, (to - from).max(THIN), 22.0);
            let texts = [format!("{}  {took}", part.name), took, part.name];
            if let Some(text) = texts.iter().find(|text| wide(text) + 10.0 <= to - from) {
                self.text("", f64::midpoint(from, to), y + 15.0, "middle", text);
            }
            self.out.push_str("</g>\n");
        }
    }

    fn grid(&mut self, top: f64, bottom: f64) {
        let total = self.course.total().max(1);
        let step = step(total, 12);
        let mut at = 0;
        while at <= total {
            let x = float(at) * self.scale;
            self.line("grid", (x, top), (x, bottom));
            self.text("small", x, top - 7.0, "middle", &tick(at));
            if bottom - top > 400.0 {
                self.text("small", x, bottom + 14.0, "middle", &tick(at));
            }
            at = at.saturating_add(step);
        }
    }

    /// Level changes, and where their names stand: each right of its line, above those whose lines would cross it.
    fn level_marks(&self) -> Vec<Mark> {
        let levels = self.course.levels().iter();
        let mut moments: Vec<(u64, String)> = levels.map(|l| (l.begun_ms, format!("runlevel {}", l.level))).collect();
        if self.course.is_done() {
            moments.push((self.course.end, "all up".to_owned()));
        }
        let mut marks: Vec<Mark> = Vec::new();
        for (at, name) in moments.into_iter().rev() {
            let (line, room) = (self.x(at), wide(&name) + 12.0);
            // The last one has nothing to its right.
            let left = line + room > self.span;
            let (from, to) = if left { (line - room, line) } else { (line, line + room) };
            let crosses = |mark: &&Mark| mark.from < to && mark.line.max(mark.to) > from;
            let row = marks.iter().filter(crosses).map(|mark| mark.row + 1).max().unwrap_or(0);
            marks.push(Mark { at, name, line, from, to, left, row });
        }
        marks
    }

    /// Lines at level changes, from their names at `top` through everything.
    fn marks(&mut self, marks: &[Mark], top: f64, bottom: f64) {
        for mark in marks {
            let y = top - ROW * float(mark.row as u64);
            self.line("level", (mark.line, y - 10.0), (mark.line, bottom));
            let (x, anchor) = if mark.left { (mark.line - 5.0, "end") } else { (mark.line + 5.0, "start") };
            let at = span(self.course.at(mark.at));
            let _ = writeln!(self.out, "<g><title>{} at {at}</title>", xml(&mark.name));
            self.text("mark", x, y, anchor, &mark.name);
            self.out.push_str("</g>\n");
        }
    }

    /// The four moments of a unit's bar as places.
    fn places(&self, unit: &BootUnit) -> [f64; 4] {
        let end = self.course.end;
        let queued = unit.queued_ms.or(unit.begun_ms).unwrap_or(end);
        let begun = unit.begun_ms.or(unit.ended_ms).unwrap_or(end);
        let done = unit.done_ms.or(unit.ended_ms).unwrap_or(end);
        let ended = unit.ended_ms.unwrap_or(end);
        let [queued, begun, done, ended] = [queued, begun, done, ended].map(|ms| self.x(ms));
        [queued, begun.max(queued), done.max(begun), ended.max(done)]
    }

    fn side(&self, unit: &BootUnit) -> Side {
        let [_, begun, done, _] = self.places(unit);
        let room = label_width(unit) + GAP;
        let behind = done.max(begun + THIN) + GAP;
        if behind + room > self.span && begun - GAP >= room { Side::Before(begun - GAP) } else { Side::Behind(behind) }
    }

    fn unit(&mut self, unit: &BootUnit, side: Side, y: f64, row: f64) {
        let [queued, begun, done, ended] = self.places(unit);
        let bad = if has_failed(unit) { " bad" } else { "" };
        let title = self.told(unit);
        let _ = writeln!(self.out, "<g class=\"unit{bad}\"><title>{}</title>", xml(&title));
        let (y, height) = (y + 2.0, row - 4.0);
        if begun > queued {
            self.rect("wait", queued, y, begun - queued, height);
        }
        if unit.begun_ms.is_some() {
            if ended > done && unit.done_ms.is_some() {
                self.rect("run", done, y, ended - done, height);
            }
            self.rect("start", begun, y, (done - begun).max(THIN), height);
        }
        let (x, anchor) = match side {
            Side::Behind(x) => (x, "start"),
            Side::Before(x) => (x, "end"),
        };
        let (name, said) = label(unit);
        let _ = writeln!(
            self.out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{} <tspan class=\"muted\">{said}</tspan></text></g>",
            y + height / 2.0 + 4.2,
            xml(name)
        );
    }

    /// What a unit's tooltip says.
    fn told(&self, unit: &BootUnit) -> String {
        let at = |ms: u64| span(self.course.at(ms));
        let mut text = unit.name.as_str().to_owned();
        if let (Some(queued), Some(begun)) = (unit.queued_ms, unit.begun_ms) {
            let after = unit.after.as_ref().map(|name| format!(", last for {}", name.short())).unwrap_or_default();
            let _ = write!(text, "\nasked for at {}, waited {}{after}", at(queued), span(begun.saturating_sub(queued)));
        }
        match (unit.begun_ms, unit.done_ms) {
            (Some(begun), Some(done)) => {
                let took = span(done.saturating_sub(begun));
                let _ = write!(text, "\nstarted from {} to {}: {took}", at(begun), at(done));
            }
            (Some(begun), None) => {
                let _ = write!(text, "\nstarted at {}, not ready when this was drawn", at(begun));
            }
            _ => text.push_str("\nnever began: something it requires failed"),
        }
        if let Some(ms) = unit.cpu_ms {
            let _ = write!(text, "\nCPU {}", cpu(ms));
        }
        if let (Some(_), Some(ended)) = (unit.begun_ms, unit.ended_ms) {
            let _ = write!(text, "\ndown at {}", at(ended));
        }
        if has_failed(unit) && unit.begun_ms.is_some() {
            text.push_str("\nfailed");
        }
        text
    }

    /// Looks far enough apart to tell something, within the boot.
    fn looks(&self) -> Vec<(Load, Load)> {
        let mut pairs = Vec::new();
        let mut last: Option<Load> = None;
        for look in self.course.record.load.iter().filter(|l| l.at_ms >= self.course.base && l.at_ms <= self.course.end)
        {
            match last {
                // Fewer ticks than that are noise.
                Some(before) if look.total.saturating_sub(before.total) < 4 => continue,
                Some(before) => pairs.push((before, *look)),
                None => {}
            }
            last = Some(*look);
        }
        pairs
    }

    /// A curve in steps above `base`: where each begins and ends, and its height from 0 to 1.
    fn curve(&mut self, class: &str, base: f64, steps: &[(u64, u64, f64)]) {
        let Some((first, ..)) = steps.first() else { return };
        let mut path = format!("M{:.1} {base:.1}", self.x(*first));
        for (from, to, height) in steps {
            let y = base - height.clamp(0.0, 1.0) * CURVE;
            let _ = write!(path, "L{:.1} {y:.1}H{:.1}", self.x(*from), self.x(*to));
        }
        let end = steps.last().map_or(*first, |step| step.1);
        let _ = writeln!(self.out, "<path class=\"{class}\" d=\"{path}L{:.1} {base:.1}Z\"/>", self.x(end));
    }

    fn processors(&mut self, y: f64) {
        let looks = self.looks();
        let part = |of: fn(&Load) -> u64| -> Vec<(u64, u64, f64)> {
            let share = |(a, b): &(Load, Load)| {
                float(of(b).saturating_sub(of(a))) / float(b.total.saturating_sub(a.total).max(1))
            };
            looks.iter().map(|pair| (pair.0.at_ms, pair.1.at_ms, share(pair))).collect()
        };
        self.text("", 0.0, y - 6.0, "start", "CPU");
        self.text("small", self.span, y - 6.0, "end", "all processors: 100 %");
        // What waits for disks stands on top of what works.
        self.curve("iowait", y + CURVE, &part(|l| l.busy + l.iowait));
        self.curve("busy", y + CURVE, &part(|l| l.busy));
        self.rect("frame", 0.0, y, self.span, CURVE);
    }

    fn disks(&mut self, y: f64) {
        let looks = self.looks();
        // KiB a second.
        let rate = |of: fn(&Load) -> u64| -> Vec<(u64, u64, f64)> {
            let rate = |(a, b): &(Load, Load)| {
                float(of(b).saturating_sub(of(a))) * 1000.0 / float(b.at_ms.saturating_sub(a.at_ms).max(1))
            };
            looks.iter().map(|pair| (pair.0.at_ms, pair.1.at_ms, rate(pair))).collect()
        };
        let (mut read, mut written) = (rate(|l| l.read_kib), rate(|l| l.written_kib));
        let most = read.iter().chain(&written).map(|step| step.2).fold(0.0, f64::max);
        self.text("", 0.0, y - 6.0, "start", "Disks");
        let peak =
            if most < 0.5 { "neither read nor written".to_owned() } else { format!("peak {}", throughput(most)) };
        self.text("small", self.span, y - 6.0, "end", &peak);
        for step in read.iter_mut().chain(&mut written) {
            step.2 /= most.max(0.5);
        }
        self.curve("read", y + CURVE, &read);
        self.curve("written", y + CURVE, &written);
        self.rect("frame", 0.0, y, self.span, CURVE);
    }
}

fn throughput(kib: f64) -> String {
    if kib < 1024.0 { format!("{kib:.0} KiB/s") } else { format!("{:.1} MiB/s", kib / 1024.0) }
}

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
