//! The `cf-aig-…` headers of a request, by Cloudflare's names and bounds, and `weir-…` for what Cloudflare has not. A value out of bounds is refused, not guessed.

use std::time::Duration;

use domain::settings::{self, Backoff};
use http::{HeaderMap, HeaderValue};
use wire::price::CustomCost;

use crate::error::Refusal;

/// Longest event id in bytes.
const MAX_EVENT_ID: usize = 128;
/// Longest metadata in bytes.
const MAX_METADATA: usize = 4 << 10;
/// Longest cache key and alias in bytes.
const MAX_KEY: usize = 256;
/// Longest name of who is asked for, in bytes.
const MAX_USER: usize = 256;

/// What a caller asks of the gateway itself. Nothing means: as the gateway's settings say.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    /// Seconds; 0 turns the cache off.
    pub cache_ttl: Option<u32>,
    pub skip_cache: bool,
    pub cache_key: Option<String>,
    pub collect_log: Option<bool>,
    pub collect_payload: Option<bool>,
    pub event_id: Option<String>,
    pub metadata: Option<String>,
    pub request_timeout: Option<Duration>,
    pub first_token_timeout: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    pub total_timeout: Option<Duration>,
    /// What belongs together, and is asked with the same key for that.
    pub session: Option<String>,
    pub max_attempts: Option<u8>,
    /// Milliseconds.
    pub retry_delay: Option<u32>,
    pub backoff: Option<Backoff>,
    /// Whether a second attempt may go out beside one that has not answered.
    pub hedge: Option<Hedge>,
    pub byok_alias: Option<String>,
    /// Whether what the provider's API cannot express is an error.
    pub strict: Option<bool>,
    /// The provider of a request that names no model.
    pub provider: Option<String>,
    /// Who is asked for.
    pub user: Option<String>,
    /// What the request costs.
    pub custom_cost: Option<Box<CustomCost>>,
}

/// What a caller says of a second attempt beside the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hedge {
    Off,
    /// As the gateway's settings say.
    On,
    /// After this time.
    After(Duration),
}

/// Reads them all.
///
/// # Errors
/// `invalid_header`, naming the header and its bounds.
pub(crate) fn read(headers: &HeaderMap) -> Result<Controls, Refusal> {
    let mut controls = Controls::default();
    for (name, value) in headers {
        let name = name.as_str();
        if name.starts_with("cf-") || name.starts_with("weir-") {
            read_one(&mut controls, name, value)?;
        }
    }
    Ok(controls)
}

fn read_one(controls: &mut Controls, name: &str, value: &HeaderValue) -> Result<(), Refusal> {
    match name {
        "cf-aig-cache-ttl" => controls.cache_ttl = Some(cache_ttl("cf-aig-cache-ttl", value)?),
        "cf-cache-ttl" => controls.cache_ttl = Some(cache_ttl("cf-cache-ttl", value)?),
        "cf-aig-skip-cache" => controls.skip_cache = boolean("cf-aig-skip-cache", value)?,
        "cf-skip-cache" => controls.skip_cache = boolean("cf-skip-cache", value)?,
        "cf-aig-cache-key" => controls.cache_key = Some(text("cf-aig-cache-key", value, MAX_KEY)?),
        "cf-aig-collect-log" => controls.collect_log = Some(boolean("cf-aig-collect-log", value)?),
        "cf-aig-collect-log-payload" => {
            controls.collect_payload = Some(boolean("cf-aig-collect-log-payload", value)?);
        }
        "cf-aig-event-id" => controls.event_id = Some(text("cf-aig-event-id", value, MAX_EVENT_ID)?),
        "cf-aig-metadata" => controls.metadata = Some(metadata(value)?),
        "cf-aig-request-timeout" => controls.request_timeout = Some(timeout("cf-aig-request-timeout", value)?),
        "weir-first-token-timeout" => controls.first_token_timeout = Some(timeout("weir-first-token-timeout", value)?),
        "weir-idle-timeout" => controls.idle_timeout = Some(timeout("weir-idle-timeout", value)?),
        "weir-total-timeout" => controls.total_timeout = Some(timeout("weir-total-timeout", value)?),
        "cf-aig-session-id" => controls.session = Some(text("cf-aig-session-id", value, MAX_KEY)?),
        "weir-session" => controls.session = Some(text("weir-session", value, MAX_KEY)?),
        "cf-aig-max-attempts" => {
            let (min, max) = settings::MAX_ATTEMPTS;
            let attempts = number("cf-aig-max-attempts", value, min.into(), max.into(), "attempts")?;
            controls.max_attempts = u8::try_from(attempts).ok();
        }
        "cf-aig-retry-delay" => {
            let ms = number("cf-aig-retry-delay", value, 0, settings::MAX_RETRY_DELAY, "milliseconds")?;
            controls.retry_delay = Some(ms);
        }
        "cf-aig-backoff" => controls.backoff = Some(backoff(value)?),
        "weir-hedge" => controls.hedge = Some(hedge(value)?),
        "cf-aig-byok-alias" => controls.byok_alias = Some(text("cf-aig-byok-alias", value, MAX_KEY)?),
        "cf-aig-custom-cost" => controls.custom_cost = Some(custom_cost(value)?),
        "cf-aig-provider" => controls.provider = Some(text("cf-aig-provider", value, MAX_KEY)?),
        "weir-provider" => controls.provider = Some(text("weir-provider", value, MAX_KEY)?),
        "weir-user" => controls.user = Some(text("weir-user", value, MAX_USER)?),
        "weir-strict" => controls.strict = Some(boolean("weir-strict", value)?),
        _ => {}
    }
    Ok(())
}

