//! How provider keys and their addresses fare: what the data plane knows in memory, as pages and metrics tell it.

use crate::ProviderKeyId;

/// Whether a provider key is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It is.
    InUse,
    /// It was asked too often and is left alone for a while; it is asked again by itself.
    Resting,
    /// The provider refuses it; after a while one request at a time tries it.
    Parked,
    /// It was parked, and the next request tries it, or one does.
    Probing,
    /// It is switched off, or past its end.
    Off,
    /// It is stored, and cannot be sent.
    Unusable,
}

impl KeyStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::InUse, Self::Resting, Self::Parked, Self::Probing, Self::Off, Self::Unusable];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::Resting => "resting",
            Self::Parked => "parked",
            Self::Probing => "probing",
            Self::Off => "off",
            Self::Unusable => "unusable",
        }
    }
}

/// The circuit of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// It is asked.
    Closed,
    /// One request at a time tries it.
    HalfOpen,
    /// It is left alone where there is another.
    Open,
}

impl Circuit {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// Why a key or an address is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The last failure was an answer with this status.
    Status(u16),
    /// There was no answer, or one that broke off.
    NoAnswer,
    /// The key's own limit of requests in a minute is reached.
    Limit(u32),
    /// The key cannot be sent, for this reason.
    Broken(String),
}

/// How a key fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealth {
    pub id: ProviderKeyId,
    /// By its canonical slug.
    pub provider: String,
    pub alias: String,
    pub status: KeyStatus,
    /// Where it rests, is parked or probed, or cannot be sent.
    pub cause: Option<Cause>,
    /// Milliseconds until it is asked again; 0 where it is.
    pub rest_ms: u64,
    /// Attempts under way.
    pub in_flight: u32,
    /// Its address among those of the team; none where it cannot be sent.
    pub address: Option<usize>,
}

/// How an address of a provider fares, for one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHealth {
    /// By its canonical slug.
    pub provider: String,
    /// Host, port and path, as they are written.
    pub address: String,
    pub circuit: Circuit,
    /// Where the circuit is not closed.
    pub cause: Option<Cause>,
    /// Milliseconds until it is tried; 0 where it may be asked.
    pub rest_ms: u64,
    /// Attempts under way.
    pub in_flight: u32,
    /// Repeated attempts that there may be now.
    pub retries_left: u32,
}

/// How all keys of a team fare, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamHealth {
    pub keys: Vec<KeyHealth>,
    pub addresses: Vec<AddressHealth>,
}

impl TeamHealth {
    /// A key with its address.
    #[must_use]
    pub fn of(&self, id: ProviderKeyId) -> Option<(&KeyHealth, Option<&AddressHealth>)> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        Some((key, key.address.and_then(|place| self.addresses.get(place))))
    }
}
