//! Plans an API token. Without a known secret one is generated, once; another known secret rotates the token. What the file leaves
//! out stays; what it names with nothing in it (`null`, `[]`, `{}`) is lifted.

mod limits;

use chrono::{DateTime, SubsecRound, Utc};
use domain::ledger::Surface;
use domain::policy::{OwnLimit, OwnLimits};
use domain::token::Restrictions;
use domain::validate::{self, MIN_TOKEN, Problem};
use domain::{GatewayId, Secret};
use serde_json::{Value, json};
use serde_saphyr::Spanned;
use store::entity::api_token::Model;

use super::file;
use super::planner::Planner;
use super::source;
use super::state::State;
use super::step::{Difference, Operation, Step, Token, differences, mark};
use crate::change::now;
use crate::cookie::sha256;
use crate::token::{check_endpoints, check_ip_ranges, check_models, check_name, check_providers};

/// What a check of a list finds.
type Checked = Result<(), Problem>;

impl Planner<'_> {
    pub(super) fn token(&mut self, path: &str, team: &file::Team, entry: &file::Token, state: &State) -> Option<Step> {
        let name = entry.name.value.trim();
        let old = state.tokens.iter().find(|row| row.name == name).cloned();
        let mut fine = self.report.check(path, "name", &entry.name, check_name(name, old.as_ref()));
        self.once(format!("token {}/{name}", team.slug.value), path, "name", &entry.name);
        let plain = entry.token.as_ref().map(|text| self.known_secret(path, text, old.as_ref(), state));
        fine &= self.gateways(path, team, entry, state);
        let restrictions = self.restrictions(path, team, entry, (old.as_ref(), state));
        let ends = old.as_ref().and_then(|row| row.expires_at);
        let expires_at = match entry.expires_at.as_ref().map(|named| (&named.value, named.referenced.line())) {
            None => Some(ends),
            Some((None, _)) => Some(None),
            Some((Some(text), line)) => self.expiry((line, path), text, ends).map(Some),
        };
        let limits = match &entry.limits {
            None => Some(None),
            Some(named) => self.limits(path, named).map(Some),
        };
        // A secret that was named and not found: `Some(None)`.
        let grace = self.grace(path, entry, old.as_ref());
        let (Some(expires_at), Some(restrictions), Some(limits), Some(grace), true, false) =
            (expires_at, restrictions, limits, grace, fine, matches!(plain, Some(None)))
        else {
            return None;
        };
        let plain = plain.flatten();
        let stored = old.as_ref().map(|row| row.digest.as_slice());
        let rotates =
            old.is_some() && plain.as_ref().is_some_and(|plain| stored != Some(&sha256(plain.expose().as_bytes())));
        let token = Token {
            rotate: rotates.then_some(grace),
            gateways: match &entry.gateways {
                Some(slugs) => filled(slugs).map(|slugs| slugs.iter().map(|slug| slug.value.clone()).collect()),
                None => old.as_ref().and_then(|row| stored_gateways(row, state)),
            },
            restrictions,
            name: name.to_owned(),
            plain,
            expires_at,
            limits,
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
            Some(row) if old.is_none_or(|old| old.id != row.id) || row.digest != digest => {
                let why = match (row.revoked_at, old.is_some_and(|old| old.id == row.id)) {
                    (Some(_), _) => "was revoked",
                    (None, true) => "was replaced by a later one of this token",
                    (None, false) => "belongs to another token",
                };
                let message = format!("this secret {why}; use another");
                self.report.add(text.referenced.line(), format!("{path}.token"), message);
                None
            }
            _ => Some(plain),
        }
    }

    fn gateways(&mut self, path: &str, team: &file::Team, entry: &file::Token, state: &State) -> bool {
        let mut fine = true;
        for (index, slug) in entry.gateways.as_ref().and_then(filled).into_iter().flatten().enumerate() {
            let declared = team.gateways.iter().any(|gateway| gateway.slug.value == slug.value);
            let stored = state.gateways.iter().any(|row| row.slug == slug.value);
            let known = if declared || stored { Ok(()) } else { Err(Problem::Unknown) };
            fine &= self.report.check(path, &format!("gateways[{index}]"), slug, known);
        }
        fine
    }

    /// What the token is to be held to beside gateways: what the file says, or what it is held to already.
    fn restrictions(
        &mut self,
        path: &str,
        team: &file::Team,
        entry: &file::Token,
        (old, state): (Option<&Model>, &State),
    ) -> Option<Restrictions> {
        let had = match old.map(store::token::restrictions).transpose() {
            Ok(had) => had.unwrap_or_default(),
            Err(error) => {
                self.report.add(entry.name.referenced.line(), path.to_owned(), error.to_string());
                return None;
            }
        };
        let declared = team.custom_providers.iter().map(|custom| custom.slug.value.as_str());
        let custom: Vec<&str> = state.custom_providers.iter().map(|row| row.slug.as_str()).chain(declared).collect();
        let had_providers = had.providers.clone().unwrap_or_default();
        let mut fine = true;
        let mut list = |field: &str, list: &file::Named<Vec<String>>, had, checked: &dyn Fn(&[String]) -> Checked| {
            let Some(named) = list else { return had };
            let list = filled(named)?;
            if let Err(problem) = checked(list) {
                self.report.add(named.referenced.line(), format!("{path}.{field}"), problem.to_string());
                fine = false;
            }
            Some(list.clone())
        };
        let models = list("models", &entry.models, had.models, &check_models);
        let known = |slugs: &[String]| check_providers(slugs, &custom, &had_providers);
        let providers = list("providers", &entry.providers, had.providers, &known);
        let ip_ranges = list("ip_ranges", &entry.ip_ranges, had.ip_ranges, &check_ip_ranges);
        let endpoints = match entry.endpoints.as_ref().map(|named| (filled(named), named.referenced.line())) {
            None => had.endpoints,
            Some((None, _)) => None,
            Some((Some(names), line)) => Some(self.endpoints((line, path), names)?),
        };
        fine.then_some(Restrictions { gateways: None, models, providers, endpoints, ip_ranges })
    }

    fn endpoints(&mut self, (line, path): (u64, &str), names: &[file::Text]) -> Option<Vec<Surface>> {
        let mut found = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let surface = Surface::parse(&name.value);
            self.report.check(path, &format!("endpoints[{index}]"), name, surface.map(drop).ok_or(Problem::NotAChoice));
            found.push(surface?);
        }
        if let Err(problem) = check_endpoints(&found) {
            self.report.add(line, format!("{path}.endpoints"), problem.to_string());
            return None;
        }
        Some(found)
    }

    /// Seconds for which the secret that is stored works on beside another one of the file.
    fn grace(&mut self, path: &str, entry: &file::Token, old: Option<&Model>) -> Option<u32> {
        let Some(text) = &entry.grace else { return Some(0) };
        let Some(seconds) = domain::token::grace(&text.value) else {
            let message = "must be 0, or a number with s, m, h or d, as in 24h, at most 30d";
            self.report.add(text.referenced.line(), format!("{path}.grace"), message);
            return None;
        };
        let rotates = entry.token.is_some();
        let in_grace = old.and_then(|old| old.previous_until).is_some_and(|until| until > now());
        if rotates && in_grace && seconds > 0 && self.changes_secret(entry, old) {
            self.report.add(text.referenced.line(), format!("{path}.grace"), Problem::InGrace.to_string());
            return None;
        }
        Some(seconds)
    }

    fn changes_secret(&self, entry: &file::Token, old: Option<&Model>) -> bool {
        let plain = entry.token.as_ref().and_then(|text| source::read(&text.value, self.env).ok());
        plain.is_some_and(|plain| old.is_some_and(|old| old.digest != sha256(plain.expose().as_bytes())))
    }

    /// A moment to come, or the one that is stored already: a file stays valid when its tokens have expired.
    fn expiry(
        &mut self,
        (line, path): (u64, &str),
        text: &str,
        stored: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        let field = format!("{path}.expires_at");
        match DateTime::parse_from_rfc3339(text) {
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

/// What a list names; none where it names nothing.
fn filled<T>(named: &Spanned<Option<Vec<T>>>) -> Option<&Vec<T>> {
    named.value.as_ref().filter(|list| !list.is_empty())
}

/// The gateways of a stored token, by slug; deleted ones drop out.
fn stored_gateways(row: &Model, state: &State) -> Option<Vec<String>> {
    let ids = store::token::restrictions(row).ok()?.gateways?;
    Some(slugs(&ids, state))
}

fn slugs(ids: &[GatewayId], state: &State) -> Vec<String> {
    let slug = |id: &GatewayId| state.gateways.iter().find(|row| row.id == id.0).map(|row| row.slug.clone());
    ids.iter().filter_map(slug).collect()
}

/// With gateways by their slugs.
fn shown(
    gateways: &Option<Vec<String>>,
    restrictions: &Restrictions,
    expires_at: Option<DateTime<Utc>>,
    limits: &OwnLimits,
) -> Value {
    let mut fields = json!({
        "gateways": gateways, "models": restrictions.models, "providers": restrictions.providers,
        "endpoints": restrictions.endpoints, "ip_ranges": restrictions.ip_ranges, "expires_at": expires_at,
    });
    for kind in OwnLimit::ALL {
        fields[format!("limits.{}", kind.as_str())] = limits::shown(kind, limits.get(kind));
    }
    fields
}

fn step(token: Token, state: &State) -> Step {
    let before = token.old.as_ref().map(|row| {
        let restrictions = store::token::restrictions(row).unwrap_or_default();
        shown(&stored_gateways(row, state), &restrictions, row.expires_at, &limits::stored(row, state))
    });
    let had = token.old.as_ref().map(|row| limits::stored(row, state)).unwrap_or_default();
    let limits = token.limits.unwrap_or(had);
    let after = shown(&token.gateways, &token.restrictions, token.expires_at, &limits);
    let mut differences = differences(before.as_ref(), &after);
    if let Some(grace) = token.rotate {
        let until = if grace == 0 {
            "the old secret ends at once".to_owned()
        } else {
            format!("the old secret works for {grace} s more")
        };
        differences.insert(0, Difference::note("token", &format!("rotated; {until}")));
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
