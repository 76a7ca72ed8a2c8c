//! Another secret for the same token: its policies, its counts and its history stay. The secret before works on for a while, so that
//! applications can be given the new one after the other.

use chrono::TimeDelta;
use domain::TokenId;
use domain::token::MAX_GRACE;
use domain::validate::{FieldError, Problem};
use domain::view::{IssuedToken, TokenView};
use store::entity::api_token::Model;
use store::token as rows;

use super::{find_live, hint, record, view};
use crate::change::Change;
use crate::cookie::{random_name, sha256};
use crate::{Control, ControlError, Grant, can};

impl Control {
    /// Makes another secret for a token; its plain text is in the answer and nowhere else. The secret that it has works on for
    /// `grace_s` seconds. With none it ends at once, and so does one before it that still works.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for an unknown or revoked token; [`ControlError::Invalid`] for a `grace` that is too long, and
    /// [`ControlError::Conflict`] for one where the secret before still works.
    pub async fn rotate_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        id: TokenId,
        grace_s: u32,
    ) -> Result<IssuedToken, ControlError> {
        let plain = format!("weir_{}", random_name()?);
        let change = self.begin().await?;
        let old = find_live(&change, grant.team_id(), id).await?;
        let row = rotate(&change, &old, &plain, grace_s).await?;
        record(&change, grant, "token.rotate", Some(&old), &row).await?;
        change.commit(self).await?;
        Ok(IssuedToken { token: view(row)?, plain })
    }

    /// Ends the secret that a token had before its last rotation.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] where there is none that still works.
    pub async fn end_previous_secret(
        &self,
        grant: &Grant<can::ManageTokens>,
        id: TokenId,
    ) -> Result<TokenView, ControlError> {
        let change = self.begin().await?;
        let old = find_live(&change, grant.team_id(), id).await?;
        if !has_previous(&old, &change) {
            return Err(ControlError::NotFound("secret"));
        }
        let row = rows::end_previous(change.tx(), id, change.now()).await?;
        record(&change, grant, "token.end_previous", Some(&old), &row).await?;
        change.commit(self).await?;
        view(row)
    }
}

/// Gives a token a secret, which nobody else has.
pub(crate) async fn rotate(change: &Change, old: &Model, plain: &str, grace_s: u32) -> Result<Model, ControlError> {
    if grace_s > MAX_GRACE {
        let problem = Problem::OutOfRange { min: 0, max: MAX_GRACE.into() };
        return Err(ControlError::invalid("grace", problem));
    }
    if grace_s > 0 && has_previous(old, change) {
        return Err(ControlError::Conflict(FieldError::new("grace", Problem::InGrace)));
    }
    let until = change.now() + TimeDelta::seconds(grace_s.into());
    let secret = (sha256(plain.as_bytes()), hint(plain));
    Ok(rows::rotate(change.tx(), old, secret, until, change.now()).await?)
}

/// Whether the secret before still works.
fn has_previous(row: &Model, change: &Change) -> bool {
    row.previous_until.is_some_and(|until| until > change.now())
}
