//! One primitive for everything that says no, or not so much: a policy has a condition, a way to group what it meets, and a
//! rule. Rate limits, budgets, allow-lists and bans are policies; nothing else limits.
//!
//! What is here is the rule as people write it and the store keeps it (docs/adr/0004). The gateway compiles it and counts.

mod condition;
mod describe;
mod limit;
mod own;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::condition::{Condition, Hours, Weekday};
pub use self::limit::{Extra, Limit, MAX_AMOUNT, Measure, Unit, Window};
pub use self::own::{OwnLimit, OwnLimits};
pub(crate) use self::text::duration;
use crate::validate::{FieldError, Problem};
use crate::{PolicyId, TokenId};

/// Most policies of a team, without those that are the own limits of a token.
pub const MAX_POLICIES: usize = 200;
/// Most fields that a policy groups by.
pub const MAX_GROUP_BY: usize = 4;
/// Longest message of a policy, in characters.
pub const MAX_MESSAGE: usize = 500;

/// A rule of a team. Its text form is that of `weir apply` and of the dashboard's JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "text::PolicyText", into = "text::PolicyText")]
pub struct Policy {
    /// Which requests it is about; the empty condition is about all.
    pub when: Condition,
    /// What it does.
    pub rule: Rule,
    /// What happens to a request that is denied or over the limit.
    pub action: Action,
    /// What happens where it cannot be judged: a cost of which the price is unknown.
    pub unknown: Unknown,
    /// What the refused caller is told, beside what is told anyway.
    pub message: Option<String>,
}

/// What a policy does with the requests that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// They may pass. Where a team has such policies, what none of them is about is refused.
    Allow,
    /// They may not pass, whatever else allows them.
    Deny,
    /// They may pass as long as there is room.
    Limit(Box<Limit>),
}

/// What happens to a request that may not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes, with a header that says so.
    Warn,
    /// Another model answers it, `provider/model`; where that is not possible it is refused.
    Fallback(String),
}

/// What happens where a policy cannot be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// The request passes and counts nothing: the policy fails open.
    #[default]
    Pass,
    /// The request is refused: the policy fails closed.
    Refuse,
}

/// Whether a policy is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyState {
    /// Not yet: it can be tried on what passed already.
    Draft,
    /// In force.
    #[default]
    On,
    /// Not any more.
    Off,
}

/// Something by which requests are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// The gateway's slug.
    Gateway,
    /// The API token's name.
    Token,
    /// Who the caller says it asks for: `weir-user`, or `user` or `metadata.user_id` of the body.
    User,
    /// The model that is called, as its provider names it.
    Model,
    /// The provider's slug.
    Provider,
    /// Which kind of endpoint it is, as the request log names it: `chat_completions`, `embeddings`, …
    Endpoint,
    /// The caller's address.
    Ip,
    /// The caller's country, as a proxy in front says: two letters.
    Country,
    /// A value of `cf-aig-metadata`.
    Metadata(String),
}

/// A policy as the data plane takes it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    pub id: PolicyId,
    pub name: String,
    /// The token whose own limit it is, which is about no other.
    pub owner: Option<TokenId>,
    pub policy: Policy,
}

impl Policy {
    /// Whether it is about some requests only, or all of them.
    #[must_use]
    pub fn limit(&self) -> Option<&Limit> {
        if let Rule::Limit(limit) = &self.rule { Some(limit) } else { None }
    }

    /// Everything that is wrong with it, by the names of its text form. Whether the tokens, gateways and time zones that it
    /// names exist is for `control` to say.
    ///
    /// # Errors
    /// The list of offending fields.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        self.when.check("when", 0, &mut errors);
        if let Rule::Limit(limit) = &self.rule {
            limit.check(&mut errors);
        }
        if let Action::Fallback(model) = &self.action {
            let problem = match model.len() {
                0 => Some(Problem::Required),
                1..=256 if model.bytes().all(|b| b.is_ascii_graphic()) && !model.contains('*') => None,
                1..=256 => Some(Problem::NotAChoice),
                _ => Some(Problem::TooLong { max: 256 }),
            };
            errors.extend(problem.map(|problem| FieldError::new("action.fallback", problem)));
        }
        let message = self.message.as_deref().unwrap_or_default();
        if message.chars().count() > MAX_MESSAGE {
            errors.push(FieldError::new("message", Problem::TooLong { max: MAX_MESSAGE as u64 }));
        }
        if message.chars().any(char::is_control) {
            errors.push(FieldError::new("message", Problem::HiddenCharacters));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl PolicyState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Draft, Self::On, Self::Off];

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl FromStr for PolicyState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// Longest key of a metadata value, in bytes.
const MAX_KEY: usize = 64;

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Token => "token",
            Self::User => "user",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Endpoint => "endpoint",
            Self::Ip => "ip",
            Self::Country => "country",
            Self::Metadata(key) => return write!(f, "metadata.{key}"),
        })
    }
}

/// A text that names no [`Field`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of gateway, token, user, model, provider, endpoint, ip, country, metadata.KEY")]
pub struct UnknownField(String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, UnknownField> {
        let plain = [
            Self::Gateway,
            Self::Token,
            Self::User,
            Self::Model,
            Self::Provider,
            Self::Endpoint,
            Self::Ip,
            Self::Country,
        ];
        if let Some(field) = plain.into_iter().find(|field| field.to_string() == text) {
            return Ok(field);
        }
        let key = text.strip_prefix("metadata.").filter(|key| (1..=MAX_KEY).contains(&key.len()));
        let unknown = || UnknownField(text.chars().take(80).collect());
        key.map(|key| Self::Metadata(key.to_owned())).ok_or_else(unknown)
    }
}

impl TryFrom<String> for Field {
    type Error = UnknownField;

    fn try_from(text: String) -> Result<Self, UnknownField> {
        text.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}
