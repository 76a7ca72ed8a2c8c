//! What is wrong with a token's terms.

use domain::TeamId;
use domain::ledger::Surface;
use domain::policy::OwnLimits;
use domain::validate::{self, FieldError, Problem};
use store::entity::api_token::Model;
use store::token as rows;

use crate::change::{Change, now};
use crate::provider_key::canonical_provider;
use crate::{ControlError, policy};

/// Most entries in each list of what a token is restricted to.
const MAX_SCOPE: usize = 100;
/// Longest model pattern, in bytes.
const MAX_MODEL: usize = 200;

/// What an existing token has already is not refused: a gateway that was deleted since, or an end that has passed, must
/// not stand in the way of another name.
pub(super) async fn check_scope(
    change: &Change,
    team: TeamId,
    scope: &rows::Scope<'_>,
    limits: Option<&OwnLimits>,
    old: Option<&Model>,
) -> Result<(), ControlError> {
    let known = store::gateway::list(change.tx(), team).await?;
    let custom = store::custom_provider::list(change.tx(), team).await?;
    let had = old.map(rows::restrictions).transpose()?.unwrap_or_default();
    let had_gateways = had.gateways.unwrap_or_default();
    let ended = old.and_then(|old| old.expires_at);
    let wanted = scope.restrictions;
    let gateways = wanted.gateways.as_ref().and_then(|ids| {
        let all_known = ids.iter().all(|id| had_gateways.contains(id) || known.iter().any(|row| row.id == id.0));
        count(ids.len()).or((!all_known).then_some(Problem::Unknown))
    });
    let custom: Vec<&str> = custom.iter().map(|row| row.slug.as_str()).collect();
    let had_providers = had.providers.unwrap_or_default();
    let providers = wanted.providers.as_ref().and_then(|slugs| check_providers(slugs, &custom, &had_providers).err());
    let past = scope.expires_at.filter(|at| *at <= now() && ended != Some(*at));
    let problems = [
        ("name", check_name(scope.name, old).err()),
        ("gateways", gateways),
        ("models", wanted.models.as_ref().and_then(|models| check_models(models).err())),
        ("providers", providers),
        ("endpoints", wanted.endpoints.as_ref().and_then(|list| check_endpoints(list).err())),
        ("ip_ranges", wanted.ip_ranges.as_ref().and_then(|list| check_ip_ranges(list).err())),
        ("expires_at", past.map(|_| Problem::InThePast)),
    ];
    let mut errors: Vec<_> =
        problems.into_iter().filter_map(|(field, problem)| Some(FieldError::new(field, problem?))).collect();
    errors.extend(limits.map(policy::own::problems).unwrap_or_default());
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}

/// A name that a token has had since before is not refused for its asterisk.
pub(crate) fn check_name(name: &str, old: Option<&Model>) -> Result<(), Problem> {
    if old.is_some_and(|old| old.name == name) { validate::name(name) } else { validate::token_name(name) }
}

fn count(length: usize) -> Option<Problem> {
    match length {
        0 => Some(Problem::Required),
        1..=MAX_SCOPE => None,
        _ => Some(Problem::OutOfRange { min: 1, max: MAX_SCOPE as u64 }),
    }
}

/// Patterns of models: visible ASCII, an asterisk at the end only.
pub(crate) fn check_models(models: &[String]) -> Result<(), Problem> {
    if let Some(problem) = count(models.len()) {
        return Err(problem);
    }
    for model in models {
        let stem = model.strip_suffix('*').unwrap_or(model);
        if model.is_empty() {
            return Err(Problem::Required);
        }
        if model.len() > MAX_MODEL {
            return Err(Problem::TooLong { max: MAX_MODEL as u64 });
        }
        if stem.contains('*') || !stem.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::NotAChoice);
        }
    }
    Ok(())
}

/// Slugs of providers that are known, of the team's `custom` ones, or that the token `had`.
pub(crate) fn check_providers(slugs: &[String], custom: &[&str], had: &[String]) -> Result<(), Problem> {
    let known = |slug: &String| had.contains(slug) || canonical_provider(slug, custom.iter().copied()).is_ok();
    match count(slugs.len()) {
        Some(problem) => Err(problem),
        None if slugs.iter().all(known) => Ok(()),
        None => Err(Problem::Unknown),
    }
}

/// Endpoints that lead somewhere.
pub(crate) fn check_endpoints(endpoints: &[Surface]) -> Result<(), Problem> {
    match count(endpoints.len()) {
        Some(problem) => Err(problem),
        None if endpoints.contains(&Surface::Unknown) => Err(Problem::NotAChoice),
        None => Ok(()),
    }
}

/// Addresses and networks.
pub(crate) fn check_ip_ranges(ranges: &[String]) -> Result<(), Problem> {
    match count(ranges.len()) {
        Some(problem) => Err(problem),
        None => ranges.iter().try_for_each(|range| validate::network(range)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_patterns_may_only_end_with_an_asterisk() {
        for fine in ["gpt-4o", "openai/*", "*", "@cf/meta/llama"] {
            assert_eq!(check_models(&[fine.into()]), Ok(()), "{fine}");
        }
        for bad in ["a*b", "a b", "ä", "**"] {
            assert_eq!(check_models(&[bad.into()]), Err(Problem::NotAChoice), "{bad}");
        }
        assert_eq!(check_models(&[]), Err(Problem::Required));
    }

    #[test]
    fn what_a_token_had_may_stay_and_what_nobody_knows_is_refused() {
        let slugs = |slugs: &[&str]| slugs.iter().map(|slug| (*slug).to_owned()).collect::<Vec<_>>();
        assert_eq!(check_providers(&slugs(&["openai", "xai", "custom-mine"]), &["mine"], &[]), Ok(()));
        assert_eq!(check_providers(&slugs(&["custom-gone"]), &["mine"], &[]), Err(Problem::Unknown));
        assert_eq!(check_providers(&slugs(&["custom-gone"]), &[], &slugs(&["custom-gone"])), Ok(()));
        assert_eq!(check_endpoints(&[Surface::Native, Surface::Unknown]), Err(Problem::NotAChoice));
        assert_eq!(check_ip_ranges(&slugs(&["10.0.0.0/8", "::1"])), Ok(()));
        assert_eq!(check_ip_ranges(&slugs(&["10.0.0.0/33"])), Err(Problem::NotANetwork));
        assert_eq!((check_endpoints(&[]), check_ip_ranges(&[])), (Err(Problem::Required), Err(Problem::Required)));
    }
}
