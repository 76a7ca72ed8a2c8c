//! A team's figures over a span of time, in total, over time and by model; before the first request, the way to it.

mod figures;
mod missing;
mod models;
mod plots;
mod progress;
mod unpriced;

use std::sync::Arc;

use domain::health::TeamHealth;
use domain::view::{
    CustomProviderView, GatewayView, LedgerHealth, Overview, PolicyView, ProviderKeyView, UnpricedModel,
};
use leptos::prelude::*;
use url::form_urlencoded::byte_serialize;
use wire::price::InForce;

use crate::components::{Page, Range, RangePicker, load};
use crate::pages::address;
use crate::pages::policies::damaged;
use crate::pages::prices::unusable;
use crate::pages::provider_keys::health::{is_any_wrong, notice as left_alone};
use crate::{AppError, server};

pub use progress::{Progress, ProgressLine, Steps};

/// Overview.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let range = Range::of(&query, server::now());
    let gateway = address::asked(&query, "gateway");
    load(find(team.clone(), gateway.clone(), range), move |data| show(team, gateway, range, data))
}

struct Data {
    gateways: Vec<GatewayView>,
    overview: Overview,
    progress: Progress,
    policies: Vec<PolicyView>,
    /// How the ledger does; well, for those whose business it is not.
    ledger: LedgerHealth,
    /// The price book in force.
    book: Arc<InForce>,
    /// Models with attempts whose cost is unknown.
    unpriced: Vec<UnpricedModel>,
    /// How provider keys fare, with the keys and the team's own providers where some are not asked.
    health: TeamHealth,
    keys: Vec<ProviderKeyView>,
    custom: Vec<CustomProviderView>,
}

async fn find(team: String, gateway: Option<String>, range: Range) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let chosen = match gateway {
        Some(slug) => Some(gateways.iter().find(|gateway| gateway.slug == slug).ok_or(AppError::NotFound)?.id),
        None => None,
    };
    let overview = control.overview(&grant, chosen, range.from_ms(), range.to_ms()).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    let ledger = match server::grant::<control::can::ViewAudit>(&team).await {
        Ok(grant) => control.ledger_health(&grant).await?,
        Err(_) => LedgerHealth::default(),
    };
    let policies = control.list_policies(&grant).await?;
    let book = control.price_book().await?;
    let unpriced = match overview.totals.unpriced {
        0 => Vec::new(),
        _ => control.unpriced(&grant, range.from_ms(), range.to_ms()).await?,
    };
    let health = control.provider_health(&grant);
    let (keys, custom) = if is_any_wrong(&health) {
        (control.list_provider_keys(&grant).await?, control.list_custom_providers(&grant).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(Data { gateways, overview, progress, policies, ledger, book, unpriced, health, keys, custom })
}

fn show(team: String, gateway: Option<String>, range: Range, data: Data) -> impl IntoView {
    let Data { gateways, overview, progress, policies, ledger, book, unpriced, health, keys, custom } = data;
    let path = format!("/{team}");
    let keep: Vec<_> = gateway.iter().map(|slug| ("gateway", slug.clone())).collect();
    let picker = progress.has_requests.then(|| view! { <RangePicker range path=path.clone() keep /> });
    let content = if progress.has_requests {
        let keep = gateway.as_deref().map(|slug| format!("gateway={}", encoded(slug))).unwrap_or_default();
        let by_model = overview.by_model.clone();
        view! {
            {missing::notices(ledger)}
            {unusable(&book)}
            {damaged(&policies)}
            {left_alone(&keys, &custom, &health, (&team, server::now()))}
            {unpriced::notice(&unpriced, overview.totals.unpriced, &team, range)}
            <GatewayFilter path gateways chosen=gateway range />
            {figures::figures(&overview)}
            {plots::plots(&overview, &team, &keep, range)}
            {models::table(&by_model, overview.totals, &team, &kept(&keep, range))}
        }
        .into_any()
    } else {
        view! { <Steps team progress /> }.into_any()
    };
    view! { <Page title="Overview" toolbar=move || picker>{content}</Page> }
}

/// What a link to the log keeps: the span and, where one is chosen, the gateway.
fn kept(gateway: &str, range: Range) -> String {
    if gateway.is_empty() { range.query() } else { format!("{}&{gateway}", range.query()) }
}

/// A text as a value in a query.
pub(super) fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Links that narrow the page to one gateway; nothing where there is only one.
#[component]
fn GatewayFilter(path: String, gateways: Vec<GatewayView>, chosen: Option<String>, range: Range) -> impl IntoView {
    let link = |slug: Option<&str>, name: String| {
        let narrowed = slug.map(|slug| format!("&gateway={}", encoded(slug))).unwrap_or_default();
        let href = format!("{path}?{}{narrowed}", range.query());
        let open = (slug == chosen.as_deref()).then_some("true");
        view! { <a href=href aria-current=open title=name.clone()>{name.clone()}</a> }
    };
    (gateways.len() > 1).then(|| {
        let each = gateways.iter().map(|gateway| link(Some(&gateway.slug), gateway.name.clone())).collect_view();
        view! { <nav class="choices" aria-label="Gateway">{link(None, "All gateways".to_owned())}{each}</nav> }
    })
}
