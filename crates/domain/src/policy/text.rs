//! A policy as it is written: exactly one of `allow`, `deny` and `limit`, and a limit with exactly one of `requests`,
//! `tokens`, `cost` and `concurrency`.
//!
//! ```yaml
//! when: { model: ["openai/gpt-5*"], not: { token: [ci] } }
//! group_by: [token]
//! limit: { cost: "50.00", per: month, zone: Europe/Berlin, warn_at: 80 }
//! action: { fallback: openai/gpt-5-nano }
//! ```

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::{Action, Condition, Extra, Field, Limit, Measure, Policy, Rule, Unit, Unknown, Window};
use crate::Nanos;

/// The text form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PolicyText {
    #[serde(skip_serializing_if = "Condition::is_empty")]
    when: Condition,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_by: Vec<Field>,
    #[serde(skip_serializing_if = "is_false")]
    allow: bool,
    #[serde(skip_serializing_if = "is_false")]
    deny: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitText>,
    #[serde(skip_serializing_if = "is_default")]
    action: Action,
    #[serde(skip_serializing_if = "is_default")]
    unknown: Unknown,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitText {
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    /// Dollars.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_amount")]
    cost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency: Option<u64>,
    /// `minute`, `hour`, `day`, `week`, `month`, `ever`, or a number with `s`, `m`, `h` or `d` behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Kind>,
    /// Of a bucket: in the limit's own unit.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_amount")]
    burst: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warn_at: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<ExtraText>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtraText {
    #[serde(deserialize_with = "amount")]
    amount: String,
    /// RFC 3339.
    until: chrono::DateTime<chrono::Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Fixed,
    Sliding,
    Bucket,
    Calendar,
}

/// An amount in quotes, or a whole number without: anything else would pass through a float.
struct Amount;

impl Visitor<'_> for Amount {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or an amount in quotes, as \"0.50\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Amount)
}

fn some_amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    amount(deserializer).map(Some)
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPolicy {
    #[error("exactly one of `allow: true`, `deny: true` and `limit` is needed")]
    NotOneRule,
    #[error("`limit` needs exactly one of `requests`, `tokens`, `cost` and `concurrency`")]
    NotOneMeasure,
    #[error("`group_by` is for limits only")]
    GroupsWithoutLimit,
    #[error("`limit.per` is required: minute, hour, day, week, month, ever, or a number with s, m, h or d, as in 5h")]
    NoWindow,
    #[error(
        "`limit.per: {0}` is none of minute, hour, day, week, month, ever, or a number with s, m, h or d, as in 5h"
    )]
    BadWindow(String),
    #[error("`limit.per` and `limit.window` are not for `concurrency`, which counts what is under way now")]
    WindowOfConcurrency,
    #[error("`limit.window: {0}` does not go with `limit.per: {1}`")]
    WindowMismatch(&'static str, String),
    #[error("`limit.burst` is for `window: bucket` only")]
    BurstWithoutBucket,
    #[error("`limit.zone` is for windows of the calendar only")]
    ZoneWithoutCalendar,
    #[error("`{0}: {1}` is no amount: dollars with at most 9 decimals for `cost`, otherwise a whole number")]
    BadAmount(&'static str, String),
}

impl TryFrom<PolicyText> for Policy {
    type Error = BadPolicy;

    fn try_from(text: PolicyText) -> Result<Self, BadPolicy> {
        let rule = match (text.allow, text.deny, text.limit) {
            (false, false, Some(limit)) => Rule::Limit(Box::new(limit.read(text.group_by)?)),
            (true, false, None) | (false, true, None) if !text.group_by.is_empty() => {
                return Err(BadPolicy::GroupsWithoutLimit);
            }
            (true, false, None) => Rule::Allow,
            (false, true, None) => Rule::Deny,
            _ => return Err(BadPolicy::NotOneRule),
        };
        Ok(Self { when: text.when, rule, action: text.action, unknown: text.unknown, message: text.message })
    }
}

impl LimitText {
    fn read(self, group_by: Vec<Field>) -> Result<Limit, BadPolicy> {
        let (measure, amount) = match (self.requests, self.tokens, &self.cost, self.concurrency) {
            (Some(amount), None, None, None) => (Measure::Requests, amount),
            (None, Some(amount), None, None) => (Measure::Tokens, amount),
            (None, None, Some(dollars), None) => (Measure::Cost, measure_amount("limit.cost", Measure::Cost, dollars)?),
            (None, None, None, Some(amount)) => (Measure::Concurrency, amount),
            _ => return Err(BadPolicy::NotOneMeasure),
        };
        let extra = self.extra.as_ref().map(|extra| {
            let amount = measure_amount("limit.extra.amount", measure, &extra.amount)?;
            Ok(Extra { amount, until_ms: extra.until.timestamp_millis() })
        });
        let extra = extra.transpose()?;
        let window = self.window(measure, amount)?;
        Ok(Limit { measure, amount, window, group_by, warn_at: self.warn_at, extra })
    }

    fn window(&self, measure: Measure, amount: u64) -> Result<Window, BadPolicy> {
        if self.burst.is_some() && self.window != Some(Kind::Bucket) {
            return Err(BadPolicy::BurstWithoutBucket);
        }
        let window = self.window_of(measure, amount)?;
        match window {
            Window::Calendar { .. } => Ok(window),
            _ if self.zone.is_some() => Err(BadPolicy::ZoneWithoutCalendar),
            _ => Ok(window),
        }
    }

    fn window_of(&self, measure: Measure, amount: u64) -> Result<Window, BadPolicy> {
        if measure == Measure::Concurrency {
            let given = self.per.is_some() || self.window.is_some();
            return if given { Err(BadPolicy::WindowOfConcurrency) } else { Ok(Window::Ever) };
        }
        let per = self.per.as_deref().ok_or(BadPolicy::NoWindow)?;
        let mismatch = |kind| BadPolicy::WindowMismatch(kind, per.to_owned());
        if per == "ever" {
            return if self.window.is_none() { Ok(Window::Ever) } else { Err(mismatch(self.kind())) };
        }
        let unit = [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month];
        let unit = unit.into_iter().find(|unit| unit.as_str() == per);
        let seconds = unit.map_or_else(|| duration(per), Unit::seconds);
        if unit.is_none() && seconds.is_none() {
            return Err(BadPolicy::BadWindow(per.chars().take(40).collect()));
        }
        // What is counted over days is meant by the calendar, what is counted over less by the clock.
        let by_calendar = matches!(unit, Some(Unit::Day | Unit::Week | Unit::Month));
        let kind = self.window.unwrap_or(if by_calendar { Kind::Calendar } else { Kind::Sliding });
        match (kind, unit, seconds) {
            (Kind::Calendar, Some(unit), _) => Ok(Window::Calendar { unit, zone: self.zone.clone() }),
            (Kind::Fixed, _, Some(seconds)) => Ok(Window::Fixed { seconds }),
            (Kind::Sliding, _, Some(seconds)) => Ok(Window::Sliding { seconds }),
            (Kind::Bucket, _, Some(seconds)) => {
                let burst = self.burst.as_deref().map(|text| measure_amount("limit.burst", measure, text));
                Ok(Window::Bucket { seconds, burst: burst.transpose()?.unwrap_or(amount) })
            }
            _ => Err(mismatch(self.kind())),
        }
    }

    fn kind(&self) -> &'static str {
        match self.window {
            Some(Kind::Fixed) => "fixed",
            Some(Kind::Bucket) => "bucket",
            Some(Kind::Calendar) => "calendar",
            Some(Kind::Sliding) | None => "sliding",
        }
    }
}

