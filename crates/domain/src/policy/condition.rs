//! Which requests a policy is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::validate::{self, FieldError, Problem};

/// Most values in one list of a condition.
pub const MAX_VALUES: usize = 200;
/// Longest value, in bytes.
const MAX_VALUE: usize = 256;
/// Deepest nesting of conditions.
const MAX_DEPTH: usize = 8;
/// Most conditions in an `all` or `any`.
const MAX_PARTS: usize = 50;

/// All that is given must hold; a list holds where one of its patterns does. `*` in a pattern stands for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// Slugs of gateways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<String>,
    /// Names of API tokens. A request without a token matches none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<String>,
    /// Who the caller asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<String>,
    /// Models, `provider/model` or bare, as they are called in the end: an alias does not evade.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model: Vec<String>,
    /// Slugs of providers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider: Vec<String>,
    /// Kinds of endpoints: `chat_completions`, `embeddings`, `native`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoint: Vec<String>,
    /// Addresses and networks, `10.0.0.0/8`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip: Vec<String>,
    /// Countries by two letters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub country: Vec<String>,
    /// Values of `cf-aig-metadata`, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Vec<String>>,
    /// Hours of the week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Hours>,
    /// All of these hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<Condition>,
    /// One of these holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<Condition>,
    /// This does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
}

/// Hours of some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Days; none are all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// `HH:MM`, included; the day's beginning where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `HH:MM`, excluded; the day's end where it is not given. Before `from` it is on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// An IANA time zone; UTC where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Hours {
    /// Minutes since midnight at which it begins and ends.
    ///
    /// # Errors
    /// The name of a member that is no `HH:MM`.
    pub fn minutes(&self) -> Result<(u16, u16), &'static str> {
        let from = self.from.as_deref().map_or(Some(0), minute).ok_or("from")?;
        let to = self.to.as_deref().map_or(Some(24 * 60), minute).ok_or("to")?;
        Ok((from, to))
    }
}

/// `HH:MM` as minutes since midnight; `24:00` is the day's end.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two(hour) || !two(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(all)
}

impl Condition {
    /// Whether it is about every request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This condition and all within it.
    pub fn walk(&self) -> impl Iterator<Item = &Condition> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            stack.extend(next.all.iter().chain(&next.any).chain(next.not.as_deref()));
            Some(next)
        })
    }

    /// Gives a token another name, wherever it is written out.
    pub fn rename_token(&mut self, old: &str, new: &str) {
        for name in self.token.iter_mut().filter(|name| *name == old) {
            new.clone_into(name);
        }
        for part in self.all.iter_mut().chain(&mut self.any).chain(self.not.as_deref_mut()) {
            part.rename_token(old, new);
        }
    }

    pub(super) fn check(&self, place: &str, depth: usize, errors: &mut Vec<FieldError>) {
        if depth > MAX_DEPTH {
            errors.push(FieldError::new(place, Problem::TooMany { max: MAX_DEPTH as u64 }));
            return;
        }
        let lists = [
            ("gateway", &self.gateway),
            ("token", &self.token),
            ("user", &self.user),
            ("model", &self.model),
            ("provider", &self.provider),
            ("endpoint", &self.endpoint),
            ("ip", &self.ip),
            ("country", &self.country),
        ];
        for (name, list) in lists {
            check_list(&format!("{place}.{name}"), list, errors);
        }
        for (key, list) in &self.metadata {
            check_list(&format!("{place}.metadata.{key}"), list, errors);
        }
        if let Some(problem) = self.ip.iter().find_map(|text| validate::network(text).err()) {
            errors.push(FieldError::new(format!("{place}.ip"), problem));
        }
        if !self.country.iter().all(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())) {
            errors.push(FieldError::new(format!("{place}.country"), Problem::NotACountry));
        }
        if let Some(Err(member)) = self.time.as_ref().map(Hours::minutes) {
            errors.push(FieldError::new(format!("{place}.time.{member}"), Problem::NotAnHour));
        }
        for (name, parts) in [("all", &self.all), ("any", &self.any)] {
            let place = format!("{place}.{name}");
            if parts.len() > MAX_PARTS {
                errors.push(FieldError::new(&place, Problem::TooMany { max: MAX_PARTS as u64 }));
                continue;
            }
            for (index, part) in parts.iter().enumerate() {
                part.check(&format!("{place}[{index}]"), depth + 1, errors);
            }
        }
        if let Some(part) = &self.not {
            part.check(&format!("{place}.not"), depth + 1, errors);
        }
    }
}

fn check_list(place: &str, list: &[String], errors: &mut Vec<FieldError>) {
    let problem = if list.len() > MAX_VALUES {
        Some(Problem::TooMany { max: MAX_VALUES as u64 })
    } else if list.iter().any(String::is_empty) {
        Some(Problem::Required)
    } else if list.iter().any(|value| value.len() > MAX_VALUE) {
        Some(Problem::TooLong { max: MAX_VALUE as u64 })
    } else {
        None
    };
    errors.extend(problem.map(|problem| FieldError::new(place, problem)));
}
