//! What a request of the FIFO asks of Rung; pure.

use crate::fifo::Request;
use init::proto::control::PowerWord;
use init::unit::Level;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Switch; 0 and 6 end the machine.
    Level(Level),
    /// End the machine in this way.
    Power(PowerWord),
    /// Read the units and inittab again.
    Read,
    /// Execute PID 1 and the manager anew.
    Execute,
    /// Start what inittab has for `A`, `B`, `C`.
    Demand(char),
    /// Start what inittab has for this.
    Occasion(&'static str),
    /// It can't be done: why.
    No(String),
}

/// `None`: no request that anybody has ever acted on. `halt`: the variable `INIT_HALT`.
pub fn wish(request: &Request, halt: Option<&str>) -> Option<Wish> {
    Some(match request {
        Request::RunLevel { level, .. } => by_letter(char::from(*level), halt),
        Request::PowerFail { .. } => Wish::Occasion("powerfail"),
        Request::PowerFailNow { .. } => Wish::Occasion("powerfailnow"),
        Request::PowerOk { .. } => Wish::Occasion("powerok"),
        Request::Start | Request::SetEnv(_) | Request::Other(_) => return None,
    })
}

fn by_letter(letter: char, halt: Option<&str>) -> Wish {
    match letter.to_ascii_uppercase() {
        'Q' => Wish::Read,
        'U' => Wish::Execute,
        letter @ 'A'..='C' => Wish::Demand(letter),
        // Single user mode.
        'S' => Wish::Level(Level::SINGLE),
        '0' if halt == Some("HALT") => Wish::Power(PowerWord::Halt),
        '0' if halt == Some("POWEROFF") => Wish::Power(PowerWord::PowerOff),
        letter @ '7'..='9' => Wish::No(format!("no runlevel {letter}: S and 0 to 6 are")),
        other => match Level::from_char(other) {
            Some(level) => Wish::Level(level),
            None => Wish::No(format!("bad runlevel: {}", other.escape_default())),
        },
    }
}

/// The occasion that a SIGPWR is, by the first byte of the status file.
pub fn power_status(byte: Option<u8>) -> &'static str {
    match byte {
        Some(b'O') => "powerok",
        Some(b'L') => "powerfailnow",
        _ => "powerfail",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_its_meaning() {
        let ask = |letter: char| {
            let level = u8::try_from(letter).expect("ASCII");
            wish(&Request::RunLevel { level, sleep_time: 3 }, None).expect("a wish")
        };
        for letter in '0'..='6' {
            assert_eq!(ask(letter), Wish::Level(Level::from_char(letter).expect("level")));
        }
        assert_eq!([ask('s'), ask('S')], [Wish::Level(Level::SINGLE), Wish::Level(Level::SINGLE)]);
        assert_eq!([ask('q'), ask('Q')], [Wish::Read, Wish::Read]);
        assert_eq!([ask('u'), ask('U')], [Wish::Execute, Wish::Execute]);
        assert_eq!([ask('a'), ask('B'), ask('c')], [Wish::Demand('A'), Wish::Demand('B'), Wish::Demand('C')]);
        assert_eq!(ask('x'), Wish::No("bad runlevel: X".into()));
        assert_eq!(ask('\0'), Wish::No("bad runlevel: \\u{0}".into()));
        assert!(matches!(ask('7'), Wish::No(_)));
    }

    #[test]
    fn shutdown_says_by_a_variable_how_level_0_ends() {
        let ask = |level: u8, halt| wish(&Request::RunLevel { level, sleep_time: 3 }, halt);
        assert_eq!(ask(b'0', Some("HALT")), Some(Wish::Power(PowerWord::Halt)));
        assert_eq!(ask(b'0', Some("POWEROFF")), Some(Wish::Power(PowerWord::PowerOff)));
        assert_eq!(ask(b'6', Some("HALT")), Some(Wish::Level(Level::REBOOT)));
    }

    #[test]
    fn power_has_its_occasions_and_the_rest_is_unimplemented() {
        assert_eq!(wish(&Request::PowerFail { sleep_time: 1 }, None), Some(Wish::Occasion("powerfail")));
        assert_eq!(wish(&Request::PowerFailNow { sleep_time: 1 }, None), Some(Wish::Occasion("powerfailnow")));
        assert_eq!(wish(&Request::PowerOk { sleep_time: 1 }, None), Some(Wish::Occasion("powerok")));
        assert_eq!([wish(&Request::Start, None), wish(&Request::Other(5), None)], [None, None]);
        let all = [None, Some(b'F'), Some(b'?'), Some(b'O'), Some(b'L')].map(power_status);
        assert_eq!(all, ["powerfail", "powerfail", "powerfail", "powerok", "powerfailnow"]);
    }
}
