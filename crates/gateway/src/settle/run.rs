//! What a provider makes in the background has a row of its own: its usage is told to whoever asks for it after its end, once or
//! often, in this process and in others, of the gateway or at the provider's own endpoint. The row's key is made of the
//! response, so that all who hear of the end write the same one, and the ledger takes it once.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use domain::ledger::Outcome;
use domain::state::KeptResponse;
use domain::{GatewayId, RequestId, TeamId};
use wire::api::openai_responses::head;
use wire::usage::Observed;

use super::{Measure, Pricing, Settlement, cost};
use crate::clock::now_ms;

/// Most runs that are remembered as billed.
const REMEMBERED: usize = 10_000;
/// How far a provider's clock may be ahead, in milliseconds.
const AHEAD_MS: i64 = 86_400_000;

/// A response that a provider made in the background.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub team_id: TeamId,
    pub gateway_id: GatewayId,
    pub provider: String,
    pub id: String,
    /// When it began by the provider's clock, or by the gateway's where that says nothing, in milliseconds: part of the key.
    pub key_ms: i64,
    /// When it began.
    pub began_at_ms: i64,
}

impl Run {
    /// That of a response which was kept as it began.
    pub(crate) fn of_kept(kept: &KeptResponse) -> Self {
        let key_ms = head(kept.response.as_bytes()).and_then(|head| plausible(head.created_at));
        Self {
            team_id: kept.team_id,
            gateway_id: kept.gateway_id,
            provider: kept.provider.clone(),
            id: kept.id.clone(),
            key_ms: key_ms.unwrap_or(kept.created_at_ms),
            began_at_ms: kept.created_at_ms,
        }
    }
}

/// A provider's time in milliseconds; none where it is no time at which anything can have begun.
pub(crate) fn plausible(seconds: Option<i64>) -> Option<i64> {
    let at_ms = seconds?.checked_mul(1_000)?;
    (1..=now_ms() + AHEAD_MS).contains(&at_ms).then_some(at_ms)
}

/// The runs that this process has billed lately: what is told again must not count against limits again.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<(HashSet<RequestId>, VecDeque<RequestId>)>);

impl Runs {
    /// Notes a run; false where it is known.
    fn note(&self, key: RequestId) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (keys, order) = &mut *known;
        if !keys.insert(key) {
            return false;
        }
        order.push_back(key);
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            keys.remove(&oldest);
        }
        true
    }
}

impl Settlement {
    /// Bills what a provider made in the background, now that its end is heard. What this request's own row says of it is then
    /// that it cost nothing.
    pub(crate) fn bill_run(&mut self, run: &Run, observed: &Observed) {
        self.is_billed_apart = true;
        let key = key(run);
        if !self.shared.runs.note(key) {
            return;
        }
        let mut row = self.row.clone();
        row.request_id = key;
        row.attempt = 1;
        row.last = false;
        row.at_ms = run.began_at_ms;
        row.gateway_id = Some(run.gateway_id);
        row.model = observed.model.as_deref().map(super::bounded).or(row.model);
        (row.status, row.outcome, row.error_code) = (200, Outcome::Ok, None);
        let took_ms = u64::try_from(now_ms().saturating_sub(run.began_at_ms)).unwrap_or_default();
        (row.duration_us, row.first_byte_us, row.gateway_us) = (took_ms.saturating_mul(1_000), None, 0);
        (row.request_bytes, row.response_bytes) = (0, 0);
        let zone = self.pricing.measure.zone;
        let pricing = Pricing { measure: Measure { zone, ..Measure::default() }, custom: None, ..self.pricing.clone() };
        let priced = cost::price(&mut row, observed, None, &pricing);
        self.note_priced(priced);
        self.used.add(&row);
        self.record(&row, None, None);
    }
}

/// The key of a run's row: no other request's, of the time at which the run began, as all keys are.
fn key(run: &Run) -> RequestId {
    let mut digest = Context::new(&SHA256);
    digest.update(&run.team_id.0.to_be_bytes());
    digest.update(run.provider.as_bytes());
    digest.update(&[0]);
    digest.update(run.id.as_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&digest.finish().as_ref()[..10]);
    let began_ms = u64::try_from(run.key_ms).unwrap_or_default();
    RequestId(uuid::Builder::from_unix_timestamp_millis(began_ms, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_remembered_and_old_ones_are_forgotten() {
        let key = |number: u128| RequestId(uuid::Uuid::from_u128(number));
        let runs = Runs::default();
        assert!(runs.note(key(0)) && !runs.note(key(0)));
        for number in 1..=REMEMBERED as u128 {
            assert!(runs.note(key(number)));
        }
        assert!(runs.note(key(0)), "the oldest was forgotten");
        assert_eq!(runs.0.lock().expect("free").0.len(), REMEMBERED);
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        for (seconds, wanted) in [
            (Some(1), Some(1_000)),
            (Some(0), None),
            (Some(-5), None),
            (Some(i64::MAX), None),
            (Some(now_ms()), None),
            (None, None),
        ] {
            assert_eq!(plausible(seconds), wanted, "{seconds:?}");
        }
    }
}
