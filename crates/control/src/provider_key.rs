//! Provider keys: credentials that only the data plane ever reads again.

use std::fmt;

use domain::ProviderKeyId;
use domain::view::{ConnectionTest, ProviderKeyView};

use crate::{Control, ControlError, Grant, can};

/// A credential to store.
#[derive(Clone)]
pub struct NewProviderKey {
    /// A provider's slug, or `custom-…` for one of the team's own.
    pub provider: String,
    /// `default` unless the caller names another.
    pub alias: String,
    /// The credential itself.
    pub secret: String,
    /// Replaces the provider's own address.
    pub base_url: Option<String>,
}

impl fmt::Debug for NewProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewProviderKey")
            .field("provider", &self.provider)
            .field("alias", &self.alias)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Control {
    /// The team's provider keys, by provider and alias.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_provider_keys(&self, grant: &Grant<can::View>) -> Result<Vec<ProviderKeyView>, ControlError> {
        unimplemented!()
    }

    /// Stores a credential.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `provider`, `alias`, `secret`, `base_url`; [`ControlError::Conflict`] for a taken
    /// alias.
    pub async fn create_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        new: NewProviderKey,
    ) -> Result<ProviderKeyView, ControlError> {
        unimplemented!()
    }

    /// Puts a new credential in the place of one, which keeps working for `overlap_s` seconds. Answers the new row.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] for `secret` and `overlap_s`.
    pub async fn rotate_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
        secret: String,
        overlap_s: u32,
    ) -> Result<ProviderKeyView, ControlError> {
        unimplemented!()
    }

    /// Turns a credential on or off.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_provider_key_enabled(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
        enabled: bool,
    ) -> Result<ProviderKeyView, ControlError> {
        unimplemented!()
    }

    /// Deletes a credential; the sealed secret is erased, its name stays readable in the log.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
    ) -> Result<(), ControlError> {
        unimplemented!()
    }

    /// Asks the provider whether it takes the credential.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; everything the provider does is in the answer.
    pub async fn test_provider_key(
        &self,
        grant: &Grant<can::ManageProviderKeys>,
        id: ProviderKeyId,
    ) -> Result<ConnectionTest, ControlError> {
        unimplemented!()
    }
}
