//! Invitations: how a person becomes a member. Weir sends no mail, so whoever invites gets a link that is shown once, and
//! hands it over. It works once, for a week, and only as long as the one who made it may still invite.

use std::fmt;

use chrono::TimeDelta;
use domain::validate::{self, FieldError, Problem};
use domain::view::{InvitationView, OpenInvitation};
use domain::{InvitationId, Permission, Role, Secret, TeamId, UserId};
use serde_json::json;
use store::entity::invitation::Model;
use store::entity::membership;
use store::invitation as rows;

use crate::actor::Author;
use crate::change::{Change, Event, now};
use crate::cookie::{random_name, sha256};
use crate::gateway::missing;
use crate::member::{MAX_MEMBERS, permit, role_of};
use crate::refusal::{Telling, Tried};
use crate::session::{end_session, normal_email};
use crate::throttle::address_key;
use crate::{Actor, Client, Control, ControlError, Grant, SignedIn, can};

/// How long a link works.
const LIFE: TimeDelta = TimeDelta::days(7);

/// What somebody says who follows a link.
#[derive(Clone, Default)]
pub struct Joining {
    /// How they want to be called; not looked at where they have an account.
    pub name: String,
    /// Of their account, or of the one that is made.
    pub password: String,
}

impl fmt::Debug for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Joined {
    pub team_slug: String,
    /// Nothing where they were signed in already.
    pub signed_in: Option<SignedIn>,
}

impl Control {
    /// Invites a person; the answer is the secret part of the link. An earlier link for the same address stops working.
    /// `owners` is needed to invite an owner, and to end the earlier link where it was for one.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `email`; [`ControlError::Forbidden`] without `owners`.
    pub async fn invite_member(
        &self,
        grant: &Grant<can::ManageMembers>,
        owners: Option<&Grant<can::ManageOwners>>,
        email: &str,
        role: Role,
    ) -> Result<Secret, ControlError> {
        let (team, email) = (grant.team_id(), normal_email(email));
        permit(owners, team, [role])?;
        validate::email(&email).map_err(|problem| ControlError::invalid("email", problem))?;
        let invited_by = grant.author().user_id.ok_or(ControlError::Unauthenticated)?;
        let plain = random_name()?;
        let change = self.begin().await?;
        check_place(&change, owners, team, &email).await?;
        let (digest, expires_at) = (sha256(plain.as_bytes()), change.now() + LIFE);
        let new = rows::NewInvitation {
            team_id: team,
            email: &email,
            role,
            digest,
            invited_by,
            now: change.now(),
            expires_at,
        };
        rows::create(change.tx(), new).await?;
        let after = json!({ "role": role, "expires_at": expires_at });
        let event = Event { after: Some(after), ..event(team, "member.invite", &email) };
        change.record(grant.author(), event).await?;
        change.commit(self).await?;
        Ok(Secret::new(plain))
    }

