//! Who may do what in a team.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A member's role, from most to least powerful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, members and ownership included.
    Owner,
    /// Everything but ownership.
    Admin,
    /// Gateways, provider keys, tokens and policies.
    Editor,
    /// Reads.
    Viewer,
}

/// A thing that needs permission. Names are stable: they appear in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See gateways, keys (never their secret), tokens, requests and figures.
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

impl Role {
    /// Every role, most powerful first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Editor, Self::Viewer];

    /// Whether a member with this role may do that.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::View => true,
            Permission::ViewPayloads
            | Permission::EditGateways
            | Permission::ManageProviderKeys
            | Permission::ManageTokens
            | Permission::EditPolicies => self != Self::Viewer,
            Permission::EditPrices | Permission::ManageMembers | Permission::ViewAudit => {
                matches!(self, Self::Owner | Self::Admin)
            }
            Permission::ManageOwners => self == Self::Owner,
        }
    }

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}
