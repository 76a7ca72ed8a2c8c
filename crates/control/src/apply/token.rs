//! Plans an API token. Without a known secret one is generated, once; another known secret replaces the token.

use chrono::{DateTime, SubsecRound, Utc};
use domain::validate::{self, MIN_TOKEN, Problem};
use domain::{GatewayId, Secret};
use serde_json::json;
use store::entity::api_token::Model;

use super::file;
use super::planner::Planner;
use super::state::State;
use super::step::{Difference, Operation, Step, Token, differences, mark};
use crate::change::now;
use crate::cookie::sha256;
use crate::token::{check_models, check_name};

impl Planner<'_> {
    pub(super) fn token(&mut self, path: &str, team: &file::Team, entry: &file::Token, state: &State) -> Option<Step> {
        let name = entry.name.value.trim();
        let old = state.tokens.iter().find(|row| row.name == name).cloned();
        let mut fine = self.report.check(path, "name", &entry.name, check_name(name, old.as_ref()));
        self.once(format!("token {}/{name}", team.slug.value), path, "name", &entry.name);
        let plain = entry.token.as_ref().map(|text| self.known_secret(path, text, old.as_ref(), state));
        fine &= self.scope(path, team, entry, state);
        let expires_at = match &entry.expires_at {
            None => Some(old.as_ref().and_then(|row| row.expires_at)),
            Some(text) => self.expiry(path, text, old.as_ref().and_then(|row| row.expires_at)).map(Some),
        };
        // A secret that was named and not found: `Some(None)`.
        let (Some(expires_at), true, false) = (expires_at, fine, matches!(plain, Some(None))) else { return None };
        let plain = plain.flatten();
        let stored = old.as_ref().map(|row| row.digest.as_slice());
        let token = Token {
            replace: plain.as_ref().is_some_and(|plain| stored != Some(&sha256(plain.expose().as_bytes()))),
            gateways: match &entry.gateways {
                Some(slugs) => Some(slugs.value.iter().map(|slug| slug.value.clone()).collect()),
                None => old.as_ref().and_then(|row| stored_gateways(row, state)),
            },
            models: match &entry.models {
                Some(models) => Some(models.value.clone()),
                None => old.as_ref().and_then(|row| store::token::models(row).ok().flatten()),
            },
            name: name.to_owned(),
            plain,
            expires_at,
            old,
        };
        Some(step(token, state))
    }

    fn known_secret(&mut self, path: &str, text: &file::Text, old: Option<&Model>, state: &State) -> Option<Secret> {
        let plain = self.secret(path, "token", text)?;
        let length = plain.expose().chars().count();
        let long = if length < MIN_TOKEN { Err(Problem::TooShort { min: MIN_TOKEN as u64 }) } else { Ok(()) };
        let checked = long.and_then(|()| validate::credential(plain.expose()));
        if !self.report.check(path, "token", text, checked) {
            return None;
        }
        let digest = sha256(plain.expose().as_bytes());
        self.once(format!("secret {digest:?}"), path, "token", text);
        match state.by_digest.get(&digest) {
            Some(row) if old.is_none_or(|old| old.id != row.id) => {
                let why = if row.revoked_at.is_some() { "was revoked" } else { "belongs to another token" };
                let message = format!("this secret {why}; use another");
                self.report.add(text.referenced.line(), format!("{path}.token"), message);
                None
            }
            _ => Some(plain),
        }
    }

    fn scope(&mut self, path: &str, team: &file::Team, entry: &file::Token, state: &State) -> bool {
        let mut fine = true;
        if let Some(slugs) = &entry.gateways {
            if slugs.value.is_empty() {
                let message = Problem::Required.to_string();
                self.report.add(slugs.referenced.line(), format!("{path}.gateways"), message);
                fine = false;
            }
            for (index, slug) in slugs.value.iter().enumerate() {
                let declared = team.gateways.iter().any(|gateway| gateway.slug.value == slug.value);
                let stored = state.gateways.iter().any(|row| row.slug == slug.value);
                let known = if declared || stored { Ok(()) } else { Err(Problem::Unknown) };
                fine &= self.report.check(path, &format!("gateways[{index}]"), slug, known);
            }
        }
        if let Some(models) = &entry.models
            && let Err(problem) = check_models(&models.value)
        {
            self.report.add(models.referenced.line(), format!("{path}.models"), problem.to_string());
            fine = false;
        }
        fine
    }

    /// A moment to come, or the one that is stored already: a file stays valid when its tokens have expired.
    fn expiry(&mut self, path: &str, text: &file::Text, stored: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let (line, field) = (text.referenced.line(), format!("{path}.expires_at"));
        match DateTime::parse_from_rfc3339(&text.value) {
            Err(_) => {
                self.report.add(line, field, "must be a time such as 2027-01-31T00:00:00Z");
                None
            }
            Ok(at) if at <= now() && stored != Some(at.to_utc().trunc_subsecs(3)) => {
                self.report.add(line, field, Problem::InThePast.to_string());
                None
            }
            Ok(at) => Some(at.to_utc().trunc_subsecs(3)),
        }
    }
}

/// The gateways of a stored token, by slug; deleted ones drop out.
fn stored_gateways(row: &Model, state: &State) -> Option<Vec<String>> {
    let ids = store::token::gateways(row).ok().flatten()?;
    Some(slugs(&ids, state))
}

fn slugs(ids: &[GatewayId], state: &State) -> Vec<String> {
    let slug = |id: &GatewayId| state.gateways.iter().find(|row| row.id == id.0).map(|row| row.slug.clone());
    ids.iter().filter_map(slug).collect()
}

fn step(token: Token, state: &State) -> Step {
    let shown = |gateways: &Option<Vec<String>>, models: &Option<Vec<String>>, expires_at: Option<DateTime<Utc>>| json!({ "gateways": gateways, "models": models, "expires_at": expires_at });
    let before = token
        .old
        .as_ref()
        .map(|row| shown(&stored_gateways(row, state), &store::token::models(row).ok().flatten(), row.expires_at));
    let mut differences = differences(before.as_ref(), &shown(&token.gateways, &token.models, token.expires_at));
    if token.replace && token.old.is_some() {
        differences.insert(0, Difference::note("token", "replaced"));
    } else if token.old.is_none() && token.plain.is_none() {
        differences.insert(0, Difference::note("token", "generated, shown once"));
    }
    Step {
        mark: mark(token.old.is_some(), !differences.is_empty()),
        what: format!("token {}", token.name),
        differences,
        operation: Operation::Token(Box::new(token)),
    }
}
