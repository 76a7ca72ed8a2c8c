//! What is written down about each attempt to answer a request. Money and log share the row; bodies travel beside it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::price::Formula;
use crate::usage::UsageSource;
use crate::{GatewayId, Nanos, ProviderKeyId, RequestId, TeamId, TokenId, Usage};

/// Which door a request came through. Names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// `/v1/chat/completions` and `/v1/{team}/{gateway}/compat/chat/completions`.
    ChatCompletions,
    /// `/v1/responses` and the same below `compat`.
    Responses,
    /// `/v1/messages` and the same below `compat`.
    Messages,
    /// `/v1beta/models/{model}:generateContent`, `:streamGenerateContent` and the same below `compat`.
    GenerateContent,
    /// `/v1/messages/count_tokens`, `/v1beta/models/{model}:countTokens` and the same below `compat`.
    CountTokens,
    /// `/v1/models`.
    Models,
    /// `/v1/{team}/{gateway}/{provider}/…`.
    Native,
    /// A path that is none of these.
    Unknown,
    /// `/v1/responses/{id}`, `…/cancel`, `…/input_items` and the same below `compat`.
    StoredResponses,
    /// `/v1/conversations…` and the same below `compat`.
    Conversations,
    /// `/v1/embeddings`, `/v1beta/models/{model}:embedContent`, `:batchEmbedContents` and the same below `compat`.
    Embeddings,
    /// `/v1/images/…` and the same below `compat`.
    Images,
    /// `/v1/audio/speech` and the same below `compat`.
    Speech,
    /// `/v1/audio/transcriptions` and the same below `compat`.
    Transcriptions,
    /// `/v1/audio/translations` and the same below `compat`.
    Translations,
    /// `/v1/moderations` and the same below `compat`.
    Moderations,
    /// `/v1/rerank`, `/v2/rerank` and the same below `compat`.
    Rerank,
    /// `/v1/files…` and the same below `compat`.
    Files,
    /// `/v1/batches…` and the same below `compat`.
    Batches,
    /// `/v1/limits` and the same below `compat`.
    Limits,
    /// `/v1/{team}/{gateway}`: steps that are tried in their order. Each step's rows are of its own door.
    Universal,
}

impl Surface {
    /// Every door that leads somewhere, as people look for them.
    pub const ALL: [Self; 20] = [
        Self::ChatCompletions,
        Self::Responses,
        Self::StoredResponses,
        Self::Conversations,
        Self::Messages,
        Self::GenerateContent,
        Self::CountTokens,
        Self::Embeddings,
        Self::Images,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::Moderations,
        Self::Rerank,
        Self::Files,
        Self::Batches,
        Self::Models,
        Self::Limits,
        Self::Universal,
        Self::Native,
    ];

    /// The door of [`Surface::as_str`]; none for what leads nowhere.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|surface| surface.as_str() == name)
    }

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::GenerateContent => "generate_content",
            Self::CountTokens => "count_tokens",
            Self::Models => "models",
            Self::Native => "native",
            Self::Unknown => "unknown",
            Self::StoredResponses => "stored_responses",
            Self::Conversations => "conversations",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::Files => "files",
            Self::Batches => "batches",
            Self::Limits => "limits",
            Self::Universal => "universal",
        }
    }
}

/// What the response cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheStatus {
    /// Caching was off for the request.
    #[default]
    Off,
    /// Looked up and not there.
    Miss,
    /// Answered from the cache; no upstream attempt was made and the cost is zero.
    Hit,
    /// The caller asked to skip it.
    Bypass,
}

impl CacheStatus {
    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Miss => "miss",
            Self::Hit => "hit",
            Self::Bypass => "bypass",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A complete answer with a status below 400.
    Ok,
    /// A complete answer of the provider with a status of 400 or above.
    UpstreamError,
    /// No usable answer: connection refused or reset, time-out, garbage, a stream cut short.
    UpstreamFailed,
    /// The gateway said no before it called anybody.
    Refused,
    /// The client left before the end.
    ClientGone,
    /// The gateway broke it off before its end, because the server was stopping or was killed ([`KILLED`]).
    Interrupted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::UpstreamError, Self::UpstreamFailed, Self::Refused, Self::ClientGone, Self::Interrupted];

    /// Whether it counts as an error. The status alone does not tell: an answer that broke off after it had begun has 200. A
    /// client that left is nobody's error.
    #[must_use]
    pub fn is_error(self) -> bool {
        match self {
            Self::Ok | Self::ClientGone => false,
            Self::UpstreamError | Self::UpstreamFailed | Self::Refused | Self::Interrupted => true,
        }
    }

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::UpstreamError => "upstream_error",
            Self::UpstreamFailed => "upstream_failed",
            Self::Refused => "refused",
            Self::ClientGone => "client_gone",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It is the first.
    #[default]
    First,
    /// The same was asked again with the same key.
    Retry,
    /// Another key of the same provider was asked.
    OtherKey,
    /// Another target was asked: the next step, or the next model of a route.
    OtherTarget,
    /// The one before it kept the client waiting for too long, and was still under way.
    Hedge,
}

