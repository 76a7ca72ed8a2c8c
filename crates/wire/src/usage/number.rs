//! Numbers as providers write them, and parts of an answer that may have any shape without spoiling the rest.

use std::fmt;

use domain::Nanos;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A count that may be missing, `null`, written as a float or as a text, or something else altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) Option<u64>);

impl Count {
    pub(crate) fn get(self) -> u64 {
        self.0.unwrap_or(0)
    }

    /// The same for what is never many.
    pub(crate) fn small(self) -> u32 {
        u32::try_from(self.get()).unwrap_or(u32::MAX)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count)))
    }

    fn visit_i64<E>(self, count: i64) -> Result<Count, E> {
        Ok(Count(Some(u64::try_from(count).unwrap_or(0))))
    }

    fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
        // The cast saturates and turns what is no number into zero.
        Ok(Count(Some(count.round() as u64)))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Count, E> {
        Ok(Count(text.trim().parse().ok()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

/// Reads a part of an answer; one of an unknown shape is as good as none.
pub(crate) fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Reads a list; entries of an unknown shape are left out, and spoil no others.
pub(crate) fn lenient_list<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    if let Ok(list) = serde_json::from_str(raw.get()) {
        return Ok(Some(list));
    }
    let entries: Option<Vec<&RawValue>> = serde_json::from_str(raw.get()).ok();
    let readable = |entries: Vec<&RawValue>| {
        entries.into_iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect()
    };
    Ok(entries.map(readable))
}

/// `text`, a number in plain notation or with an exponent, times ten to the power of `places`, rounded half up. Digits
/// are moved, so nothing passes through a float. Negative numbers are no amounts.
pub(crate) fn scaled(text: &str, places: i32) -> Option<Nanos> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|exponent| (-99..=99).contains(exponent))?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |digits: &str| digits.len() <= 40 && digits.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) {
        return None;
    }
    let digits = format!("{whole}{part}");
    let point = i32::try_from(whole.len()).ok()? + exponent + places;
    let Ok(point) = usize::try_from(point) else {
        return Some(Nanos::ZERO);
    };
    let kept: String = digits.chars().chain(std::iter::repeat('0')).take(point).collect();
    let amount: i64 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    let round_up = digits.as_bytes().get(point).is_some_and(|digit| *digit >= b'5');
    Some(Nanos(amount) + Nanos(i64::from(round_up)))
}
