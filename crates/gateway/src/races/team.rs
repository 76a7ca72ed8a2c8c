//! A team's policies, those who ask under them, and what they believe to have taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::config::TeamConfig;
use domain::policy::NamedPolicy;
use domain::{PolicyId, TeamId, TokenId};

use crate::policy::{Facts, Held, LimitId, Metadata, Policies, Target, Used, Wants};

/// A moment: 15 January 2027, at the beginning of a minute.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// Policies, as they are written. Those of `before` give their counts on to those of the same number.
pub(crate) fn policies(texts: &[&str], before: Option<&Policies>) -> Arc<Policies> {
    let named = |(id, text): (i64, &&str)| NamedPolicy {
        id: PolicyId(id),
        name: format!("policy {id}"),
        owner: None,
        policy: serde_json::from_str(text).expect("a policy"),
    };
    let config = TeamConfig {
        id: TeamId(1),
        slug: "acme".into(),
        gateways: Vec::new(),
        provider_keys: Vec::new(),
        custom_providers: Vec::new(),
        tokens: Vec::new(),
        policies: (1..).zip(texts).map(named).collect(),
        prices: Vec::new(),
    };
    let counts = |id: LimitId| {
        let limit = before?.limits().iter().find(|limit| limit.id == id)?;
        Some(limit.counts.clone())
    };
    Arc::new(Policies::new(&config, &|slug| Some(slug.to_owned()), &counts))
}

/// The limits that a token's request is under.
pub(crate) fn held(policies: &Policies, token: &str) -> Held {
    let facts = Facts {
        gateway: None,
        token: Some((TokenId(1), token)),
        user: None,
        target: Target::Model("openai", "gpt-4o-mini"),
        endpoint: "chat_completions",
        address: None,
        country: None,
        metadata: Metadata::default(),
        now_ms: NOW_MS,
    };
    policies.held(None, &[], &facts)
}

/// A request that wants so many tokens.
pub(crate) fn wants(tokens: u64) -> Wants {
    Wants { requests: 1, tokens, cost: Some(0) }
}

/// A request that used so many tokens.
pub(crate) fn used(tokens: u64) -> Used {
    Used { requests: 1, tokens, ..Used::default() }
}

/// How full the limits are.
pub(crate) fn fullness(policies: &Policies) -> Vec<u64> {
    let sum = |policy: crate::policy::PolicyUsage| policy.groups.iter().map(|group| group.used).sum();
    policies.usage(NOW_MS).into_iter().map(sum).collect()
}

/// What those who ask believe to have taken of a limit. It is told after room was taken and before it is given back, so it
/// never believes more than is true; above the limit, the limit let too much pass.
#[derive(Debug)]
pub(crate) struct Belief {
    limit: u64,
    taken: AtomicU64,
}

impl Belief {
    pub(crate) fn of(limit: u64) -> Self {
        Self { limit, taken: AtomicU64::new(0) }
    }

    pub(crate) fn take(&self, amount: u64) {
        let after = self.taken.fetch_add(amount, Ordering::SeqCst) + amount;
        assert!(after <= self.limit, "{after} of {} passed", self.limit);
    }

    pub(crate) fn give_back(&self, amount: u64) {
        self.taken.fetch_sub(amount, Ordering::SeqCst);
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }
}
