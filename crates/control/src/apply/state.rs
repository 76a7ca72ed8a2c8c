//! What is stored about a team that a file mentions.

use std::collections::HashMap;

use domain::{GatewayId, TeamId};
use store::StoreError;
use store::entity::{
    api_token, custom_provider, gateway, membership, policy, provider_key, route, route_version, team, team_price, user,
};

use super::policy::parts;
use super::{EnvLookup, file, source};
use crate::Control;
use crate::change::now;
use crate::cookie::sha256;
use crate::policy::{read_parts, token_names};
use crate::session::normal_email;

#[derive(Default)]
pub(super) struct State {
    pub(super) team: Option<team::Model>,
    pub(super) gateways: Vec<gateway::Model>,
    /// Of the gateways that the file mentions routes of.
    pub(super) routes: Vec<route::Model>,
    /// Their newest and their deployed versions.
    pub(super) route_versions: Vec<route_version::Model>,
    pub(super) provider_keys: Vec<provider_key::Model>,
    pub(super) custom_providers: Vec<custom_provider::Model>,
    /// The live ones among those that the file mentions, in policies too.
    pub(super) tokens: Vec<api_token::Model>,
    pub(super) policies: Vec<policy::Model>,
    pub(super) prices: Vec<team_price::Model>,
    pub(super) memberships: Vec<membership::Model>,
    /// The people the file mentions, by address.
    pub(super) users: HashMap<String, user::Model>,
    /// Tokens of any team that have the secret of a token in the file.
    pub(super) by_digest: HashMap<[u8; 32], api_token::Model>,
}

pub(super) async fn load(control: &Control, entry: &file::Team, env: EnvLookup<'_>) -> Result<State, StoreError> {
    let db = control.inner.store.read();
    let mut state = State { team: store::team::find_by_slug(db, &entry.slug.value).await?, ..State::default() };
    if let Some(id) = state.team.as_ref().map(|team| TeamId(team.id)) {
        state.gateways = store::gateway::list(db, id).await?;
        let routed = |row: &&gateway::Model| {
            entry.gateways.iter().any(|gateway| gateway.slug.value == row.slug && !gateway.routes.is_empty())
        };
        let routed: Vec<_> = state.gateways.iter().filter(routed).map(|row| GatewayId(row.id)).collect();
        state.routes = store::route::list_of(db, &routed).await?;
        state.route_versions = store::route::version::list_current(db, &state.routes).await?;
        state.provider_keys = store::provider_key::list(db, id, now()).await?;
        state.custom_providers = store::custom_provider::list(db, id).await?;
        // What cannot be read is reported when its policy is planned.
        let policies: Vec<_> = entry.policies.iter().filter_map(|entry| read_parts(&parts(entry)).ok()).collect();
        let mut names: Vec<_> = entry.tokens.iter().map(|token| token.name.value.trim()).collect();
        names.extend(policies.iter().flat_map(token_names));
        names.sort_unstable();
        names.dedup();
        state.tokens = store::token::list_live_named(db, id, &names).await?;
        state.policies = store::policy::list(db, id).await?;
        state.prices = store::team_price::list(db, id).await?;
        state.memberships = store::team::list_memberships(db, id).await?;
    }
    for member in &entry.members {
        if let Some(user) = store::user::find_by_email(db, &normal_email(&member.email.value)).await? {
            state.users.insert(user.email.clone(), user);
        }
    }
    for text in entry.tokens.iter().filter_map(|token| token.token.as_ref()) {
        // A secret that cannot be read is reported when its token is planned.
        if let Ok(plain) = source::read(&text.value, env) {
            let digest = sha256(plain.expose().as_bytes());
            if let Some(row) = store::token::find_by_digest(db, &digest).await? {
                state.by_digest.insert(digest, row);
            }
        }
    }
    Ok(state)
}
