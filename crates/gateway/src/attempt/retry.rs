//! When to try again.

use std::time::Duration;

use domain::settings::Backoff;
use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::plan::Retry;
use crate::upstream::SendError;

/// Longest pause a provider may ask for.
const PATIENCE: Duration = Duration::from_secs(5);

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
        Duration::from_millis(u64::from(self.delay) * u64::from(factor))
    }

    /// The pause after an answer; none where the answer is the client's.
    pub(super) fn pause_after(&self, attempt: u8, status: u16, headers: &HeaderMap) -> Option<Duration> {
        if !matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 529) {
            return None;
        }
        let wished = wished(headers).unwrap_or_default();
        (wished <= PATIENCE).then(|| self.pause(attempt).max(wished))
    }
}

/// The pause that a provider asks for. A date instead of a number is rare and left to the client.
fn wished(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    number("retry-after-ms")
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn retry(backoff: Backoff) -> Retry {
        Retry { max_attempts: 5, delay: 100, backoff }
    }

    #[test]
    fn pauses_grow_by_the_chosen_rule() {
        let pauses = |backoff| [1, 2, 3].map(|attempt| retry(backoff).pause(attempt).as_millis());
        assert_eq!(pauses(Backoff::Constant), [100, 100, 100]);
        assert_eq!(pauses(Backoff::Linear), [100, 200, 300]);
        assert_eq!(pauses(Backoff::Exponential), [100, 200, 400]);
    }

    #[test]
    fn a_provider_may_ask_for_a_longer_pause_but_not_for_ever() {
        let after = |status, headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            retry(Backoff::Constant).pause_after(1, status, &headers).map(|pause| pause.as_millis())
        };
        assert_eq!(after(503, &[]), Some(100));
        assert_eq!(after(429, &[("retry-after", "2")]), Some(2_000));
        assert_eq!(after(429, &[("retry-after-ms", "50"), ("retry-after", "2")]), Some(100));
        assert_eq!(after(429, &[("retry-after", "6")]), None);
        for final_status in [200, 400, 401, 404, 409, 422, 501] {
            assert_eq!(after(final_status, &[]), None, "{final_status}");
        }
    }
}
