//! Gateways: what a team's applications call.

use domain::view::GatewayView;
use domain::{GatewayId, GatewaySettings};

use crate::{Control, ControlError, Grant, can};

/// A gateway to create.
#[derive(Clone, Debug)]
pub struct NewGateway {
    pub slug: String,
    pub name: String,
    pub settings: GatewaySettings,
}

/// What a gateway is to become; the slug stays.
#[derive(Clone, Debug)]
pub struct GatewayChange {
    pub name: String,
    pub enabled: bool,
    pub settings: GatewaySettings,
}

impl Control {
    /// The team's gateways, by slug.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_gateways(&self, grant: &Grant<can::View>) -> Result<Vec<GatewayView>, ControlError> {
        unimplemented!()
    }

    /// One gateway of the team.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_gateway(&self, grant: &Grant<can::View>, slug: &str) -> Result<GatewayView, ControlError> {
        unimplemented!()
    }

    /// Creates a gateway.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `slug`, `name` and the settings' fields; [`ControlError::Conflict`] for a taken slug.
    pub async fn create_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        new: NewGateway,
    ) -> Result<GatewayView, ControlError> {
        unimplemented!()
    }

    /// Changes a gateway. Where `cache_invalidate_on_update` is set, its cached answers are forgotten.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`].
    pub async fn update_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        id: GatewayId,
        change: GatewayChange,
    ) -> Result<GatewayView, ControlError> {
        unimplemented!()
    }

    /// Deletes a gateway; its requests stay in the log. `confirm` must repeat the slug.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] for `confirm`.
    pub async fn delete_gateway(
        &self,
        grant: &Grant<can::EditGateways>,
        id: GatewayId,
        confirm: &str,
    ) -> Result<(), ControlError> {
        unimplemented!()
    }
}
