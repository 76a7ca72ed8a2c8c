//! How full limits are, for those who look after them.

use domain::PolicyId;

use super::Policies;
use super::limit::{LimitId, LimitState};

/// Most groups that are told of a policy.
const MOST: usize = 50;

/// How full a policy's limit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUsage {
    pub id: PolicyId,
    /// How many groups have used any of it.
    pub in_use: usize,
    /// The fullest of them, at most 50; one without labels where the policy does not group.
    pub groups: Vec<GroupUsage>,
}

/// How full the limit is for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupUsage {
    /// The group's values, in the order of the policy's fields; none where requests have no value. Empty for what shares a
    /// count because there are too many groups.
    pub labels: Vec<Option<String>>,
    /// In the limit's own unit: requests, tokens, nano-dollars. What is reserved for requests under way is among it.
    pub used: u64,
    pub limit: u64,
    /// Milliseconds until some of it comes back; none where time does not bring it.
    pub reset_ms: Option<i64>,
}

impl Policies {
    /// How full the limits are, in the order of their ids.
    pub(crate) fn usage(&self, now_ms: i64) -> Vec<PolicyUsage> {
        let usage = |limit: &std::sync::Arc<LimitState>| match limit.id {
            LimitId::Policy(id) => Some(limit.usage(id, now_ms)),
            LimitId::Gateway(_) => None,
        };
        let mut all: Vec<_> = self.all_limits().filter_map(usage).collect();
        all.sort_unstable_by_key(|usage| usage.id);
        all
    }
}

impl LimitState {
    fn usage(&self, id: PolicyId, now_ms: i64) -> PolicyUsage {
        let limit = self.limit.amount_at(now_ms);
        let one = self.limit.group_by.is_empty();
        let mut full = Vec::new();
        for group in self.counts.groups() {
            let used = group.counter.lock().used(&self.counts.shape, limit, now_ms);
            if used.used > 0 || one {
                full.push((used, group));
            }
        }
        full.sort_by_key(|(used, _)| std::cmp::Reverse(used.used));
        let in_use = full.len();
        full.truncate(MOST);
        let tell = |(used, group): (crate::count::Used, std::sync::Arc<crate::count::Group>)| GroupUsage {
            labels: group.labels.iter().map(|label| label.as_deref().map(str::to_owned)).collect(),
            used: used.used,
            limit,
            reset_ms: used.reset_ms,
        };
        PolicyUsage { id, in_use, groups: full.into_iter().map(tell).collect() }
    }
}
