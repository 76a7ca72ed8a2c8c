//! What a plan is made of.

use chrono::{DateTime, Utc};
use domain::policy::{OwnLimits, Policy, PolicyState};
use domain::provider::Pooling;
use domain::token::Restrictions;
use domain::{GatewaySettings, Role, Secret, TeamId};
use serde_json::Value;
use store::entity::{
    api_token, custom_provider, gateway, policy, provider_key, route, route_version, team_price, user,
};

use crate::PriceText;
use crate::route::RouteVersion;

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Create,
    Change,
    Same,
}

/// A difference, ready to show.
pub(super) struct Difference {
    pub(super) field: String,
    /// Nothing where the thing is new or the old value is secret.
    pub(super) old: Option<String>,
    pub(super) new: String,
}

impl Difference {
    pub(super) fn note(field: &str, new: &str) -> Self {
        Self { field: field.to_owned(), old: None, new: new.to_owned() }
    }
}

/// All that is to happen in a team.
pub(super) struct TeamPlan {
    pub(super) slug: String,
    /// Nothing while the team does not exist.
    pub(super) id: Option<TeamId>,
    pub(super) steps: Vec<Step>,
}

impl TeamPlan {
    pub(super) fn changes(&self) -> usize {
        self.steps.iter().filter(|step| step.mark != Mark::Same).count()
    }
}

pub(super) struct Step {
    pub(super) mark: Mark,
    /// `gateway main`
    pub(super) what: String,
    pub(super) differences: Vec<Difference>,
    pub(super) operation: Operation,
}

pub(super) enum Operation {
    Team { name: String, old_name: Option<String> },
    CustomProvider(Box<CustomProvider>),
    Gateway(Box<Gateway>),
    Route(Box<RoutePlan>),
    ProviderKey(Box<ProviderKey>),
    Token(Box<Token>),
    Policy(Box<PolicyPlan>),
    Price(Box<PricePlan>),
    Member(Box<Member>),
}

pub(super) struct CustomProvider {
    pub(super) old: Option<custom_provider::Model>,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) dialect: domain::provider::Dialect,
    pub(super) auth: domain::provider::AuthScheme,
    pub(super) enabled: bool,
}

pub(super) struct Gateway {
    pub(super) old: Option<gateway::Model>,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) settings: GatewaySettings,
}

/// A route with the version that is to be deployed.
pub(super) struct RoutePlan {
    pub(super) old: Option<route::Model>,
    /// A slug: the gateway may be created by the same plan.
    pub(super) gateway: String,
    pub(super) name: String,
    /// The newest version, where it is what the file says.
    pub(super) newest: Option<route_version::Model>,
    pub(super) version: RouteVersion,
    pub(super) comment: String,
}

pub(super) struct ProviderKey {
    pub(super) old: Option<provider_key::Model>,
    pub(super) provider: String,
    pub(super) alias: String,
    pub(super) secret: Secret,
    /// Whether the stored credential is another one.
    pub(super) rotate: bool,
    pub(super) base_url: Option<String>,
    pub(super) enabled: bool,
    pub(super) pooling: Pooling,
}

pub(super) struct Token {
    pub(super) old: Option<api_token::Model>,
    pub(super) name: String,
    /// The known secret, where the file names one.
    pub(super) plain: Option<Secret>,
    /// Whether the stored secret is another one, and for how many seconds that works on.
    pub(super) rotate: Option<u32>,
    /// Slugs: a gateway may be created by the same plan.
    pub(super) gateways: Option<Vec<String>>,
    /// The others.
    pub(super) restrictions: Restrictions,
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// Its own limits, where the file names them.
    pub(super) limits: Option<OwnLimits>,
}

pub(super) struct PolicyPlan {
    pub(super) old: Option<policy::Model>,
    pub(super) name: String,
    pub(super) state: PolicyState,
    pub(super) policy: Policy,
}

pub(super) struct PricePlan {
    pub(super) old: Option<team_price::Model>,
    pub(super) price: PriceText,
}

pub(super) struct Member {
    pub(super) user: Option<user::Model>,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) old_role: Option<Role>,
    /// Of an account that does not exist yet.
    pub(super) password: Option<Secret>,
}

/// What differs between two JSON objects, field by field in alphabetical order; without an old one, all that the new one holds.
pub(super) fn differences(old: Option<&Value>, new: &Value) -> Vec<Difference> {
    let empty = serde_json::Map::new();
    let new = new.as_object().unwrap_or(&empty);
    let differing = new.iter().filter(|(field, value)| match old {
        Some(old) => old.get(*field) != Some(value),
        None => !value.is_null(),
    });
    let shown = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut differences: Vec<_> = differing
        .map(|(field, value)| Difference {
            field: field.clone(),
            old: old.map(|old| shown(old.get(field).unwrap_or(&Value::Null))),
            new: shown(value),
        })
        .collect();
    differences.sort_by(|a, b| a.field.cmp(&b.field));
    differences
}

/// The mark of a thing by whether it is there and differs.
pub(super) fn mark(exists: bool, differs: bool) -> Mark {
    match (exists, differs) {
        (false, _) => Mark::Create,
        (true, true) => Mark::Change,
        (true, false) => Mark::Same,
    }
}
