//! How provider keys fare, in the process that asks with them.

use domain::TeamId;
use domain::health::TeamHealth;

use crate::{Control, Grant, can};

/// Watches provider keys and their addresses.
pub trait ProviderWatch: Send + Sync {
    /// How those of a team fare at the moment.
    fn health(&self, team: TeamId) -> TeamHealth;
}

impl Control {
    /// How the team's provider keys fare in this process; nothing where it has no data plane.
    #[must_use]
    pub fn provider_health(&self, grant: &Grant<can::View>) -> TeamHealth {
        self.inner.providers.get().map(|watch| watch.health(grant.team_id())).unwrap_or_default()
    }

    /// Hands in who watches the keys; the first one stays.
    pub fn set_provider_watch(&self, watch: impl ProviderWatch + 'static) {
        let _ = self.inner.providers.set(Box::new(watch));
    }
}
