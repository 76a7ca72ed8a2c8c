//! What the control plane tells people of how provider keys fare.

use domain::TeamId;
use domain::health::TeamHealth;
use gateway::Gateway;

/// The gateway of this process.
pub struct ProviderWatch(pub Gateway);

impl control::ProviderWatch for ProviderWatch {
    fn health(&self, team: TeamId) -> TeamHealth {
        self.0.health(team)
    }
}
