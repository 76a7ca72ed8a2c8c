//! Headers: the controls a caller sends to the gateway, what goes on to the provider, and what comes back.

pub(crate) mod controls;
pub(crate) mod limits;
pub(crate) mod request;
pub(crate) mod response;

use http::HeaderName;
use http::header::HeaderMap;

/// Names of headers that HTTP itself does not define.
pub(crate) mod name {
    use http::HeaderName;

    pub(crate) const AUTHORIZATION: HeaderName = HeaderName::from_static("cf-aig-authorization");
    pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cf-aig-cache-status");
    pub(crate) const DROPPED: HeaderName = HeaderName::from_static("weir-dropped");
    pub(crate) const ESTIMATED: HeaderName = HeaderName::from_static("weir-estimated");
    pub(crate) const EVENT_ID: HeaderName = HeaderName::from_static("cf-aig-event-id");
    pub(crate) const GATEWAY_ID: HeaderName = HeaderName::from_static("cf-aig-gateway-id");
    pub(crate) const LOG_ID: HeaderName = HeaderName::from_static("cf-aig-log-id");
    pub(crate) const MODEL: HeaderName = HeaderName::from_static("cf-aig-model");
    pub(crate) const PROVIDER: HeaderName = HeaderName::from_static("cf-aig-provider");
    pub(crate) const ROUTE: HeaderName = HeaderName::from_static("weir-route");
    pub(crate) const STEP: HeaderName = HeaderName::from_static("cf-aig-step");
    pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
    pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
    pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
    pub(crate) const BUDGET: HeaderName = HeaderName::from_static("weir-budget");
    pub(crate) const QUEUE_TIME: HeaderName = HeaderName::from_static("weir-queue-time");
    pub(crate) const HEDGED: HeaderName = HeaderName::from_static("weir-hedged");
    pub(crate) const FALLBACK: HeaderName = HeaderName::from_static("weir-fallback");
    pub(crate) const WARNING: HeaderName = HeaderName::from_static("weir-warning");
    /// Limit, rest and end of a window, as OpenAI names them.
    pub(crate) const OPENAI_REQUESTS: [HeaderName; 3] = [
        HeaderName::from_static("x-ratelimit-limit-requests"),
        HeaderName::from_static("x-ratelimit-remaining-requests"),
        HeaderName::from_static("x-ratelimit-reset-requests"),
    ];
    pub(crate) const OPENAI_TOKENS: [HeaderName; 3] = [
        HeaderName::from_static("x-ratelimit-limit-tokens"),
        HeaderName::from_static("x-ratelimit-remaining-tokens"),
        HeaderName::from_static("x-ratelimit-reset-tokens"),
    ];
    pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
    pub(crate) const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
    pub(crate) const API_KEY: HeaderName = HeaderName::from_static("api-key");
    pub(crate) const XI_API_KEY: HeaderName = HeaderName::from_static("xi-api-key");
}

/// Whether a header belongs to one connection only (RFC 9110, section 7.6.1) and must not be passed on.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether the message itself says, in `Connection`, that a header is for one connection only.
fn is_nominated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(http::header::CONNECTION).iter().any(|value| {
        value.to_str().is_ok_and(|list| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(name.as_str())))
    })
}
