//! Whom a policy would have hit, told apart by what it groups by.

use std::collections::HashMap;

use domain::Nanos;
use domain::policy::Field;

use super::HitGroup;
use crate::policy::engine::PastRequest;

/// Most groups that are told apart; the rest counts together.
const MAX_GROUPS: usize = 10_000;
/// How many are shown.
const SHOWN: usize = 10;

/// Groups that were hit.
pub(super) struct Groups {
    fields: Vec<Field>,
    hit: HashMap<Vec<String>, Hit>,
}

struct Hit {
    requests: u64,
    cost: Nanos,
    first_ms: i64,
}

impl Groups {
    /// By these fields; by token where there are none.
    pub(super) fn by(fields: Vec<Field>) -> Self {
        let fields = if fields.is_empty() { vec![Field::Token] } else { fields };
        Self { fields, hit: HashMap::new() }
    }

    /// Counts a request that was hit.
    pub(super) fn hit(&mut self, past: PastRequest<'_>) {
        let mut key: Vec<_> = self.fields.iter().map(|field| value(field, past)).collect();
        if self.hit.len() >= MAX_GROUPS && !self.hit.contains_key(&key) {
            key.clear();
        }
        let fresh = || Hit { requests: 0, cost: Nanos(0), first_ms: past.spent.at_ms };
        let hit = self.hit.entry(key).or_insert_with(fresh);
        hit.requests += 1;
        hit.cost += past.spent.cost.unwrap_or_default();
    }

    /// Those that were hit most often.
    pub(super) fn hardest(self) -> Vec<HitGroup> {
        let mut all: Vec<_> = self.hit.into_iter().collect();
        all.sort_unstable_by(|(one_key, one), (key, other)| (other.requests, one_key).cmp(&(one.requests, key)));
        let shown = all.into_iter().take(SHOWN).map(|(values, hit)| HitGroup {
            values: self.fields.iter().cloned().zip(values).collect(),
            requests: hit.requests,
            cost: hit.cost,
            first_ms: hit.first_ms,
        });
        shown.collect()
    }
}

/// What a request has in a field; empty where it has nothing.
fn value(field: &Field, past: PastRequest<'_>) -> String {
    let spent = past.spent;
    let text = match field {
        Field::Gateway => past.gateway,
        Field::Token => past.token,
        Field::User => spent.user.as_deref(),
        Field::Model => spent.model.as_deref(),
        Field::Provider => spent.provider.as_deref(),
        Field::Endpoint => Some(spent.surface.as_str()),
        // The ledger does not have them, and such policies are not tried.
        Field::Ip | Field::Country => None,
        Field::Metadata(key) => return metadata(spent.metadata.as_deref(), key).unwrap_or_default(),
    };
    text.unwrap_or_default().to_owned()
}

/// A value of `cf-aig-metadata` as text.
fn metadata(json: Option<&str>, key: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json?).ok()?;
    match object.get(key)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use domain::ledger::Spent;

    use super::*;

    fn spent(at_ms: i64, user: Option<&str>, metadata: &str) -> Spent {
        Spent {
            at_ms,
            gateway_id: None,
            token_id: None,
            surface: "chat_completions".into(),
            provider: Some("openai".into()),
            model: None,
            user: user.map(str::to_owned),
            metadata: Some(metadata.to_owned()),
            is_request: true,
            tokens: 1,
            cost: Some(Nanos(3)),
        }
    }

    fn hit(groups: &mut Groups, spent: &Spent) {
        groups.hit(PastRequest { spent, gateway: None, token: Some("app") });
    }

    #[test]
    fn groups_are_told_by_their_fields_the_hardest_hit_first() {
        let mut groups = Groups::by(vec![Field::User, Field::Metadata("team".into())]);
        hit(&mut groups, &spent(1, Some("ada"), r#"{"team":7}"#));
        hit(&mut groups, &spent(2, None, "not json"));
        hit(&mut groups, &spent(3, Some("ada"), r#"{"team":7}"#));
        let hardest = groups.hardest();
        let told: Vec<_> = hardest
            .iter()
            .map(|group| (group.values[0].1.as_str(), group.values[1].1.as_str(), group.requests))
            .collect();
        assert_eq!(told, [("ada", "7", 2), ("", "", 1)]);
        assert_eq!((hardest[0].cost, hardest[0].first_ms), (Nanos(6), 1));
    }

    #[test]
    fn without_fields_the_token_tells_them_apart() {
        let mut groups = Groups::by(Vec::new());
        hit(&mut groups, &spent(1, None, "{}"));
        assert_eq!(groups.hardest()[0].values, [(Field::Token, "app".to_owned())]);
    }

    #[test]
    fn too_many_groups_count_together() {
        let mut groups = Groups::by(vec![Field::User]);
        for number in 0..MAX_GROUPS + 5 {
            hit(&mut groups, &spent(1, Some(&number.to_string()), "{}"));
        }
        assert_eq!(groups.hit.len(), MAX_GROUPS + 1);
        let hardest = groups.hardest();
        assert_eq!((hardest[0].values.len(), hardest[0].requests, hardest.len()), (0, 5, SHOWN));
    }
}
