//! What of a provider's headers reaches the caller, and what the gateway adds.

use std::fmt::Write;
use std::time::Duration;

use domain::ledger::CacheStatus;
use http::header::{CONNECTION, CONTENT_SECURITY_POLICY, HeaderMap, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use super::{is_hop_by_hop, is_nominated, limits, name};
use crate::settle::Settlement;

/// Takes out of a provider's answer what is meant for one connection, speaks for the gateway's own host, or imitates
/// the gateway.
pub(crate) fn from_upstream(headers: &mut HeaderMap) {
    // A client that follows it would bring its token along.
    let leads_away = |place: &HeaderValue| {
        let place = place.as_bytes();
        !place.starts_with(b"/") || matches!(place.get(1), Some(b'/' | b'\\'))
    };
    if headers.get(LOCATION).is_some_and(leads_away) {
        headers.remove(LOCATION);
    }
    let nominating = headers.contains_key(CONNECTION);
    let unwanted = |name: &&HeaderName| is_unwanted(name) || (nominating && is_nominated(headers, name));
    let unwanted: Vec<HeaderName> = headers.keys().filter(unwanted).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

fn is_unwanted(name: &HeaderName) -> bool {
    is_hop_by_hop(name)
        || name.as_str().starts_with("cf-aig-")
        || name.as_str().starts_with("weir-")
        || matches!(
            name.as_str(),
            "set-cookie"
                | "set-cookie2"
                | "alt-svc"
                | "strict-transport-security"
                | "public-key-pins"
                | "clear-site-data"
                | "content-security-policy"
                | "content-security-policy-report-only"
                | "report-to"
                | "reporting-endpoints"
                | "nel"
                | "refresh"
                | "service-worker-allowed"
                | "www-authenticate"
                | "server-timing"
        )
}

/// Adds what the gateway says about every answer.
pub(crate) fn complete(headers: &mut HeaderMap, settlement: &Settlement) {
    let id = HeaderValue::from_str(settlement.id().0.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    if let Ok(id) = id {
        headers.insert(name::EVENT_ID, id.clone());
        headers.insert(name::LOG_ID, id);
    }
    if let Some(event) = &settlement.row.event_id {
        insert(headers, name::EVENT_ID, event);
    }
    let cache = match settlement.row.cache {
        CacheStatus::Off => None,
        CacheStatus::Miss => Some("MISS"),
        CacheStatus::Hit => Some("HIT"),
        CacheStatus::Bypass => Some("BYPASS"),
    };
    if let Some(cache) = cache {
        headers.insert(name::CACHE_STATUS, HeaderValue::from_static(cache));
    }
    if !settlement.dropped.is_empty() {
        insert(headers, name::DROPPED, &settlement.dropped);
    }
    if let Some(way) = &settlement.row.way {
        insert(headers, name::ROUTE, way);
    }
    if let Some(led) = &settlement.led {
        insert(headers, name::PROVIDER, &led.provider);
        insert(headers, name::MODEL, &led.model);
    }
    if let Some(step) = settlement.step {
        headers.insert(name::STEP, HeaderValue::from(step));
    }
    insert(headers, name::SERVER_TIMING, &timing(settlement));
    limits::write(headers, &settlement.held, &settlement.warnings);
    if let Some(policy) = &settlement.fallback {
        let mut text = String::new();
        limits::name_item(&mut text, policy);
        insert(headers, name::FALLBACK, &text);
    }
    if let Some(queued) = settlement.queued() {
        headers.insert(name::QUEUE_TIME, HeaderValue::from(u64::try_from(queued.as_millis()).unwrap_or(u64::MAX)));
    }
    if let Some(which) = settlement.hedged() {
        headers.insert(name::HEDGED, HeaderValue::from_static(which));
    }
    harden(headers);
}

/// How long the gateway and the provider took until now, in milliseconds.
fn timing(settlement: &Settlement) -> String {
    let upstream = settlement.upstream;
    let gateway = settlement.started().elapsed().saturating_sub(settlement.waited + upstream);
    let ms = |time: Duration| (u64::try_from(time.as_millis()).unwrap_or(u64::MAX), time.subsec_micros() % 1_000);
    let mut text = String::with_capacity(64);
    let (whole, part) = ms(gateway);
    // Writing into a text cannot fail.
    let _ = write!(text, "gateway;dur={whole}.{part:03}");
    if settlement.row.attempt > 0 {
        let (whole, part) = ms(upstream);
        let _ = write!(text, ", upstream;dur={whole}.{part:03}");
    }
    text
}

/// The dashboard lives on the same host: an answer that a browser takes for a page must not act in its name.
pub(crate) fn harden(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
}

/// Sets a header to a text; one that cannot be a header is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_cannot_speak_for_the_gateway() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "a=b"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("cf-aig-cache-status", "HIT"),
            ("alt-svc", "h3=\":443\""),
            ("x-request-id", "req_1"),
            ("content-type", "application/json"),
            ("retry-after", "1"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        from_upstream(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "retry-after", "x-request-id"]);
    }
}
