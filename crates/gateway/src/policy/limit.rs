//! A limit in force, with its counts.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use domain::policy::{self, Action, Field, Limit, Measure, NamedPolicy, Rule, Unknown};
use domain::settings::RateTechnique;
use domain::{GatewayId, GatewaySettings, PolicyId};

use super::condition::Condition;
use super::facts::Facts;
use crate::count::{Group, GroupKey, Groups, Labels, Shape};

/// Whose limit it is. Limits are locked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum LimitId {
    /// A gateway's own, by its settings.
    Gateway(GatewayId),
    Policy(PolicyId),
}

/// A limit of one version of the configuration.
#[derive(Debug)]
pub(crate) struct LimitState {
    pub id: LimitId,
    pub name: String,
    pub limit: Limit,
    pub action: Action,
    pub unknown: Unknown,
    pub message: Option<String>,
    pub when: Condition,
    /// Shared with the versions before and after, as long as it counts the same.
    pub counts: Arc<Counts>,
    /// Whether its counts began with this version, so that what passed before must be told to them.
    pub fresh: bool,
}

/// What a limit counts, and how much it is.
#[derive(Debug)]
pub(crate) struct Counts {
    when: policy::Condition,
    measure: Measure,
    group_by: Vec<Field>,
    pub shape: Shape,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    One(Arc<Group>),
    Many(Box<Groups>, [RandomState; 2]),
}

/// The counts of the version before, by their limits.
pub(crate) type Before<'a> = &'a dyn Fn(LimitId) -> Option<Arc<Counts>>;

impl LimitState {
    /// A policy's limit; none where it is no limit.
    pub(super) fn of_policy(
        named: &NamedPolicy,
        provider: &dyn Fn(&str) -> Option<String>,
        before: Before<'_>,
    ) -> Option<Self> {
        let policy = &named.policy;
        let Rule::Limit(limit) = &policy.rule else { return None };
        let id = LimitId::Policy(named.id);
        let (counts, fresh) = Counts::of(id, &policy.when, limit, before);
        Some(Self {
            id,
            name: named.name.clone(),
            limit: (**limit).clone(),
            action: policy.action.clone(),
            unknown: policy.unknown,
            message: policy.message.clone(),
            when: Condition::new(&policy.when, provider),
            counts,
            fresh,
        })
    }

    /// A gateway's rate limit; none where its settings set none.
    pub(crate) fn of_gateway(id: GatewayId, settings: &GatewaySettings, before: Before<'_>) -> Option<Self> {
        let (amount, seconds) = settings.rate_limit()?;
        let window = match settings.rate_limiting_technique {
            RateTechnique::Fixed => policy::Window::Fixed { seconds },
            RateTechnique::Sliding => policy::Window::Sliding { seconds },
        };
        let limit = Limit {
            measure: Measure::Requests,
            amount: amount.into(),
            window,
            group_by: Vec::new(),
            warn_at: None,
            extra: None,
        };
        let id = LimitId::Gateway(id);
        let (counts, fresh) = Counts::of(id, &policy::Condition::default(), &limit, before);
        Some(Self {
            id,
            name: "default".to_owned(),
            limit,
            action: Action::Refuse,
            unknown: Unknown::Pass,
            message: None,
            when: Condition::default(),
            counts,
            fresh,
        })
    }

    /// The group that a request belongs to.
    pub(super) fn group(&self, facts: &Facts<'_>) -> Arc<Group> {
        let counts = &*self.counts;
        let (groups, seeds) = match &counts.kept {
            Kept::One(group) => return group.clone(),
            Kept::Many(groups, seeds) => (groups, seeds),
        };
        let key = key(&counts.group_by, facts, seeds);
        let labels = || -> Labels { counts.group_by.iter().map(|field| facts.label(field)).collect() };
        groups.find(key, labels, &counts.shape, self.limit.amount_at(facts.now_ms), facts.now_ms)
    }

    /// Whether what passed before can be told to it: the ledger keeps neither addresses nor countries.
    pub(super) fn is_told(&self) -> bool {
        let from_where = |field: &Field| matches!(field, Field::Ip | Field::Country);
        let looks = |part: &policy::Condition| !part.ip.is_empty() || !part.country.is_empty();
        self.fresh && !self.limit.group_by.iter().any(from_where) && !self.counts.when.walk().any(looks)
    }
}

/// No two groups have the same, and nobody who chooses values can make them have: both halves are hashed with secrets.
fn key(fields: &[Field], facts: &Facts<'_>, seeds: &[RandomState; 2]) -> GroupKey {
    let values = || fields.iter().map(|field| facts.value(field));
    seeds.each_ref().map(|seed| {
        use std::hash::{Hash, Hasher};
        let mut hasher = seed.build_hasher();
        values().for_each(|value| value.hash(&mut hasher));
        hasher.finish()
    })
}

impl Counts {
    /// Those of the version before, where they count the same, else new ones. Tells whether they are new.
    fn of(id: LimitId, when: &policy::Condition, limit: &Limit, before: Before<'_>) -> (Arc<Self>, bool) {
        let shape = Shape::of(limit);
        let same = |kept: &Arc<Self>| {
            kept.shape == shape
                && kept.measure == limit.measure
                && kept.group_by == limit.group_by
                && kept.when == *when
        };
        if let Some(kept) = before(id).filter(same) {
            return (kept, false);
        }
        let kept = if limit.group_by.is_empty() {
            Kept::One(Arc::new(Group::new(shape.counter(), Box::default())))
        } else {
            Kept::Many(Box::new(Groups::new(&shape)), Default::default())
        };
        let (measure, group_by) = (limit.measure, limit.group_by.clone());
        (Arc::new(Self { when: when.clone(), measure, group_by, shape, kept }), true)
    }

    /// All groups that have a count.
    pub(super) fn groups(&self) -> Vec<Arc<Group>> {
        match &self.kept {
            Kept::One(group) => vec![group.clone()],
            Kept::Many(groups, _) => groups.all(),
        }
    }
}
