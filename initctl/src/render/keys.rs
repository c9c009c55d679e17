//! Keys whose values differ: what stood there, what counts now, and where that is written.

use super::clean;
use crate::own::KeyChange;
use crate::terminal::{Paint, Style};

/// Three lines a key: its name, `- ` what it was, `+ ` what it is.
pub fn changed(keys: &[KeyChange], style: &Style) -> String {
    let show = |values: &[String]| if values.is_empty() { "(nothing)".to_owned() } else { values.join(" ; ") };
    let mut out = String::new();
    for key in keys {
        let place = key.place.as_deref().map(|p| format!("   # {p}")).unwrap_or_default();
        let before = style.paint(Paint::Bad, &clean(&format!("- {}", show(&key.before))));
        let after = style.paint(Paint::Good, &clean(&format!("+ {}", show(&key.after))));
        out.push_str(&format!("  {}=\n    {before}\n    {after}{place}\n", clean(&key.key)));
    }
    out
}
