//! API tokens: what applications authenticate with.

use chrono::{DateTime, Utc};
use domain::view::{IssuedToken, TokenView};
use domain::{GatewayId, TokenId};

use crate::{Control, ControlError, Grant, can};

/// A token to issue.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    pub name: String,
    /// The gateways it may use; none means all of the team's.
    pub gateways: Option<Vec<GatewayId>>,
    /// The models it may ask for, `*` at the end matching any rest; none means all.
    pub models: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a token is to become; its secret stays.
#[derive(Clone, Debug, Default)]
pub struct TokenChange {
    pub name: String,
    pub gateways: Option<Vec<GatewayId>>,
    pub models: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Control {
    /// The team's tokens, the latest first, revoked ones included.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_tokens(&self, grant: &Grant<can::View>) -> Result<Vec<TokenView>, ControlError> {
        unimplemented!()
    }

    /// Issues a token. Its plain text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name`, `gateways`, `models`, `expires_at`; [`ControlError::Conflict`] for a taken
    /// name.
    pub async fn issue_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        new: NewToken,
    ) -> Result<IssuedToken, ControlError> {
        unimplemented!()
    }

    /// Changes what a token may do.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for an unknown or revoked token; otherwise as [`Control::issue_token`].
    pub async fn restrict_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        id: TokenId,
        change: TokenChange,
    ) -> Result<TokenView, ControlError> {
        unimplemented!()
    }

    /// Ends a token for good.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn revoke_token(&self, grant: &Grant<can::ManageTokens>, id: TokenId) -> Result<TokenView, ControlError> {
        unimplemented!()
    }

    /// Notes when tokens were last used, as (token, milliseconds since 1970). No change of configuration.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]; nothing was noted then.
    pub async fn touch_tokens(&self, used: &[(TokenId, i64)]) -> Result<(), ControlError> {
        unimplemented!()
    }
}
