//! Carries a plan out: every step in one transaction, each with its audit event.

use std::collections::HashMap;

use domain::token::Restrictions;
use domain::view::IssuedToken;
use domain::{CustomProviderId, GatewayId, PolicyId, ProviderKeyId, Role, TeamId, TeamPriceId, TokenId, UserId};
use serde_json::{Value, json};

use super::step::{
    CustomProvider, Gateway, Mark, Member, Operation, PolicyPlan, PricePlan, ProviderKey, RoutePlan, Step, TeamPlan,
    Token,
};
use super::{Applied, Plan};
use crate::actor::Author;
use crate::change::{Change, Event};
use crate::cookie::{random_name, sha256};
use crate::{Control, ControlError, custom_provider, gateway, policy, provider_key, route, team_price, token};

pub(super) async fn execute(plan: Plan) -> Result<Applied, ControlError> {
    let changes = plan.changes();
    if changes == 0 {
        return Ok(Applied { issued: Vec::new(), changes });
    }
    let hashes = hash_passwords(&plan).await?;
    let change = plan.control.begin().await?;
    if change.version() != plan.version + 1 {
        return Err(ControlError::Outdated);
    }
    let author = Author { name: "weir apply".to_owned(), user_id: None };
    let mut issued = Vec::new();
    for team in plan.teams {
        let mut run = Run { control: &plan.control, change: &change, author: &author, hashes: &hashes, team: team.id };
        issued.extend(run.team(team).await?);
    }
    change.commit(&plan.control).await?;
    plan.control.inner.recent.clear();
    Ok(Applied { issued, changes })
}

/// Hashes the passwords of new accounts before the transaction begins: it would hold the lock for long.
async fn hash_passwords(plan: &Plan) -> Result<HashMap<String, String>, ControlError> {
    let mut hashes = HashMap::new();
    for step in plan.teams.iter().flat_map(|team| &team.steps) {
        if let Operation::Member(member) = &step.operation
            && let Some(password) = &member.password
            && !hashes.contains_key(&member.email)
        {
            let hash = plan.control.inner.passwords.hash(password.expose()).await?;
            hashes.insert(member.email.clone(), hash);
        }
    }
    Ok(hashes)
}

struct Run<'a> {
    control: &'a Control,
    change: &'a Change,
    author: &'a Author,
    /// Password hashes of new accounts, by address.
    hashes: &'a HashMap<String, String>,
    team: Option<TeamId>,
}