fn number(header: &'static str, value: &HeaderValue, min: u32, max: u32, unit: &str) -> Result<u32, Refusal> {
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| Refusal::invalid_header(header, &format!("a whole number of {unit} from {min} to {max}")))
}

fn timeout(header: &'static str, value: &HeaderValue) -> Result<Duration, Refusal> {
    let (min, max) = settings::REQUEST_TIMEOUT;
    number(header, value, min, max, "milliseconds").map(|ms| Duration::from_millis(ms.into()))
}

fn cache_ttl(header: &'static str, value: &HeaderValue) -> Result<u32, Refusal> {
    let (min, max) = settings::CACHE_TTL;
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    seconds
        .filter(|seconds| *seconds == 0 || (min..=max).contains(seconds))
        .ok_or_else(|| Refusal::invalid_header(header, &format!("0 or a whole number of seconds from {min} to {max}")))
}

fn boolean(header: &'static str, value: &HeaderValue) -> Result<bool, Refusal> {
    match value.as_bytes() {
        b"true" | b"True" | b"1" => Ok(true),
        b"false" | b"False" | b"0" => Ok(false),
        _ => Err(Refusal::invalid_header(header, "`true` or `false`")),
    }
}

fn hedge(value: &HeaderValue) -> Result<Hedge, Refusal> {
    if let Ok(on) = boolean("weir-hedge", value) {
        return Ok(if on { Hedge::On } else { Hedge::Off });
    }
    let (min, max) = settings::HEDGE_DELAY;
    let ms = number("weir-hedge", value, min, max, "milliseconds").map_err(|_| {
        let bounds = format!("`true`, `false` or a whole number of milliseconds from {min} to {max}");
        Refusal::invalid_header("weir-hedge", &bounds)
    })?;
    Ok(Hedge::After(Duration::from_millis(ms.into())))
}

fn text(header: &'static str, value: &HeaderValue, most: usize) -> Result<String, Refusal> {
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= most);
    text.map(str::to_owned)
        .ok_or_else(|| Refusal::invalid_header(header, &format!("1 to {most} visible ASCII characters")))
}

fn backoff(value: &HeaderValue) -> Result<Backoff, Refusal> {
    match value.as_bytes() {
        b"constant" => Ok(Backoff::Constant),
        b"linear" => Ok(Backoff::Linear),
        b"exponential" => Ok(Backoff::Exponential),
        _ => Err(Refusal::invalid_header("cf-aig-backoff", "`constant`, `linear` or `exponential`")),
    }
}

fn custom_cost(value: &HeaderValue) -> Result<Box<CustomCost>, Refusal> {
    let cost = CustomCost::parse(value.to_str().unwrap_or_default());
    cost.map(Box::new).map_err(|bad| Refusal::invalid_custom_cost(&bad))
}

/// A flat JSON object; it is stored as it came.
fn metadata(value: &HeaderValue) -> Result<String, Refusal> {
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.len() <= MAX_METADATA);
    let flat = text.filter(|text| serde_json::from_str::<flat::Object>(text).is_ok());
    flat.map(str::to_owned).ok_or_else(|| {
        let bounds = format!("a JSON object of texts, numbers, booleans and nulls with at most {MAX_METADATA} bytes");
        Refusal::invalid_header("cf-aig-metadata", &bounds)
    })
}

