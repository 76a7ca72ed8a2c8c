//! Policies as a team may have them: a denial, a permission, a budget for each token, and limits of requests and tokens. And a
//! request that they are asked about. Shared with the gates and the benchmark `hot`.

#![allow(dead_code, reason = "nobody uses all of it")]

use std::sync::Arc;

use domain::ledger::Spent;
use domain::policy::NamedPolicy;
use domain::{GatewayId, Nanos, PolicyId, TokenId};
use gateway::trial::{Request, Trial, Tried};

/// Five of them.
pub const POLICIES: [&str; 5] = [
    r#"{"deny":true,"when":{"model":["openai/gpt-5-pro*","o1*"],"not":{"token":["research-*"]}}}"#,
    r#"{"allow":true,"when":{"provider":["openai","anthropic"]}}"#,
    r#"{"limit":{"cost":"1000000","per":"month","zone":"Europe/Berlin","warn_at":80},"group_by":["token"]}"#,
    r#"{"limit":{"requests":10000000,"per":"minute"}}"#,
    r#"{"limit":{"tokens":10000000000,"per":"5h","window":"fixed"}}"#,
];

/// What is measured of them: how many, what they are called, and which.
pub const CASES: [(&str, &[&str]); 4] = [
    ("none", &[]),
    ("one limit of requests", POLICIES.split_at(3).1.split_at(1).0),
    ("a budget for each token", POLICIES.split_at(2).1.split_at(1).0),
    ("five", &POLICIES),
];

/// A request of a token's under policies.
#[derive(Clone)]
pub struct Asking {
    trial: Arc<Trial>,
    spent: Spent,
}

impl Asking {
    /// Policies with nothing counted yet.
    pub fn under(texts: &[&str]) -> Self {
        let named = |(id, text): (i64, &&str)| NamedPolicy {
            id: PolicyId(id),
            name: format!("policy {id}"),
            owner: None,
            policy: serde_json::from_str(text).expect("a policy"),
        };
        let spent = Spent {
            at_ms: 0,
            gateway_id: Some(GatewayId(1)),
            token_id: Some(TokenId(1)),
            surface: "chat_completions".to_owned(),
            provider: Some("openai".to_owned()),
            model: Some("gpt-4o-mini".to_owned()),
            user: None,
            metadata: None,
            is_request: true,
            tokens: 300,
            cost: Some(Nanos(90_000)),
        };
        Self { trial: Arc::new(Trial::new(&(1..).zip(texts).map(named).collect::<Vec<_>>())), spent }
    }

    /// The same policies, asked for another token.
    pub fn of_token(&self, token: i64) -> Self {
        let mut other = self.clone();
        other.spent.token_id = Some(TokenId(token));
        other
    }

    /// Asks whether the request may pass at a moment, takes room for it and puts right what it used.
    pub fn judge(&mut self, at_ms: i64) -> Tried {
        self.spent.at_ms = at_ms;
        self.trial.judge(Request { spent: &self.spent, gateway: Some("main"), token: Some("app") })
    }
}
