//! The settings form of a gateway, from text to [`GatewaySettings`].

use domain::GatewaySettings;
use domain::settings::{Backoff, Balance, RateTechnique};
use domain::validate::FieldError;

use crate::api::fields::{Fields, filled, ticked};

/// Seconds of a rate limit's interval where the field is left empty.
pub const DEFAULT_RATE_INTERVAL: u32 = 60;

/// The fields as a browser sends them: everything is text, an unticked box is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsForm {
    pub authentication: Option<String>,
    pub cache_ttl: Option<String>,
    pub cache_invalidate_on_update: Option<String>,
    pub rate_limiting_limit: Option<String>,
    pub rate_limiting_interval: Option<String>,
    pub rate_limiting_technique: Option<String>,
    pub retry_max_attempts: Option<String>,
    pub retry_delay: Option<String>,
    pub retry_backoff: Option<String>,
    pub request_timeout: Option<String>,
    pub first_token_timeout: Option<String>,
    pub idle_timeout: Option<String>,
    pub total_timeout: Option<String>,
    pub hedge_percentile: Option<String>,
    pub hedge_least_delay: Option<String>,
    pub hedge_most_delay: Option<String>,
    pub queue_most_waiting: Option<String>,
    pub queue_longest_wait: Option<String>,
    pub balance: Option<String>,
    pub affinity: Option<String>,
    /// Separated by commas or spaces.
    pub allowed_regions: Option<String>,
    pub strict_translation: Option<String>,
    pub custom_cost: Option<String>,
    pub collect_logs: Option<String>,
    pub collect_log_payloads: Option<String>,
    pub log_retention_days: Option<String>,
    pub response_ttl_days: Option<String>,
}

impl SettingsForm {
    /// The settings.
    ///
    /// # Errors
    /// Every field that is no number, no choice or out of bounds.
    pub fn read(&self) -> Result<GatewaySettings, Vec<FieldError>> {
        let mut fields = Fields::default();
        let defaults = GatewaySettings::default();
        let rate_limiting_limit = fields.number("rate_limiting_limit", self.rate_limiting_limit.as_deref());
        let unset = rate_limiting_limit.filter(|limit| *limit != 0).map(|_| DEFAULT_RATE_INTERVAL);
        let settings = GatewaySettings {
            authentication: ticked(self.authentication.as_deref()),
            cache_ttl: fields.number("cache_ttl", self.cache_ttl.as_deref()),
            cache_invalidate_on_update: ticked(self.cache_invalidate_on_update.as_deref()),
            rate_limiting_limit,
            rate_limiting_interval: fields
                .number("rate_limiting_interval", filled(self.rate_limiting_interval.as_deref()))
                .or(unset),
            rate_limiting_technique: fields.choice(
                "rate_limiting_technique",
                self.rate_limiting_technique.as_deref(),
                technique,
            ),
            retry_max_attempts: fields.number("retry_max_attempts", self.retry_max_attempts.as_deref()),
            retry_delay: fields.number("retry_delay", self.retry_delay.as_deref()),
            retry_backoff: fields.choice("retry_backoff", self.retry_backoff.as_deref(), backoff),
            request_timeout: fields.number("request_timeout", self.request_timeout.as_deref()),
            first_token_timeout: fields.number("first_token_timeout", self.first_token_timeout.as_deref()),
            idle_timeout: fields.number("idle_timeout", self.idle_timeout.as_deref()),
            total_timeout: fields.number("total_timeout", self.total_timeout.as_deref()),
            hedge_percentile: fields.number("hedge_percentile", self.hedge_percentile.as_deref()),
            hedge_least_delay: fields.number("hedge_least_delay", self.hedge_least_delay.as_deref()),
            hedge_most_delay: fields.number("hedge_most_delay", self.hedge_most_delay.as_deref()),
            queue_most_waiting: fields.number("queue_most_waiting", self.queue_most_waiting.as_deref()),
            queue_longest_wait: fields.number("queue_longest_wait", self.queue_longest_wait.as_deref()),
            balance: fields.choice("balance", self.balance.as_deref(), balance),
            affinity: ticked(self.affinity.as_deref()),
            allowed_regions: words(self.allowed_regions.as_deref()),
            strict_translation: ticked(self.strict_translation.as_deref()),
            custom_cost: ticked(self.custom_cost.as_deref()),
            collect_logs: ticked(self.collect_logs.as_deref()),
            collect_log_payloads: ticked(self.collect_log_payloads.as_deref()),
            log_retention_days: fields
                .number("log_retention_days", filled(self.log_retention_days.as_deref()))
                .unwrap_or(defaults.log_retention_days),
            response_ttl_days: fields
                .number("response_ttl_days", filled(self.response_ttl_days.as_deref()))
                .unwrap_or(defaults.response_ttl_days),
        };
        if let Err(errors) = settings.validate() {
            fields.extend(errors);
        }
        fields.finish(settings)
    }
}

