//! What the control plane asks of the data plane about policies: how full they are, and what they would have done.

use control::{PastRequest, PolicyEngine, PolicyUsage, Replay, Verdict};
use domain::TeamId;
use domain::policy::NamedPolicy;
use gateway::Gateway;
use gateway::trial::{Request, Trial, Tried};

/// The gateway of this process.
pub struct Policies(pub Gateway);

impl PolicyEngine for Policies {
    fn usage(&self, team: TeamId) -> Vec<PolicyUsage> {
        let told = |usage: gateway::PolicyUsage| {
            let fullest = usage.groups.into_iter().next()?;
            Some(PolicyUsage {
                id: usage.id,
                used: fullest.used,
                amount: fullest.limit,
                group: fullest.labels,
                groups: u32::try_from(usage.in_use).unwrap_or(u32::MAX),
                reset_ms: fullest.reset_ms,
            })
        };
        self.0.usage(team).into_iter().filter_map(told).collect()
    }

    fn replay(&self, policies: &[NamedPolicy]) -> Box<dyn Replay> {
        Box::new(Played(Trial::new(policies)))
    }
}

struct Played(Trial);

fn request(past: PastRequest<'_>) -> Request<'_> {
    Request { spent: past.spent, gateway: past.gateway, token: past.token }
}

impl Replay for Played {
    fn count(&mut self, past: PastRequest<'_>) {
        self.0.count(request(past));
    }

    fn judge(&mut self, past: PastRequest<'_>) -> Verdict {
        match self.0.judge(request(past)) {
            Tried::Passed => Verdict::Pass,
            Tried::Warned => Verdict::Warn,
            Tried::FellBack => Verdict::Fallback,
            Tried::Refused => Verdict::Refuse,
        }
    }
}
