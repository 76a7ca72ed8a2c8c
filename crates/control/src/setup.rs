//! First run: a one-time secret, printed on the console, lets exactly one person become the owner.

use std::fmt;

use domain::Secret;

use crate::{Client, Control, ControlError, SignedIn};

/// The first person and their team.
#[derive(Clone)]
pub struct NewOwner {
    pub email: String,
    pub name: String,
    pub password: String,
    pub team_name: String,
    pub team_slug: String,
}

impl fmt::Debug for NewOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOwner").field("email", &self.email).field("team", &self.team_slug).finish_non_exhaustive()
    }
}

impl Control {
    /// Whether nobody has an account yet.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn needs_setup(&self) -> Result<bool, ControlError> {
        unimplemented!()
    }

    /// The one-time secret of an installation without accounts, made anew by the first call in a process. Nothing once
    /// an account exists.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn setup_secret(&self) -> Result<Option<Secret>, ControlError> {
        unimplemented!()
    }

    /// Creates the owner and the first team, once.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a wrong or used secret, [`ControlError::Invalid`] for fields,
    /// [`ControlError::Throttled`] after too many wrong secrets.
    pub async fn claim(&self, secret: &str, owner: NewOwner, client: &Client) -> Result<SignedIn, ControlError> {
        unimplemented!()
    }
}
