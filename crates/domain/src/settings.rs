//! A gateway's settings, by Cloudflare's field names and bounds where Cloudflare has the field.

use serde::{Deserialize, Serialize};

use crate::provider::check_region;
use crate::validate::{FieldError, Problem};

/// How a rate limit's window moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateTechnique {
    /// Windows start at multiples of the interval; the count starts anew in each.
    Fixed,
    /// The last interval counts, at every moment.
    #[default]
    Sliding,
}

/// How the pause between attempts grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// The same pause each time.
    Constant,
    /// Pause × number of the attempt.
    Linear,
    /// Pause doubled each time.
    #[default]
    Exponential,
}

/// How requests are shared out among several keys of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// By their weights, at random.
    #[default]
    Weighted,
    /// The one of two whose answers begin sooner, with what it has to do.
    Latency,
    /// The one of two with fewer requests under way.
    Busy,
}

/// What a gateway does with each request that passes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Whether a request needs an API token. Off: anyone who reaches the address spends the stored keys.
    pub authentication: bool,
    /// Seconds an answer is kept and given to identical requests; none or 0 turns the cache off.
    pub cache_ttl: Option<u32>,
    /// Whether a change of these settings drops every cached answer of the gateway.
    pub cache_invalidate_on_update: bool,
    /// Requests allowed in each interval; none or 0 turns the limit off.
    pub rate_limiting_limit: Option<u32>,
    /// Length of the interval in seconds.
    pub rate_limiting_interval: Option<u32>,
    /// How the interval moves.
    pub rate_limiting_technique: RateTechnique,
    /// Attempts in all, the first one included.
    pub retry_max_attempts: Option<u8>,
    /// Milliseconds before the second attempt.
    pub retry_delay: Option<u32>,
    /// How that pause grows.
    pub retry_backoff: Backoff,
    /// Milliseconds an attempt may take to its answer's head.
    pub request_timeout: Option<u32>,
    /// Milliseconds a stream may take from its attempt's begin to its first event.
    pub first_token_timeout: Option<u32>,
    /// Milliseconds a running answer may be silent.
    pub idle_timeout: Option<u32>,
    /// Milliseconds an attempt may take to its answer's end.
    pub total_timeout: Option<u32>,
    /// Hedged requests: of this many in a hundred first attempts it is waited as long as they took to begin to answer, and then the same
    /// is asked a second time beside the first. None: never.
    pub hedge_percentile: Option<u8>,
    /// Milliseconds that are waited at least before that.
    pub hedge_least_delay: Option<u32>,
    /// Milliseconds that are waited at most, and where too little is known.
    pub hedge_most_delay: Option<u32>,
    /// Queueing: requests that may wait where as much is under way as may be at once; more are refused. None: none waits.
    pub queue_most_waiting: Option<u32>,
    /// Milliseconds that each of them waits at most.
    pub queue_longest_wait: Option<u32>,
    /// How requests are shared out among several keys with one alias.
    pub balance: Balance,
    /// Whether a conversation keeps to one of them, where the provider may have its beginning in a cache.
    pub affinity: bool,
    /// The regions of provider keys that may be used; any where there is none.
    pub allowed_regions: Vec<String>,
    /// Whether a request is refused that says something the provider's API cannot express, instead of being sent without it.
    /// A caller's `weir-strict` header wins.
    pub strict_translation: bool,
    /// Whether callers may state what a request costs (`cf-aig-custom-cost`). Off: whoever holds a token could state too little, and
    /// limits of cost would count that.
    pub custom_cost: bool,
    /// Whether requests appear in the log. Ledger rows, which carry the money, are always written.
    pub collect_logs: bool,
    /// Whether the log keeps request and response bodies.
    pub collect_log_payloads: bool,
    /// Days the log is kept.
    pub log_retention_days: u16,
    /// Days a response or a conversation of the Responses API is kept, so that later requests can refer to it; 0 keeps none.
    pub response_ttl_days: u16,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            authentication: true,
            cache_ttl: None,
            cache_invalidate_on_update: false,
            rate_limiting_limit: None,
            rate_limiting_interval: None,
            rate_limiting_technique: RateTechnique::default(),
            retry_max_attempts: None,
            retry_delay: None,
            retry_backoff: Backoff::default(),
            request_timeout: None,
            first_token_timeout: None,
            idle_timeout: None,
            total_timeout: None,
            hedge_percentile: None,
            hedge_least_delay: None,
            hedge_most_delay: None,
            queue_most_waiting: None,
            queue_longest_wait: None,
            balance: Balance::default(),
            affinity: true,
            allowed_regions: Vec::new(),
            strict_translation: false,
            custom_cost: false,
            collect_logs: true,
            collect_log_payloads: true,
            log_retention_days: 30,
            response_ttl_days: 30,
        }
    }
}

