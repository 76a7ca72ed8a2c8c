//! What the control plane asks of the data plane about policies. The data plane counts, so it knows how much is used, and it
//! can play what is in the ledger through a policy with the same code; the server hands it in.

use domain::ledger::Spent;
use domain::policy::NamedPolicy;
use domain::{PolicyId, TeamId};

/// The data plane's part of policies.
pub trait PolicyEngine: Send + Sync {
    /// How far the limits of a team are used up that are in force here, in any order.
    fn usage(&self, team: TeamId) -> Vec<PolicyUsage>;

    /// Policies with counts of their own that begin empty, apart from those in force. They judge together: what one of
    /// several permits is permitted.
    fn replay(&self, policies: &[NamedPolicy]) -> Box<dyn Replay>;
}

/// Policies that the past is played through, in the order of time.
pub trait Replay: Send {
    /// Counts what was spent before the policies judge; it passed in any case.
    fn count(&mut self, past: PastRequest<'_>);

    /// What the policies would have done with a request. What passes is counted.
    fn judge(&mut self, past: PastRequest<'_>) -> Verdict;
}

/// A request of the past with all its attempts, and the names that policies know its gateway and token by.
#[derive(Clone, Copy, Debug)]
pub struct PastRequest<'a> {
    pub spent: &'a Spent,
    pub gateway: Option<&'a str>,
    pub token: Option<&'a str>,
}

/// What policies do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It passes, with a warning.
    Warn,
    /// It is refused.
    Refuse,
    /// Another model answers it.
    Fallback,
}

/// How far a limit is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUsage {
    pub id: PolicyId,
    /// In the limit's own unit: requests, tokens, nano-dollars. Of a policy with groups, that of the fullest.
    pub used: u64,
    /// What may pass now, with a temporary increase.
    pub amount: u64,
    /// The fullest group by its values, in the order of the policy's fields, nothing where requests have no value; empty where
    /// there is one count for all.
    pub group: Vec<Option<String>>,
    /// How many groups are counted.
    pub groups: u32,
    /// Milliseconds until some of it comes back; nothing where time does not bring it.
    pub reset_ms: Option<i64>,
}
