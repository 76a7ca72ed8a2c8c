//! Signing in and out, and the sessions of a person.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::validate::{self, Problem};
use domain::view::{Me, SessionView, TeamRef};
use domain::{Secret, SessionId, TeamId, UserId};
use store::session::NewSession;

use crate::actor::{Author, Session};
use crate::change::{Change, Event, now};
use crate::cookie::{COOKIE_LIFE_S, random_name, sha256};
use crate::recent::Found;
use crate::throttle::address_key;
use crate::{Actor, Control, ControlError};

/// How long a session lives at most, however much it is used.
const SESSION_LIFE: TimeDelta = TimeDelta::days(14);
/// How exactly it is known when a session was last seen.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(5);
/// Longest address and user agent kept, in characters.
const MAX_IP: usize = 64;
const MAX_USER_AGENT: usize = 256;

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
        let email = normal_email(email);
        let address = address_key(&client.ip);
        let throttled = |retry_after_s| ControlError::Throttled { retry_after_s };
        self.inner.addresses.attempt(&address).map_err(throttled)?;
        if validate::email(&email).is_err() || password.chars().count() > validate::PASSWORD.1 {
            return Err(ControlError::Unauthenticated);
        }
        let pair = format!("{email} {address}");
        self.inner.pairs.attempt(&pair).map_err(throttled)?;
        self.inner.accounts.attempt(&email).map_err(throttled)?;
        let user = store::user::find_by_email(self.inner.store.read(), &email).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let right = self.inner.passwords.verify(password, hash).await?;
        let Some(user) = user.filter(|_| right) else { return Err(ControlError::Unauthenticated) };
        self.inner.pairs.forgive(&pair);
        self.inner.accounts.give_back(&email);
        self.inner.addresses.give_back(&address);
        let tx = self.inner.store.write_tx().await?;
        let signed_in = self.open_session(&tx, UserId(user.id), client).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(signed_in)
    }

    pub(crate) async fn open_session(
        &self,
        tx: &store::WriteTx,
        user_id: UserId,
        client: &Client,
    ) -> Result<SignedIn, ControlError> {
        let (sid, now) = (random_name()?, now());
        let expires_at = now + SESSION_LIFE;
        let new = NewSession {
            user_id,
            digest: sha256(sid.as_bytes()),
            ip: client.ip.chars().take(MAX_IP).collect(),
            user_agent: client.user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect(),
            now,
            expires_at,
        };
        store::session::create(tx, new).await?;
        self.inner.signer.sign(sid, now.timestamp(), expires_at.timestamp())
    }

    /// Who a cookie belongs to. Cheap: answered from memory for a few seconds.
    ///
    /// # Errors
    /// [`ControlError::Unauthenticated`] for a cookie that is forged, expired or revoked.
    pub async fn authenticate(&self, cookie: &str) -> Result<Actor, ControlError> {
        let claims = self.inner.signer.check(cookie)?;
        let digest = claims.digest();
        let found = match self.inner.recent.get(&digest) {
            Ok(found) => found,
            Err(generation) => {
                let found = self.find_session(&digest).await?;
                self.inner.recent.put(digest, found.clone(), generation);
                found
            }
        };
        let session = Session {
            id: found.session_id,
            cookie: Secret::new(cookie.to_owned()),
            cookie_ends_s: claims.exp,
            ends_s: found.ends_at.timestamp(),
        };
        Ok(Actor::new(found.me, session))
    }

    async fn find_session(&self, digest: &[u8; 32]) -> Result<Found, ControlError> {
        let (db, now) = (self.inner.store.read(), now());
        let session = store::session::find_live(db, digest, now).await?.ok_or(ControlError::Unauthenticated)?;
        let user_id = UserId(session.user_id);
        let user = store::user::find(db, user_id).await?;
        let teams = store::team::list_of_user(db, user_id).await?;
        if now - session.last_seen_at >= SEEN_EVERY {
            let tx = self.inner.store.write_tx().await?;
            store::session::touch(&tx, SessionId(session.id), now).await?;
            tx.commit().await.map_err(store::StoreError::from)?;
        }
        let teams = teams
            .into_iter()
            .map(|(team, role)| TeamRef { id: TeamId(team.id), slug: team.slug, name: team.name, role })
            .collect();
        let me = Me { id: user_id, email: user.email, name: user.name, teams };
        Ok(Found { me: Arc::new(me), session_id: SessionId(session.id), ends_at: session.expires_at })
    }

    /// A fresh cookie for the same session, once the present one is half through its life; set it on the response.
    #[must_use]
    pub fn renew(&self, actor: &Actor) -> Option<SignedIn> {
        let (session, now_s) = (actor.session(), now().timestamp());
        let due = session.cookie_ends_s - now_s < COOKIE_LIFE_S / 2 && session.cookie_ends_s < session.ends_s;
        if !due {
            return None;
        }
        self.inner.signer.renew(session.cookie.expose(), now_s, session.ends_s).ok()
    }

    /// Ends the session of the actor.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), ControlError> {
        let tx = self.inner.store.write_tx().await?;
        store::session::delete(&tx, actor.user_id(), actor.session_id()).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        self.inner.recent.forget(actor.user_id());
        self.inner.flashes.forget(actor.session_id());
        Ok(())
    }

    /// The live sessions of the actor, the latest first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_sessions(&self, actor: &Actor) -> Result<Vec<SessionView>, ControlError> {
        let rows = store::session::list(self.inner.store.read(), actor.user_id(), now()).await?;
        let view = |row: store::entity::session::Model| SessionView {
            id: SessionId(row.id),
            current: row.id == actor.session_id().0,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            ip: row.ip,
            user_agent: row.user_agent,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Ends one of the actor's sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a session of somebody else.
    pub async fn revoke_session(&self, actor: &Actor, id: SessionId) -> Result<(), ControlError> {
        let change = self.begin().await?;
        if !store::session::delete(change.tx(), actor.user_id(), id).await? {
            return Err(ControlError::NotFound("session"));
        }
        record_account(&change, &actor.author(), "session.revoke", format!("session {id}")).await?;
        change.commit(self).await?;
        self.inner.recent.forget(actor.user_id());
        self.inner.flashes.forget(id);
        Ok(())
    }

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
        self.inner.pairs.attempt(&pair).map_err(throttled)?;
        let fits = current.chars().count() <= validate::PASSWORD.1;
        if !fits || !self.inner.passwords.verify(current, Some(&user.password_hash)).await? {
            return Err(ControlError::invalid("current", Problem::NotConfirmed));
        }
        self.inner.pairs.forgive(&pair);
        let hash = self.inner.passwords.hash(new).await?;
        self.replace_password(&actor.author(), actor.user_id(), hash, Some(actor.session_id())).await
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
        let author = Author { name: "weir user reset-password".to_owned(), user_id: None };
        self.replace_password(&author, UserId(user.id), hash, None).await?;
        Ok(Secret::new(password))
    }

    async fn replace_password(
        &self,
        author: &Author,
        user: UserId,
        hash: String,
        kept: Option<SessionId>,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        store::user::set_password(change.tx(), user, hash).await?;
        store::session::delete_all(change.tx(), user, kept).await?;
        record_account(&change, author, "password.change", format!("user {user}")).await?;
        change.commit(self).await?;
        self.inner.recent.forget(user);
        Ok(())
    }
}

async fn record_account(change: &Change, author: &Author, action: &str, target: String) -> Result<(), ControlError> {
    change.record(author, Event { team: None, action, target, before: None, after: None }).await
}

/// Addresses are stored and compared without regard to case.
pub(crate) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}
