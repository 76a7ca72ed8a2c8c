//! What an API token may be used for, and how long its secrets work.
//!
//! All of what it is held to is checked by the data plane in one place (`gateway::admit`), whatever the
//! door; a further kind of restriction is a field here, a line there, and a walk over all doors in the gateway's tests.

use serde::{Deserialize, Serialize};

use crate::ledger::Surface;
use crate::{GatewayId, TokenId};

/// Longest time in which the secret before works on after a rotation, in seconds: 30 days.
pub const MAX_GRACE: u32 = 30 * 86_400;

/// Seconds of a grace period as it is written: `0`, or a number with `s`, `m`, `h` or `d`, at most [`MAX_GRACE`].
#[must_use]
pub fn grace(text: &str) -> Option<u32> {
    let seconds = if text == "0" { Some(0) } else { crate::policy::duration(text) };
    seconds.filter(|seconds| *seconds <= MAX_GRACE)
}

/// When a token was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    pub token: TokenId,
    /// Milliseconds since 1970, with whichever secret.
    pub at_ms: i64,
    /// The digest of the secret before, and when that was last used; none where it was not.
    pub previous: Option<([u8; 32], i64)>,
}

/// What a token is held to. Nothing in a field is no restriction; an empty list lets nothing through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrictions {
    /// The gateways of the team that it may use.
    pub gateways: Option<Vec<GatewayId>>,
    /// The models it may ask for, as `provider/model` or a bare model, `*` at the end matching any rest.
    pub models: Option<Vec<String>>,
    /// Slugs of the providers that may be called for it.
    pub providers: Option<Vec<String>>,
    /// The endpoints it may call. [`Surface::Native`] is all of a provider's own API.
    pub endpoints: Option<Vec<Surface>>,
    /// Addresses and networks that it may be used from, IPv4 and IPv6, as `10.0.0.0/8`.
    pub ip_ranges: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_period_has_an_end() {
        for (text, seconds) in [("0", Some(0)), ("1h", Some(3_600)), ("24h", Some(86_400)), ("30d", Some(MAX_GRACE))] {
            assert_eq!(grace(text), seconds, "{text}");
        }
        for bad in ["", "31d", "1", "-1h", "1w", "99999999999d"] {
            assert_eq!(grace(bad), None, "{bad}");
        }
    }
}
