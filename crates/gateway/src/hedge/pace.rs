//! How long answers take to begin, by model and address: a fixed number of places with a histogram each. Who is asked most keeps its
//! place, and what is new takes that of one that is asked seldom.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::TeamId;

use crate::plan::Plan;

/// Models at addresses that are remembered at once.
const PLACES: usize = 512;
/// Fewer answers say nothing.
const ENOUGH: u16 = 20;
/// Once so many are counted each count is halved, so that what was long ago weighs less.
const MOST: u16 = 400;
/// Four for each doubling of a millisecond, up to four minutes.
const BUCKETS: usize = 68;

/// What is known of all.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Made once somebody hedges.
    places: OnceLock<Box<[Mutex<Place>]>>,
    seed: RandomState,
}

#[derive(Debug)]
struct Place {
    key: u64,
    sum: u16,
    counts: [u16; BUCKETS],
}

impl Pace {
    /// Names what a plan asks and where, for each team apart. A stream begins when its first event comes, other answers often only when
    /// they are done, so these are two.
    pub(crate) fn key(&self, team: TeamId, plan: &Plan) -> u64 {
        self.seed.hash_one((team.0, plan.uri.authority(), plan.uri.path(), &plan.model, plan.stream))
    }

    /// An answer began after this time.
    pub(crate) fn note(&self, key: u64, after: Duration) {
        let places = self.places.get_or_init(|| (0..PLACES).map(|_| Mutex::new(Place::new(0))).collect());
        let [one, two] = candidates(key).map(|index| &places[index]);
        let mut place = lock(one);
        if place.key != key {
            let mut other = lock_other(one, two);
            if let Some(other) = other.as_mut().filter(|other| other.key == key || other.sum < place.sum) {
                // Whoever stays gives way a little, so that it goes once it is asked no more.
                if other.key != key {
                    place.halve();
                    **other = Place::new(key);
                }
                other.note(after);
                return;
            }
            if let Some(other) = other.as_mut() {
                other.halve();
            }
            *place = Place::new(key);
        }
        place.note(after);
    }

    /// The time within which so many of a hundred answers began; none where too few are known.
    pub(crate) fn percentile(&self, key: u64, percent: u8) -> Option<Duration> {
        let places = self.places.get()?;
        candidates(key).into_iter().find_map(|index| {
            let place = lock(&places[index]);
            if place.key == key { place.percentile(percent) } else { None }
        })
    }
}

/// Two places where a key may be, the second behind the first in the order in which they are locked.
fn candidates(key: u64) -> [usize; 2] {
    let index = |bits: u64| usize::try_from(bits).unwrap_or_default() % PLACES;
    let (one, two) = (index(key & 0xffff_ffff), index(key >> 32));
    [one.min(two), one.max(two)]
}

fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The second place, where it is another.
fn lock_other<'a>(one: &Mutex<Place>, two: &'a Mutex<Place>) -> Option<MutexGuard<'a, Place>> {
    (!std::ptr::eq(one, two)).then(|| lock(two))
}

impl Place {
    fn new(key: u64) -> Self {
        Self { key, sum: 0, counts: [0; BUCKETS] }
    }

    fn note(&mut self, after: Duration) {
        self.counts[bucket(after)] += 1;
        self.sum += 1;
        if self.sum >= MOST {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.counts.iter_mut().for_each(|count| *count /= 2);
        self.sum = self.counts.iter().sum();
    }

    fn percentile(&self, percent: u8) -> Option<Duration> {
        if self.sum < ENOUGH {
            return None;
        }
        let wanted = (u32::from(self.sum) * u32::from(percent)).div_ceil(100);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u32::from(*count);
            seen >= wanted
        });
        found.map(end)
    }
}

/// The bucket of a time.
fn bucket(after: Duration) -> usize {
    let ms = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
    if ms < 4 {
        return ms as usize;
    }
    let octave = ms.ilog2();
    let part = (ms >> (octave - 2)) & 3;
    ((octave as usize - 1) * 4 + part as usize).min(BUCKETS - 1)
}

/// The end of a bucket: what is in it took less.
fn end(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let ms = if bucket < 4 { bucket + 1 } else { (bucket % 4 + 5) << (bucket / 4 - 1) };
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn too_few_answers_say_nothing_and_more_tell_the_percentile() {
        let pace = Pace::default();
        assert_eq!(pace.percentile(7, 95), None);
        for ms in 1..=19 {
            pace.note(7, MS * ms);
        }
        assert_eq!(pace.percentile(7, 95), None);
        for _ in 0..81 {
            pace.note(7, MS * 100);
        }
        assert_eq!(pace.percentile(7, 50), Some(MS * 112));
        assert_eq!(pace.percentile(8, 50), None, "it is another's");
        for _ in 0..10 {
            pace.note(7, MS * 5_000);
        }
        assert_eq!(pace.percentile(7, 95), Some(MS * 5_120));
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let pace = Pace::default();
        for _ in 0..1_000 {
            pace.note(1, MS * 10);
        }
        for _ in 0..1_000 {
            pace.note(1, MS * 1_000);
        }
        assert_eq!(pace.percentile(1, 50), Some(MS * 1_024));
    }

    #[test]
    fn whoever_is_asked_no_more_gives_its_place_to_others() {
        let pace = Pace::default();
        // All of them have the same two places.
        let keys: Vec<u64> = (0..4).map(|number| (5 + number * PLACES as u64) << 32 | 9).collect();
        for key in &keys {
            (0..200).for_each(|_| pace.note(*key, MS));
        }
        assert!(pace.percentile(keys[3], 95).is_some());
        assert!(keys.iter().filter(|key| pace.percentile(**key, 95).is_some()).count() <= 2);
    }

    proptest! {
        #[test]
        fn a_time_is_in_a_bucket_that_ends_soon_behind_it(ms in 0_u32..240_000) {
            let after = MS * ms;
            let end = end(bucket(after));
            prop_assert!(after < end, "{after:?} {end:?}");
            prop_assert!(end <= MS * (ms + ms / 4 + 1));
        }

        #[test]
        fn no_time_is_too_long(seconds in any::<u64>()) {
            Pace::default().note(1, Duration::from_secs(seconds));
        }
    }
}
