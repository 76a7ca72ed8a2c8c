//! Providers of a team's own, called `custom-{slug}`.

use domain::CustomProviderId;
use domain::provider::{AuthScheme, Dialect};
use domain::view::CustomProviderView;

use crate::{Control, ControlError, Grant, can};

/// A provider to add.
#[derive(Clone, Debug)]
pub struct NewCustomProvider {
    pub slug: String,
    pub name: String,
    pub base_url: String,
    pub dialect: Dialect,
    pub auth: AuthScheme,
}

impl Control {
    /// The team's own providers, by slug.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_custom_providers(
        &self,
        grant: &Grant<can::View>,
    ) -> Result<Vec<CustomProviderView>, ControlError> {
        unimplemented!()
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `slug`, `name`, `base_url`; [`ControlError::Conflict`] for a taken slug.
    pub async fn create_custom_provider(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        new: NewCustomProvider,
    ) -> Result<CustomProviderView, ControlError> {
        unimplemented!()
    }

    /// Turns a provider on or off.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_custom_provider_enabled(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: CustomProviderId,
        enabled: bool,
    ) -> Result<CustomProviderView, ControlError> {
        unimplemented!()
    }

    /// Deletes a provider.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_custom_provider(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: CustomProviderId,
    ) -> Result<(), ControlError> {
        unimplemented!()
    }
}
