//! The file as it is written. Every value that can be wrong remembers its line.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::ApplyError;

/// A text and where it stands.
pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) teams: Vec<Team>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Team {
    pub(super) slug: Text,
    pub(super) name: Option<Text>,
    #[serde(default)]
    pub(super) gateways: Vec<Gateway>,
    #[serde(default)]
    pub(super) provider_keys: Vec<ProviderKey>,
    #[serde(default)]
    pub(super) custom_providers: Vec<CustomProvider>,
    #[serde(default)]
    pub(super) tokens: Vec<Token>,
    #[serde(default)]
    pub(super) policies: Vec<Policy>,
    #[serde(default)]
    pub(super) prices: Vec<Price>,
    #[serde(default)]
    pub(super) members: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    pub(super) slug: Text,
    pub(super) name: Option<Text>,
    pub(super) enabled: Option<bool>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    pub(super) routes: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) name: Text,
    pub(super) elements: Vec<Spanned<Value>>,
    pub(super) comment: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderKey {
    pub(super) provider: Text,
    pub(super) alias: Option<Text>,
    pub(super) key: Text,
    pub(super) base_url: Option<Text>,
    pub(super) enabled: Option<bool>,
    /// Tells it from others with its alias.
    pub(super) name: Option<Text>,
    pub(super) weight: Option<Spanned<u32>>,
    pub(super) region: Option<Text>,
    pub(super) requests_per_minute: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomProvider {
    pub(super) slug: Text,
    pub(super) name: Option<Text>,
    pub(super) base_url: Text,
    pub(super) dialect: Option<Text>,
    pub(super) auth: Option<Text>,
    pub(super) enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) name: Text,
    pub(super) token: Option<Text>,
    pub(super) grace: Option<Text>,
    #[serde(default, deserialize_with = "named")]
    pub(super) gateways: Named<Vec<Text>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) models: Named<Vec<String>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) providers: Named<Vec<String>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) endpoints: Named<Vec<Text>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) ip_ranges: Named<Vec<String>>,
    #[serde(default, deserialize_with = "named")]
    pub(super) expires_at: Named<String>,
    /// By the names of their kinds.
    #[serde(default, deserialize_with = "named")]
    pub(super) limits: Named<BTreeMap<String, Spanned<Value>>>,
}

/// A field that may be left out, which changes nothing, or be named with nothing in it, which lifts what there was.
pub(super) type Named<T> = Option<Spanned<Option<T>>>;

/// Without this, `null` would count as left out.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Name, state and the parts of the text form.
pub(super) type Policy = Spanned<BTreeMap<String, Spanned<Value>>>;

/// The fields of a row of a price book.
pub(super) type Price = Spanned<BTreeMap<String, Spanned<Value>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) email: Text,
    pub(super) name: Option<Text>,
    pub(super) role: Text,
    pub(super) password: Option<Text>,
}

/// Reads the file's text.
///
/// # Errors
/// Where it is not YAML, or not of this shape.
pub(super) fn parse(yaml: &str, file: &str) -> Result<File, Vec<ApplyError>> {
    serde_saphyr::from_str(yaml).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        // Without the snippet: the lines around an error may hold anything.
        let message = error.without_snippet().to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        vec![ApplyError { file: file.to_owned(), line, field: String::new(), message }]
    })
}
