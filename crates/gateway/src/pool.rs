//! Which of several to ask: keys of a provider, or targets that a route balances.
//!
//! Who rested and may be tried again comes first, with one request at a time, so that it is found out on live traffic; whoever asked
//! goes on to another if it fails. Then those that are well, by the chosen rule; then those of weight 0, which stand by for that; and
//! where all rest the one that rests for the shortest time yet.

use domain::settings::Balance;
use tokio::time::Instant;

use crate::health::{Health, Standing};

/// A conversation goes elsewhere than to the one that has its beginning in the cache where that one has so many requests under way
/// more than its share and a quarter (consistent hashing with bounded loads, Mirrokni and others, 2016).
const TOO_BUSY: u64 = 8;

/// One that may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Names it, whoever the others are.
    pub id: u64,
    /// Its share of the requests beside the others'.
    pub weight: u32,
    pub standing: Standing,
    pub latency_us: u64,
    pub busy: u32,
}

/// By which rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub balance: Balance,
    /// What keeps to one of them: a conversation, a session.
    pub affinity: Option<u64>,
    /// A random number of the request.
    pub random: u64,
}

impl Candidate {
    /// One that fares as these do, be it known or not: its key and its address.
    pub(crate) fn new(id: u64, weight: u32, healths: [Option<&Health>; 2], now: Instant) -> Self {
        let of = |read: fn(&Health) -> u64| healths.iter().flatten().map(|health| read(health)).max().unwrap_or(0);
        let standing = healths.iter().flatten().map(|health| health.standing(now)).max().unwrap_or(Standing::Ready);
        let busy = u32::try_from(of(|health| health.busy().into())).unwrap_or(u32::MAX);
        Self { id, weight, standing, latency_us: of(Health::latency_us), busy }
    }

    /// How long it would take, as far as one can know: nobody is known to be quick, so that everybody is asked once.
    fn load(&self, balance: Balance) -> u128 {
        let busy = u128::from(self.busy) + 1;
        match balance {
            Balance::Latency => busy * u128::from(self.latency_us) * u128::from(SCALE / self.weight.clamp(1, SCALE)),
            Balance::Busy => busy * u128::from(SCALE / self.weight.clamp(1, SCALE)),
            Balance::Weighted => 0,
        }
    }
}

/// The greatest weight.
const SCALE: u32 = domain::provider::MAX_WEIGHT;

/// The place of the one to ask; none where there is none.
pub(crate) fn pick(all: &[Candidate], rule: Rule) -> Option<usize> {
    let probed = all.iter().position(|one| one.standing == Standing::Probe && one.weight > 0);
    probed.or_else(|| pick_ready(all, rule)).or_else(|| {
        let waiting = all.iter().enumerate().filter(|(_, one)| one.standing != Standing::Ready || one.weight == 0);
        waiting.min_by_key(|(place, one)| (one.standing, *place)).map(|(place, _)| place)
    })
}

fn pick_ready(all: &[Candidate], rule: Rule) -> Option<usize> {
    let is_ready = |one: &Candidate| one.standing == Standing::Ready && one.weight > 0;
    let ready = || all.iter().enumerate().filter(|(_, one)| is_ready(one));
    let weights: u64 = ready().map(|(_, one)| u64::from(one.weight)).sum();
    if weights == 0 {
        return None;
    }
    if let Some(affinity) = rule.affinity {
        let busy: u64 = ready().map(|(_, one)| u64::from(one.busy)).sum();
        let has_room = |one: &Candidate| {
            let part = busy.saturating_mul(u64::from(one.weight)).div_ceil(weights);
            u64::from(one.busy) <= TOO_BUSY + part + part / 4
        };
        let kept = ready().filter(|(_, one)| has_room(one));
        let kept = kept.max_by(|(_, a), (_, b)| score(affinity, a).total_cmp(&score(affinity, b)));
        if let Some((place, _)) = kept {
            return Some(place);
        }
    }
    let drawn = |random: u64| {
        let mut point = share(random, weights);
        ready().find(|(_, one)| match point.checked_sub(u64::from(one.weight)) {
            Some(rest) => {
                point = rest;
                false
            }
            None => true,
        })
    };
    let (first, one) = drawn(rule.random)?;
    if rule.balance == Balance::Weighted {
        return Some(first);
    }
    // Two choices: the better of two at random is never the worst, and not everybody's favourite.
    let other = ready().filter(|(place, _)| *place != first).count() as u64;
    if other == 0 {
        return Some(first);
    }
    let skip = usize::try_from(share(mix(rule.random), other)).unwrap_or_default();
    let (second, two) = ready().filter(|(place, _)| *place != first).nth(skip)?;
    Some(if two.load(rule.balance) < one.load(rule.balance) { second } else { first })
}

/// A number below `most` that is as evenly spread as `random` is.
fn share(random: u64, most: u64) -> u64 {
    u64::try_from((u128::from(random) * u128::from(most)) >> 64).unwrap_or_default()
}

