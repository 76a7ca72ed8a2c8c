//! The team's tokens at a glance.

use chrono::{DateTime, Utc};
use domain::view::{GatewayView, TokenView};
use leptos::prelude::*;

use super::{ended, secret, words};
use crate::components::{Badge, EmptyState, Page, Symbol, Table, Time, Tone, load};
use crate::pages::address;
use crate::pages::overview::{Progress, ProgressLine};
use crate::{AppError, server};

/// Tokens.
#[component]
pub fn TokensPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |data| show(team, data))
}

struct Data {
    tokens: Vec<TokenView>,
    gateways: Vec<GatewayView>,
    progress: Progress,
    may_edit: bool,
}

async fn find(team: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::ManageTokens>(&team).await.is_ok();
    let control = server::control()?;
    let tokens = control.list_tokens(&grant).await?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    Ok(Data { tokens, gateways, progress, may_edit })
}

fn show(team: String, data: Data) -> impl IntoView {
    let Data { tokens, gateways, progress, may_edit } = data;
    let new = format!("/{team}/tokens/new");
    let button = (may_edit && !tokens.is_empty()).then(|| {
        view! { <a class="button primary" href=new.clone()>"New token"</a> }
    });
    let content = if tokens.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Token title="No tokens yet">
                <p>"Applications sign in to your gateways with a token, so that provider keys never leave Weir."</p>
                {may_edit.then(|| view! { <p><a class="button primary" href=new>"Issue a token"</a></p> })}
            </EmptyState>
        }
        .into_any()
    } else {
        table(&team, &tokens, &gateways).into_any()
    };
    view! {
        <Page title="Tokens" toolbar=move || button>
            <ProgressLine team progress />
            {content}
        </Page>
    }
}

fn table(team: &str, tokens: &[TokenView], gateways: &[GatewayView]) -> impl IntoView + use<> {
    let now = server::now();
    let rows = tokens.iter().map(|token| {
        let told = words::held(&token.restrictions, gateways);
        let find = |what: &str| told.iter().find(|(known, _)| *known == what).map(|(_, words)| words.clone());
        let (allowed, models) = (find("Gateways"), find("Models"));
        let rest: Vec<_> = ["Providers", "Endpoints", "IP ranges"].into_iter().filter_map(find).collect();
        let rest = (!rest.is_empty()).then(|| rest.join("; "));
        view! {
            <tr>
                <td class="cut" title=token.name.clone()>
                    <a class="row-link" href=format!("/{team}/tokens/{}", token.id)>{token.name.clone()}</a>
                </td>
                <td class="mono">{token.hint.clone()}</td>
                <td>{state(token, now)}</td>
                {list(allowed, "All")}
                {list(models, "All")}
                {list(rest, "–")}
                <td>{moment(token.last_used_at, now, "never")}</td>
                <td>{moment(token.expires_at, now, "never")}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Tokens, the latest first">
            <thead>
                <tr>
                    <th>"Name"</th>
                    <th>"Token"</th>
                    <th>"State"</th>
                    <th>"Gateways"</th>
                    <th>"Models"</th>
                    <th>"Also held to"</th>
                    <th>"Last used"</th>
                    <th>"Expires"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

/// What a token is held to, cut where it is long.
fn list(words: Option<String>, otherwise: &'static str) -> AnyView {
    let words = words.unwrap_or_else(|| otherwise.to_owned());
    view! { <td class="cut" title=words.clone()>{words.clone()}</td> }.into_any()
}

/// Whether it is good, and if not, why.
pub(super) fn state(token: &TokenView, now: DateTime<Utc>) -> AnyView {
    if token.revoked_at.is_some() {
        ended("Revoked").into_any()
    } else if token.expires_at.is_some_and(|at| at <= now) {
        ended("Expired").into_any()
    } else {
        let both = secret::working(token, now).map(|_| view! { <Badge tone=Tone::Warn>"Old secret works"</Badge> });
        view! { <span class="state"><Badge tone=Tone::Good>"Active"</Badge>{both}</span> }.into_any()
    }
}

fn moment(at: Option<DateTime<Utc>>, now: DateTime<Utc>, otherwise: &'static str) -> AnyView {
    match at {
        Some(at) => view! { <Time at now /> }.into_any(),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}
