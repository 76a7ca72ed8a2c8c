//! What the dashboard and the management API show. Made by `control` from stored rows; never holds a secret, except
//! [`IssuedToken`], which is shown once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ledger::{CacheStatus, Cause, Outcome, Surface};
use crate::policy::{Policy, PolicyState};
use crate::price::Formula;
use crate::provider::{AuthScheme, Dialect, Pooling};
use crate::route::RouteProblem;
use crate::token::Restrictions;
use crate::usage::UsageSource;
use crate::{
    CustomProviderId, GatewayId, GatewaySettings, InvitationId, Nanos, PolicyId, ProviderKeyId, RequestId, Role,
    RouteId, SessionId, TeamId, TeamPriceId, TokenId, Usage, UserId,
};

/// The signed-in person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub teams: Vec<TeamRef>,
}

/// A team the person belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRef {
    pub id: TeamId,
    pub slug: String,
    pub name: String,
    pub role: Role,
}

/// A member of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub joined_at: DateTime<Utc>,
}

/// A person who was invited and has not joined yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What an invitation's link opens, for whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvitation {
    pub team_name: String,
    pub team_slug: String,
    pub email: String,
    pub role: Role,
    /// Whether the address has an account, whose password is asked for then.
    pub has_account: bool,
}

/// A signed-in browser of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    pub id: SessionId,
    pub current: bool,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub ip: String,
    pub user_agent: String,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayView {
    pub id: GatewayId,
    pub slug: String,
    pub name: String,
    pub enabled: bool,
    pub settings: GatewaySettings,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The configuration version of its last change.
    pub version: i64,
    /// Whether the data plane of the node that answers runs that version already.
    pub live: bool,
}

/// A stored provider credential, without the credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderKeyView {
    pub id: ProviderKeyId,
    pub provider: String,
    pub alias: String,
    /// First and last characters, such as `sk-p…9f3a`.
    pub hint: String,
    pub base_url: Option<String>,
    pub enabled: bool,
    pub pooling: Pooling,
    pub created_at: DateTime<Utc>,
    pub rotated_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a connection test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionTest {
    pub ok: bool,
    pub status: Option<u16>,
    pub code: ConnectionTestCode,
    pub duration_ms: u64,
}

/// The result of a connection test, as a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionTestCode {
    /// The provider accepted the key.
    Accepted,
    /// The provider answered that the key is wrong.
    Rejected,
    /// The address is private, and private addresses are not allowed.
    PrivateAddress,
    /// Nothing answers at the address.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// An answer that tells nothing about the key.
    Unexpected,
    /// The address answers whoever asks, with and without a key.
    Public,
}

/// A provider of the team's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomProviderView {
    pub id: CustomProviderId,
    pub slug: String,
    pub name: String,
    pub base_url: String,
    pub dialect: Dialect,
    pub auth: AuthScheme,
    pub enabled: bool,
    pub created_at: DateTime<Utc>,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    pub id: TokenId,
    pub name: String,
    /// First and last characters, such as `weir_Ab…9f3a`.
    pub hint: String,
    pub restrictions: Restrictions,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// With whichever secret.
    pub last_used_at: Option<DateTime<Utc>>,
    pub rotated_at: Option<DateTime<Utc>>,
    /// The secret before the last rotation.
    pub previous: Option<PreviousSecretView>,
}

/// The secret that a token had before its last rotation, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecretView {
    /// First and last characters.
    pub hint: String,
    /// It works until then.
    pub until: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token just issued, or just given another secret. The plain text exists here and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    pub token: TokenView,
    pub plain: String,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("token", &self.token.id).finish_non_exhaustive()
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    pub id: PolicyId,
    pub name: String,
    /// The token whose own limit it is.
    pub owner: Option<TokenId>,
    pub state: PolicyState,
    /// Nothing where this program cannot read it: then it is not in force, whatever its state.
    pub policy: Option<Policy>,
    /// Its text form, as stored.
    pub text: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The configuration version of its last change.
    pub version: i64,
    /// Whether the data plane of the node that answers runs that version already.
    pub live: bool,
}