impl Run<'_> {
    async fn team(&mut self, plan: TeamPlan) -> Result<Vec<(String, IssuedToken)>, ControlError> {
        let mut issued = Vec::new();
        for Step { mark, operation, .. } in plan.steps {
            if mark == Mark::Same {
                continue;
            }
            match operation {
                Operation::Team { name, old_name } => self.team_itself(&plan.slug, &name, old_name).await?,
                Operation::CustomProvider(custom) => self.custom_provider(&custom).await?,
                Operation::Gateway(gateway) => self.gateway(&gateway).await?,
                Operation::Route(route) => self.route(&route).await?,
                Operation::ProviderKey(key) => self.provider_key(&key).await?,
                Operation::Policy(policy) => self.policy(&policy).await?,
                Operation::Price(price) => self.price(&price).await?,
                Operation::Member(member) => self.member(&member).await?,
                Operation::Token(token) => {
                    let made = self.token(&token).await?;
                    issued.extend(made.map(|made| (format!("{}/{}", plan.slug, token.name), made)));
                }
            }
        }
        Ok(issued)
    }

    /// The team, which the first step of its plan has made where it did not exist.
    fn id(&self) -> Result<TeamId, ControlError> {
        self.team.ok_or(ControlError::NotFound("team"))
    }

    async fn record(
        &self,
        action: &str,
        target: String,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), ControlError> {
        self.change.record(self.author, Event { team: self.team, action, target, before, after }).await
    }

    async fn team_itself(&mut self, slug: &str, name: &str, old_name: Option<String>) -> Result<(), ControlError> {
        let action = match self.team {
            Some(id) => {
                store::team::rename(self.change.tx(), id, name).await?;
                "team.update"
            }
            None => {
                let row = store::team::create(self.change.tx(), slug, name, self.change.now()).await?;
                self.team = Some(TeamId(row.id));
                "team.create"
            }
        };
        let before = old_name.map(|name| json!({ "name": name }));
        self.record(action, format!("team {slug}"), before, Some(json!({ "name": name }))).await
    }

    async fn custom_provider(&self, new: &CustomProvider) -> Result<(), ControlError> {
        let definition = store::custom_provider::Definition {
            name: &new.name,
            base_url: &new.base_url,
            dialect: new.dialect,
            auth: new.auth,
            enabled: new.enabled,
        };
        let tx = self.change.tx();
        let (action, row) = match &new.old {
            Some(old) => {
                let row = store::custom_provider::update(tx, CustomProviderId(old.id), &definition).await?;
                ("custom_provider.update", row)
            }
            None => {
                let now = self.change.now();
                let row = store::custom_provider::create(tx, self.id()?, &new.slug, &definition, now).await?;
                ("custom_provider.create", row)
            }
        };
        let before = new.old.as_ref().map(custom_provider::audited);
        let target = format!("custom provider {}", new.slug);
        self.record(action, target, before, Some(custom_provider::audited(&row))).await
    }

    async fn gateway(&self, new: &Gateway) -> Result<(), ControlError> {
        let (tx, version, now) = (self.change.tx(), self.change.version(), self.change.now());
        let Gateway { old, slug, name, enabled, settings } = new;
        let (action, row) = match old {
            Some(old) => {
                let cache_epoch = gateway::cache_epoch(old, settings)?;
                let update =
                    store::gateway::GatewayUpdate { name, enabled: *enabled, settings, cache_epoch, version, now };
                ("gateway.update", store::gateway::update(tx, GatewayId(old.id), update).await?)
            }
            None => {
                let team_id = self.id()?;
                let new = store::gateway::NewGateway { team_id, slug, name, enabled: *enabled, settings, version, now };
                ("gateway.create", store::gateway::create(tx, new).await?)
            }
        };
        let before = old.as_ref().map(gateway::audited);
        self.record(action, format!("gateway {slug}"), before, Some(gateway::audited(&row))).await
    }

    async fn route(&self, new: &RoutePlan) -> Result<(), ControlError> {
        let slug = std::slice::from_ref(&new.gateway);
        let id = *self.gateway_ids(slug).await?.first().ok_or(ControlError::NotFound("gateway"))?;
        let run = route::Run { change: self.change, team: self.id()?, author: self.author, gateway: &new.gateway };
        let old = match &new.old {
            Some(old) => old.clone(),
            None => run.create(id, &new.name).await?,
        };
        let (row, version) = match &new.newest {
            Some(newest) => (old, newest.clone()),
            None => run.save(&old, &new.version, &new.comment).await?,
        };
        run.deploy(&row, &version).await?;
        Ok(())
    }

    async fn provider_key(&self, new: &ProviderKey) -> Result<(), ControlError> {
        let (tx, secret) = (self.change.tx(), new.secret.expose());
        let (action, row) = match &new.old {
            Some(old) => {
                let (action, id) = if new.rotate {
                    let row = provider_key::rotate(self.control, self.change, old, secret, 0).await?;
                    ("provider_key.rotate", row.id)
                } else {
                    ("provider_key.update", old.id)
                };
                let base_url = new.base_url.as_deref();
                (action, store::provider_key::update(tx, ProviderKeyId(id), base_url, new.enabled, &new.pooling).await?)
            }
            None => {
                let row = store::provider_key::NewProviderKey {
                    team_id: self.id()?,
                    provider: &new.provider,
                    alias: &new.alias,
                    base_url: new.base_url.as_deref(),
                    enabled: new.enabled,
                    pooling: &new.pooling,
                    hint: crate::credential::hint(&new.provider, secret),
                    created_at: self.change.now(),
                    rotated_at: None,
                };
                let row = store::provider_key::create(tx, &self.control.inner.sealer, row, secret).await?;
                ("provider_key.create", row)
            }
        };
        let before = new.old.as_ref().map(provider_key::audited);
        self.record(action, provider_key::target(&row), before, Some(provider_key::audited(&row))).await
    }

    /// Answers the token where its secret was generated.
    async fn token(&self, new: &Token) -> Result<Option<IssuedToken>, ControlError> {
        let tx = self.change.tx();
        let gateways = match &new.gateways {
            Some(slugs) => Some(self.gateway_ids(slugs).await?),
            None => None,
        };
        let restrictions = Restrictions { gateways, ..new.restrictions.clone() };
        let scope = store::token::Scope { name: &new.name, restrictions: &restrictions, expires_at: new.expires_at };
        let mut generated = None;
        let (action, row) = match &new.old {
            Some(old) => {
                let restricted = store::token::update(tx, TokenId(old.id), &scope).await?;
                match (&new.plain, new.rotate) {
                    (Some(plain), Some(grace_s)) => {
                        let rotated = token::rotate(self.change, old, plain.expose(), grace_s).await?;
                        ("token.rotate", rotated)
                    }
                    _ => ("token.restrict", restricted),
                }
            }
            None => {
                let plain = match &new.plain {
                    Some(plain) => plain.expose(),
                    None => generated.insert(format!("weir_{}", random_name()?)).as_str(),
                };
                let (digest, hint) = (sha256(plain.as_bytes()), token::hint(plain));
                let row = store::token::create(tx, self.id()?, digest, hint, &scope, self.change.now()).await?;
                ("token.issue", row)
            }
        };
        // Where only its own limits change, their policies' events tell it.
        if new.old.as_ref() != Some(&row) {
            let before = new.old.as_ref().map(token::audited);
            self.record(action, format!("token {}", new.name), before, Some(token::audited(&row))).await?;
        }
        if let Some(limits) = &new.limits {
            policy::own::set(self.change, self.id()?, self.author, &row, limits).await?;
        }
        match generated {
            Some(plain) => Ok(Some(IssuedToken { token: token::view(row)?, plain })),
            None => Ok(None),
        }
    }

    async fn gateway_ids(&self, slugs: &[String]) -> Result<Vec<GatewayId>, ControlError> {
        let rows = store::gateway::list(self.change.tx(), self.id()?).await?;
        let id = |slug: &String| rows.iter().find(|row| row.slug == *slug).map(|row| GatewayId(row.id));
        slugs.iter().map(|slug| id(slug).ok_or(ControlError::NotFound("gateway"))).collect()
    }

    async fn policy(&self, new: &PolicyPlan) -> Result<(), ControlError> {
        let (tx, team) = (self.change.tx(), self.id()?);
        let owner = new.old.as_ref().and_then(|old| policy::own::owner(old, &new.policy));
        let definition = policy::definition(self.change, &new.name, new.state, owner, &new.policy);
        let row = match &new.old {
            Some(old) => store::policy::update(tx, PolicyId(old.id), &definition).await?,
            None => store::policy::create(tx, team, &definition).await?,
        };
        policy::record(self.change, team, self.author, new.old.as_ref(), Some(&row)).await
    }

    async fn price(&self, new: &PricePlan) -> Result<(), ControlError> {
        let (tx, team) = (self.change.tx(), self.id()?);
        let definition = team_price::definition(self.change, &new.price);
        let row = match &new.old {
            Some(old) => store::team_price::update(tx, TeamPriceId(old.id), &definition).await?,
            None => store::team_price::create(tx, team, &definition).await?,
        };
        team_price::record(self.change, team, self.author, new.old.as_ref(), Some(&row)).await
    }

    async fn member(&self, new: &Member) -> Result<(), ControlError> {
        let (tx, now) = (self.change.tx(), self.change.now());
        // Asked again: the same person may have been created for another team of the same file.
        let user = match store::user::find_by_email(tx, &new.email).await? {
            Some(user) => user,
            None => {
                let hash = self.hashes.get(&new.email).cloned().ok_or(ControlError::NotFound("account"))?;
                store::user::create(tx, &new.email, &new.name, hash, now).await?
            }
        };
        store::team::set_member(tx, self.id()?, UserId(user.id), new.role, now).await?;
        let role = |role: Role| json!({ "role": role });
        let target = format!("member {}", new.email);
        self.record("member.set", target, new.old_role.map(role), Some(role(new.role))).await
    }
}
