//! What passed before a limit was in force, counted again from the ledger.

use std::sync::Arc;

use domain::GatewayId;
use domain::ledger::{Past, Spent};
use domain::policy::Measure;

use super::facts::{Facts, Target};
use super::limit::LimitState;
use super::{Policies, is_met};

impl Policies {
    /// The moment from which on a limit must be told what passed, in milliseconds since 1970; none where all know.
    pub(crate) fn counts_since(&self, now_ms: i64) -> Option<i64> {
        self.all_limits().filter_map(|limit| limit.counts_since(now_ms)).min()
    }

    /// Counts what passed. `gateway` is its gateway, with that one's own limit; `called` the model that was called.
    pub(crate) fn replay(
        &self,
        past: &Past,
        gateway: Option<(GatewayId, &str, Option<&Arc<LimitState>>)>,
        called: Option<&str>,
        now_ms: i64,
    ) {
        let spent = &past.spent;
        let facts = Facts {
            gateway: gateway.map(|(id, slug, _)| (id, slug)),
            token: spent.token_id.and_then(|id| Some((id, &**self.tokens.get(&id)?))),
            user: spent.user.as_deref(),
            target: Target::of(spent.provider.as_deref(), called),
            endpoint: &spent.surface,
            address: None,
            country: None,
            metadata: self.metadata(spent.metadata.as_deref()),
            now_ms: spent.at_ms,
        };
        let own = gateway.and_then(|(_, _, limit)| limit);
        let tokens_own = spent.token_id.map_or(&[][..], |token| self.own(token));
        for limit in own.into_iter().chain(tokens_own).chain(&self.limits) {
            if limit.is_told() && is_met(&limit.when, &facts) {
                limit.replay(past.requests, spent, &facts, now_ms);
            }
        }
    }
}

impl LimitState {
    /// As [`Policies::counts_since`], of one limit.
    pub(crate) fn counts_since(&self, now_ms: i64) -> Option<i64> {
        self.counts.shape.counts_since(now_ms).filter(|_| self.is_told())
    }

    pub(super) fn replay(&self, requests: u64, spent: &Spent, facts: &Facts<'_>, now_ms: i64) {
        let amount = match self.limit.measure {
            Measure::Requests => requests,
            Measure::Tokens => spent.tokens,
            Measure::Cost => spent.cost.map_or(0, |cost| u64::try_from(cost.0).unwrap_or(0)),
            Measure::Concurrency => 0,
        };
        let shape = &self.counts.shape;
        if amount > 0 && shape.counts_since(now_ms).is_some_and(|since| spent.at_ms >= since) {
            let limit = self.limit.amount_at(now_ms);
            self.group(facts).counter.lock().add(shape, limit, amount, spent.at_ms, now_ms);
        }
    }
}
