//! What policies know of a request.

use std::borrow::Cow;
use std::net::IpAddr;

use domain::policy::Field;
use domain::{GatewayId, TokenId};

use crate::client::Country;

/// A request, as policies see it.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    pub gateway: Option<(GatewayId, &'a str)>,
    pub token: Option<(TokenId, &'a str)>,
    pub user: Option<&'a str>,
    pub target: Target<'a>,
    /// The surface's name.
    pub endpoint: &'a str,
    pub address: Option<IpAddr>,
    pub country: Option<Country>,
    pub metadata: Metadata,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Nobody: the gateway answers by itself.
    Nobody,
    /// A provider, for nothing that has a model.
    Provider(&'a str),
    /// A provider, for a model that the gateway cannot see, or not for sure.
    Hidden(&'a str),
    /// A provider, for a model, as it names it.
    Model(&'a str, &'a str),
}

/// What a caller says about its request in `cf-aig-metadata`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata(Vec<(String, String)>);

/// A fact, as groups are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value<'a> {
    Nothing,
    /// Rows are known by their ids: a token that gets another name keeps its count.
    Id(i64),
    Text(&'a str),
    Address(IpAddr),
    Country(Country),
}

impl<'a> Facts<'a> {
    pub(super) fn value(&self, field: &Field) -> Value<'_> {
        let text = |text: Option<&'a str>| text.map_or(Value::Nothing, Value::Text);
        match field {
            Field::Gateway => self.gateway.map_or(Value::Nothing, |(id, _)| Value::Id(id.0)),
            Field::Token => self.token.map_or(Value::Nothing, |(id, _)| Value::Id(id.0)),
            Field::User => text(self.user),
            Field::Model => text(self.target.model()),
            Field::Provider => text(self.target.provider()),
            Field::Endpoint => Value::Text(self.endpoint),
            Field::Ip => self.address.map_or(Value::Nothing, Value::Address),
            Field::Country => self.country.map_or(Value::Nothing, Value::Country),
            Field::Metadata(key) => self.metadata.get(key).map_or(Value::Nothing, Value::Text),
        }
    }

    /// The same for people, bounded.
    pub(super) fn label(&self, field: &Field) -> Option<Box<str>> {
        /// Longest label, in bytes.
        const MOST: usize = 256;
        let text: Cow<'_, str> = match (field, self.value(field)) {
            (_, Value::Nothing) => return None,
            (Field::Gateway, _) => self.gateway?.1.into(),
            (Field::Token, _) => self.token?.1.into(),
            (_, Value::Text(text)) => text.into(),
            (_, Value::Address(address)) => address.to_string().into(),
            (_, Value::Country(country)) => country.to_string().into(),
            (_, Value::Id(id)) => id.to_string().into(),
        };
        Some(text[..text.floor_char_boundary(MOST)].into())
    }
}

impl<'a> Target<'a> {
    /// As the ledger knows it.
    pub(super) fn of(provider: Option<&'a str>, model: Option<&'a str>) -> Self {
        match (provider, model) {
            (None, _) => Self::Nobody,
            (Some(provider), None) => Self::Provider(provider),
            (Some(provider), Some(model)) => Self::Model(provider, model),
        }
    }

    pub(crate) fn provider(self) -> Option<&'a str> {
        match self {
            Self::Nobody => None,
            Self::Provider(provider) | Self::Hidden(provider) | Self::Model(provider, _) => Some(provider),
        }
    }

    pub(crate) fn model(self) -> Option<&'a str> {
        if let Self::Model(_, model) = self { Some(model) } else { None }
    }
}

impl Metadata {
    /// Reads a flat JSON object; what is none says nothing.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let members: serde_json::Map<String, serde_json::Value> =
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let said = |value: serde_json::Value| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        Self(members.into_iter().filter_map(|(key, value)| Some((key, said(value)?))).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}
