//! The properties of each type of element, in Cloudflare's spellings of the documentation and of the API.

use domain::Nanos;
use domain::settings::{REQUEST_TIMEOUT, RateTechnique};
use serde_json::{Map, Value};

use super::{Reader, is_name, quoted};
use crate::bounds::{MAX_LIMIT, MAX_NAME, MAX_RETRIES, MAX_WEIGHT, MAX_WINDOW};
use crate::condition;
use crate::field::Field;
use crate::graph::{Kind, Limit, Measure, Strategy};

/// What a type must be.
pub(super) const TYPES: &str = "must be start, conditional, percentage, rate, budget, balance, model or end";

type Properties = Map<String, Value>;

impl Reader {
    pub(super) fn kind(&mut self, id: &str, name: &str, properties: &Properties) -> Option<Kind> {
        let known: &[&str] = match name {
            "start" | "end" => &[],
            "conditional" => &["condition", "conditions"],
            "percentage" => &["key"],
            "rate" | "rate_limit" | "budget" | "budget_limit" => {
                &["key", "limit", "limitType", "window", "interval", "technique"]
            }
            "balance" => &["strategy", "weights"],
            "model" => &["provider", "model", "timeout", "retries"],
            _ => {
                self.wrong(id, "type", TYPES);
                return None;
            }
        };
        for name in properties.keys().filter(|name| !known.contains(&name.as_str())) {
            let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.wrong(
                id,
                format!("properties.{}", quoted(name)),
                format!("is not a property of this type, which has {has}"),
            );
        }
        match name {
            "start" => Some(Kind::Start),
            "end" => Some(Kind::End),
            "conditional" => self.conditional(id, properties),
            "percentage" => Some(Kind::Percentage { key: self.key(id, properties).ok()? }),
            "balance" => self.balance(id, properties),
            "model" => self.model(id, properties),
            _ => self.limit(id, name, properties).map(Kind::Limit),
        }
    }

    fn conditional(&mut self, id: &str, properties: &Properties) -> Option<Kind> {
        let (name, conditions) = match (properties.get("condition"), properties.get("conditions")) {
            (Some(condition), None) => ("condition", condition),
            (None, Some(conditions)) => ("conditions", conditions),
            (Some(_), Some(_)) => {
                self.wrong(id, "properties.condition", "is the same as conditions; one of them is enough");
                return None;
            }
            (None, None) => {
                self.wrong(id, "properties.conditions", r#"is required, as {"metadata.plan": {"$eq": "free"}}"#);
                return None;
            }
        };
        match condition::compile(conditions, &format!("properties.{name}"), &mut self.fields) {
            Ok(_) => Some(Kind::Conditional { conditions: conditions.clone() }),
            Err(faults) => {
                faults.into_iter().for_each(|(place, message)| self.wrong(id, place, message));
                None
            }
        }
    }

    /// The field that tells groups apart; `Err` where it cannot be read, which has been told.
    fn key(&mut self, id: &str, properties: &Properties) -> Result<Option<Field>, ()> {
        let text = match properties.get("key") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text,
            Some(_) => {
                self.wrong(id, "properties.key", "must be the name of a field, as metadata.user_id");
                return Err(());
            }
        };
        let field = match text.parse::<Field>() {
            Ok(field) => field,
            Err(message) => {
                self.wrong(id, "properties.key", message);
                return Err(());
            }
        };
        if self.fields.place(&field).is_none() {
            self.wrong(id, "properties.key", "is one field of the body too many in this route");
            return Err(());
        }
        Ok(Some(field))
    }

    fn limit(&mut self, id: &str, type_name: &str, properties: &Properties) -> Option<Limit> {
        let key = self.key(id, properties);
        let budget = type_name.starts_with("budget");
        let cost = match (properties.get("limitType").map(Value::as_str), budget) {
            (None, budget) => Some(budget),
            (Some(Some("cost")), _) => Some(true),
            (Some(Some("count")), false) => Some(false),
            (Some(_), true) => {
                self.wrong(id, "properties.limitType", "must be cost for a budget");
                None
            }
            (Some(_), false) => {
                self.wrong(id, "properties.limitType", "must be count or cost");
                None
            }
        };
        let measure = cost.and_then(|cost| self.measure(id, properties.get("limit"), cost));
        let window = match (properties.get("window"), properties.get("interval")) {
            (Some(_), Some(_)) => {
                self.wrong(id, "properties.interval", "is the same as window; one of them is enough");
                None
            }
            (Some(window), None) => self.number(id, "window", window, 1, MAX_WINDOW.into()),
            (None, Some(window)) => self.number(id, "interval", window, 1, MAX_WINDOW.into()),
            (None, None) => {
                self.wrong(id, "properties.window", "is required: the limit's time in seconds");
                None
            }
        };
        let technique = match properties.get("technique").map(Value::as_str) {
            None | Some(Some("sliding")) => Some(RateTechnique::Sliding),
            Some(Some("fixed")) => Some(RateTechnique::Fixed),
            Some(_) => {
                self.wrong(id, "properties.technique", "must be sliding or fixed");
                None
            }
        };
        let window_s = u32::try_from(window?).ok()?;
        Some(Limit { key: key.ok()?, measure: measure?, window_s, technique: technique? })
    }