/// A price of a team's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamPriceView {
    pub id: TeamPriceId,
    /// The provider's slug.
    pub provider: String,
    /// The model's id, or the beginning of ids and `*`.
    pub model: String,
    /// A row of a price book, as JSON.
    pub text: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The configuration version of its last change.
    pub version: i64,
    /// Whether the data plane of the node that answers runs that version already.
    pub live: bool,
}

/// A dynamic route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    pub id: RouteId,
    pub name: String,
    /// The number of its newest version.
    pub newest: i64,
    /// The number of the version that is deployed.
    pub deployed: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The configuration version of its last change.
    pub version: i64,
    /// Whether the data plane of the node that answers runs that version already.
    pub live: bool,
}

impl RouteView {
    /// The newest version's number, where it is not the one that is deployed.
    #[must_use]
    pub fn draft(&self) -> Option<i64> {
        Some(self.newest).filter(|newest| Some(*newest) != self.deployed)
    }
}

/// A version of a dynamic route. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteVersionView {
    pub number: i64,
    /// Whether it had no errors when it was saved.
    pub valid: bool,
    /// Who saved it.
    pub author: String,
    pub comment: String,
    pub created_at: DateTime<Utc>,
}

/// The elements of a version, and what is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteElementsView {
    /// JSON on one line: canonical where it can be read.
    pub elements: String,
    pub problems: Vec<RouteProblem>,
}

/// When a version of a dynamic route went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentView {
    /// The version's number.
    pub number: i64,
    /// Who deployed it.
    pub author: String,
    pub created_at: DateTime<Utc>,
}

/// A line of the request log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRow {
    pub request_id: RequestId,
    pub attempt: u16,
    pub last: bool,
    pub at_ms: i64,
    pub gateway_id: Option<GatewayId>,
    pub gateway: Option<String>,
    pub token_id: Option<TokenId>,
    pub token: Option<String>,
    pub surface: Surface,
    pub method: String,
    pub path: String,
    pub provider: Option<String>,
    /// Who answered behind it, where it is a broker.
    pub backend: Option<String>,
    pub model_asked: Option<String>,
    pub model: Option<String>,
    pub status: u16,
    pub outcome: Outcome,
    pub error_code: Option<String>,
    pub cache: CacheStatus,
    pub streamed: bool,
    pub usage: Usage,
    pub usage_source: UsageSource,
    pub cost: Option<Nanos>,
    pub duration_us: u64,
    pub first_byte_us: Option<u64>,
    pub gateway_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub event_id: Option<String>,
    pub metadata: Option<String>,
    pub user_agent: Option<String>,
    /// Who it was asked for, as the caller says.
    pub user: Option<String>,
    /// Why the attempt was made.
    pub cause: Cause,
    /// The way through a route up to this attempt.
    pub way: Option<String>,
}

/// A request with all its attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestDetail {
    /// In order; never empty.
    pub attempts: Vec<AttemptDetail>,
}

/// One attempt of a [`RequestDetail`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptDetail {
    /// Its cost is the one after the last correction.
    pub row: RequestRow,
    /// As it was when the attempt ended.
    pub cost_formula: Formula,
    /// In order.
    pub corrections: Vec<Correction>,
    /// Nothing where payloads were not kept, were dropped, or may not be seen.
    pub payload: Option<PayloadView>,
}

/// A cost put right after the fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// When, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// What it cost before; nothing where that was not known.
    pub before: Option<Nanos>,
    pub cost: Nanos,
    pub formula: Formula,
}

/// Bodies as text; bytes that are not UTF-8 are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadView {
    pub request: String,
    pub response: String,
    pub request_content_type: Option<String>,
    pub response_content_type: Option<String>,
    pub request_cut: bool,
    pub response_cut: bool,
}