    /// The people who were invited and have not joined yet, the latest first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_invitations(
        &self,
        grant: &Grant<can::ManageMembers>,
    ) -> Result<Vec<InvitationView>, ControlError> {
        let (db, team) = (self.inner.store.read(), grant.team_id());
        let members = store::team::list_memberships(db, team).await?;
        let rows = rows::list_live(db, team, now()).await?;
        let inviter = |row: &Model| members.iter().find(|member| member.user_id == row.invited_by);
        Ok(rows.iter().filter_map(|row| view(row, inviter(row))).collect())
    }

    /// Makes a link stop working.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Forbidden`] for that of an owner without `owners`.
    pub async fn withdraw_invitation(
        &self,
        grant: &Grant<can::ManageMembers>,
        owners: Option<&Grant<can::ManageOwners>>,
        id: InvitationId,
    ) -> Result<(), ControlError> {
        let (change, team) = (self.begin().await?, grant.team_id());
        let row = rows::find(change.tx(), team, id).await.map_err(|error| missing(error, "invitation"))?;
        end(&change, owners, &row).await?;
        let event = Event { before: Some(json!({ "role": row.role })), ..event(team, "member.uninvite", &row.email) };
        change.record(grant.author(), event).await?;
        change.commit(self).await
    }

    /// What a link opens.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for one that is wrong, used, withdrawn or over; [`ControlError::Throttled`] after too many
    /// of those.
    pub async fn find_invitation(&self, secret: &str, client: &Client) -> Result<OpenInvitation, ControlError> {
        let address = address_key(&client.ip);
        let throttled = |retry_after_s| ControlError::Throttled { retry_after_s };
        self.inner.addresses.attempt(&address).map_err(throttled)?;
        let found = self.open_invitation(secret).await;
        if !matches!(found, Err(ControlError::NotFound(_))) {
            self.inner.addresses.give_back(&address);
        }
        found
    }

    async fn open_invitation(&self, secret: &str) -> Result<OpenInvitation, ControlError> {
        let db = self.inner.store.read();
        let row = rows::find_live(db, &sha256(secret.as_bytes()), now()).await?;
        let row = row.ok_or(ControlError::NotFound("invitation"))?;
        let inviter = store::team::find_membership(db, TeamId(row.team_id), UserId(row.invited_by)).await?;
        let role = good_for(&row, inviter.as_ref()).ok_or(ControlError::NotFound("invitation"))?;
        let team = store::team::find(db, TeamId(row.team_id)).await?;
        let has_account = store::user::find_by_email(db, &row.email).await?.is_some();
        Ok(OpenInvitation { team_name: team.name, team_slug: team.slug, email: row.email, role, has_account })
    }

    /// Makes the person who holds a link a member, with the account of the link's address: one that is made now, one whose
    /// password they know, or the one they are signed in with. Who is signed in as somebody else is signed out.
    ///
    /// # Errors
    /// As [`Control::find_invitation`]; [`ControlError::Invalid`] for `name` and `password`.
    pub async fn join(
        &self,
        secret: &str,
        joining: &Joining,
        client: &Client,
        signed_in: Option<&Actor>,
    ) -> Result<Joined, ControlError> {
        let invitation = self.find_invitation(secret, client).await?;
        let email = invitation.email.as_str();
        let who = match signed_in.filter(|actor| actor.author().name == email) {
            Some(actor) => Who::SignedIn(actor.user_id()),
            None if invitation.has_account => self.who_knows_the_password(email, &joining.password, client).await?,
            None => {
                check_joining(joining)?;
                Who::New { password_hash: self.inner.passwords.hash(&joining.password).await? }
            }
        };
        let change = self.begin().await?;
        let user = who.account(&change, email, joining.name.trim()).await?;
        become_member(&change, secret, email, user).await?;
        let session = match who {
            Who::SignedIn(_) => None,
            Who::New { .. } | Who::Known(_) => Some(self.enter(&change, email, user, client, signed_in).await?),
        };
        self.commit_about(change, user).await?;
        let signed_in = session.map(|(session, telling)| {
            telling.told();
            if let Some(actor) = signed_in {
                self.forget(actor);
            }
            session
        });
        Ok(Joined { team_slug: invitation.team_slug, signed_in })
    }

    async fn who_knows_the_password(&self, email: &str, password: &str, client: &Client) -> Result<Who, ControlError> {
        match self.check_password(email, password, client).await {
            Ok(user) => Ok(Who::Known(user)),
            Err(ControlError::Unauthenticated) => Err(ControlError::invalid("password", Problem::NotConfirmed)),
            Err(error) => Err(error),
        }
    }

    /// Opens a session in the place of the one that the browser has.
    async fn enter(
        &self,
        change: &Change,
        email: &str,
        user: UserId,
        client: &Client,
        replaced: Option<&Actor>,
    ) -> Result<(SignedIn, Telling), ControlError> {
        let telling = self.record_refusals(change, Tried::SignIn, email).await?;
        if let Some(actor) = replaced {
            end_session(change, actor).await?;
        }
        Ok((self.open_session(change, email, user, client).await?, telling))
    }
}

/// The person who follows a link.
enum Who {
    New { password_hash: String },
    Known(UserId),
    SignedIn(UserId),
}

impl Who {
    async fn account(&self, change: &Change, email: &str, name: &str) -> Result<UserId, ControlError> {
        match self {
            Self::Known(user) | Self::SignedIn(user) => Ok(*user),
            Self::New { password_hash } => {
                let user = store::user::create(change.tx(), email, name, password_hash.clone(), change.now()).await?;
                Ok(UserId(user.id))
            }
        }
    }
}

