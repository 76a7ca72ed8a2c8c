//! Policies as text: what is saved, and what was refused and waits to be corrected.

use control::{Actor, Control, Grant, NewPolicy, PolicyChange, TextError, can};
use domain::PolicyId;
use domain::policy::{Policy, PolicyState};
use domain::validate::FieldError;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::api::fields::{self, filled};
use crate::server;

/// Which policy is meant, as the form says it.
pub(super) struct Place {
    /// Of a policy that exists.
    pub id: Option<String>,
    /// The version it was opened at.
    pub version: Option<String>,
    /// Of a new one.
    pub state: Option<String>,
}

/// Saves a policy; answers where to go then.
pub(super) async fn save(
    grant: &Grant<can::EditPolicies>,
    team: &str,
    name: Option<String>,
    place: Place,
    policy: Policy,
) -> Result<String, AppError> {
    let control = server::control()?;
    let name = filled(name.as_deref()).unwrap_or_default().to_owned();
    let (id, word) = match filled(place.id.as_deref()) {
        Some(id) => {
            let id: PolicyId = fields::id("id", id).map_err(AppError::Invalid)?;
            let version =
                fields::id("version", place.version.as_deref().unwrap_or_default()).map_err(AppError::Invalid)?;
            control.update_policy(grant, id, PolicyChange { name, policy, version }).await?;
            (id, "changed")
        }
        None => {
            // What says nothing else is a draft, which limits nobody.
            let state =
                filled(place.state.as_deref()).and_then(|state| state.parse().ok()).unwrap_or(PolicyState::Draft);
            let made = control.create_policy(grant, NewPolicy { name, state, policy }).await?;
            (made.id, state.as_str())
        }
    };
    Ok(format!("/{team}/policies/{id}?saved={word}"))
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// Empty where the whole is meant.
    pub field: String,
    pub message: String,
}

impl From<TextError> for Wrong {
    fn from(error: TextError) -> Self {
        Self { field: error.field, message: error.message }
    }
}

impl From<FieldError> for Wrong {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, message: error.problem.to_string() }
    }
}

/// A refused text. It is too long for a cookie, and what is wrong with it is words of its own, which no address may carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    pub text: String,
    pub wrong: Vec<Wrong>,
}

impl Kept {
    /// Keeps it for the person's session; answers what it is found by.
    #[must_use]
    pub fn put(&self, control: &Control, actor: &Actor) -> String {
        control.flash_put(actor, serde_json::to_string(self).unwrap_or_default())
    }

    /// Takes it out, once.
    #[must_use]
    pub fn take(control: &Control, actor: &Actor, id: &str) -> Option<Self> {
        serde_json::from_str(&control.flash_take(actor, id)?).ok()
    }
}

/// A policy's text as people read it.
#[must_use]
pub fn pretty(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}