/// An amount in a measure's own unit; dollars become nano-dollars without passing through a float.
fn measure_amount(field: &'static str, measure: Measure, text: &str) -> Result<u64, BadPolicy> {
    let bad = || BadPolicy::BadAmount(field, text.chars().take(40).collect());
    match measure {
        Measure::Cost => {
            text.parse::<crate::Rate>().ok().and_then(|dollars| u64::try_from(dollars.0).ok()).ok_or_else(bad)
        }
        Measure::Requests | Measure::Tokens | Measure::Concurrency => text.parse().map_err(|_| bad()),
    }
}

/// Seconds of `30s`, `15m`, `5h`, `30d`.
pub(crate) fn duration(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number.parse::<u32>().ok().filter(|_| plain)?.checked_mul(unit)
}

/// A length as `per` has it, by its name where that means the same.
fn named(seconds: u32) -> String {
    match seconds {
        60 => Unit::Minute.as_str().to_owned(),
        3_600 => Unit::Hour.as_str().to_owned(),
        _ => per(seconds),
    }
}

/// The other way round of [`duration`].
pub(super) fn per(seconds: u32) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let (length, name) =
        units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length) && seconds > 0).unwrap_or((1, "s"));
    format!("{}{name}", seconds / length)
}

/// An amount as it is written.
fn written(measure: Measure, amount: u64) -> String {
    match measure {
        Measure::Cost => Nanos(i64::try_from(amount).unwrap_or(i64::MAX)).to_string().replace('$', ""),
        Measure::Requests | Measure::Tokens | Measure::Concurrency => amount.to_string(),
    }
}

impl From<Policy> for PolicyText {
    fn from(policy: Policy) -> Self {
        let mut text = Self {
            when: policy.when,
            action: policy.action,
            unknown: policy.unknown,
            message: policy.message,
            ..Self::default()
        };
        match policy.rule {
            Rule::Allow => text.allow = true,
            Rule::Deny => text.deny = true,
            Rule::Limit(limit) => {
                text.group_by.clone_from(&limit.group_by);
                text.limit = Some(LimitText::from(*limit));
            }
        }
        text
    }
}

impl From<Limit> for LimitText {
    fn from(limit: Limit) -> Self {
        let mut text = Self { warn_at: limit.warn_at, ..Self::default() };
        match limit.measure {
            Measure::Requests => text.requests = Some(limit.amount),
            Measure::Tokens => text.tokens = Some(limit.amount),
            Measure::Cost => text.cost = Some(written(Measure::Cost, limit.amount)),
            Measure::Concurrency => text.concurrency = Some(limit.amount),
        }
        text.extra = limit.extra.and_then(|extra| {
            let until = chrono::DateTime::from_timestamp_millis(extra.until_ms)?;
            Some(ExtraText { amount: written(limit.measure, extra.amount), until })
        });
        match limit.window {
            _ if limit.measure == Measure::Concurrency => {}
            Window::Fixed { seconds } => (text.per, text.window) = (Some(named(seconds)), Some(Kind::Fixed)),
            Window::Sliding { seconds } => text.per = Some(named(seconds)),
            Window::Bucket { seconds, burst } => {
                (text.per, text.window) = (Some(named(seconds)), Some(Kind::Bucket));
                text.burst =
                    Some(burst).filter(|burst| *burst != limit.amount).map(|burst| written(limit.measure, burst));
            }
            Window::Calendar { unit, zone } => {
                text.per = Some(unit.as_str().to_owned());
                text.zone = zone;
                let by_default = matches!(unit, Unit::Day | Unit::Week | Unit::Month);
                text.window = (!by_default).then_some(Kind::Calendar);
            }
            Window::Ever => text.per = Some("ever".to_owned()),
        }
        text
    }
}