/// Distinct values to offer in the log's filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterChoices {
    pub providers: Vec<String>,
    pub models: Vec<String>,
}

/// Figures over a span of time, from roll-ups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub totals: Totals,
    /// The same figures for the span before, for comparison.
    pub previous: Totals,
    /// Evenly spaced, oldest first; empty buckets included.
    pub buckets: Vec<Bucket>,
    /// Seconds a bucket covers.
    pub step_s: u32,
    /// By cost, highest first; at most 8 and a rest under the name of an empty string.
    pub by_model: Vec<(String, Totals)>,
}

/// Sums of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests of clients, not attempts.
    pub requests: u64,
    /// Requests whose outcome is an error, see [`Outcome::is_error`].
    pub errors: u64,
    pub cache_hits: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost: Nanos,
    /// Attempts whose cost is unknown.
    pub unpriced: u64,
    /// Milliseconds, from histogram buckets; nothing without requests.
    pub latency_p50_ms: Option<u32>,
    pub latency_p95_ms: Option<u32>,
    pub first_byte_p50_ms: Option<u32>,
    pub first_byte_p95_ms: Option<u32>,
}

/// A model with attempts whose cost is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpricedModel {
    /// Empty where none was chosen.
    pub provider: String,
    /// Empty where none was named.
    pub model: String,
    pub attempts: u64,
}

/// Sums of one step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Start, in milliseconds since 1970.
    pub at_ms: i64,
    pub totals: Totals,
}

/// What figures are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    Gateway,
    Token,
    Provider,
    Model,
    /// Who was asked for, as callers say.
    User,
    /// A day in UTC.
    Day,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 6] = [Self::Gateway, Self::Token, Self::Provider, Self::Model, Self::User, Self::Day];

    /// The stable name, as in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Token => "token",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::User => "user",
            Self::Day => "day",
        }
    }

    /// Reads [`Dimension::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == text)
    }
}

/// A value of a [`Dimension`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DimensionValue {
    /// Of a gateway or a token; the beginning of a day in seconds since 1970; 0 otherwise, and where there is none.
    pub id: i64,
    /// Slug of a gateway, name of a token, provider, model, user; empty for a day, and where there is none.
    pub name: String,
}

/// Figures over a span of time by two dimensions, from roll-ups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// The span, in whole steps, in milliseconds since 1970, the end exclusive.
    pub from_ms: i64,
    pub to_ms: i64,
    pub totals: Totals,
    /// By the first dimension, the dearest first; days in their order. Bounded.
    pub values: Vec<(DimensionValue, Totals)>,
    /// What is left of all; nothing where `values` is all.
    pub rest_of_values: Option<Totals>,
    /// By both dimensions, the dearest first. Bounded.
    pub pairs: Vec<BreakdownRow>,
    /// What is left of all; nothing where `pairs` is all.
    pub rest_of_pairs: Option<Totals>,
}

/// Figures of a pair of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakdownRow {
    pub first: DimensionValue,
    pub second: DimensionValue,
    pub totals: Totals,
}

/// A change somebody made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditView {
    pub id: i64,
    pub at: DateTime<Utc>,
    /// E-mail of the person, or `weir apply`.
    pub actor: String,
    /// `gateway.update`, `token.revoke`, …
    pub action: String,
    /// What it was done to, such as `gateway main`.
    pub target: String,
    /// JSON before and after, without secrets.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How the ledger of an installation does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerHealth {
    /// Records that could not be stored; their cost is in no figure.
    pub dead_letters: u64,
    /// Whether the database refused the last rows; they wait, and it is tried again.
    pub stalled: bool,
    /// Bytes that wait for the database.
    pub backlog_bytes: u64,
    /// Rows that are in memory only, because the disk takes none.
    pub rows_waiting: u64,
    /// Files of the spool in which something was damaged, as they are called.
    pub damaged_segments: Vec<String>,
}
