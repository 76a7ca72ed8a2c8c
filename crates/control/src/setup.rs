//! First run: a one-time secret, printed on the console, lets exactly one person become the owner.

use std::fmt;

use domain::validate::{self, FieldError};
use domain::{Role, Secret, TeamId, UserId};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::actor::Author;
use crate::change::Event;
use crate::cookie::{random_name, sha256};
use crate::session::normal_email;
use crate::throttle::address_key;
use crate::{Client, Control, ControlError, SignedIn};

/// Where the digest of the secret is kept.
const META_KEY: &str = "setup_secret";

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
        Ok(!store::user::any(self.inner.store.read()).await?)
    }

    /// The one-time secret of an installation without accounts, made anew by the first call in a process. Nothing once
    /// an account exists.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn setup_secret(&self) -> Result<Option<Secret>, ControlError> {
        if !self.needs_setup().await? {
            return Ok(None);
        }
        let mut held = self.inner.setup.lock().await;
        if held.is_none() {
            let plain = random_name()?;
            let tx = self.inner.store.write_tx().await?;
            store::config::set_meta(&tx, META_KEY, &hex(&sha256(plain.as_bytes()))).await?;
            tx.commit().await.map_err(store::StoreError::from)?;
            *held = Some(Secret::new(plain));
        }
        Ok(held.clone())
    }

    /// Whether a secret is the one that [`Control::claim`] takes now.
    ///
    /// # Errors
    /// [`ControlError::Throttled`] after too many wrong ones.
    pub async fn is_setup_secret(&self, secret: &str, client: &Client) -> Result<bool, ControlError> {
        let address = address_key(&client.ip);
        let throttled = |retry_after_s| ControlError::Throttled { retry_after_s };
        self.inner.addresses.attempt(&address).map_err(throttled)?;
        let stored = store::config::find_meta(self.inner.store.read(), META_KEY).await;
        let stored = stored.inspect_err(|_| self.inner.addresses.give_back(&address))?.unwrap_or_default();
        let right = bool::from(stored.as_bytes().ct_eq(hex(&sha256(secret.as_bytes())).as_bytes()));
        if right {
            self.inner.addresses.give_back(&address);
        }
        Ok(right)
    }

    /// Creates the owner and the first team, once. A team that `weir apply` declared and that has no members is taken over.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a wrong or used secret, [`ControlError::Invalid`] for fields,
    /// [`ControlError::Throttled`] after too many wrong secrets.
    pub async fn claim(&self, secret: &str, owner: NewOwner, client: &Client) -> Result<SignedIn, ControlError> {
        let digest = hex(&sha256(secret.as_bytes()));
        if !self.is_setup_secret(secret, client).await? {
            return Err(ControlError::NotFound("setup"));
        }
        let email = normal_email(&owner.email);
        check_owner(&owner, &email)?;
        let hash = self.inner.passwords.hash(&owner.password).await?;
        let signed_in = self.create_owner(&owner, &email, hash, &digest, client).await?;
        *self.inner.setup.lock().await = None;
        self.inner.recent.clear();
        Ok(signed_in)
    }

    async fn create_owner(
        &self,
        owner: &NewOwner,
        email: &str,
        password_hash: String,
        stored: &str,
        client: &Client,
    ) -> Result<SignedIn, ControlError> {
        let change = self.begin().await?;
        let tx = change.tx();
        // Asked again under the lock: of two who claim at once, the second finds the door closed.
        let still_open = store::config::find_meta(tx, META_KEY).await?.as_deref() == Some(stored);
        if !still_open || store::user::any(tx).await? {
            return Err(ControlError::NotFound("setup"));
        }
        let user = store::user::create(tx, email, owner.name.trim(), password_hash, change.now()).await?;
        let team = match store::team::find_by_slug(tx, &owner.team_slug).await? {
            None => store::team::create(tx, &owner.team_slug, owner.team_name.trim(), change.now()).await?,
            // Declared by `weir apply`, and nobody can open it: whoever holds the console's secret may have it.
            Some(team) if store::team::list_memberships(tx, TeamId(team.id)).await?.is_empty() => team,
            Some(_) => return Err(ControlError::taken("team_slug")),
        };
        let (user_id, team_id) = (UserId(user.id), TeamId(team.id));
        store::team::set_member(tx, team_id, user_id, Role::Owner, change.now()).await?;
        store::config::delete_meta(tx, META_KEY).await?;
        let event = Event {
            team: Some(team_id),
            action: "team.create",
            target: format!("team {}", owner.team_slug),
            before: None,
            after: Some(json!({ "slug": team.slug, "name": team.name, "owner": email })),
        };
        change.record(&Author { name: email.to_owned(), user_id: Some(user_id) }, event).await?;
        let signed_in = self.open_session(&change, email, user_id, client).await?;
        change.commit(self).await?;
        Ok(signed_in)
    }
}

fn check_owner(owner: &NewOwner, email: &str) -> Result<(), ControlError> {
    let checks = [
        ("email", validate::email(email)),
        ("name", validate::name(&owner.name)),
        ("password", validate::password(&owner.password)),
        ("team_name", validate::name(&owner.team_name)),
        ("team_slug", validate::team_slug(&owner.team_slug)),
    ];
    let errors: Vec<_> =
        checks.into_iter().filter_map(|(field, check)| Some(FieldError::new(field, check.err()?))).collect();
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