/// Uses a link up. Asked again under the lock: of two who follow it at once, the second finds it used.
async fn become_member(change: &Change, secret: &str, email: &str, user: UserId) -> Result<(), ControlError> {
    let tx = change.tx();
    let row = rows::find_live(tx, &sha256(secret.as_bytes()), change.now()).await?;
    let row = row.ok_or(ControlError::NotFound("invitation"))?;
    let team = TeamId(row.team_id);
    let inviter = store::team::find_membership(tx, team, UserId(row.invited_by)).await?;
    let role = good_for(&row, inviter.as_ref()).ok_or(ControlError::NotFound("invitation"))?;
    rows::delete(tx, InvitationId(row.id)).await?;
    // Who became a member in another way meanwhile keeps the role that they have.
    let role = match store::team::find_membership(tx, team, user).await? {
        Some(member) => role_of(&member),
        None => {
            store::team::set_member(tx, team, user, role, change.now()).await?;
            Some(role)
        }
    };
    let event = Event { after: Some(json!({ "role": role })), ..event(team, "member.join", email) };
    change.record(&Author { name: email.to_owned(), user_id: Some(user) }, event).await
}

/// Ends an invitation, as only those may who could have made it.
async fn end(change: &Change, owners: Option<&Grant<can::ManageOwners>>, row: &Model) -> Result<(), ControlError> {
    // A role that a newer program wrote gives nothing here.
    if let Ok(role) = row.role.parse() {
        permit(owners, TeamId(row.team_id), [role])?;
    }
    rows::delete(change.tx(), InvitationId(row.id)).await?;
    Ok(())
}

/// Ends the invitation that an address has, if it has one.
///
/// # Errors
/// [`ControlError::Forbidden`] for that of an owner without `owners`.
pub(crate) async fn end_of(
    change: &Change,
    owners: Option<&Grant<can::ManageOwners>>,
    team: TeamId,
    email: &str,
) -> Result<(), ControlError> {
    rows::delete_expired(change.tx(), change.now()).await?;
    match rows::find_of(change.tx(), team, email).await? {
        Some(row) => end(change, owners, &row).await,
        None => Ok(()),
    }
}

/// Makes sure that an address can be invited: it belongs to no member, and there is a place left. Its earlier invitation ends.
async fn check_place(
    change: &Change,
    owners: Option<&Grant<can::ManageOwners>>,
    team: TeamId,
    email: &str,
) -> Result<(), ControlError> {
    let tx = change.tx();
    if let Some(user) = store::user::find_by_email(tx, email).await?
        && store::team::find_membership(tx, team, UserId(user.id)).await?.is_some()
    {
        return Err(ControlError::invalid("email", Problem::AlreadyMember));
    }
    end_of(change, owners, team, email).await?;
    if store::team::count_members(tx, team).await? + rows::count(tx, team).await? >= MAX_MEMBERS {
        return Err(ControlError::invalid("email", Problem::TooMany { max: MAX_MEMBERS }));
    }
    Ok(())
}

fn check_joining(joining: &Joining) -> Result<(), ControlError> {
    let checks = [("name", validate::name(&joining.name)), ("password", validate::password(&joining.password))];
    let errors: Vec<_> =
        checks.into_iter().filter_map(|(field, check)| Some(FieldError::new(field, check.err()?))).collect();
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}

/// The role that an invitation gives, if the one who made it could still make it.
fn good_for(row: &Model, inviter: Option<&membership::Model>) -> Option<Role> {
    let (role, inviter) = (row.role.parse().ok()?, role_of(inviter?)?);
    let needed = if role == Role::Owner { Permission::ManageOwners } else { Permission::ManageMembers };
    inviter.allows(needed).then_some(role)
}

fn view(row: &Model, inviter: Option<&membership::Model>) -> Option<InvitationView> {
    let role = good_for(row, inviter)?;
    let (id, email) = (InvitationId(row.id), row.email.clone());
    Some(InvitationView { id, email, role, created_at: row.created_at, expires_at: row.expires_at })
}

fn event<'a>(team: TeamId, action: &'a str, email: &str) -> Event<'a> {
    Event { team: Some(team), action, target: format!("member {email}"), before: None, after: None }
}
