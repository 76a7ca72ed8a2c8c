//! A cached answer, as the data plane and the database behind it exchange it.

use bytes::Bytes;

use crate::{GatewayId, TeamId, Usage};

/// SHA-256 over everything that makes two requests the same; the team and the gateway's epoch are part of it.
pub type CacheKey = [u8; 32];

/// A complete answer of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    pub key: CacheKey,
    pub team_id: TeamId,
    pub gateway_id: GatewayId,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Not given out from then on, in milliseconds since 1970.
    pub expires_at_ms: i64,
    pub status: u16,
    pub content_type: String,
    /// Whether `body` holds a stream's events, to be replayed as a stream.
    pub streamed: bool,
    pub body: Bytes,
    pub provider: String,
    pub model: Option<String>,
    /// What the answer cost in tokens when it was made.
    pub usage: Usage,
}
