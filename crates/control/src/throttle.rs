//! Slows down guessing: after a few free attempts each failure doubles the wait. An attempt is counted before it is
//! made, so that many at once gain nothing, and given back when it succeeds or was not looked at after all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Most keys remembered; beyond that the one that was quiet longest is forgotten.
const CAPACITY: usize = 10_000;
/// Quiet time after which failures are forgotten.
const MEMORY: Duration = Duration::from_secs(3_600);

/// What a throttle allows.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    /// Failures that cost nothing.
    pub(crate) free: u32,
    /// Longest wait.
    pub(crate) longest: Duration,
}

/// Failures per key.
pub(crate) struct Throttle {
    policy: Policy,
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    failures: u32,
    last: Instant,
    /// When the attempt before the last was: what counts again when the last is given back.
    before: Instant,
}

impl Throttle {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, entries: Mutex::new(HashMap::new()) }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// Seconds to wait; the attempt was not counted then.
    pub(crate) fn attempt(&self, key: &str) -> Result<(), u32> {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY && !entries.contains_key(key) {
            make_room(&mut entries, now);
        }
        let entry = entries.entry(key.to_owned()).or_insert(Entry { failures: 0, last: now, before: now });
        if now.duration_since(entry.last) > MEMORY {
            entry.failures = 0;
        }
        let left = (entry.last + self.wait(entry.failures)).saturating_duration_since(now);
        if !left.is_zero() {
            return Err(u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX));
        }
        *entry = Entry { failures: entry.failures.saturating_add(1), last: now, before: entry.last };
        Ok(())
    }

    /// Forgets every failure of the key.
    pub(crate) fn forgive(&self, key: &str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Gives one attempt back.
    pub(crate) fn give_back(&self, key: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(key) {
            *entry = Entry { failures: entry.failures.saturating_sub(1), last: entry.before, before: entry.before };
        }
    }

    fn wait(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.policy.free) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(20)).min(self.policy.longest),
        }
    }
}

fn make_room(entries: &mut HashMap<String, Entry>, now: Instant) {
    entries.retain(|_, entry| now.duration_since(entry.last) <= MEMORY);
    if entries.len() >= CAPACITY
        && let Some(quietest) = entries.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| key.clone())
    {
        entries.remove(&quietest);
    }
}

/// The key of an address: a household's whole IPv6 network counts as one.
pub(crate) fn address_key(ip: &str) -> String {
    match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(v4) => v4.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { free: 3, longest: Duration::from_secs(60) };

    #[tokio::test(start_paused = true)]
    async fn waits_double_after_the_free_attempts_up_to_the_longest() {
        let throttle = Throttle::new(POLICY);
        for _ in 0..3 {
            assert_eq!(throttle.attempt("ann"), Ok(()));
        }
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(throttle.attempt("ann"), Err(wait));
            tokio::time::advance(Duration::from_secs(wait.into())).await;
            assert_eq!(throttle.attempt("ann"), Ok(()));
        }
        assert_eq!(throttle.attempt("bob"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn success_and_time_forgive() {
        let throttle = Throttle::new(POLICY);
        for _ in 0..3 {
            throttle.attempt("ann").expect("free");
        }
        throttle.forgive("ann");
        assert_eq!(throttle.attempt("ann"), Ok(()));
        for _ in 0..2 {
            throttle.attempt("ann").expect("free");
        }
        throttle.give_back("ann");
        assert_eq!(throttle.attempt("ann"), Ok(()));
        assert!(throttle.attempt("ann").is_err());
        tokio::time::advance(MEMORY + Duration::from_secs(1)).await;
        assert_eq!(throttle.attempt("ann"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_given_back_makes_nobody_wait_longer() {
        let throttle = Throttle::new(POLICY);
        for _ in 0..5 {
            throttle.attempt("ann").expect("free, or waited for");
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        throttle.attempt("ann").expect("waited for");
        throttle.give_back("ann");
        assert_eq!(throttle.attempt("ann"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_map_stays_bounded() {
        let throttle = Throttle::new(POLICY);
        for n in 0..CAPACITY + 10 {
            throttle.attempt(&n.to_string()).expect("free");
        }
        assert_eq!(throttle.entries.lock().expect("a map").len(), CAPACITY);
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        assert_eq!(address_key("2001:db8:1:2:3::4"), address_key("2001:db8:1:2::9"));
        assert_ne!(address_key("2001:db8:1:2::"), address_key("2001:db8:1:3::"));
        assert_eq!(address_key("::ffff:10.0.0.1"), "10.0.0.1");
    }
}
