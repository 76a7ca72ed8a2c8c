//! A team's policies in force: who is let through, what is counted, and what happens to those who may not pass
//! (docs/adr/0004).
//!
//! # Who is let through
//! All denials and permissions that a request meets are looked at, and the strictest decides: to refuse, to ask another model,
//! to warn. A denial wins over a permission. Where a team has permissions, a request must meet one of them.
//!
//! # What cannot be seen
//! Which model a request asks for is not always visible: in a body that is no JSON, in a list to choose from, at an endpoint
//! that nobody knows. Such a request is denied where it might be denied, is not permitted where it might be permitted, and
//! counts where it might count. A request that calls nobody, or that has no body which could name a model, is the other way
//! round: there is no model that could be meant.

mod condition;
mod estimate;
mod facts;
mod held;
mod history;
mod limit;
mod pattern;
#[cfg(test)]
mod tests;
pub mod trial;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;

use domain::TokenId;
use domain::config::TeamConfig;
use domain::policy::{Action, Field, NamedPolicy, Rule};

pub(crate) use self::condition::network;
use self::condition::{Condition, Holds};
pub(crate) use self::estimate::{Asks, Question, estimate, estimated_usage};
pub(crate) use self::facts::{Facts, Metadata, Target};
pub(crate) use self::held::{Held, Place, Short, Used, Wants};
pub(crate) use self::limit::{Before, Counts, LimitId, LimitState};
pub use self::usage::{GroupUsage, PolicyUsage};

/// What a team's policies do, compiled.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    denials: Vec<Judge>,
    permissions: Vec<Judge>,
    /// In the order of their ids; without those of single tokens.
    limits: Vec<Arc<LimitState>>,
    /// The own limits of tokens, in the order of their ids. A request looks at those of its token only, however many tokens have
    /// some.
    own: HashMap<TokenId, Vec<Arc<LimitState>>>,
    /// Whether a policy looks at metadata, so that it must be read.
    reads_metadata: bool,
    /// The names of the team's tokens, where what passed before must be told to a limit.
    tokens: HashMap<TokenId, Box<str>>,
}

/// A denial or a permission.
#[derive(Debug)]
pub(crate) struct Judge {
    pub name: String,
    when: Condition,
    pub action: Action,
    pub message: Option<String>,
}

