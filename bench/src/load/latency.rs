//! Many durations, and what part of them stayed below which.

use std::time::Duration;

/// Durations in nanoseconds. Sorted when they are asked.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latencies that these parts did not exceed, in microseconds: 0.5 is the median, 1.0 the longest.
    pub fn us<const N: usize>(&self, parts: [f64; N]) -> [f64; N] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        parts.map(|part| {
            let rank = (sorted.len() as f64 * part).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).map_or(0.0, |nanos| *nanos as f64 / 1e3)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_smallest_latency_that_so_many_did_not_exceed() {
        let mut latencies = Latencies::default();
        for us in (1..=100).rev() {
            latencies.add(Duration::from_micros(us));
        }
        assert_eq!(latencies.us([0.0, 0.5, 0.99, 1.0]), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(Latencies::default().us([0.5]), [0.0]);
    }
}
