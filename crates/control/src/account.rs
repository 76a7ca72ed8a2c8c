//! A person's account: its password, and what happened to it.

use domain::validate::{self, Problem};
use domain::view::AuditView;
use domain::{Secret, SessionId, UserId};
use serde_json::json;

use crate::actor::Author;
use crate::audit::{MAX_AUDIT, audit_view};
use crate::change::Event;
use crate::cookie::random_name;
use crate::refusal::Tried;
use crate::session::normal_email;
use crate::{Actor, Control, ControlError};

impl Control {
    /// Sets a new password and ends every other session of the actor.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] names `current` when it is wrong and `new` when it is too short;
    /// [`ControlError::Throttled`] after too many wrong ones.
    pub async fn change_password(&self, actor: &Actor, current: &str, new: &str) -> Result<(), ControlError> {
        validate::password(new).map_err(|problem| ControlError::invalid("new", problem))?;
        let user = store::user::find(self.inner.store.read(), actor.user_id()).await?;
        let throttled = |retry_after_s| ControlError::Throttled { retry_after_s };
        // Whoever holds a session may try here; the account's own count is for strangers.
        let pair = format!("{} session", user.email);
        let from = format!("session {}", actor.session_id());
        self.inner.pairs.attempt(&pair).map_err(throttled).inspect_err(|_| {
            self.inner.refusals.count_again(Tried::NewPassword, &user.email, &from);
        })?;
        let fits = current.chars().count() <= validate::PASSWORD.1;
        let looked_at = self.inner.passwords.verify(current, Some(&user.password_hash)).await;
        let right = looked_at.inspect_err(|_| self.inner.pairs.give_back(&pair))?;
        if !fits || !right {
            self.note_refusal(Tried::NewPassword, &user.email, actor.user_id(), &from);
            return Err(ControlError::invalid("current", Problem::NotConfirmed));
        }
        self.inner.pairs.forgive(&pair);
        let hash = self.inner.passwords.hash(new).await?;
        let event = account_event("password.change", format!("account {}", user.email));
        self.replace_password(&actor.author(), actor.user_id(), hash, Some(actor.session_id()), event).await
    }

    /// Gives an account a random password, for the command line, and ends all its sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for an unknown account.
    pub async fn reset_password(&self, email: &str) -> Result<Secret, ControlError> {
        let user = store::user::find_by_email(self.inner.store.read(), &normal_email(email)).await?;
        let user = user.ok_or(ControlError::NotFound("account"))?;
        let password: String = random_name()?.chars().take(24).collect();
        let hash = self.inner.passwords.hash(&password).await?;
        let user_id = UserId(user.id);
        let author = Author { name: "weir user reset-password".to_owned(), user_id: Some(user_id) };
        let event = account_event("password.reset", format!("account {}", user.email));
        self.replace_password(&author, user_id, hash, None, event).await?;
        Ok(Secret::new(password))
    }

    async fn replace_password(
        &self,
        author: &Author,
        user: UserId,
        hash: String,
        kept: Option<SessionId>,
        event: Event<'_>,
    ) -> Result<(), ControlError> {
        let change = self.begin_account().await?;
        store::user::set_password(change.tx(), user, hash).await?;
        let ended = store::session::delete_all(change.tx(), user, kept).await?;
        change.record(author, Event { after: Some(json!({ "sessions_ended": ended })), ..event }).await?;
        change.commit(self).await?;
        self.inner.recent.forget(user);
        Ok(())
    }

    /// What happened to the actor's account, newest first, older than the event `before`; at most 200 at a time.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_account_events(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditView>, ControlError> {
        let limit = limit.clamp(1, MAX_AUDIT).into();
        let rows = store::audit::list_of_account(self.inner.store.read(), actor.user_id(), before, limit).await?;
        Ok(rows.into_iter().map(audit_view).collect())
    }
}

/// An event that concerns an account and no team; its author's id says whose account.
pub(crate) fn account_event(action: &str, target: String) -> Event<'_> {
    Event { team: None, action, target, before: None, after: None }
}
