//! A token's own limits: the few that its form has fields for. Each is a policy like any other, about this token and nothing else.

use std::fmt;

use super::{Action, Condition, Limit, Measure, Policy, Rule, Unit, Unknown, Window};

/// A kind of limit that a token has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnLimit {
    /// In any stretch of a minute.
    RequestsPerMinute,
    /// In any stretch of a minute.
    TokensPerMinute,
    /// By the calendar.
    CostPerDay,
    /// By the calendar.
    CostPerMonth,
}

/// How much each kind lets pass, in its own unit: requests, tokens, nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits([Option<u64>; 4]);

impl OwnLimit {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::RequestsPerMinute, Self::TokensPerMinute, Self::CostPerDay, Self::CostPerMonth];

    /// The name of its field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::TokensPerMinute => "tokens_per_minute",
            Self::CostPerDay => "cost_per_day",
            Self::CostPerMonth => "cost_per_month",
        }
    }

    /// What it counts.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::RequestsPerMinute => Measure::Requests,
            Self::TokensPerMinute => Measure::Tokens,
            Self::CostPerDay | Self::CostPerMonth => Measure::Cost,
        }
    }

    /// The policy of a token, by its name, that is about nothing else.
    #[must_use]
    pub fn policy(self, token: &str, amount: u64) -> Policy {
        let window = match self {
            Self::RequestsPerMinute | Self::TokensPerMinute => Window::Sliding { seconds: 60 },
            Self::CostPerDay => Window::Calendar { unit: Unit::Day, zone: None },
            Self::CostPerMonth => Window::Calendar { unit: Unit::Month, zone: None },
        };
        let limit = Limit { measure: self.measure(), amount, window, group_by: Vec::new(), warn_at: None, extra: None };
        Policy {
            when: Condition { token: vec![token.to_owned()], ..Condition::default() },
            rule: Rule::Limit(Box::new(limit)),
            action: Action::Refuse,
            unknown: Unknown::Pass,
            message: None,
        }
    }

    /// The kind that a policy is of, and its amount. What happens at the limit, when callers are warned and in which time zone days
    /// begin does not make another kind of it.
    #[must_use]
    pub fn of(policy: &Policy) -> Option<(Self, u64)> {
        let only_token = Condition { token: policy.when.token.clone(), ..Condition::default() };
        let limit = policy.limit().filter(|limit| limit.group_by.is_empty())?;
        if policy.when.token.len() != 1 || policy.when != only_token {
            return None;
        }
        let kind = match (limit.measure, &limit.window) {
            (Measure::Requests, Window::Sliding { seconds: 60 }) => Self::RequestsPerMinute,
            (Measure::Tokens, Window::Sliding { seconds: 60 }) => Self::TokensPerMinute,
            (Measure::Cost, Window::Calendar { unit: Unit::Day, .. }) => Self::CostPerDay,
            (Measure::Cost, Window::Calendar { unit: Unit::Month, .. }) => Self::CostPerMonth,
            _ => return None,
        };
        Some((kind, limit.amount))
    }
}

/// As the name of its policy has it: `requests a minute`.
impl fmt::Display for OwnLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestsPerMinute => "requests a minute",
            Self::TokensPerMinute => "tokens a minute",
            Self::CostPerDay => "cost a day",
            Self::CostPerMonth => "cost a month",
        })
    }
}

impl OwnLimits {
    /// How much a kind lets pass; none where it does not limit.
    #[must_use]
    pub fn get(&self, kind: OwnLimit) -> Option<u64> {
        self.0[kind as usize]
    }

    /// Says how much a kind lets pass.
    pub fn set(&mut self, kind: OwnLimit, amount: Option<u64>) {
        self.0[kind as usize] = amount;
    }
}

impl FromIterator<(OwnLimit, u64)> for OwnLimits {
    fn from_iter<I: IntoIterator<Item = (OwnLimit, u64)>>(amounts: I) -> Self {
        let mut limits = Self::default();
        amounts.into_iter().for_each(|(kind, amount)| limits.set(kind, Some(amount)));
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_what_it_counts() {
        for kind in OwnLimit::ALL {
            let policy = kind.policy("app", 7);
            assert_eq!(OwnLimit::of(&policy), Some((kind, 7)));
            assert_eq!(policy.validate(), Ok(()));
            let text = serde_json::to_string(&policy).expect("a text");
            assert_eq!(
                serde_json::from_str::<Policy>(&text).map(|policy| OwnLimit::of(&policy)).ok(),
                Some(Some((kind, 7)))
            );
        }
        let of = |text: &str| OwnLimit::of(&serde_json::from_str(text).expect("a policy")).map(|(kind, _)| kind);
        let own = r#"{"when":{"token":["app"]},"limit":{"cost":"5","per":"day","zone":"Europe/Berlin","warn_at":80},"action":"warn"}"#;
        assert_eq!(of(own), Some(OwnLimit::CostPerDay));
        for other in [
            r#"{"limit":{"cost":"5","per":"day"}}"#,
            r#"{"when":{"token":["app","ci"]},"limit":{"cost":"5","per":"day"}}"#,
            r#"{"when":{"token":["app"],"model":["gpt-5*"]},"limit":{"cost":"5","per":"day"}}"#,
            r#"{"when":{"token":["app"]},"limit":{"cost":"5","per":"day"},"group_by":["user"]}"#,
            r#"{"when":{"token":["app"]},"limit":{"cost":"5","per":"week"}}"#,
            r#"{"when":{"token":["app"]},"deny":true}"#,
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