    /// Requests, or dollars, which do not pass through arithmetic with floats: what is written is what is meant.
    fn measure(&mut self, id: &str, value: Option<&Value>, cost: bool) -> Option<Measure> {
        let written = match value {
            Some(Value::String(text)) if cost => text.clone(),
            // The shortest text of a float is the one that was written, up to fifteen digits.
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let (measure, amount) = if cost {
            let nanos = written.parse::<domain::Rate>().ok().map(|dollars| dollars.0);
            (nanos.map(|nanos| Measure::Cost(Nanos(nanos))), nanos.and_then(|nanos| u64::try_from(nanos).ok()))
        } else {
            // 100.0 is how some programs write a hundred.
            let count = written.strip_suffix(".0").unwrap_or(&written).parse::<u64>().ok();
            (count.map(Measure::Requests), count)
        };
        if measure.is_some() && amount.is_some_and(|amount| amount <= MAX_LIMIT) {
            return measure;
        }
        let message = if cost {
            r#"must be an amount of dollars with at most 9 decimals, as "0.50""#
        } else {
            "must be a whole number of requests"
        };
        self.wrong(id, "properties.limit", message);
        None
    }

    fn balance(&mut self, id: &str, properties: &Properties) -> Option<Kind> {
        let strategy = match properties.get("strategy") {
            None => Some(Strategy::Weighted),
            Some(value) => Strategy::ALL.into_iter().find(|strategy| value == strategy.as_str()),
        };
        if strategy.is_none() {
            self.wrong(id, "properties.strategy", "must be weighted, latency, busy or cost");
        }
        let mut weights = Vec::new();
        match properties.get("weights") {
            None => (),
            Some(Value::Object(members)) => {
                for (name, weight) in members {
                    let place = format!("weights.{name}");
                    let weight = self.number(id, &place, weight, 0, MAX_WEIGHT.into());
                    weights.extend(weight.and_then(|weight| Some((name.clone(), u32::try_from(weight).ok()?))));
                }
            }
            Some(_) => self.wrong(id, "properties.weights", r#"must be an object, as {"a": 3, "b": 1}"#),
        }
        Some(Kind::Balance { strategy: strategy?, weights })
    }

    fn model(&mut self, id: &str, properties: &Properties) -> Option<Kind> {
        let mut name = |field: &str| match properties.get(field) {
            Some(Value::String(text)) if is_name(text) => Some(text.clone()),
            None => {
                self.wrong(id, format!("properties.{field}"), "is required");
                None
            }
            Some(_) => {
                self.wrong(id, format!("properties.{field}"), format!("must be a text of 1 to {MAX_NAME} bytes"));
                None
            }
        };
        let (provider, model) = (name("provider"), name("model"));
        let timeout = match properties.get("timeout") {
            None | Some(Value::Null) => Some(None),
            Some(value) if value.as_u64() == Some(0) => Some(None),
            Some(value) => {
                self.number(id, "timeout", value, REQUEST_TIMEOUT.0.into(), REQUEST_TIMEOUT.1.into()).map(Some)
            }
        };
        let retries = match properties.get("retries") {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.number(id, "retries", value, 0, MAX_RETRIES.into()).map(Some),
        };
        Some(Kind::Model {
            provider: provider?,
            model: model?,
            timeout_ms: timeout?.and_then(|timeout| u32::try_from(timeout).ok()),
            retries: retries?.and_then(|retries| u8::try_from(retries).ok()),
        })
    }

    /// A whole number within bounds.
    fn number(&mut self, id: &str, field: &str, value: &Value, min: u64, max: u64) -> Option<u64> {
        let written = value.as_number().map(ToString::to_string).unwrap_or_default();
        let number = written.strip_suffix(".0").unwrap_or(&written).parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.wrong(id, format!("properties.{field}"), format!("must be a whole number between {min} and {max}"));
        }
        number
    }
}
