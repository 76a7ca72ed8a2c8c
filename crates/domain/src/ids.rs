//! Identifiers. Database ids are signed 64-bit because both SQLite and PostgreSQL count that way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

row_ids! {
    /// A person who may sign in.
    UserId,
    /// A signed-in browser.
    SessionId,
    /// A link that makes whoever holds it a member of a team.
    InvitationId,
    /// A tenant: owns gateways, provider keys and API tokens.
    TeamId,
    /// A gateway of a team.
    GatewayId,
    /// A stored provider credential.
    ProviderKeyId,
    /// A provider the team defined itself.
    CustomProviderId,
    /// An API token an application authenticates with.
    TokenId,
    /// A policy of a team.
    PolicyId,
    /// A price of a team's own.
    TeamPriceId,
    /// A dynamic route of a gateway.
    RouteId,
}

/// One client request, the same over all its attempts: a UUIDv7, so that ids sort by time. Shown as `cf-aig-log-id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub uuid::Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
