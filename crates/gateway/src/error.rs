//! Everything the gateway says no with: stable codes, one status each, and messages that tell the way out. This is the
//! only place that turns a refusal into a response, in the dialect the caller reads. `docs/errors.md` lists the codes.

mod message;
mod policy;
mod respond;
mod restriction;

use std::borrow::Cow;

pub(crate) use respond::{event, frame, internal, line, respond};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $text:literal),+ $(,)?) => {
        /// What went wrong. The names are stable: applications branch on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, in the order of `docs/errors.md`.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }
        }
    };
}

codes! {
    /// The request carries no token.
    MissingToken = 401 "missing_token",
    /// Nobody knows the token.
    InvalidToken = 401 "invalid_token",
    /// The token was revoked, or has another secret since.
    RevokedToken = 401 "revoked_token",
    /// The token's time is over.
    ExpiredToken = 401 "expired_token",
    /// The token is not for this: one of its restrictions says no.
    TokenNotAllowed = 403 "token_not_allowed",
    /// No endpoint has this path.
    UnknownRoute = 404 "unknown_route",
    /// The path hides what it says behind percent signs.
    InvalidPath = 400 "invalid_path",
    /// A part of the query is not what the endpoint takes.
    InvalidQuery = 400 "invalid_query",
    /// The endpoint exists, but not with this method.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The token's team has another name.
    UnknownTeam = 404 "unknown_team",
    /// The team has no such gateway.
    UnknownGateway = 404 "unknown_gateway",
    /// The gateway is switched off.
    GatewayDisabled = 403 "gateway_disabled",
    /// The request must say which gateway it means.
    GatewayRequired = 400 "gateway_required",
    /// A header for the gateway is out of bounds.
    InvalidHeader = 400 "invalid_header",
    /// The gateway does not let callers state what a request costs.
    CustomCostNotAllowed = 403 "custom_cost_not_allowed",
    /// The body is longer than allowed.
    BodyTooLarge = 413 "body_too_large",
    /// The body did not arrive in time.
    RequestTimeout = 408 "request_timeout",
    /// The body broke off.
    InvalidBody = 400 "invalid_body",
    /// The body is not what the endpoint takes.
    UnsupportedContentType = 415 "unsupported_content_type",
    /// The body cannot be read as JSON.
    InvalidJson = 400 "invalid_json",
    /// The body names no model.
    ModelRequired = 400 "model_required",
    /// No provider is known for the model.
    ModelNotFound = 404 "model_not_found",
    /// The dynamic route ended without a model.
    RouteWithoutModel = 400 "route_without_model",
    /// The body is no question in the endpoint's API.
    InvalidRequest = 400 "invalid_request",
    /// The response that the question continues is not kept here.
    PreviousResponseNotFound = 400 "previous_response_not_found",
    /// No such response is kept.
    ResponseNotFound = 404 "response_not_found",
    /// No such conversation is kept.
    ConversationNotFound = 404 "conversation_not_found",
    /// The conversation has no such item.
    ItemNotFound = 404 "item_not_found",
    /// The gateway keeps no responses.
    StateDisabled = 400 "state_disabled",
    /// What is kept cannot be read or written now.
    StateUnavailable = 503 "state_unavailable",
    /// Enough responses are being made in the background.
    TooManyBackground = 429 "too_many_background",
    /// The provider's API cannot express what the question asks for.
    NotExpressible = 400 "not_expressible",
    /// The provider has no such endpoint.
    NotOffered = 400 "not_offered",
    /// The request must say which provider it means.
    ProviderRequired = 400 "provider_required",
    /// No such provider.
    UnknownProvider = 404 "unknown_provider",
    /// The team's own provider is switched off.
    ProviderDisabled = 403 "provider_disabled",
    /// The team has no usable key for the provider.
    MissingProviderKey = 400 "missing_provider_key",
    /// The gateway may use certain regions only, and nothing says where the key's is.
    RegionNotAllowed = 403 "region_not_allowed",
    /// The token that the provider wants could not be fetched with the stored key.
    ProviderTokenFailed = 502 "provider_token_failed",
    /// What the caller named by its address could not be fetched.
    FetchFailed = 400 "fetch_failed",
    /// A policy does not let the request pass.
    DeniedByPolicy = 403 "denied_by_policy",
    /// A limit of requests, tokens or concurrency is used up.
    RateLimited = 429 "rate_limited",
    /// A limit of money is used up.
    BudgetExceeded = 429 "budget_exceeded",
    /// A limit of money lets nothing pass of which the price is unknown.
    PriceUnknown = 403 "price_unknown",
    /// The provider cannot be reached.
    UpstreamUnreachable = 502 "upstream_unreachable",
    /// The provider's address is not allowed.
    UpstreamForbiddenAddress = 502 "upstream_forbidden_address",
    /// The provider closed the connection before its answer was complete.
    UpstreamReset = 502 "upstream_reset",
    /// The provider's answer makes no sense.
    UpstreamInvalid = 502 "upstream_invalid",
    /// The provider was silent for too long.
    UpstreamTimeout = 504 "upstream_timeout",
    /// As many requests are under way at the provider as may be.
    UpstreamBusy = 503 "upstream_busy",
    /// Nothing can be written down, so nothing may be spent.
    LedgerUnavailable = 503 "ledger_unavailable",
    /// There is no memory for one more body.
    Overloaded = 503 "overloaded",
    /// The server has just started and does not know yet what was spent.
    Starting = 503 "starting",
    /// The server is stopping.
    ShuttingDown = 503 "shutting_down",
    /// The process was killed while the attempt was under way. Rows only: there is nobody left to tell.
    GatewayKilled = 503 "gateway_killed",
    /// Another attempt beside this one answered first. Rows only: its request was answered.
    HedgeCancelled = 499 "hedge_cancelled",
    /// A fault of the gateway itself.
    InternalError = 500 "internal_error",
}

/// A request that gets no answer of a provider, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub code: Code,
    pub message: Cow<'static, str>,
    /// The field of the body, or the header, that is at fault.
    pub param: Option<Cow<'static, str>>,
    /// Seconds after which it is worth trying again.
    pub retry_after_s: Option<u64>,
    /// The methods that would have been right.
    pub allow: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), param: None, retry_after_s: None, allow: None }
    }

    fn about(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }
}

impl From<&Refusal> for wire::chat::StreamError {
    fn from(refusal: &Refusal) -> Self {
        Self {
            status: refusal.code.status(),
            code: refusal.code.as_str().to_owned(),
            message: refusal.message.clone().into_owned(),
        }
    }
}

/// A name that came from outside, short and harmless enough to be repeated in a message.
fn quote(text: &str) -> String {
    const MOST: usize = 80;
    let mut short: String = text.chars().take(MOST).map(|c| if c.is_control() || c == '`' { '?' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/errors.md");

    #[test]
    fn the_document_lists_exactly_these_codes_with_their_status() {
        let listed: Vec<(String, u16)> = DOCUMENT
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
                let code = cells.next()?.trim_end_matches('`').to_owned();
                Some((code, cells.next()?.parse().ok()?))
            })
            .collect();
        let known: Vec<_> = Code::ALL.iter().map(|code| (code.as_str().to_owned(), code.status())).collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_store_writes_the_code_of_killed_attempts() {
        assert_eq!(Code::GatewayKilled.as_str(), domain::ledger::KILLED);
    }

    #[test]
    fn a_repeated_name_is_short_and_cannot_break_out() {
        assert_eq!(quote("a`b\nc"), "`a?b?c`");
        assert_eq!(quote(&"x".repeat(200)).chars().count(), 83);
    }
}
