//! What a provider makes in the background has a row of its own: its usage is told to whoever asks for it after its end, once or
//! often, in this process and in others. The row's key is made of the response, so that all who hear of the end write the same
//! one, and the ledger takes it once.

use aws_lc_rs::digest::{Context, SHA256};
use domain::RequestId;
use domain::ledger::Outcome;
use domain::state::KeptResponse;
use wire::usage::Observed;

use super::{Measure, Settlement, cost};
use crate::clock::now_ms;

impl Settlement {
    /// Bills what a provider made in the background, now that its end is heard. What this request's own row says of it is then
    /// that it cost nothing.
    pub(crate) fn bill_run(&mut self, run: &KeptResponse, observed: &Observed) {
        let mut row = self.row.clone();
        row.request_id = key(run);
        row.attempt = 1;
        row.last = false;
        row.at_ms = run.created_at_ms;
        row.gateway_id = Some(run.gateway_id);
        row.model = observed.model.as_deref().map(super::bounded).or(row.model);
        (row.status, row.outcome, row.error_code) = (200, Outcome::Ok, None);
        let took_ms = u64::try_from(now_ms().saturating_sub(run.created_at_ms)).unwrap_or_default();
        (row.duration_us, row.first_byte_us, row.gateway_us) = (took_ms.saturating_mul(1_000), None, 0);
        (row.request_bytes, row.response_bytes) = (0, 0);
        cost::price(&mut row, observed, None, self.price_provider.as_deref(), &Measure::default());
        self.used.add(&row);
        self.record(&row, None);
        self.is_billed_apart = true;
    }
}

/// The key of a run's row: no other request's, of the time at which the run began, as all keys are.
fn key(run: &KeptResponse) -> RequestId {
    let mut digest = Context::new(&SHA256);
    digest.update(&run.team_id.0.to_be_bytes());
    digest.update(run.provider.as_bytes());
    digest.update(&[0]);
    digest.update(run.id.as_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&digest.finish().as_ref()[..10]);
    let began_ms = u64::try_from(run.created_at_ms).unwrap_or_default();
    RequestId(uuid::Builder::from_unix_timestamp_millis(began_ms, &random).into_uuid())
}
