//! What an API token may be used for. All of it is checked by the data plane in one place (`gateway::admit`), whatever the
//! door; a further kind of restriction is a field here, a line there, and a walk over all doors in the gateway's tests.

use serde::{Deserialize, Serialize};

use crate::GatewayId;
use crate::ledger::Surface;

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