/// Rendezvous hashing with weights: whoever leaves or comes moves only what was, or will be, its own.
fn score(affinity: u64, one: &Candidate) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a draw needs no more than 53 bits")]
    let drawn = ((mix(affinity ^ mix(one.id)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(one.weight) / drawn.ln()
}

/// Spreads the bits of a number (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn ready(id: u64, weight: u32) -> Candidate {
        Candidate { id, weight, standing: Standing::Ready, latency_us: 0, busy: 0 }
    }

    fn rule(balance: Balance, affinity: Option<u64>, random: u64) -> Rule {
        Rule { balance, affinity, random: mix(random) }
    }

    fn counts(all: &[Candidate], rules: impl Iterator<Item = Rule>) -> Vec<u32> {
        let mut counts = vec![0; all.len()];
        rules.for_each(|rule| counts[pick(all, rule).expect("one of them")] += 1);
        counts
    }

    #[test]
    fn weights_hold() {
        let all = [ready(1, 1), ready(2, 3), ready(3, 0), ready(4, 6)];
        let drawn = counts(&all, (0..100_000).map(|n| rule(Balance::Weighted, None, n)));
        let kept = counts(&all, (0..100_000).map(|n| rule(Balance::Weighted, Some(mix(n)), 0)));
        for counts in [drawn, kept] {
            assert_eq!(counts[2], 0);
            for (place, wanted) in [(0, 10_000), (1, 30_000), (3, 60_000)] {
                assert!(counts[place].abs_diff(wanted) < 1_000, "{counts:?}");
            }
        }
    }

    #[test]
    fn the_quicker_and_the_idler_are_preferred_and_the_slowest_is_not_asked() {
        let slow = Candidate { latency_us: 900_000, busy: 9, ..ready(1, 1) };
        let quick = Candidate { latency_us: 100_000, ..ready(2, 1) };
        let unknown = ready(3, 1);
        for balance in [Balance::Latency, Balance::Busy] {
            let counts = counts(&[slow, quick, unknown], (0..3_000).map(|n| rule(balance, None, n)));
            assert_eq!(counts[0], 0, "{balance:?}");
            assert!(counts[1] > 500 && counts[2] > 500, "{counts:?}");
        }
    }

    #[test]
    fn one_that_rested_is_tried_first_and_of_all_that_rest_the_next_to_be_up() {
        let now = Instant::now();
        let rests =
            |id, seconds| Candidate { standing: Standing::Resting(now + Duration::from_secs(seconds)), ..ready(id, 1) };
        let probe = Candidate { standing: Standing::Probe, ..ready(9, 1) };
        let any = rule(Balance::Weighted, None, 5);
        assert_eq!(pick(&[ready(1, 1), probe], any), Some(1));
        assert_eq!(pick(&[rests(1, 9), rests(2, 3), rests(3, 5)], any), Some(1));
        assert_eq!(pick(&[rests(1, 9), ready(2, 0)], any), Some(1), "that is what it stands by for");
        assert_eq!(pick(&[], any), None);
    }

    #[test]
    fn a_conversation_leaves_one_that_has_too_much_to_do() {
        let all = [ready(1, 1), ready(2, 1)];
        let favourite = pick(&all, rule(Balance::Weighted, Some(7), 0)).expect("one");
        let mut busy = all;
        busy[favourite].busy = 9;
        assert_eq!(pick(&busy, rule(Balance::Weighted, Some(7), 0)), Some(favourite), "a little more is no reason");
        busy[favourite].busy = 100;
        assert_eq!(pick(&busy, rule(Balance::Weighted, Some(7), 0)), Some(1 - favourite));
        busy[1 - favourite].busy = 90;
        assert_eq!(pick(&busy, rule(Balance::Weighted, Some(7), 0)), Some(favourite), "the other has as much");
    }

    proptest! {
        /// Whoever goes takes only its own conversations along.
        #[test]
        fn affinity_is_stable(ids in prop::collection::hash_set(any::<u64>(), 2..8), affinity in any::<u64>(), gone in any::<prop::sample::Index>(), randoms in any::<[u64; 4]>()) {
            let all: Vec<_> = ids.into_iter().map(|id| ready(id, 5)).collect();
            let ask = |all: &[Candidate], random| pick(all, Rule { balance: Balance::Latency, affinity: Some(affinity), random }).map(|place| all[place].id);
            let kept = ask(&all, 0);
            for random in randoms {
                prop_assert_eq!(ask(&all, random), kept);
            }
            let mut fewer = all.clone();
            let gone = fewer.remove(gone.index(all.len())).id;
            if Some(gone) != kept {
                prop_assert_eq!(ask(&fewer, 1), kept);
            }
        }

        /// There is always somebody to ask, and nobody who rests is asked while another is well.
        #[test]
        fn somebody_is_asked(all in prop::collection::vec((0_u32..4, 0_u8..3, 0_u32..50, 0_u64..1_000), 1..10), affinity in any::<Option<u64>>(), random in any::<u64>()) {
            let now = Instant::now();
            let all: Vec<_> = all.into_iter().zip(0..).map(|((weight, standing, busy, latency_us), id)| Candidate {
                standing: [Standing::Ready, Standing::Probe, Standing::Resting(now + Duration::from_millis(latency_us))][usize::from(standing)],
                busy, latency_us, ..ready(id, weight)
            }).collect();
            for balance in [Balance::Weighted, Balance::Latency, Balance::Busy] {
                let place = pick(&all, Rule { balance, affinity, random });
                let one = place.map(|place| all[place]);
                prop_assert!(one.is_some());
                let is_well = |one: &Candidate| one.standing == Standing::Ready && one.weight > 0;
                if all.iter().any(is_well) {
                    prop_assert!(one.is_some_and(|one| is_well(&one) || one.standing == Standing::Probe));
                }
            }
        }
    }
}