/// Accepts an object whose values are scalars, and keeps nothing of it.
mod flat {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

    pub(super) struct Object;

    impl<'de> Deserialize<'de> for Object {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Members)
        }
    }

    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Object;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a flat object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, Scalar>()?.is_some() {}
            Ok(Object)
        }
    }

    struct Scalar;

    impl<'de> Deserialize<'de> for Scalar {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Scalars)
        }
    }

    struct Scalars;

    impl Visitor<'_> for Scalars {
        type Value = Scalar;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, a number, a boolean or null")
        }

        fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
            Ok(Scalar)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
            Ok(Scalar)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Scalar, E> {
            Ok(Scalar)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
            Ok(Scalar)
        }

        fn visit_str<E>(self, _: &str) -> Result<Scalar, E> {
            Ok(Scalar)
        }

        fn visit_unit<E>(self) -> Result<Scalar, E> {
            Ok(Scalar)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pair(name: &'static str, value: &'static str) -> Result<Controls, Refusal> {
        read(&HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))]))
    }

    #[test]
    fn values_within_bounds_are_read() {
        assert_eq!(read_pair("cf-aig-cache-ttl", "3600").map(|c| c.cache_ttl), Ok(Some(3600)));
        assert_eq!(read_pair("cf-cache-ttl", "0").map(|c| c.cache_ttl), Ok(Some(0)));
        assert_eq!(read_pair("cf-skip-cache", "true").map(|c| c.skip_cache), Ok(true));
        assert_eq!(read_pair("cf-aig-max-attempts", "5").map(|c| c.max_attempts), Ok(Some(5)));
        assert_eq!(read_pair("cf-aig-backoff", "linear").map(|c| c.backoff), Ok(Some(Backoff::Linear)));
        let metadata = r#"{"user":"ann","n":1,"beta":true,"x":null,"f":0.5}"#;
        assert_eq!(read_pair("cf-aig-metadata", metadata).map(|c| c.metadata), Ok(Some(metadata.into())));
        for (value, hedge) in [
            ("true", Hedge::On),
            ("0", Hedge::Off),
            ("10", Hedge::After(Duration::from_millis(10))),
            ("60000", Hedge::After(Duration::from_secs(60))),
        ] {
            assert_eq!(read_pair("weir-hedge", value).map(|c| c.hedge), Ok(Some(hedge)));
        }
        assert_eq!(read_pair("weir-user", "ann").map(|c| c.user), Ok(Some("ann".into())));
        assert!(read_pair("cf-aig-something-new", "x").is_ok());
    }

    #[test]
    fn values_out_of_bounds_are_refused_by_name() {
        for (name, value) in [
            ("cf-aig-cache-ttl", "59"),
            ("cf-cache-ttl", "2592001"),
            ("cf-aig-skip-cache", "yes"),
            ("cf-aig-cache-key", ""),
            ("cf-aig-collect-log", "2"),
            ("cf-aig-collect-log-payload", ""),
            ("cf-aig-event-id", ""),
            ("cf-aig-metadata", r#"{"a":{"b":1}}"#),
            ("cf-aig-metadata", "[1]"),
            ("cf-aig-metadata", r#"{"a":[1]}"#),
            ("cf-aig-request-timeout", "99"),
            ("weir-first-token-timeout", "0"),
            ("weir-idle-timeout", "3600001"),
            ("weir-total-timeout", "1s"),
            ("weir-session", ""),
            ("cf-aig-max-attempts", "6"),
            ("cf-aig-retry-delay", "5001"),
            ("cf-aig-retry-delay", "-1"),
            ("cf-aig-backoff", "random"),
            ("cf-aig-byok-alias", ""),
            ("weir-hedge", "9"),
            ("weir-hedge", "60001"),
            ("weir-hedge", "on"),
            ("cf-aig-custom-cost", r#"{"per_token_in":-1}"#),
            ("weir-strict", "yes"),
            ("weir-user", ""),
        ] {
            let refusal = read_pair(name, value).expect_err(name);
            assert_eq!((refusal.code.as_str(), refusal.param.as_deref()), ("invalid_header", Some(name)));
            assert!(refusal.message.contains(name), "{}", refusal.message);
        }
    }
}
