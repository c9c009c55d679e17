//! Medians.

use serde::Serialize;

/// Of samples of one thing, one a round or more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stats {
    /// The least.
    pub min: f64,
    /// The one in the middle.
    pub median: f64,
    /// The one below which 95 of 100 lie.
    pub p95: f64,
    /// The most.
    pub max: f64,
    /// How many.
    pub samples: usize,
}

/// `None` of none.
pub fn stats(samples: &[f64]) -> Option<Stats> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let middle = (sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0;
    let high = (sorted.len() * 95).div_ceil(100).saturating_sub(1);
    Some(Stats { min: sorted[0], median: middle, p95: sorted[high], max: sorted[last], samples: sorted.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        assert_eq!(stats(&[]), None);
        let one = stats(&[2.0]).expect("one");
        assert_eq!((one.min, one.median, one.p95, one.max), (2.0, 2.0, 2.0, 2.0));
        let four = stats(&[4.0, 1.0, 3.0, 2.0]).expect("four");
        assert_eq!((four.min, four.median, four.p95, four.max), (1.0, 2.5, 4.0, 4.0));
        let many: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(stats(&many).map(|s| s.p95), Some(95.0));
    }
}
