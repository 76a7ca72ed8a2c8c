//! What passed before a snapshot, told to the limits that begin with it.

use domain::ledger::Past;
use domain::{GatewayId, TeamId};

use super::{Snapshot, TeamState};
use crate::policy::LimitState;
use std::sync::Arc;

impl Snapshot {
    /// The teams whose limits must be told what passed, each with the moment from which on, in milliseconds since 1970.
    #[must_use]
    pub fn needs_history(&self, now_ms: i64) -> Vec<(TeamId, i64)> {
        let since = |team: &TeamState| {
            let own = team.gateways().filter_map(|gateway| gateway.limit.as_ref()?.counts_since(now_ms));
            own.chain(team.policies.counts_since(now_ms)).min()
        };
        self.teams.values().filter_map(|team| Some((team.id, since(team)?))).collect()
    }

    /// Tells a team's limits what passed.
    pub fn replay(&self, team: TeamId, all: &[Past], now_ms: i64) {
        let Some(team) = self.team_by_id(team) else { return };
        for past in all {
            team.replay(past, now_ms);
        }
    }
}

impl TeamState {
    fn replay(&self, past: &Past, now_ms: i64) {
        let gateway = past.spent.gateway_id.and_then(|id| self.gateway_by_id(id));
        let gateway: Option<(GatewayId, &str, Option<&Arc<LimitState>>)> =
            gateway.map(|gateway| (gateway.id, gateway.slug.as_str(), gateway.limit.as_ref()));
        self.policies.replay(past, gateway, self.called(past), now_ms);
    }

    /// The model that was called, as its provider names it. The ledger keeps what the caller asked for and what the provider
    /// said that answered: the first may be another one's where a policy led to another model, the second is often the
    /// name of a version. The price book knows which names are one model's.
    fn called<'a>(&'a self, past: &'a Past) -> Option<&'a str> {
        let provider = self.provider(past.spent.provider.as_deref()?)?;
        let known = |model: &str| {
            let price = self.prices.book().find(provider.book?, model)?;
            Some(price.model.as_str())
        };
        let answered = past.spent.model.as_deref();
        let asked = past.model_asked.as_deref().and_then(|asked| match asked.split_once('/') {
            Some((slug, model)) => match self.provider(slug) {
                Some(named) => (named.slug == provider.slug).then_some(model),
                None => Some(asked),
            },
            None => Some(asked),
        });
        match (asked, answered) {
            (Some(asked), Some(answered)) => match (known(asked), known(answered)) {
                (one, Some(other)) if one != Some(other) => Some(other),
                _ => Some(asked),
            },
            (Some(asked), None) => Some(asked),
            (None, Some(answered)) => known(answered).or(Some(answered)),
            (None, None) => None,
        }
    }
}
