//! API tokens: the list, a new one, and what each may do.

mod form;
mod limits;
mod list;
mod secret;
mod words;

use control::PolicyUsage;
use domain::policy::{OwnLimit, OwnLimits};
use domain::token::Restrictions;
use domain::view::{GatewayView, PolicyView, TokenView};
use leptos::prelude::*;

use crate::api::tokens::{EndPreviousSecret, IssueToken, RestrictToken, RevokeToken};
use crate::components::{
    Badge, Confirm, FormErrors, FormState, Notice, Page, PostForm, Saved, SubmitButton, Time, Tone, load,
};
use crate::pages::address;
use crate::pages::overview::{Progress, ProgressLine};
use crate::pages::policies::names_token;
use crate::{AppError, server};

pub use list::TokensPage;

/// New token.
#[component]
pub fn NewTokenPage() -> impl IntoView {
    let team = address::part("team");
    load(choices(team.clone()), move |(gateways, progress)| {
        let above = (format!("/{team}/tokens"), "Tokens");
        view! {
            <Page title="New token" above narrow=true>
                <ProgressLine team=team.clone() progress />
                <p>"An application signs in with a token. You see it once, right after this step."</p>
                <PostForm action={ServerAction::<IssueToken>::new()}>
                    <input type="hidden" name="team" value=team />
                    {form::fields::<IssueToken>(&gateways, None, &OwnLimits::default())}
                    <SubmitButton>"Issue token"</SubmitButton>
                </PostForm>
            </Page>
        }
    })
}

async fn choices(team: String) -> Result<(Vec<GatewayView>, Progress), AppError> {
    server::grant::<control::can::ManageTokens>(&team).await?;
    let grant = server::grant::<control::can::View>(&team).await?;
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    Ok((gateways, progress))
}

/// Token.
#[component]
pub fn TokenPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone(), address::part("id")), move |data| show(team, data))
}

struct Data {
    token: TokenView,
    gateways: Vec<GatewayView>,
    policies: Vec<PolicyView>,
    usage: Vec<PolicyUsage>,
    may_edit: bool,
    may_limit: bool,
}

async fn find(team: String, id: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::ManageTokens>(&team).await.is_ok();
    let id: domain::TokenId = id.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let tokens = control.list_tokens(&grant).await?;
    let token = tokens.into_iter().find(|token| token.id == id).ok_or(AppError::NotFound)?;
    let named = |policy: &PolicyView| policy.policy.as_ref().is_some_and(|policy| names_token(policy, &token.name));
    let policies = control.list_policies(&grant).await?.into_iter().filter(named).collect();
    let may_limit = server::grant::<control::can::EditPolicies>(&team).await.is_ok();
    let (gateways, usage) = (control.list_gateways(&grant).await?, control.policy_usage(&grant));
    Ok(Data { policies, usage, gateways, may_edit, may_limit, token })
}

fn show(team: String, data: Data) -> impl IntoView {
    let Data { token, gateways, policies, usage, may_edit, may_limit } = data;
    let now = server::now();
    let above = (format!("/{team}/tokens"), "Tokens");
    let revoked = token.revoked_at;
    let revoke = (may_edit && revoked.is_none()).then(|| revoke(&team, &token));
    let own = policies.iter().filter(|policy| policy.owner == Some(token.id));
    let own: OwnLimits = own.filter_map(|policy| OwnLimit::of(policy.policy.as_ref()?)).collect();
    let restrict = match (revoked, may_edit) {
        (Some(at), _) => view! {
            <Notice tone=Tone::Warn><p>"This token was revoked "<Time at now />". It cannot be brought back."</p></Notice>
        }
        .into_any(),
        (None, true) => restrict(&team, &token, &gateways, own).into_any(),
        (None, false) => view! { <p class="help">"Your role can look at tokens, not change them."</p> }.into_any(),
    };
    let state = list::state(&token, now);
    let limits = revoked.is_none().then(|| limits::limits(&team, &token.name, &policies, &usage, may_limit));
    let (hint, issued, used) = (token.hint.clone(), token.created_at, token.last_used_at);
    let requests = format!("/{team}/requests?token={}", token.id);
    let revoke_error = FormState::of::<RevokeToken>().error().or(FormState::of::<EndPreviousSecret>().error()).cloned();
    // Who may change the token sees this in the form.
    let held = (!may_edit || revoked.is_some()).then(|| held(&token.restrictions, &gateways));
    let previous = secret::previous(&team, &token, may_edit, now);
    let rotate = (may_edit && revoked.is_none()).then(|| secret::rotate(&team, &token, now));
    let rotated = token.rotated_at.map(|at| view! { <div><dt>"Secret from"</dt><dd><Time at now /></dd></div> });
    view! {
        <Page title=token.name.clone() above toolbar=move || revoke>
            <FormErrors error=revoke_error />
            <Saved word="restricted"><p>"Saved. Every request from now on follows it."</p></Saved>
            <Saved word="ended"><p>"The old secret was ended. Requests with it are refused from now on."</p></Saved>
            <Saved word="revoked"><p>"The token was revoked. Requests with it are refused from now on."</p></Saved>
            {previous}
            <dl class="facts">
                <div><dt>"State"</dt><dd>{state}</dd></div>
                <div><dt>"Token"</dt><dd class="mono">{hint}</dd></div>
                <div><dt>"Issued"</dt><dd><Time at=issued now /></dd></div>
                {rotated}
                <div><dt>"Last used"</dt><dd>{match used {
                    Some(at) => view! { <Time at now /> }.into_any(),
                    None => view! { <span class="muted">"never"</span> }.into_any(),
                }}</dd></div>
                <div><dt>"Requests"</dt><dd><a href=requests>"Show in the log"</a></dd></div>
                {held}
            </dl>
            {limits}
            {restrict}
            {rotate}
        </Page>
    }
}

/// What the token is held to, for those who cannot change it.
fn held(restrictions: &Restrictions, gateways: &[GatewayView]) -> impl IntoView + use<> {
    let facts = words::held(restrictions, gateways).into_iter();
    facts.map(|(what, words)| view! { <div><dt>{what}</dt><dd>{words}</dd></div> }).collect_view()
}

fn restrict(team: &str, token: &TokenView, gateways: &[GatewayView], own: OwnLimits) -> impl IntoView + use<> {
    let (team, id) = (team.to_owned(), token.id.to_string());
    let (token, gateways) = (token.clone(), gateways.to_vec());
    view! {
        <PostForm action={ServerAction::<RestrictToken>::new()} class="narrow">
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="id" value=id />
            // Made in here, not before: a field finds its problem in the context that the form provides.
            {form::fields::<RestrictToken>(&gateways, Some(&token), &own)}
            <SubmitButton>"Save"</SubmitButton>
        </PostForm>
    }
}

fn revoke(team: &str, token: &TokenView) -> impl IntoView + use<> {
    view! {
        <Confirm
            action={ServerAction::<RevokeToken>::new()}
            label="Revoke"
            question="Applications that use this token are refused at once, for good."
            yes="Revoke for good"
            fields=vec![("team", team.to_owned()), ("id", token.id.to_string())]
        />
    }
}

/// A word about a token that is no longer good.
pub(super) fn ended(word: &'static str) -> impl IntoView {
    view! { <Badge tone=Tone::Bad>{word}</Badge> }
}
