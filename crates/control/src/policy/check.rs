//! Whether what a policy names exists. A name that is mistyped would match nothing, and a limit that matches nothing is none.

use std::collections::HashSet;

use domain::TeamId;
use domain::ledger::Surface;
use domain::policy::{Action, Condition, Hours, Policy, Window};
use domain::validate::{FieldError, Problem};
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use store::{StoreError, WriteTx};

use crate::provider_key::canonical_provider;

/// Longest text of a policy, in bytes.
const MAX_TEXT: usize = 65_536;

/// The names that a team's policies may mention.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) gateways: HashSet<String>,
    pub(crate) tokens: HashSet<String>,
    /// Slugs of the team's own providers, without `custom-`.
    pub(crate) custom_providers: HashSet<String>,
    /// Providers that were mentioned before.
    providers: HashSet<String>,
}

impl Known {
    /// What the team has, and what the `present` policy mentions already: a gateway that was deleted since must not stand in the
    /// way of another amount.
    pub(super) async fn load(
        tx: &WriteTx,
        team: TeamId,
        policy: &Policy,
        present: Option<&Policy>,
    ) -> Result<Self, StoreError> {
        let names = token_names(policy);
        let gateways = store::gateway::list(tx, team).await?;
        let tokens = store::token::list_live_named(tx, team, &names).await?;
        let custom_providers = store::custom_provider::list(tx, team).await?;
        let mut known = Self {
            gateways: gateways.into_iter().map(|row| row.slug).collect(),
            tokens: tokens.into_iter().map(|row| row.name).collect(),
            custom_providers: custom_providers.into_iter().map(|row| row.slug).collect(),
            providers: HashSet::new(),
        };
        if let Some(present) = present {
            known.add(present);
        }
        Ok(known)
    }

    /// Takes the names of a policy as they are.
    pub(crate) fn add(&mut self, policy: &Policy) {
        for part in policy.when.walk() {
            self.gateways.extend(part.gateway.iter().cloned());
            self.tokens.extend(part.token.iter().cloned());
            self.providers.extend(part.provider.iter().cloned());
        }
    }

    fn has_provider(&self, slug: &str) -> bool {
        let custom = self.custom_providers.iter().map(String::as_str);
        self.providers.contains(slug) || canonical_provider(slug, custom).is_ok()
    }
}

/// The names of tokens that a policy writes out.
pub(crate) fn token_names(policy: &Policy) -> Vec<&str> {
    let all = policy.when.walk().flat_map(|part| &part.token);
    all.map(String::as_str).filter(|name| !name.contains('*')).collect()
}

/// Everything that is wrong with a policy, by the names of its text form.
pub(crate) fn check(policy: &Policy, known: &Known) -> Vec<FieldError> {
    let mut errors = policy.validate().err().unwrap_or_default();
    if serde_json::to_string(policy).map_or(usize::MAX, |text| text.len()) > MAX_TEXT {
        errors.push(FieldError::new("when", Problem::TooLong { max: MAX_TEXT as u64 }));
        return errors;
    }
    condition("when", &policy.when, known, &mut errors);
    if let Some(Window::Calendar { zone: Some(zone), .. }) = policy.limit().map(|limit| &limit.window) {
        errors.extend(time_zone("limit.zone", zone));
    }
    if let Action::Fallback(model) = &policy.action {
        let custom = known.custom_providers.iter().map(String::as_str);
        let fine = model
            .split_once('/')
            .is_some_and(|(provider, model)| !model.is_empty() && canonical_provider(provider, custom).is_ok());
        if !fine && !errors.iter().any(|error| error.field == "action.fallback") {
            errors.push(FieldError::new("action.fallback", Problem::Unknown));
        }
    }
    errors
}