/// A judgement that a request may not go on as it is, and by which policy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'a> {
    Denied(&'a Judge),
    /// Nothing permits it; the permission whose action is the strictest.
    NotPermitted(&'a Judge),
}

impl Policies {
    /// A team's policies; `provider` gives the canonical slug of a provider's name.
    pub(crate) fn new(config: &TeamConfig, provider: &dyn Fn(&str) -> Option<String>, before: Before<'_>) -> Self {
        let mut policies = Self::compile(&config.policies, provider, before);
        if policies.all_limits().any(|limit| limit.is_told()) {
            policies.tokens = config.tokens.iter().map(|token| (token.id, token.name.as_str().into())).collect();
        }
        policies
    }

    fn compile(all: &[NamedPolicy], provider: &dyn Fn(&str) -> Option<String>, before: Before<'_>) -> Self {
        let mut policies = Self::default();
        let mut all: Vec<&NamedPolicy> = all.iter().collect();
        all.sort_unstable_by_key(|named| named.id);
        for named in all {
            let policy = &named.policy;
            let judge = || Judge {
                name: named.name.clone(),
                when: Condition::new(&policy.when, provider),
                action: policy.action.clone(),
                message: policy.message.clone(),
            };
            match &policy.rule {
                Rule::Deny => policies.denials.push(judge()),
                Rule::Allow => policies.permissions.push(judge()),
                Rule::Limit(limit) => {
                    let own = named.owner.map(|token| policies.own.entry(token).or_default());
                    let limits = own.unwrap_or(&mut policies.limits);
                    limits.extend(LimitState::of_policy(named, provider, before).map(Arc::new));
                    policies.reads_metadata |= limit.group_by.iter().any(|field| matches!(field, Field::Metadata(_)));
                }
            }
            policies.reads_metadata |= policy.when.walk().any(|part| !part.metadata.is_empty());
        }
        policies
    }

    /// Whether it lets everything through that has room.
    pub(crate) fn judges_nothing(&self) -> bool {
        self.denials.is_empty() && self.permissions.is_empty()
    }

    /// Those of no single token, in the order of their ids.
    pub(crate) fn limits(&self) -> &[Arc<LimitState>] {
        &self.limits
    }

    /// The own limits of a token, in the order of their ids.
    pub(crate) fn own(&self, token: TokenId) -> &[Arc<LimitState>] {
        self.own.get(&token).map_or(&[], Vec::as_slice)
    }

    /// Everything that limits, in no order.
    pub(crate) fn all_limits(&self) -> impl Iterator<Item = &Arc<LimitState>> {
        self.limits.iter().chain(self.own.values().flatten())
    }

    /// The metadata of a request, where a policy looks at it.
    pub(crate) fn metadata(&self, text: Option<&str>) -> Metadata {
        Metadata::read(text.filter(|_| self.reads_metadata))
    }

    /// Whether a request may pass; those that pass with a warning are told to `warn`.
    ///
    /// # Errors
    /// The policy that decides against it.
    pub(crate) fn judge<'a>(&'a self, facts: &Facts<'_>, mut warn: impl FnMut(&'a str)) -> Result<(), Verdict<'a>> {
        let denials = self.denials.iter().filter(|judge| is_met(&judge.when, facts));
        if let Some(judge) = strictest(denials, &mut warn) {
            return Err(Verdict::Denied(judge));
        }
        let permitted = |judge: &Judge| match judge.when.holds(facts) {
            Holds::Yes => true,
            Holds::Maybe => !hides(facts),
            Holds::No => false,
        };
        if self.permissions.iter().any(permitted) {
            return Ok(());
        }
        match strictest(self.permissions.iter(), &mut warn) {
            Some(judge) => Err(Verdict::NotPermitted(judge)),
            None => Ok(()),
        }
    }

    /// The limits that a request is under, in the order of their ids: its gateway's own, its token's `own`, and those of the team.
    pub(crate) fn held(&self, gateway: Option<&Arc<LimitState>>, own: &[Arc<LimitState>], facts: &Facts<'_>) -> Held {
        let met = own.iter().chain(&self.limits).filter(|limit| is_met(&limit.when, facts));
        let place = |limit: &Arc<LimitState>| Place::new(limit, limit.group(facts), facts.now_ms);
        let mut places: Vec<_> = gateway.into_iter().chain(met).map(place).collect();
        if !own.is_empty() {
            places.sort_unstable_by_key(|place| place.limit.id);
        }
        Held::new(places)
    }
}

impl<'a> Verdict<'a> {
    pub(crate) fn judge(self) -> &'a Judge {
        match self {
            Self::Denied(judge) | Self::NotPermitted(judge) => judge,
        }
    }
}

/// Whether a denial or a limit is about a request.
fn is_met(when: &Condition, facts: &Facts<'_>) -> bool {
    match when.holds(facts) {
        Holds::Yes => true,
        Holds::Maybe => hides(facts),
        Holds::No => false,
    }
}

/// Whether a request may ask for a model that is not seen.
fn hides(facts: &Facts<'_>) -> bool {
    matches!(facts.target, Target::Hidden(_))
}

/// The one that decides: the first that refuses, else the first that asks another model. The others warn.
fn strictest<'a>(judges: impl Iterator<Item = &'a Judge>, warn: &mut impl FnMut(&'a str)) -> Option<&'a Judge> {
    let mut decides: Option<&Judge> = None;
    for judge in judges {
        match judge.action {
            Action::Refuse => return Some(judge),
            Action::Fallback(_) => decides = decides.or(Some(judge)),
            Action::Warn => warn(&judge.name),
        }
    }
    decides
}
