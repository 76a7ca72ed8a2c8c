//! Takes a plain answer in before any of it goes on.

use bytes::Bytes;
use domain::ledger::Outcome;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use tokio::time::timeout_at;

use super::clock::Clock;
use super::meter::{Finish, MAX_READ, Meter};
use crate::error::Refusal;
use crate::settle::{End, Settlement};

/// The whole answer, settled.
///
/// # Errors
/// `upstream_timeout`, `upstream_reset`, `upstream_invalid`, `overloaded`, with the attempt's row ended.
pub(super) async fn hold(
    settlement: &mut Settlement,
    mut meter: Meter,
    upstream: Incoming,
    provider: &str,
) -> Result<Bytes, Refusal> {
    match collect(settlement, &mut meter, upstream, provider).await {
        Ok(body) => {
            meter.settle(settlement, Finish::Whole);
            Ok(body)
        }
        Err(refusal) => {
            let end = End::without_answer(refusal.code.status(), Outcome::UpstreamFailed, Some(refusal.code));
            settlement.end_attempt(End { response: Some(meter.capture()), ..end });
            Err(refusal)
        }
    }
}

async fn collect(
    settlement: &Settlement,
    meter: &mut Meter,
    mut upstream: Incoming,
    provider: &str,
) -> Result<Bytes, Refusal> {
    let options = &settlement.shared().options;
    let mut clock = Clock::start(options.idle_timeout, settlement.attempt_started() + options.total_timeout);
    loop {
        match timeout_at(clock.next(), upstream.frame()).await {
            Err(_) => return Err(Refusal::upstream_timeout(provider)),
            Ok(Some(Err(_))) => return Err(Refusal::upstream_reset(provider)),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => {
                clock.touch();
                if let Ok(bytes) = frame.into_data() {
                    meter.keep(&bytes);
                }
                if meter.capture().gave_up() {
                    return Err(Refusal::overloaded());
                }
                if meter.capture().seen() > MAX_READ as u64 {
                    return Err(Refusal::upstream_invalid(provider));
                }
            }
        }
    }
    let body = meter.share_whole().ok_or_else(|| Refusal::upstream_invalid(provider))?;
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(_) => Err(Refusal::upstream_invalid(provider)),
    }
}