/// Shortest and longest cache lifetime in seconds: a minute, thirty days.
pub const CACHE_TTL: (u32, u32) = (60, 2_592_000);
/// Fewest and most attempts.
pub const MAX_ATTEMPTS: (u8, u8) = (1, 5);
/// Longest pause between attempts, in milliseconds.
pub const MAX_RETRY_DELAY: u32 = 5_000;
/// Most requests in an interval.
pub const MAX_RATE_LIMIT: u32 = 10_000_000;
/// Longest rate-limit interval in seconds: a day.
pub const MAX_RATE_INTERVAL: u32 = 86_400;
/// Most regions that a gateway may name.
pub const MAX_REGIONS: usize = 32;
/// Shortest and longest timeout of an attempt, whole or in part, in milliseconds.
pub const REQUEST_TIMEOUT: (u32, u32) = (100, 3_600_000);
/// Lowest and highest percentile after which a request is hedged.
pub const HEDGE_PERCENTILE: (u8, u8) = (50, 99);
/// Shortest and longest wait before a request is hedged, in milliseconds.
pub const HEDGE_DELAY: (u32, u32) = (10, 60_000);
/// Most requests of a gateway that may wait at once.
pub const MAX_QUEUE_WAITING: u32 = 10_000;
/// Shortest and longest wait in a queue, in milliseconds.
pub const QUEUE_WAIT: (u32, u32) = (10, 600_000);
/// Shortest and longest log retention in days.
pub const LOG_RETENTION_DAYS: (u16, u16) = (1, 3_650);
/// Longest time a response is kept, in days.
pub const MAX_RESPONSE_TTL_DAYS: u16 = 365;

