//! Settings of a gateway in a few words, for the list.

use domain::GatewaySettings;
use domain::settings::RateTechnique;

/// `5 min`, or `off`.
pub(super) fn caching(settings: &GatewaySettings) -> String {
    settings.cache_ttl().map_or_else(|| "Off".to_owned(), seconds)
}

/// `100 per 60 s, sliding`, or `off`.
pub(super) fn limit(settings: &GatewaySettings) -> String {
    let Some((limit, interval)) = settings.rate_limit() else { return "Off".to_owned() };
    let technique = match settings.rate_limiting_technique {
        RateTechnique::Fixed => "fixed",
        RateTechnique::Sliding => "sliding",
    };
    format!("{} per {}, {technique}", crate::components::format::grouped(limit.into()), seconds(interval))
}

/// `Up to 3 attempts`, or `off`.
pub(super) fn retries(settings: &GatewaySettings) -> String {
    match settings.retry_max_attempts {
        None | Some(0 | 1) => "Off".to_owned(),
        Some(attempts) => format!("Up to {attempts} attempts"),
    }
}

/// `With bodies, 30 days`, or `off`.
pub(super) fn logging(settings: &GatewaySettings) -> String {
    match (settings.collect_logs, settings.collect_log_payloads) {
        (false, _) => "Off".to_owned(),
        (true, true) => format!("With bodies, {} days", settings.log_retention_days),
        (true, false) => format!("Without bodies, {} days", settings.log_retention_days),
    }
}

/// Seconds in the largest unit that stays whole.
pub(super) fn seconds(seconds: u32) -> String {
    match seconds {
        s if s >= 86_400 && s.is_multiple_of(86_400) => format!("{} d", s / 86_400),
        s if s >= 3_600 && s.is_multiple_of(3_600) => format!("{} h", s / 3_600),
        s if s >= 60 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_use_the_largest_whole_unit() {
        for (number, text) in [(60, "1 min"), (90, "90 s"), (7_200, "2 h"), (2_592_000, "30 d")] {
            assert_eq!(seconds(number), text);
        }
    }

    #[test]
    fn defaults_read_as_off() {
        let settings = GatewaySettings::default();
        assert_eq!(
            (caching(&settings), limit(&settings), retries(&settings)),
            ("Off".into(), "Off".into(), "Off".into())
        );
        assert_eq!(logging(&settings), "With bodies, 30 days");
    }

    #[test]
    fn a_limit_names_its_window() {
        let settings = GatewaySettings {
            rate_limiting_limit: Some(1_000),
            rate_limiting_interval: Some(60),
            ..GatewaySettings::default()
        };
        assert_eq!(limit(&settings), "1,000 per 1 min, sliding");
    }
}
