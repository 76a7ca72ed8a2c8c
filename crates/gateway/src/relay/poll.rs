//! Asks again for what a provider was not done with when it answered (Replicate's predictions): within the attempt and its time,
//! with the same key, at the same host.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use tokio::time::Instant;
use wire::api::pending;

use crate::error::Refusal;
use crate::plan::Plan;
use crate::settle::Settlement;
use crate::upstream::Incoming;

/// Longest pause before it is asked again, in milliseconds.
const LONGEST_MS: u64 = 3_000;

/// What is asked for again.
pub(super) struct Poll {
    uri: Uri,
    /// How often it was asked for.
    round: u32,
}

impl Poll {
    /// What is to be asked for again, where an answer is not done.
    pub(super) fn of(plan: &Plan, body: &[u8]) -> Option<Self> {
        if !plan.polls() {
            return None;
        }
        let id = pending(body)?;
        let path = format!("{}/{id}", plan.uri.path().trim_end_matches('/'));
        let mut parts = plan.uri.clone().into_parts();
        parts.path_and_query = path.parse().ok();
        Some(Self { uri: Uri::from_parts(parts).ok()?, round: 0 })
    }

    /// Whether an answer is still not done.
    pub(super) fn goes_on(body: &[u8]) -> bool {
        pending(body).is_some()
    }

    /// The next answer. The provider is at work and will be paid, so a call that fails is made again while there is time.
    ///
    /// # Errors
    /// `upstream_timeout`.
    pub(super) async fn again(&mut self, settlement: &Settlement, plan: &Plan) -> Result<Response<Incoming>, Refusal> {
        let shared = settlement.shared();
        let end = settlement.attempt_started() + plan.timeouts.total;
        loop {
            let pause = self.pause(plan);
            let left = end.saturating_duration_since(Instant::now() + pause);
            if left.is_zero() {
                return Err(Refusal::upstream_timeout(&plan.provider));
            }
            tokio::time::sleep(pause).await;
            let request = || {
                let mut request = Request::new(Full::default());
                *request.method_mut() = Method::GET;
                *request.uri_mut() = self.uri.clone();
                *request.headers_mut() = plan.headers.clone();
                request.headers_mut().remove(CONTENT_TYPE);
                request.headers_mut().remove("prefer");
                request
            };
            match shared.client.send_within(request, plan.timeouts.head.min(left)).await {
                Ok(answer) if answer.status().as_u16() != 429 && answer.status().as_u16() < 500 => return Ok(answer),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Twice as long each time, beginning with the pause between attempts.
    fn pause(&mut self, plan: &Plan) -> Duration {
        let factor = 1_u64.checked_shl(self.round).unwrap_or(u64::MAX);
        self.round += 1;
        Duration::from_millis(u64::from(plan.retry.delay.max(1)).saturating_mul(factor).min(LONGEST_MS))
    }
}
