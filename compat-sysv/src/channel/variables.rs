//! The variables that `telinit -e` and `shutdown` set for init's children; pure.
//!
//! As in sysvinit: names begin with `INIT_`, one without `=` is unset, and there is room for 16.

/// So many may be set.
const ROOM: usize = 16;
const PREFIX: &str = "INIT_";

/// `NAME` → value, in the order they were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// Sets and unsets, one after the other. What is no name of ours, and what there is no room for, is passed over.
    pub fn change(&mut self, list: &[String]) {
        for text in list {
            let (name, value) = text.split_once('=').map_or((text.as_str(), None), |(name, value)| (name, Some(value)));
            if !name.starts_with(PREFIX) {
                continue;
            }
            self.0.retain(|(known, _)| known != name);
            if let Some(value) = value.filter(|_| self.0.len() < ROOM) {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// The value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// As a file for `EnvironmentFile=`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            text += &format!("{name}=\"");
            for c in value.chars() {
                if "\"\\$`".contains(c) {
                    text.push('\\');
                }
                text.push(c);
            }
            text += "\"\n";
        }
        text
    }

    /// Takes in what [`Variables::text`] gave.
    pub fn restore(&mut self, text: &str) {
        for (name, value) in init::unit::envfile::parse(text).0 {
            self.change(&[format!("{name}={value}")]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(variables: &mut Variables, list: &[&str]) {
        variables.change(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn only_init_variables_are_kept_and_can_be_unset() {
        let mut variables = Variables::default();
        change(&mut variables, &["INIT_FOO=bar", "FOO=no", "INIT_HALT=HALT", "INIT_FOO=again"]);
        assert_eq!((variables.get("INIT_FOO"), variables.get("FOO")), (Some("again"), None));
        change(&mut variables, &["INIT_HALT", "HALT"]);
        assert_eq!(variables.get("INIT_HALT"), None);
    }

    #[test]
    fn there_is_room_for_16() {
        let mut variables = Variables::default();
        for n in 0..20 {
            change(&mut variables, &[&format!("INIT_{n}={n}")]);
        }
        assert_eq!((variables.0.len(), variables.get("INIT_16")), (16, None));
        change(&mut variables, &["INIT_3", "INIT_x=1"]);
        assert_eq!((variables.0.len(), variables.get("INIT_x")), (16, Some("1")));
    }

    #[test]
    fn the_file_gives_back_what_went_in() {
        let mut variables = Variables::default();
        change(&mut variables, &["INIT_A=a \"b\" $c `d` \\e 'f' # g", "INIT_B=", "INIT_C=two\nlines"]);
        let mut again = Variables::default();
        again.restore(&variables.text());
        assert_eq!(again, variables, "{}", variables.text());
    }
}
