//! The team's tokens at a glance.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::GatewayId;
use domain::view::{GatewayView, TokenView};
use leptos::prelude::*;

use super::ended;
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
    let names: HashMap<GatewayId, &str> = gateways.iter().map(|gateway| (gateway.id, gateway.name.as_str())).collect();
    let rows = tokens.iter().map(|token| {
        let allowed = token.restrictions.gateways.as_ref().map_or_else(
            || "All".to_owned(),
            |ids| ids.iter().map(|id| names.get(id).copied().unwrap_or("deleted")).collect::<Vec<_>>().join(", "),
        );
        let models = token.restrictions.models.as_ref().map_or_else(|| "All".to_owned(), |models| models.join(", "));
        view! {
            <tr>
                <td class="cut" title=token.name.clone()>
                    <a class="row-link" href=format!("/{team}/tokens/{}", token.id)>{token.name.clone()}</a>
                </td>
                <td class="mono">{token.hint.clone()}</td>
                <td>{state(token, now)}</td>
                <td class="cut" title=allowed.clone()>{allowed.clone()}</td>
                <td class="cut" title=models.clone()>{models.clone()}</td>
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
                    <th>"Last used"</th>
                    <th>"Expires"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

/// Whether it is good, and if not, why.
pub(super) fn state(token: &TokenView, now: DateTime<Utc>) -> AnyView {
    if token.revoked_at.is_some() {
        ended("Revoked").into_any()
    } else if token.expires_at.is_some_and(|at| at <= now) {
        ended("Expired").into_any()
    } else {
        view! { <Badge tone=Tone::Good>"Active"</Badge> }.into_any()
    }
}

fn moment(at: Option<DateTime<Utc>>, now: DateTime<Utc>, otherwise: &'static str) -> AnyView {
    match at {
        Some(at) => view! { <Time at now /> }.into_any(),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}
