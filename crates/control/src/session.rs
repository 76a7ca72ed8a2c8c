//! Signing in and out, and the sessions of a person. Each leaves an event of the account in the audit log.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::validate;
use domain::view::{Me, SessionView, TeamRef};
use domain::{Secret, SessionId, TeamId, UserId};
use serde_json::json;
use store::entity::user;
use store::session::NewSession;

use crate::account::account_event;
use crate::actor::{Author, Session};
use crate::change::{Change, Event, now};
use crate::cookie::{COOKIE_LIFE_S, random_name, sha256};
use crate::recent::Found;
use crate::refusal::Tried;
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

impl Client {
    fn kept_ip(&self) -> String {
        self.ip.chars().take(MAX_IP).collect()
    }

    fn kept_user_agent(&self) -> String {
        self.user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect()
    }
}

impl Control {
    /// Opens a session. The one that the browser had until now, `replaced`, ends with it.
    ///
    /// # Errors
    /// [`ControlError::Unauthenticated`] for an unknown account and a wrong password alike;
    /// [`ControlError::Throttled`] after too many failures of the account or the address.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        client: &Client,
        replaced: Option<&Actor>,
    ) -> Result<SignedIn, ControlError> {
        let email = normal_email(email);
        let user_id = self.check_password(&email, password, client).await?;
        let change = self.begin_account().await?;
        let telling = self.record_refusals(&change, Tried::SignIn, &email).await?;
        if let Some(actor) = replaced {
            end_session(&change, actor).await?;
        }
        let signed_in = self.open_session(&change, &email, user_id, client).await?;
        change.commit(self).await?;
        telling.told();
        if let Some(actor) = replaced {
            self.forget(actor);
        }
        Ok(signed_in)
    }

    pub(crate) async fn check_password(
        &self,
        email: &str,
        password: &str,
        client: &Client,
    ) -> Result<UserId, ControlError> {
        let (address, from) = (address_key(&client.ip), client.kept_ip());
        let pair = format!("{email} {address}");
        self.admit(email, password, &pair, &address).inspect_err(|error| {
            if matches!(error, ControlError::Throttled { .. }) {
                self.inner.refusals.count_again(Tried::SignIn, email, &from);
            }
        })?;
        let looked_at = self.look_at(email, password).await;
        // A password that nobody looked at, because there was no place or no database, was no guess.
        let (user, right) = looked_at.inspect_err(|_| self.take_back(email, &pair, &address))?;
        let user_id = UserId(user.ok_or(ControlError::Unauthenticated)?.id);
        if !right {
            self.note_refusal(Tried::SignIn, email, user_id, &from);
            return Err(ControlError::Unauthenticated);
        }
        self.take_back(email, &pair, &address);
        self.inner.pairs.forgive(&pair);
        Ok(user_id)
    }

    /// The account, if there is one, and whether the password is its.
    async fn look_at(&self, email: &str, password: &str) -> Result<(Option<user::Model>, bool), ControlError> {
        let user = store::user::find_by_email(self.inner.store.read(), email).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let right = self.inner.passwords.verify(password, hash).await?;
        Ok((user, right))
    }

    fn take_back(&self, email: &str, pair: &str, address: &str) {
        self.inner.pairs.give_back(pair);
        self.inner.accounts.give_back(email);
        self.inner.addresses.give_back(address);
    }

    /// Whether an attempt may be made at all; counts it where it may.
    fn admit(&self, email: &str, password: &str, pair: &str, address: &str) -> Result<(), ControlError> {
        let throttled = |retry_after_s| ControlError::Throttled { retry_after_s };
        self.inner.addresses.attempt(address).map_err(throttled)?;
        if validate::email(email).is_err() || password.chars().count() > validate::PASSWORD.1 {
            return Err(ControlError::Unauthenticated);
        }
        let pair_free = self.inner.pairs.attempt(pair);
        let free = pair_free
            .and_then(|()| self.inner.accounts.attempt(email).inspect_err(|_| self.inner.pairs.give_back(pair)));
        // One person's mistyping must not close the door of an office.
        free.map_err(throttled).inspect_err(|_| self.inner.addresses.give_back(address))
    }

    pub(crate) async fn open_session(
        &self,
        change: &Change,
        email: &str,
        user_id: UserId,
        client: &Client,
    ) -> Result<SignedIn, ControlError> {
        let sid = random_name()?;
        let expires_at = change.now() + SESSION_LIFE;
        let (ip, user_agent) = (client.kept_ip(), client.kept_user_agent());
        let after = json!({ "from": ip, "browser": user_agent });
        let digest = sha256(sid.as_bytes());
        let new = NewSession { user_id, digest, ip, user_agent, now: change.now(), expires_at };
        let session = store::session::create(change.tx(), new).await?;
        let author = Author { name: email.to_owned(), user_id: Some(user_id) };
        let event = account_event("session.open", format!("session {}", session.id));
        change.record(&author, Event { after: Some(after), ..event }).await?;
        self.inner.signer.sign(sid, change.now().timestamp(), expires_at.timestamp())
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
            self.note_seen(SessionId(session.id));
        }
        let teams = teams
            .into_iter()
            .map(|(team, role)| TeamRef { id: TeamId(team.id), slug: team.slug, name: team.name, role })
            .collect();
        let me = Me { id: user_id, email: user.email, name: user.name, teams };
        Ok(Found { me: Arc::new(me), session_id: SessionId(session.id), ends_at: session.expires_at })
    }

    /// Notes in the background that a session is in use: a database that takes no writes, or takes its time, must not keep
    /// people from reading.
    fn note_seen(&self, id: SessionId) {
        let store = self.inner.store.clone();
        tokio::spawn(async move {
            let noted = async {
                let tx = store.write_tx().await?;
                store::session::touch(&tx, id, now()).await?;
                tx.commit().await.map_err(store::StoreError::from)
            };
            if let Err(error) = noted.await {
                tracing::warn!(session.id = id.0, %error, "when a session was last seen could not be written down");
            }
        });
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
        let change = self.begin_account().await?;
        end_session(&change, actor).await?;
        change.commit(self).await?;
        self.forget(actor);
        Ok(())
    }

    pub(crate) fn forget(&self, actor: &Actor) {
        self.inner.recent.forget(actor.user_id());
        self.inner.flashes.forget(actor.session_id());
        self.inner.sketches.forget(actor.session_id());
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
        let change = self.begin_account().await?;
        if !store::session::delete(change.tx(), actor.user_id(), id).await? {
            return Err(ControlError::NotFound("session"));
        }
        change.record(&actor.author(), account_event("session.revoke", format!("session {id}"))).await?;
        change.commit(self).await?;
        self.inner.recent.forget(actor.user_id());
        self.inner.flashes.forget(id);
        Ok(())
    }
}

/// Ends the actor's session, unless it has ended already.
pub(crate) async fn end_session(change: &Change, actor: &Actor) -> Result<(), ControlError> {
    let id = actor.session_id();
    if store::session::delete(change.tx(), actor.user_id(), id).await? {
        change.record(&actor.author(), account_event("session.close", format!("session {id}"))).await?;
    }
    Ok(())
}

/// Addresses are stored and compared without regard to case.
pub(crate) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}
