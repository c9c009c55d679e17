//! What `sysv generate` decided about each script that has a native twin: which of the two is the unit, and why.

use crate::sys::file;
use std::path::Path;

/// The file, beside the twins in their folder.
pub const FILE: &str = "decisions";

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The script's name.
    pub script: String,
    /// Why the script runs; `None`: its twin does.
    pub objection: Option<String>,
}

impl Decision {
    /// A line of the file.
    pub fn line(&self) -> String {
        let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
        format!("{}\t{}\n", plain(&self.script), plain(self.objection.as_deref().unwrap_or_default()))
    }

    fn read(line: &str) -> Option<Self> {
        let (script, why) = line.split_once('\t')?;
        Some(Self { script: script.to_owned(), objection: Some(why.to_owned()).filter(|why| !why.is_empty()) })
    }

    /// A sentence.
    pub fn sentence(&self) -> String {
        let script = &self.script;
        match &self.objection {
            None => format!(
                "its native twin does what /etc/init.d/{script} does, which is as Debian ships it (`Twins=!{script}` in \
                 init.conf has the script run)"
            ),
            Some(why) => format!("the script runs itself and not its native twin: {why}"),
        }
    }
}

/// What was decided about a name. `generated`: the generator's folder.
pub fn decision(generated: &Path, script: &str) -> Option<Decision> {
    let text = file::read_text(&generated.join("twins").join(FILE), 1 << 20).ok()?;
    text.lines().filter_map(Decision::read).find(|decision| decision.script == script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_lines() {
        for objection in [None, Some("it was\tchanged".to_owned())] {
            let decision = Decision { script: "kmod".into(), objection };
            let read = decision.line().lines().find_map(Decision::read).expect("a line");
            assert_eq!(read.objection, decision.objection.map(|why| why.replace('\t', " ")));
        }
        assert_eq!(Decision::read("nothing"), None);
    }
}
