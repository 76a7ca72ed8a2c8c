//! Shares of the traffic. Which share a request falls into depends on a hash that is the same in every process and every
//! version: who has seen a new model keeps seeing it.

/// The whole, in hundredths of a per cent.
pub(crate) const WHOLE: u16 = 10_000;

/// A number that is spread evenly over all of `u64` and depends on nothing but the two texts. It never changes: FNV-1a over
/// both, with their lengths, and the last step of `MurmurHash3`.
#[must_use]
pub fn spread(salt: &str, key: &str) -> u64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    eat(&(salt.len() as u64).to_le_bytes());
    eat(salt.as_bytes());
    eat(key.as_bytes());
    mix(hash)
}

/// Spreads a number's bits.
pub(crate) fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// A number below `whole`, in proportion.
fn below(number: u64, whole: u64) -> u64 {
    let scaled = (u128::from(number) * u128::from(whole)) >> 64;
    // Less than `whole`, so it fits.
    u64::try_from(scaled).unwrap_or(0)
}

/// The point between 0 and [`WHOLE`] that a number falls on.
pub(crate) fn point(number: u64) -> u16 {
    u16::try_from(below(number, WHOLE.into())).unwrap_or(0)
}

/// One of several by weight, from an even number; nothing where all weights are 0.
#[must_use]
pub fn pick(weights: impl Iterator<Item = u32> + Clone, number: u64) -> Option<usize> {
    let whole = weights.clone().map(u64::from).sum();
    let mut left = below(number, whole);
    for (index, weight) in weights.map(u64::from).enumerate() {
        if left < weight {
            return Some(index);
        }
        left -= weight;
    }
    None
}

/// The share that an output's name says, in hundredths of a per cent: `10%`, `0.5%`, `25% new model`.
pub(crate) fn share(name: &str) -> Option<u16> {
    let (number, label) = name.split_once('%')?;
    if !label.is_empty() && !label.starts_with(' ') {
        return None;
    }
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, longest| (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 3) || !digits(part, 2) {
        return None;
    }
    let part: u16 = format!("{part:0<2}").parse().ok()?;
    let share = whole.parse::<u16>().ok()? * 100 + part;
    (1..=WHOLE).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_read_exactly() {
        for (name, expected) in [("10%", 1_000), ("0.5%", 50), ("0.05%", 5), ("100%", 10_000), ("25.0% b", 2_500)] {
            assert_eq!(share(name), Some(expected), "{name}");
        }
        for bad in ["", "10", "%", "0%", "101%", "-1%", "1.234%", "10%x", ".5%", "5.%", "1e1%", "100.01%"] {
            assert_eq!(share(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_hash_stays_what_it_is() {
        let points: Vec<_> = ["ann", "bob", "cy", ""].map(|key| spread("canary", key)).into();
        assert_eq!(points, GOLDEN);
        assert_ne!(spread("ab", "c"), spread("a", "bc"));
    }

    /// Worked out by another program.
    const GOLDEN: [u64; 4] =
        [2_819_422_634_118_127_524, 6_096_478_005_296_234_418, 2_005_538_184_494_396_625, 17_667_279_686_132_732_384];

    #[test]
    fn weights_hold() {
        let mut counts = [0u32; 3];
        for number in 0..30_000u64 {
            counts[pick([1, 0, 2].into_iter(), mix(number)).expect("one")] += 1;
        }
        assert!(counts[1] == 0 && counts[0].abs_diff(10_000) < 400, "{counts:?}");
        assert_eq!(pick([0, 0].into_iter(), 7), None);
    }

    proptest! {
        #[test]
        fn shares_converge(salt in "[a-z]{1,8}", percent in 1u16..100) {
            let users = 4_000u32;
            let hits = (0..users).filter(|user| point(spread(&salt, &format!("user-{user}"))) < percent * 100).count();
            let expected = f64::from(users) * f64::from(percent) / 100.0;
            // Six standard deviations of a fair split.
            prop_assert!((hits as f64 - expected).abs() < 6.0 * (expected.min(f64::from(users) - expected)).sqrt() + 1.0);
        }
    }
}
