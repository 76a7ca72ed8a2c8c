//! Signing in and out, and the sessions of a person.

use domain::view::SessionView;
use domain::{Secret, SessionId};

use crate::{Actor, Control, ControlError};

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Address of the peer.
    pub ip: String,
    /// Its `User-Agent`.
    pub user_agent: String,
}

/// A cookie to give to the browser.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The cookie's value.
    pub cookie: Secret,
    /// Seconds until it ends.
    pub max_age_s: i64,
}

impl Control {
    /// Opens a session.
    ///
    /// # Errors
    /// [`ControlError::Unauthenticated`] for an unknown account and a wrong password alike;
    /// [`ControlError::Throttled`] after too many failures of the account or the address.
    pub async fn sign_in(&self, email: &str, password: &str, client: &Client) -> Result<SignedIn, ControlError> {
        unimplemented!()
    }

    /// Who a cookie belongs to. Cheap: answered from memory for a few seconds.
    ///
    /// # Errors
    /// [`ControlError::Unauthenticated`] for a cookie that is forged, expired or revoked.
    pub async fn authenticate(&self, cookie: &str) -> Result<Actor, ControlError> {
        unimplemented!()
    }

    /// A fresh cookie for the same session, once the present one is half through its life; set it on the response.
    #[must_use]
    pub fn renew(&self, actor: &Actor) -> Option<SignedIn> {
        unimplemented!()
    }

    /// Ends the session of the actor.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ControlError> {
        unimplemented!()
    }

    /// The live sessions of the actor, the latest first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_sessions(&self, actor: &Actor) -> Result<Vec<SessionView>, ControlError> {
        unimplemented!()
    }

    /// Ends one of the actor's sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a session of somebody else.
    pub async fn revoke_session(&self, actor: &Actor, id: SessionId) -> Result<(), ControlError> {
        unimplemented!()
    }

    /// Sets a new password and ends every other session of the actor.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] names `current` when it is wrong and `new` when it is too short.
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &str) -> Result<(), ControlError> {
        unimplemented!()
    }

    /// Gives an account a random password, for the command line, and ends all its sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for an unknown account.
    pub async fn reset_password(&self, email: &str) -> Result<Secret, ControlError> {
        unimplemented!()
    }
}
