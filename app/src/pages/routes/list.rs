//! The gateway's routes.

use domain::view::{GatewayView, RouteView};
use leptos::prelude::*;

use super::state;
use crate::components::{EmptyState, Page, Saved, Symbol, Table, Time, load};
use crate::pages::{address, gateways};
use crate::{AppError, server};

/// Routes.
#[component]
pub fn RoutesPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone(), address::part("gateway")), move |data| show(&team, data))
}

struct Data {
    gateway: GatewayView,
    routes: Vec<RouteView>,
    may_edit: bool,
}

async fn find(team: String, gateway: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::EditGateways>(&team).await.is_ok();
    let control = server::control()?;
    let routes = control.list_routes(&grant, &gateway).await?;
    Ok(Data { gateway: control.find_gateway(&grant, &gateway).await?, routes, may_edit })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { gateway, routes, may_edit } = data;
    let page = format!("/{team}/gateways/{}/routes", gateway.slug);
    let new = format!("{page}/new");
    let button =
        (may_edit && !routes.is_empty()).then(|| view! { <a class="button primary" href=new.clone()>"New route"</a> });
    let content = if routes.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Gateway title="No routes yet">
                <p>
                    "A route decides which model answers a request: by who asks, by chance, by how much has been used, and by what \
                     has failed. Applications name it instead of a model."
                </p>
                {may_edit.then(|| view! { <p><a class="button primary" href=new>"Create a route"</a></p> })}
            </EmptyState>
        }
        .into_any()
    } else {
        table(&page, &routes).into_any()
    };
    let tabs = gateways::tabs(team, &gateway.slug, "Routes");
    view! {
        <Page title=gateway.name above=(format!("/{team}/gateways"), "Gateways") toolbar=move || button>
            {tabs}
            <Saved word="deleted"><p>"The route was deleted. Requests that name it get an error."</p></Saved>
            {content}
        </Page>
    }
}

fn table(page: &str, routes: &[RouteView]) -> impl IntoView + use<> {
    let now = server::now();
    let rows = routes.iter().map(|route| {
        view! {
            <tr>
                <td class="cut"><a class="row-link" href=format!("{page}/{}", route.name)>{route.name.clone()}</a></td>
                <td class="cut mono">{format!("dynamic/{}", route.name)}</td>
                <td>{state(route)}</td>
                <td><Time at=route.updated_at now /></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Routes">
            <thead><tr><th>"Name"</th><th>"Called as the model"</th><th>"State"</th><th>"Changed"</th></tr></thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}