fn technique(text: &str) -> Option<RateTechnique> {
    match text {
        "fixed" => Some(RateTechnique::Fixed),
        "sliding" => Some(RateTechnique::Sliding),
        _ => None,
    }
}

fn balance(text: &str) -> Option<Balance> {
    match text {
        "weighted" => Some(Balance::Weighted),
        "latency" => Some(Balance::Latency),
        "busy" => Some(Balance::Busy),
        _ => None,
    }
}

fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split([',', ' ', '\n', '\r', '\t']);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn backoff(text: &str) -> Option<Backoff> {
    match text {
        "constant" => Some(Backoff::Constant),
        "linear" => Some(Backoff::Linear),
        "exponential" => Some(Backoff::Exponential),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_empty_form_turns_everything_off() {
        let settings = SettingsForm::default().read().expect("valid");
        assert!(!settings.authentication && !settings.collect_logs && !settings.strict_translation);
        assert!(!settings.custom_cost);
        assert_eq!((settings.cache_ttl(), settings.rate_limit(), settings.retry_max_attempts), (None, None, None));
        assert_eq!(settings.log_retention_days, GatewaySettings::default().log_retention_days);
    }

    #[test]
    fn a_full_form_is_read_field_by_field() {
        let form = SettingsForm {
            authentication: some("on"),
            cache_ttl: some("300"),
            rate_limiting_limit: some("100"),
            rate_limiting_interval: some("60"),
            rate_limiting_technique: some("fixed"),
            retry_max_attempts: some("3"),
            retry_delay: some("250"),
            retry_backoff: some("linear"),
            request_timeout: some("30000"),
            first_token_timeout: some("5000"),
            idle_timeout: some("60000"),
            total_timeout: some("600000"),
            hedge_percentile: some("95"),
            hedge_least_delay: some("200"),
            hedge_most_delay: some("8000"),
            queue_most_waiting: some("100"),
            queue_longest_wait: some("5000"),
            balance: some("latency"),
            affinity: some("on"),
            allowed_regions: some("eu-central-1, eu-west-1"),
            strict_translation: some("on"),
            custom_cost: some("on"),
            log_retention_days: some("7"),
            response_ttl_days: some("0"),
            ..SettingsForm::default()
        };
        let settings = form.read().expect("valid");
        assert_eq!(settings.cache_ttl(), Some(300));
        assert_eq!(settings.rate_limit(), Some((100, 60)));
        assert_eq!(settings.rate_limiting_technique, RateTechnique::Fixed);
        assert_eq!((settings.retry_max_attempts, settings.retry_delay), (Some(3), Some(250)));
        assert_eq!(settings.retry_backoff, Backoff::Linear);
        assert_eq!((settings.request_timeout, settings.log_retention_days), (Some(30_000), 7));
        let timeouts = [settings.first_token_timeout, settings.idle_timeout, settings.total_timeout];
        assert_eq!(timeouts, [Some(5_000), Some(60_000), Some(600_000)]);
        let delays = (settings.hedge_least_delay, settings.hedge_most_delay);
        assert_eq!((settings.queue_most_waiting, settings.queue_longest_wait), (Some(100), Some(5_000)));
        assert_eq!((settings.hedge_percentile, delays), (Some(95), (Some(200), Some(8_000))));
        assert_eq!((settings.balance, settings.affinity), (Balance::Latency, true));
        assert_eq!(settings.allowed_regions, ["eu-central-1", "eu-west-1"]);
        assert_eq!(settings.response_ttl_ms(), None);
        assert!(settings.strict_translation && settings.custom_cost);
    }

    #[test]
    fn a_limit_without_an_interval_counts_by_the_minute() {
        let limit = |limit| SettingsForm { rate_limiting_limit: some(limit), ..SettingsForm::default() };
        assert_eq!(limit("10").read().expect("valid").rate_limit(), Some((10, 60)));
        assert_eq!(limit("0").read().expect("valid").rate_limiting_interval, None);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = SettingsForm {
            cache_ttl: some("5 min"),
            rate_limiting_limit: some("10"),
            rate_limiting_interval: some("0"),
            rate_limiting_technique: some("token-bucket"),
            retry_max_attempts: some("300"),
            balance: some("best"),
            allowed_regions: some("EU"),
            ..SettingsForm::default()
        };
        let fields: Vec<_> = form.read().expect_err("invalid").into_iter().map(|error| error.field).collect();
        assert_eq!(
            fields,
            [
                "cache_ttl",
                "rate_limiting_technique",
                "balance",
                "rate_limiting_interval",
                "retry_max_attempts",
                "allowed_regions"
            ]
        );
    }
}
