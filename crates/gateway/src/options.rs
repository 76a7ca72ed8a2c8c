//! What the operator decides about the data plane, with defaults that fit long answers of slow models.

use std::time::Duration;

use wire::price::Keyring;

/// Bounds and time limits of the data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Longest request body in bytes; a longer one is answered 413.
    pub max_body_bytes: usize,
    /// How long a client may take to send its request body.
    pub body_timeout: Duration,
    /// How long a connection to a provider may take, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// How long a provider may take to its first byte, where neither gateway nor caller say otherwise.
    pub first_byte_timeout: Duration,
    /// How long a running answer may be silent.
    pub idle_timeout: Duration,
    /// How long an attempt may take from its start to its end.
    pub total_timeout: Duration,
    /// Most bytes of a request and of a response that the log keeps.
    pub payload_cap: usize,
    /// Memory for the bodies of all requests and answers under way in bytes; beyond it requests are answered 503.
    pub body_memory: usize,
    /// Memory for cached answers in bytes.
    pub cache_bytes: u64,
    /// Memory for what is kept of the Responses API and was used lately, in bytes.
    pub state_bytes: u64,
    /// Longest response that is kept, its question included, in bytes.
    pub largest_response: usize,
    /// Most responses that are made in the background at once; more are answered 429.
    pub max_background: usize,
    /// Most requests under way at once; more are answered 503.
    pub max_in_flight: usize,
    /// Most attempts under way at once at an address of a provider, for each team; more are answered 503, or by another target.
    pub max_in_flight_per_upstream: usize,
    /// Whether providers may live on private, link-local and loopback addresses.
    pub allow_private_upstreams: bool,
    /// Whether pictures and documents that callers name by their addresses may be fetched from such addresses.
    pub allow_private_media: bool,
    /// Whose price books count.
    pub price_keys: Keyring,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            body_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(300),
            total_timeout: Duration::from_secs(3600),
            payload_cap: 256 << 10,
            body_memory: 512 << 20,
            cache_bytes: 64 << 20,
            state_bytes: 64 << 20,
            largest_response: 8 << 20,
            max_background: 256,
            max_in_flight: 20_000,
            max_in_flight_per_upstream: 10_000,
            allow_private_upstreams: false,
            allow_private_media: false,
            price_keys: Keyring::default(),
        }
    }
}
