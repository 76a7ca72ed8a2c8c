//! When to try again.

use std::time::Duration;

use domain::settings::Backoff;

use crate::plan::Retry;
use crate::pool::mix;
use crate::upstream::SendError;

/// Longest pause a provider may ask for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest pause that grows.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether another attempt may bring an answer where this one brought none.
pub(super) fn may_help(error: &SendError) -> bool {
    match error {
        SendError::Resolve { .. }
        | SendError::Connect { .. }
        | SendError::ConnectTimeout { .. }
        | SendError::Timeout { .. }
        | SendError::Reset => true,
        SendError::Forbidden { .. }
        | SendError::Tls { .. }
        | SendError::InvalidResponse { .. }
        | SendError::InvalidRequest { .. } => false,
    }
}

impl Retry {
    /// The pause after a failed attempt, counted from 1.
    pub(super) fn pause(&self, attempt: u8) -> Duration {
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => u32::from(attempt),
            Backoff::Exponential => 1_u32.checked_shl(u32::from(attempt.saturating_sub(1))).unwrap_or(u32::MAX),
        };
        let whole = u64::from(self.delay) * u64::from(factor);
        // Those who failed together must not come back together.
        let spread = mix(self.random.wrapping_add(attempt.into())) % (whole / 2).max(1);
        Duration::from_millis(whole - whole / 4 + spread).min(LONGEST)
    }

    /// The pause after an answer, for which the provider may have `wished`; none where the answer is the client's.
    pub(super) fn pause_after(&self, attempt: u8, status: u16, wished: Option<Duration>) -> Option<Duration> {
        if !matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 529) {
            return None;
        }
        let wished = wished.unwrap_or_default();
        (wished <= PATIENCE).then(|| self.pause(attempt).max(wished))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn retry(backoff: Backoff) -> Retry {
        Retry { max_attempts: 5, delay: 100, backoff, random: 0 }
    }

    proptest! {
        #[test]
        fn pauses_grow_by_the_chosen_rule_a_quarter_more_or_less(random in any::<u64>()) {
            for (backoff, wanted) in [
                (Backoff::Constant, [100, 100, 100]),
                (Backoff::Linear, [100, 200, 300]),
                (Backoff::Exponential, [100, 200, 400]),
            ] {
                for (attempt, wanted) in (1..).zip(wanted) {
                    let pause = Retry { random, ..retry(backoff) }.pause(attempt).as_millis();
                    prop_assert!((wanted - wanted / 4..wanted + wanted / 4).contains(&pause), "{pause} for {wanted}");
                }
            }
        }
    }

    #[test]
    fn no_pause_stays_none_and_none_is_longer_than_the_longest() {
        let pause = |delay, attempt| Retry { delay, ..retry(Backoff::Exponential) }.pause(attempt);
        assert_eq!(pause(0, 3), Duration::ZERO);
        assert_eq!(pause(5_000, 200), LONGEST);
    }

    #[test]
    fn a_provider_may_ask_for_a_longer_pause_but_not_for_ever() {
        let after = |status, wished: Option<u64>| {
            let pause = retry(Backoff::Constant).pause_after(1, status, wished.map(Duration::from_millis));
            pause.map(|pause| pause.as_millis())
        };
        assert!(after(503, None).is_some_and(|pause| (75..125).contains(&pause)));
        assert_eq!(after(429, Some(2_000)), Some(2_000));
        assert!(after(429, Some(50)).is_some_and(|pause| pause >= 75));
        assert_eq!(after(429, Some(6_000)), None);
        for final_status in [200, 400, 401, 404, 409, 422, 501] {
            assert_eq!(after(final_status, None), None, "{final_status}");
        }
    }
}
