//! What happened within the last ten seconds, second by second.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds that are told apart.
const PARTS: usize = 10;
const PART: Duration = Duration::from_secs(1);

/// Counts of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub attempts: u32,
    pub failed: u32,
    /// Attempts that repeat an earlier one.
    pub repeated: u32,
    /// Those of them that went out beside it.
    pub hedged: u32,
}

/// The last seconds.
#[derive(Debug, Default)]
pub(super) struct Ring {
    parts: [Counts; PARTS],
    /// The part that runs, and when it began.
    current: usize,
    began: Option<Instant>,
}

impl Ring {
    /// The counts of the second that runs.
    pub(super) fn at(&mut self, now: Instant) -> &mut Counts {
        self.turn(now);
        &mut self.parts[self.current]
    }

    /// All seconds together.
    pub(super) fn sums(&mut self, now: Instant) -> Counts {
        self.turn(now);
        self.parts.iter().fold(Counts::default(), |sum, part| Counts {
            attempts: sum.attempts.saturating_add(part.attempts),
            failed: sum.failed.saturating_add(part.failed),
            repeated: sum.repeated.saturating_add(part.repeated),
            hedged: sum.hedged.saturating_add(part.hedged),
        })
    }

    fn turn(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_secs();
        let steps = usize::try_from(passed).unwrap_or(usize::MAX).min(PARTS);
        for _ in 0..steps {
            self.current = (self.current + 1) % PARTS;
            self.parts[self.current] = Counts::default();
        }
        if steps > 0 {
            self.began = Some(began + PART.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_ring_is_forgotten() {
        let (mut ring, now) = (Ring::default(), Instant::now());
        for second in 0..10 {
            ring.at(now + PART * second).attempts += 1;
        }
        assert_eq!(ring.sums(now + PART * 9).attempts, 10);
        assert_eq!(ring.sums(now + PART * 10).attempts, 9);
        assert_eq!(ring.sums(now + Duration::from_millis(18_999)).attempts, 1);
        assert_eq!(ring.sums(now + PART * 3_600).attempts, 0);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let (mut ring, now) = (Ring::default(), Instant::now() + PART);
        ring.at(now).failed += 1;
        assert_eq!(ring.sums(now - PART).failed, 1);
    }
}