impl GatewaySettings {
    /// Every field that is out of bounds.
    ///
    /// # Errors
    /// The list of offending fields, in the order of the struct.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut within = |field: &'static str, value: u64, min: u64, max: u64| {
            if value < min || value > max {
                errors.push(FieldError::new(field, Problem::OutOfRange { min, max }));
            }
        };
        if let Some(ttl) = self.cache_ttl.filter(|ttl| *ttl != 0) {
            within("cache_ttl", ttl.into(), CACHE_TTL.0.into(), CACHE_TTL.1.into());
        }
        if let Some(limit) = self.rate_limiting_limit.filter(|limit| *limit != 0) {
            within("rate_limiting_limit", limit.into(), 1, MAX_RATE_LIMIT.into());
            within(
                "rate_limiting_interval",
                self.rate_limiting_interval.unwrap_or(0).into(),
                1,
                MAX_RATE_INTERVAL.into(),
            );
        }
        if let Some(attempts) = self.retry_max_attempts {
            within("retry_max_attempts", attempts.into(), MAX_ATTEMPTS.0.into(), MAX_ATTEMPTS.1.into());
        }
        if let Some(delay) = self.retry_delay {
            within("retry_delay", delay.into(), 0, MAX_RETRY_DELAY.into());
        }
        for (field, timeout) in [
            ("request_timeout", self.request_timeout),
            ("first_token_timeout", self.first_token_timeout),
            ("idle_timeout", self.idle_timeout),
            ("total_timeout", self.total_timeout),
        ] {
            if let Some(timeout) = timeout {
                within(field, timeout.into(), REQUEST_TIMEOUT.0.into(), REQUEST_TIMEOUT.1.into());
            }
        }
        if let Some(percentile) = self.hedge_percentile {
            within("hedge_percentile", percentile.into(), HEDGE_PERCENTILE.0.into(), HEDGE_PERCENTILE.1.into());
        }
        if let Some(least) = self.hedge_least_delay {
            within("hedge_least_delay", least.into(), HEDGE_DELAY.0.into(), HEDGE_DELAY.1.into());
        }
        if let Some(most) = self.hedge_most_delay {
            let least = self.hedge_least_delay.unwrap_or(HEDGE_DELAY.0).clamp(HEDGE_DELAY.0, HEDGE_DELAY.1);
            within("hedge_most_delay", most.into(), least.into(), HEDGE_DELAY.1.into());
        }
        if let Some(waiting) = self.queue_most_waiting {
            within("queue_most_waiting", waiting.into(), 1, MAX_QUEUE_WAITING.into());
        }
        if let Some(wait) = self.queue_longest_wait {
            within("queue_longest_wait", wait.into(), QUEUE_WAIT.0.into(), QUEUE_WAIT.1.into());
        }
        within(
            "log_retention_days",
            self.log_retention_days.into(),
            LOG_RETENTION_DAYS.0.into(),
            LOG_RETENTION_DAYS.1.into(),
        );
        within("response_ttl_days", self.response_ttl_days.into(), 0, MAX_RESPONSE_TTL_DAYS.into());
        let regions = &self.allowed_regions;
        if regions.len() > MAX_REGIONS {
            errors.push(FieldError::new("allowed_regions", Problem::TooMany { max: MAX_REGIONS as u64 }));
        }
        if let Some(problem) = regions.iter().find_map(|region| check_region(region).err()) {
            errors.push(FieldError::new("allowed_regions", problem));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The cache lifetime in seconds, where the cache is on.
    #[must_use]
    pub fn cache_ttl(&self) -> Option<u32> {
        self.cache_ttl.filter(|ttl| *ttl != 0)
    }

    /// Milliseconds a response is kept, where any is.
    #[must_use]
    pub fn response_ttl_ms(&self) -> Option<i64> {
        const DAY_MS: i64 = 86_400_000;
        Some(i64::from(self.response_ttl_days) * DAY_MS).filter(|ttl| *ttl != 0)
    }

    /// The rate limit as (requests, seconds), where it is on.
    #[must_use]
    pub fn rate_limit(&self) -> Option<(u32, u32)> {
        let limit = self.rate_limiting_limit.filter(|limit| *limit != 0)?;
        Some((limit, self.rate_limiting_interval.filter(|interval| *interval != 0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_safe() {
        let settings = GatewaySettings::default();
        assert!(settings.authentication);
        assert!(!settings.custom_cost, "budgets must not count what a caller makes up");
        assert!(!settings.strict_translation, "what harmless losses there are must not break a caller unasked");
        assert_eq!(settings.validate(), Ok(()));
    }

    #[test]
    fn every_field_out_of_bounds_is_named() {
        let settings = GatewaySettings {
            cache_ttl: Some(59),
            rate_limiting_limit: Some(1),
            retry_max_attempts: Some(6),
            retry_delay: Some(5_001),
            request_timeout: Some(1),
            hedge_percentile: Some(100),
            hedge_least_delay: Some(500),
            hedge_most_delay: Some(499),
            queue_most_waiting: Some(0),
            queue_longest_wait: Some(9),
            log_retention_days: 0,
            response_ttl_days: 366,
            ..GatewaySettings::default()
        };
        let fields: Vec<_> = settings.validate().expect_err("out of bounds").into_iter().map(|e| e.field).collect();
        assert_eq!(
            fields,
            [
                "cache_ttl",
                "rate_limiting_interval",
                "retry_max_attempts",
                "retry_delay",
                "request_timeout",
                "hedge_percentile",
                "hedge_most_delay",
                "queue_most_waiting",
                "queue_longest_wait",
                "log_retention_days",
                "response_ttl_days"
            ]
        );
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = serde_json::from_str::<GatewaySettings>(r#"{"cache_tll":60}"#).expect_err("unknown field");
        assert!(error.to_string().contains("cache_tll"), "{error}");
    }
}
