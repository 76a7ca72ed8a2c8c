//! Policies that the past is played through, with counts of their own: what they would have done.

use domain::ledger::Spent;
use domain::policy::{Action, NamedPolicy};

use super::facts::{Facts, Target};
use super::held::{Short, Used, Wants};
use super::{Policies, Verdict, is_met};

/// Policies on trial. Requests are to come in the order of time.
#[derive(Debug)]
pub struct Trial(Policies);

/// What policies do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tried {
    /// It passes.
    Passed,
    /// It passes with a warning.
    Warned,
    /// Another model answers it.
    FellBack,
    /// It is refused.
    Refused,
}

/// A request of the past, and the names by which policies know its gateway and its token.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub spent: &'a Spent,
    pub gateway: Option<&'a str>,
    pub token: Option<&'a str>,
}

impl Trial {
    /// Begins with nothing counted.
    #[must_use]
    pub fn new(policies: &[NamedPolicy]) -> Self {
        let canonical = |slug: &str| match wire::providers::find(slug) {
            Some(known) => Some(known.slug.clone()),
            None => slug.starts_with("custom-").then(|| slug.to_owned()),
        };
        // On trial a token's own limit is one like any other.
        let policies: Vec<_> = policies.iter().map(|named| NamedPolicy { owner: None, ..named.clone() }).collect();
        Self(Policies::compile(&policies, &canonical, &|_| None))
    }

    /// Counts a request that passed before the trial begins.
    pub fn count(&self, request: Request<'_>) {
        let facts = self.facts(request);
        for limit in self.0.limits().iter().filter(|limit| is_met(&limit.when, &facts)) {
            limit.replay(u64::from(request.spent.is_request), request.spent, &facts, facts.now_ms);
        }
    }

    /// What would have been done with a request. What passes is counted.
    #[must_use]
    pub fn judge(&self, request: Request<'_>) -> Tried {
        let spent = request.spent;
        let facts = self.facts(request);
        let mut outcome = Tried::Passed;
        if let Err(verdict) = self.0.judge(&facts, |_| outcome = Tried::Warned) {
            let (Verdict::Denied(judge) | Verdict::NotPermitted(judge)) = verdict;
            return instead(&judge.action);
        }
        let cost = spent.cost.map(|cost| u64::try_from(cost.0).unwrap_or(0));
        let wants = Wants { requests: 1, tokens: spent.tokens, cost };
        let mut held = self.0.held(None, &[], &facts);
        held.look(facts.now_ms);
        if held.places().iter().any(|place| place.limit.action == Action::Warn && place.lacks(&wants)) {
            outcome = Tried::Warned;
        }
        match held.take(&wants, facts.now_ms) {
            Ok(()) => {}
            Err((_, Short::NoPrice)) => return Tried::Refused,
            Err((index, Short::Full(..))) => {
                return held.places().get(index).map_or(Tried::Refused, |place| instead(&place.limit.action));
            }
        }
        let requests = u64::from(spent.is_request);
        held.settle(&Used { requests, tokens: spent.tokens, cost: cost.unwrap_or(0), broke_off: false });
        outcome
    }

    fn facts<'a>(&self, request: Request<'a>) -> Facts<'a> {
        let Request { spent, gateway, token } = request;
        Facts {
            gateway: spent.gateway_id.zip(gateway),
            token: spent.token_id.zip(token),
            user: spent.user.as_deref(),
            target: Target::of(spent.provider.as_deref(), spent.model.as_deref()),
            endpoint: &spent.surface,
            address: None,
            country: None,
            metadata: self.0.metadata(spent.metadata.as_deref()),
            now_ms: spent.at_ms,
        }
    }
}

fn instead(action: &Action) -> Tried {
    match action {
        Action::Refuse => Tried::Refused,
        Action::Fallback(_) => Tried::FellBack,
        Action::Warn => Tried::Warned,
    }
}

#[cfg(test)]
mod tests {
    use domain::{GatewayId, Nanos, PolicyId, TokenId};

    use super::*;

    fn trial(text: &str) -> Trial {
        let policy = serde_json::from_str(text).expect("a policy");
        Trial::new(&[NamedPolicy { id: PolicyId(1), name: "p".into(), owner: None, policy }])
    }

    fn spent(at_s: i64) -> Spent {
        Spent {
            at_ms: 1_800_000_000_000 + at_s * 1_000,
            gateway_id: Some(GatewayId(1)),
            token_id: Some(TokenId(1)),
            surface: "chat_completions".into(),
            provider: Some("openai".into()),
            model: Some("gpt-4o".into()),
            user: None,
            metadata: Some(r#"{"team":"red"}"#.into()),
            is_request: true,
            tokens: 30,
            cost: Some(Nanos(600)),
        }
    }

    fn judge(trial: &Trial, spent: &Spent) -> Tried {
        trial.judge(Request { spent, gateway: Some("main"), token: Some("ci") })
    }

    #[test]
    fn the_past_is_judged_as_the_present_would_be() {
        use Tried::{FellBack, Passed, Refused, Warned};
        for (text, expected) in [
            (r#"{"limit":{"tokens":60,"per":"minute"}}"#, [Passed, Passed, Refused, Passed]),
            (r#"{"limit":{"tokens":60,"per":"minute"},"action":"warn"}"#, [Passed, Passed, Warned, Passed]),
            (
                r#"{"limit":{"cost":"0.000001","per":"ever"},"action":{"fallback":"a/b"}}"#,
                [Passed, FellBack, FellBack, FellBack],
            ),
            (
                r#"{"limit":{"requests":2,"per":"ever"},"group_by":["metadata.team"]}"#,
                [Passed, Passed, Refused, Refused],
            ),
            (r#"{"deny":true,"when":{"token":["c*"],"gateway":["main"]}}"#, [Refused; 4]),
            (r#"{"deny":true,"when":{"model":["xai/*"]}}"#, [Passed; 4]),
            (r#"{"allow":true,"when":{"model":["openai/gpt-4o"]}}"#, [Passed; 4]),
            (r#"{"allow":true,"when":{"provider":["anthropic"]},"action":"warn"}"#, [Warned; 4]),
        ] {
            let trial = trial(text);
            let told = [0, 1, 2, 122].map(|at_s| judge(&trial, &spent(at_s)));
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn what_passed_before_counts() {
        let trial = trial(r#"{"limit":{"requests":2,"per":"day"}}"#);
        for at_s in [0, 1] {
            trial.count(Request { spent: &spent(at_s), gateway: None, token: None });
        }
        assert_eq!(judge(&trial, &spent(2)), Tried::Refused);
    }
}
