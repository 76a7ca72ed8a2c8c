//! The team's gateways at a glance.

use domain::view::GatewayView;
use leptos::prelude::*;

use super::words;
use crate::components::{Badge, EmptyState, Page, Saved, Symbol, Table, Time, Tone, load};
use crate::pages::address;
use crate::pages::overview::{Progress, ProgressLine};
use crate::{AppError, server};

/// Gateways.
#[component]
pub fn GatewaysPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |data| show(team, data))
}

struct Data {
    gateways: Vec<GatewayView>,
    progress: Progress,
    may_edit: bool,
}

async fn find(team: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::EditGateways>(&team).await.is_ok();
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    Ok(Data { gateways, progress, may_edit })
}

fn show(team: String, data: Data) -> impl IntoView {
    let Data { gateways, progress, may_edit } = data;
    let new = format!("/{team}/gateways/new");
    let button = (may_edit && !gateways.is_empty()).then(|| {
        view! { <a class="button primary" href=new.clone()>"New gateway"</a> }
    });
    let content = if gateways.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Gateway title="No gateways yet">
                <p>"A gateway is the address your applications call instead of a provider's. It caches, limits, retries and logs."</p>
                {may_edit.then(|| view! { <p><a class="button primary" href=new>"Create a gateway"</a></p> })}
            </EmptyState>
        }
        .into_any()
    } else {
        table(&team, &gateways).into_any()
    };
    view! {
        <Page title="Gateways" toolbar=move || button>
            <Saved word="deleted"><p>"The gateway was deleted. Its requests stay in the log."</p></Saved>
            <ProgressLine team progress />
            {content}
        </Page>
    }
}

fn table(team: &str, gateways: &[GatewayView]) -> impl IntoView + use<> {
    let now = server::now();
    let rows = gateways.iter().map(|gateway| {
        let settings = &gateway.settings;
        let state = match (gateway.enabled, gateway.live) {
            (false, _) => view! { <Badge tone=Tone::Warn>"Off"</Badge> },
            (true, false) => view! { <Badge tone=Tone::Warn>"Change not live yet"</Badge> },
            (true, true) => view! { <Badge tone=Tone::Good>"On"</Badge> },
        };
        let open = (!settings.authentication).then(|| view! { " "<Badge tone=Tone::Bad>"No token needed"</Badge> });
        view! {
            <tr>
                <td class="cut" title=gateway.name.clone()>
                    <a class="row-link" href=format!("/{team}/gateways/{}", gateway.slug)>{gateway.name.clone()}</a>
                </td>
                <td class="cut mono" title=gateway.slug.clone()>{gateway.slug.clone()}</td>
                <td>{state}{open}</td>
                <td>{words::caching(settings)}</td>
                <td>{words::limit(settings)}</td>
                <td>{words::retries(settings)}</td>
                <td>{words::logging(settings)}</td>
                <td><Time at=gateway.updated_at now /></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Gateways">
            <thead>
                <tr>
                    <th>"Name"</th>
                    <th>"Short name"</th>
                    <th>"State"</th>
                    <th>"Cache"</th>
                    <th>"Rate limit"</th>
                    <th>"Retries"</th>
                    <th>"Log"</th>
                    <th>"Changed"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}
