//! Permission as a value you hold: a person is an [`Actor`], a person in a team a [`Member`], and what a member may do
//! is a [`Grant`]. Nothing else in this crate takes part in deciding who may do what.

use std::marker::PhantomData;
use std::sync::Arc;

use domain::view::{Me, TeamRef};
use domain::{Secret, SessionId, TeamId, UserId};

use crate::ControlError;

/// The permissions as types, each naming the [`domain::Permission`] it stands for.
pub mod can {
    use domain::Permission;

    /// A permission known at compile time.
    pub trait Permit: Send + Sync + 'static {
        /// The permission it stands for.
        const PERMISSION: Permission;
    }

    macro_rules! permits {
        ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Permit for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+};
    }

    permits! {
        /// See gateways, keys, tokens, requests and figures.
        View,
        /// See request and response bodies.
        ViewPayloads,
        /// Create and change gateways.
        EditGateways,
        /// Add, rotate, disable provider keys and custom providers.
        ManageProviderKeys,
        /// Issue, restrict and revoke API tokens.
        ManageTokens,
        /// Write policies and put them in or out of force.
        EditPolicies,
        /// Write the team's own prices.
        EditPrices,
        /// Invite, promote and remove members.
        ManageMembers,
        /// Make somebody an owner, and change or remove one.
        ManageOwners,
        /// Read the audit log.
        ViewAudit,
    }
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Actor {
    me: Arc<Me>,
    session: Session,
}

/// What the person came with.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) cookie: Secret,
    /// When the cookie ends, in seconds since 1970.
    pub(crate) cookie_ends_s: i64,
    /// When the session ends at the latest, in seconds since 1970.
    pub(crate) ends_s: i64,
}

impl Actor {
    pub(crate) fn new(me: Arc<Me>, session: Session) -> Self {
        Self { me, session }
    }

    /// Who it is and where they belong.
    #[must_use]
    pub fn me(&self) -> Me {
        Me::clone(&self.me)
    }

    /// The person's id.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.me.id
    }

    /// The session they came with.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The person as a member of a team.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for a team that does not exist and for one they do not belong to alike.
    pub fn team(&self, slug: &str) -> Result<Member, ControlError> {
        let team = self.me.teams.iter().find(|team| team.slug == slug).ok_or(ControlError::NotFound("team"))?;
        Ok(Member { author: self.author(), team: team.clone() })
    }

    pub(crate) fn author(&self) -> Author {
        Author { name: self.me.email.clone(), user_id: Some(self.me.id) }
    }
}

/// Who the audit log says did it.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) user_id: Option<UserId>,
}

/// A person in a team.
#[derive(Clone, Debug)]
pub struct Member {
    author: Author,
    team: TeamRef,
}

impl Member {
    /// The team, with the person's role in it.
    #[must_use]
    pub fn team(&self) -> &TeamRef {
        &self.team
    }

    /// The permission, where the role gives it.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] names the permission that is missing.
    pub fn grant<P: can::Permit>(&self) -> Result<Grant<P>, ControlError> {
        if self.team.role.allows(P::PERMISSION) {
            Ok(Grant { author: self.author.clone(), team_id: self.team.id, permit: PhantomData })
        } else {
            Err(ControlError::Forbidden(P::PERMISSION))
        }
    }
}

/// Proof that somebody may do something in a team. Made only by [`Member::grant`].
#[derive(Debug)]
pub struct Grant<P: can::Permit> {
    author: Author,
    team_id: TeamId,
    permit: PhantomData<P>,
}

impl<P: can::Permit> Clone for Grant<P> {
    fn clone(&self) -> Self {
        Self { author: self.author.clone(), team_id: self.team_id, permit: PhantomData }
    }
}

impl<P: can::Permit> Grant<P> {
    /// The team it counts in.
    #[must_use]
    pub fn team_id(&self) -> TeamId {
        self.team_id
    }

    pub(crate) fn author(&self) -> &Author {
        &self.author
    }
}

#[cfg(test)]
mod tests {
    use domain::{Permission, Role};

    use super::*;

    fn session() -> Session {
        Session { id: SessionId(1), cookie: Secret::new("cookie".into()), cookie_ends_s: 0, ends_s: 0 }
    }

    fn member(role: Role) -> Member {
        let team = TeamRef { id: TeamId(1), slug: "acme".into(), name: "Acme".into(), role };
        let me = Me { id: UserId(1), email: "ann@example.com".into(), name: "Ann".into(), teams: vec![team] };
        Actor::new(Arc::new(me), session()).team("acme").expect("a member")
    }

    fn allowed(member: &Member) -> [bool; 10] {
        [
            member.grant::<can::View>().is_ok(),
            member.grant::<can::ViewPayloads>().is_ok(),
            member.grant::<can::EditGateways>().is_ok(),
            member.grant::<can::ManageProviderKeys>().is_ok(),
            member.grant::<can::ManageTokens>().is_ok(),
            member.grant::<can::EditPolicies>().is_ok(),
            member.grant::<can::EditPrices>().is_ok(),
            member.grant::<can::ManageMembers>().is_ok(),
            member.grant::<can::ViewAudit>().is_ok(),
            member.grant::<can::ManageOwners>().is_ok(),
        ]
    }

    #[test]
    fn each_role_gets_exactly_its_permissions() {
        assert_eq!(allowed(&member(Role::Owner)), [true; 10]);
        assert_eq!(allowed(&member(Role::Admin)), [true, true, true, true, true, true, true, true, true, false]);
        assert_eq!(allowed(&member(Role::Editor)), [true, true, true, true, true, true, false, false, false, false]);
        assert_eq!(
            allowed(&member(Role::Viewer)),
            [true, false, false, false, false, false, false, false, false, false]
        );
    }

    #[test]
    fn a_missing_permission_is_named() {
        let error = member(Role::Viewer).grant::<can::ManageTokens>().expect_err("a viewer");
        assert_eq!(error, ControlError::Forbidden(Permission::ManageTokens));
    }

    #[test]
    fn another_team_looks_like_no_team() {
        let me = Me { id: UserId(1), email: "ann@example.com".into(), name: "Ann".into(), teams: vec![] };
        let error = Actor::new(Arc::new(me), session()).team("acme").expect_err("no member");
        assert_eq!(error, ControlError::NotFound("team"));
    }
}
