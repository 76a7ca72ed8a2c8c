//! The whole configuration as the data plane needs it: read by the store, handed over as a value, compiled by the
//! gateway into its snapshot. Disabled and expired things are included and marked, so that an error can name them.

use chrono::{DateTime, Utc};

use crate::{
    CustomProviderId, GatewayId, GatewaySettings, ProviderKeyId, RouteId, Secret, TeamId, TeamPriceId, TokenId,
    policy::NamedPolicy,
    provider::{AuthScheme, Dialect},
    token::Restrictions,
};

/// Everything, at one version.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Raised by every change.
    pub version: i64,
    /// The price book that was imported, where one was.
    pub book: Option<ImportedBook>,
    /// All teams.
    pub teams: Vec<TeamConfig>,
}

/// A price book that was imported, as it is kept. `wire::price::InForce` says whether it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedBook {
    /// The configuration version that the import made: no other import has it.
    pub version: i64,
    /// The bytes of its file.
    pub text: Vec<u8>,
    /// Their SHA-256 when they were imported.
    pub sum: Vec<u8>,
    /// The file of its signature; none where the operator took it unsigned.
    pub signature: Option<String>,
    /// Whether it stays in force where the program brings a newer one.
    pub pinned: bool,
    pub imported_at: DateTime<Utc>,
}

/// A tenant with all it owns.
#[derive(Clone, Debug)]
pub struct TeamConfig {
    pub id: TeamId,
    pub slug: String,
    pub gateways: Vec<GatewayConfig>,
    pub provider_keys: Vec<ProviderKeyConfig>,
    pub custom_providers: Vec<CustomProviderConfig>,
    pub tokens: Vec<TokenConfig>,
    /// Those that are on.
    pub policies: Vec<NamedPolicy>,
    pub prices: Vec<TeamPrice>,
}

/// A price of the team's own, which wins over the price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamPrice {
    pub id: TeamPriceId,
    /// A row of a price book, as `wire::price::Row` reads it.
    pub text: String,
}

/// A gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    pub id: GatewayId,
    pub slug: String,
    pub enabled: bool,
    pub settings: GatewaySettings,
    /// Part of every cache key of the gateway; raised to forget what is cached.
    pub cache_epoch: i64,
    /// Those that are deployed.
    pub routes: Vec<RouteConfig>,
}

/// A dynamic route, called as the model `dynamic/{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    pub id: RouteId,
    pub name: String,
    /// The number of the version that is deployed.
    pub version: i64,
    /// Its elements as JSON, as `crates/route` reads them.
    pub elements: String,
}

/// A stored credential, opened.
#[derive(Clone, Debug)]
pub struct ProviderKeyConfig {
    pub id: ProviderKeyId,
    /// A provider's slug, `custom-…` for the team's own.
    pub provider: String,
    /// `default` unless a caller names another with `cf-aig-byok-alias`.
    pub alias: String,
    pub secret: Secret,
    /// Replaces the provider's own address.
    pub base_url: Option<String>,
    pub enabled: bool,
    /// Not used from then on: the end of a rotation's overlap.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its share of the requests beside the other keys with its alias; with 0 it stands by for when no other can be asked.
    pub weight: u32,
    /// Where what is sent with it is worked on, in the operator's own words.
    pub region: Option<String>,
    /// Most requests in a minute.
    pub requests_per_minute: Option<u32>,
}

/// A provider of the team's own, called `custom-{slug}` in paths and model names.
#[derive(Clone, Debug)]
pub struct CustomProviderConfig {
    pub id: CustomProviderId,
    pub slug: String,
    pub base_url: String,
    pub dialect: Dialect,
    pub auth: AuthScheme,
    pub enabled: bool,
}

/// The secret that a token had before its last rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousSecret {
    /// SHA-256 of the plain token.
    pub digest: [u8; 32],
    /// Not accepted from then on.
    pub until: DateTime<Utc>,
}

/// An API token, by the digest of its secret.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    pub id: TokenId,
    pub name: String,
    /// SHA-256 of the plain token.
    pub digest: [u8; 32],
    /// The secret before, where there was one.
    pub previous: Option<PreviousSecret>,
    pub restrictions: Restrictions,
    pub revoked: bool,
    pub expires_at: Option<DateTime<Utc>>,
}