fn condition(place: &str, part: &Condition, known: &Known, errors: &mut Vec<FieldError>) {
    let mut all_known = |name: &str, list: &[String], is_known: &dyn Fn(&str) -> bool| {
        if !list.iter().all(|value| value.is_empty() || value.contains('*') || is_known(value)) {
            errors.push(FieldError::new(format!("{place}.{name}"), Problem::Unknown));
        }
    };
    all_known("gateway", &part.gateway, &|slug| known.gateways.contains(slug));
    all_known("token", &part.token, &|name| known.tokens.contains(name));
    all_known("provider", &part.provider, &|slug| known.has_provider(slug));
    all_known("endpoint", &part.endpoint, &is_endpoint);
    if let Some(Hours { zone: Some(zone), .. }) = &part.time {
        errors.extend(time_zone(&format!("{place}.time.zone"), zone));
    }
    for (name, parts) in [("all", &part.all), ("any", &part.any)] {
        for (index, part) in parts.iter().enumerate() {
            condition(&format!("{place}.{name}[{index}]"), part, known, errors);
        }
    }
    if let Some(part) = &part.not {
        condition(&format!("{place}.not"), part, known, errors);
    }
}

fn is_endpoint(name: &str) -> bool {
    Surface::deserialize(StrDeserializer::<Error>::new(name)).is_ok()
}

fn time_zone(field: &str, name: &str) -> Option<FieldError> {
    name.parse::<chrono_tz::Tz>().is_err().then(|| FieldError::new(field, Problem::NotATimeZone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Known {
            gateways: names(&["main"]),
            tokens: names(&["app"]),
            custom_providers: names(&["mine"]),
            ..Known::default()
        }
    }

    fn wrong(text: &str) -> Vec<String> {
        let policy = serde_json::from_str(text).expect("a policy");
        check(&policy, &known()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_named_must_exist_unless_it_is_a_pattern() {
        let fine = r#"{"when":{"gateway":["main","ma*"],"token":["app","*-ci"],"provider":["openai","custom-mine"],
            "endpoint":["chat_completions","*"],"any":[{"user":["anybody"]},{"model":["whatever"]}]},"deny":true}"#;
        assert_eq!(wrong(fine), [""; 0]);
        let bad = r#"{"when":{"gateway":["mian"],"all":[{"token":["App"]}],"not":{"endpoint":["chat"]},
            "any":[{},{"provider":["custom-other"],"time":{"zone":"Europe/Berln"}}]},
            "limit":{"cost":"1","per":"day","zone":"CEST"},"action":{"fallback":"nobody/gpt"}}"#;
        assert_eq!(
            wrong(bad),
            [
                "when.gateway does not exist",
                "when.all[0].token does not exist",
                "when.any[1].provider does not exist",
                "when.any[1].time.zone is no time zone; write one as Europe/Berlin",
                "when.not.endpoint does not exist",
                "limit.zone is no time zone; write one as Europe/Berlin",
                "action.fallback does not exist",
            ]
        );
    }

    #[test]
    fn another_model_needs_a_provider() {
        let text = |model: &str| format!(r#"{{"limit":{{"cost":"1","per":"day"}},"action":{{"fallback":"{model}"}}}}"#);
        for fine in ["openai/gpt-5-nano", "custom-mine/a/b"] {
            assert_eq!(wrong(&text(fine)), [""; 0], "{fine}");
        }
        for bad in ["gpt-5-nano", "openai/", "custom-other/a"] {
            assert_eq!(wrong(&text(bad)), ["action.fallback does not exist"], "{bad}");
        }
        assert_eq!(wrong(&text("")), ["action.fallback is required"]);
    }

    #[test]
    fn what_was_there_before_may_stay() {
        let policy: Policy = serde_json::from_str(
            r#"{"when":{"gateway":["gone"],"not":{"token":["gone"],"provider":["gone"]}},"deny":true}"#,
        )
        .expect("a policy");
        let mut known = known();
        assert_eq!(check(&policy, &known).len(), 3);
        known.add(&policy);
        assert_eq!(check(&policy, &known), []);
    }

    #[test]
    fn a_policy_has_an_end() {
        let list = serde_json::to_string(&vec!["x".repeat(200); 100]).expect("a list");
        let parts = vec![format!(r#"{{"user":{list}}}"#); 5].join(",");
        assert_eq!(
            wrong(&format!(r#"{{"when":{{"any":[{parts}]}},"deny":true}}"#)),
            ["when may have at most 65536 characters"]
        );
    }
}
