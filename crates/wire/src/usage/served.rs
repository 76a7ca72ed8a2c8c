//! How a provider served an answer, as providers write it: `flex`, `on_demand`, `ON_DEMAND_PRIORITY`, `{"type":"priority"}`.

use std::fmt;

use domain::usage::{SearchContext, ServiceTier};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A tier of service; none where it is still to be chosen, or nothing that has a name here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served(pub(crate) Option<ServiceTier>);

impl Served {
    fn of(word: &str) -> Self {
        let is = |name: &str| word.rsplit('_').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
        let named = [ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Batch, ServiceTier::Fast];
        let tier = named.into_iter().find(|tier| is(tier.as_str()));
        Self(if is("auto") { None } else { Some(tier.unwrap_or_default()) })
    }
}

/// The last word counts: what a stream says at its beginning may be what was asked for.
pub(crate) fn later(newer: Option<Served>, older: Option<ServiceTier>) -> Option<ServiceTier> {
    newer.and_then(|served| served.0).or(older)
}

impl<'de> Deserialize<'de> for Served {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ServedVisitor)
    }
}

struct ServedVisitor;

impl<'de> Visitor<'de> for ServedVisitor {
    type Value = Served;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tier of service")
    }

    fn visit_str<E>(self, word: &str) -> Result<Served, E> {
        Ok(Served::of(word))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Served, A::Error> {
        let mut found = Served(None);
        while let Some(name) = map.next_key::<String>()? {
            if name == "type" {
                found = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// How much was searched: `low`, `medium`, `high`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searched(pub(crate) SearchContext);

impl<'de> Deserialize<'de> for Searched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SearchContext::deserialize(deserializer).map(Self)
    }
}
