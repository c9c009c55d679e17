use super::place::Place;
pub(super) fn at(_: &Place, _: &str, _: &[String]) -> u8 {
    1
}
