//! Latency histograms with fixed bounds, four to a factor of ten: 1 ms, 1.8, 3.2, 5.6, 10 … 316 s. Fixed, so that two of
//! them merge by adding bucket to bucket, in SQL as well as here.

/// Buckets of a histogram: 23 bounds and what lies above the last.
pub(super) const BUCKETS: usize = 24;

/// Exclusive upper bounds in microseconds.
const BOUNDS_US: [u64; BUCKETS - 1] = [
    1_000,
    1_778,
    3_162,
    5_623,
    10_000,
    17_783,
    31_623,
    56_234,
    100_000,
    177_828,
    316_228,
    562_341,
    1_000_000,
    1_778_279,
    3_162_278,
    5_623_413,
    10_000_000,
    17_782_794,
    31_622_777,
    56_234_133,
    100_000_000,
    177_827_941,
    316_227_766,
];

/// The bucket that counts a duration.
pub(super) fn bucket(duration_us: u64) -> usize {
    BOUNDS_US.partition_point(|bound| *bound <= duration_us)
}

/// The duration below which the share `percent` of what was counted lies, in milliseconds, taking what a bucket counts
/// as evenly spread over it; nothing where nothing was counted.
pub(super) fn percentile_ms(counts: &[i64], percent: u32) -> Option<u32> {
    let total: i64 = counts.iter().sum();
    if total <= 0 {
        return None;
    }
    let rank = total as f64 * f64::from(percent) / 100.0;
    let mut below = 0.0;
    for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let count = *count as f64;
        if below + count >= rank {
            let low = index.checked_sub(1).map_or(0, |index| BOUNDS_US[index]) as f64;
            let high = BOUNDS_US.get(index).map_or(low, |bound| *bound as f64);
            let at_us = low + (high - low) * ((rank - below) / count);
            return Some((at_us / 1_000.0).round() as u32);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_on_a_bound_belongs_above_it() {
        assert_eq!((bucket(0), bucket(999), bucket(1_000), bucket(1_777)), (0, 0, 1, 1));
        assert_eq!((bucket(316_227_765), bucket(316_227_766), bucket(u64::MAX)), (22, 23, 23));
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(percentile_ms(&[0; BUCKETS], 50), None);
    }

    #[test]
    fn a_percentile_is_interpolated_within_its_bucket() {
        let mut counts = [0; BUCKETS];
        counts[12] = 10; // 562 ms to 1 s
        assert_eq!(percentile_ms(&counts, 50), Some(781));
        assert_eq!(percentile_ms(&counts, 100), Some(1_000));
        counts[23] = 1_000;
        assert_eq!(percentile_ms(&counts, 95), Some(316_228));
    }

    proptest! {
        #[test]
        fn a_percentile_lies_in_the_bucket_of_the_exact_one(
            mut durations in proptest::collection::vec(0u64..400_000_000, 1..200),
            percent in 1u32..=100,
        ) {
            let mut counts = [0i64; BUCKETS];
            for duration in &durations {
                counts[bucket(*duration)] += 1;
            }
            durations.sort_unstable();
            let rank = (durations.len() as u64 * u64::from(percent)).div_ceil(100).max(1) as usize;
            let exact = bucket(durations[rank - 1]);
            let low = exact.checked_sub(1).map_or(0, |index| BOUNDS_US[index]) / 1_000;
            let high = BOUNDS_US.get(exact).map_or(316_228, |bound| bound.div_ceil(1_000));
            let found = u64::from(percentile_ms(&counts, percent).expect("something was counted"));
            prop_assert!((low..=high).contains(&found), "{found} is not in {low}..={high}");
        }
    }
}