impl Cause {
    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Retry => "retry",
            Self::OtherKey => "other_key",
            Self::OtherTarget => "other_target",
            Self::Hedge => "hedge",
        }
    }
}

/// The error code of a row whose attempt was under way when the process was killed: what came of it, and what it cost, nobody
/// knows. Its outcome is [`Outcome::Interrupted`].
pub const KILLED: &str = "gateway_killed";

/// One row of the ledger: an attempt at an upstream, or a request that needed none.
///
/// (`request_id`, `attempt`) is the key. Upstream attempts count from 1; a request that was refused or answered from the
/// cache has the single row 0. Exactly one row of a request has `last` set: it carries what the client was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRow {
    pub request_id: RequestId,
    pub attempt: u16,
    pub last: bool,
    /// When the attempt began, in milliseconds since 1970.
    pub at_ms: i64,
    /// Unknown where the request did not authenticate and its path named no team.
    pub team_id: Option<TeamId>,
    pub gateway_id: Option<GatewayId>,
    pub token_id: Option<TokenId>,
    pub provider_key_id: Option<ProviderKeyId>,
    pub surface: Surface,
    pub method: String,
    /// Path without query, at most 512 bytes.
    pub path: String,
    pub provider: Option<String>,
    /// Who answered behind the provider, where that is a broker and its prices are theirs.
    pub backend: Option<String>,
    /// The model as the client named it.
    pub model_asked: Option<String>,
    /// The model that was called, or answered where the provider says so.
    pub model: Option<String>,
    /// Status of the answer; where the upstream never answered, the status of the gateway's own error.
    pub status: u16,
    pub outcome: Outcome,
    /// The gateway's own error code (`docs/errors.md`), where the gateway made the answer.
    pub error_code: Option<String>,
    pub cache: CacheStatus,
    pub streamed: bool,
    pub usage: Usage,
    pub usage_source: UsageSource,
    /// Nothing where the price is unknown; zero is a price.
    pub cost: Option<Nanos>,
    /// How `cost` came about, ready to show; it gives `cost` again.
    pub cost_formula: Formula,
    /// Microseconds from the attempt's start to its end.
    pub duration_us: u64,
    /// Microseconds to the first byte of the upstream's answer.
    pub first_byte_us: Option<u64>,
    /// Microseconds the gateway itself spent before it called upstream, on the first attempt; on row 0 the whole time.
    pub gateway_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The caller's `cf-aig-event-id`, at most 128 bytes.
    pub event_id: Option<String>,
    /// The caller's `cf-aig-metadata`, a flat JSON object, at most 4 KiB.
    pub metadata: Option<String>,
    pub user_agent: Option<String>,
    /// Who the caller says it asks for, at most 256 bytes: `weir-user`, or `user` or `metadata.user_id` of the body.
    pub user: Option<String>,
    /// Whether the request shows in the log; the ledger counts it in any case.
    pub logged: bool,
    pub cause: Cause,
    /// The model that was called, where the provider says that another one answered.
    pub called: Option<String>,
    /// The way through a route up to this attempt, at most 512 bytes: `name@version element.output > … > element`.
    pub way: Option<String>,
}

/// What a row of the ledger says about limits: enough to count it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub at_ms: i64,
    pub gateway_id: Option<GatewayId>,
    pub token_id: Option<TokenId>,
    pub surface: String,
    pub provider: Option<String>,
    /// The model that was called.
    pub model: Option<String>,
    pub user: Option<String>,
    /// As in [`AttemptRow::metadata`].
    pub metadata: Option<String>,
    /// Whether it is the row that ends a request which reached a provider: it counts as a request.
    pub is_request: bool,
    /// Input and output.
    pub tokens: u64,
    pub cost: Option<Nanos>,
}

/// [`Spent`], as the store finds it: of a row, or of the rows of an hour or a day of which only the sums are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// When the request came in is its moment, whichever attempt it is; of sums the last moment that they are about.
    pub spent: Spent,
    /// The model as the client named it.
    pub model_asked: Option<String>,
    /// How many requests it counts as, `spent.is_request` among them.
    pub requests: u64,
}

/// What was said, kept apart from the row because it is large and may be dropped under pressure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    pub request: Bytes,
    pub response: Bytes,
    pub request_content_type: Option<String>,
    pub response_content_type: Option<String>,
    /// Whether the request was longer than what is kept.
    pub request_cut: bool,
    /// Whether the response was longer than what is kept.
    pub response_cut: bool,
}
