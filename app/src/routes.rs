//! Every page of the dashboard and its URL. All are rendered whole before the first byte leaves, so that they are
//! complete without JavaScript and can set their status.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::SsrMode::Async;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::layout::{bare, framed};
use crate::pages::account::AccountPage;
use crate::pages::audit::AuditPage;
use crate::pages::connect::ConnectPage;
use crate::pages::costs::CostsPage;
use crate::pages::gateways::{GatewayPage, GatewaysPage, NewGatewayPage};
use crate::pages::home::HomePage;
use crate::pages::issued::IssuedPage;
use crate::pages::join::JoinPage;
use crate::pages::members::{InvitePage, MemberPage, MembersPage};
use crate::pages::not_found::NotFoundPage;
use crate::pages::overview::OverviewPage;
use crate::pages::policies::{NewPolicyPage, PoliciesPage, PolicyPage, SimulationPage};
use crate::pages::prices::{NewPricePage, PricePage, PricesPage};
use crate::pages::provider_keys::{ProviderKeyPage, ProviderKeysPage};
use crate::pages::requests::{RequestPage, RequestsPage};
use crate::pages::routes::{EditRoutePage, NewRoutePage, RoutePage, RouteVersionPage, RoutesPage, TestRoutePage};
use crate::pages::setup::SetupPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::tokens::{NewTokenPage, TokenPage, TokensPage};

/// The whole dashboard.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=|| framed(NotFoundPage)>
                <Route path=path!("/") ssr=Async view=|| bare(HomePage) />
                <Route path=path!("/setup/:secret") ssr=Async view=|| bare(SetupPage) />
                <Route path=path!("/sign-in") ssr=Async view=|| bare(SignInPage) />
                <Route path=path!("/account") ssr=Async view=|| framed(AccountPage) />
                <Route path=path!("/account/join/:secret") ssr=Async view=|| bare(JoinPage) />
                <Route path=path!("/issued/:id") ssr=Async view=|| framed(IssuedPage) />
                <Route path=path!("/:team") ssr=Async view=|| framed(OverviewPage) />
                <Route path=path!("/:team/requests") ssr=Async view=|| framed(RequestsPage) />
                <Route path=path!("/:team/requests/:id") ssr=Async view=|| framed(RequestPage) />
                <Route path=path!("/:team/gateways") ssr=Async view=|| framed(GatewaysPage) />
                <Route path=path!("/:team/gateways/new") ssr=Async view=|| framed(NewGatewayPage) />
                <Route path=path!("/:team/gateways/:gateway") ssr=Async view=|| framed(GatewayPage) />
                <Route path=path!("/:team/gateways/:gateway/connect") ssr=Async view=|| framed(ConnectPage) />
                <Route path=path!("/:team/gateways/:gateway/routes") ssr=Async view=|| framed(RoutesPage) />
                <Route path=path!("/:team/gateways/:gateway/routes/new") ssr=Async view=|| framed(NewRoutePage) />
                <Route path=path!("/:team/gateways/:gateway/routes/:route") ssr=Async view=|| framed(RoutePage) />
                <Route path=path!("/:team/gateways/:gateway/routes/:route/edit") ssr=Async view=|| framed(EditRoutePage) />
                <Route path=path!("/:team/gateways/:gateway/routes/:route/test") ssr=Async view=|| framed(TestRoutePage) />
                <Route
                    path=path!("/:team/gateways/:gateway/routes/:route/versions/:number")
                    ssr=Async
                    view=|| framed(RouteVersionPage)
                />
                <Route path=path!("/:team/keys") ssr=Async view=|| framed(ProviderKeysPage) />
                <Route path=path!("/:team/keys/:id") ssr=Async view=|| framed(ProviderKeyPage) />
                <Route path=path!("/:team/tokens") ssr=Async view=|| framed(TokensPage) />
                <Route path=path!("/:team/tokens/new") ssr=Async view=|| framed(NewTokenPage) />
                <Route path=path!("/:team/tokens/:id") ssr=Async view=|| framed(TokenPage) />
                <Route path=path!("/:team/policies") ssr=Async view=|| framed(PoliciesPage) />
                <Route path=path!("/:team/policies/new") ssr=Async view=|| framed(NewPolicyPage) />
                <Route path=path!("/:team/policies/:id") ssr=Async view=|| framed(PolicyPage) />
                <Route path=path!("/:team/policies/:id/simulation") ssr=Async view=|| framed(SimulationPage) />
                <Route path=path!("/:team/prices") ssr=Async view=|| framed(PricesPage) />
                <Route path=path!("/:team/prices/new") ssr=Async view=|| framed(NewPricePage) />
                <Route path=path!("/:team/prices/:id") ssr=Async view=|| framed(PricePage) />
                <Route path=path!("/:team/costs") ssr=Async view=|| framed(CostsPage) />
                <Route path=path!("/:team/members") ssr=Async view=|| framed(MembersPage) />
                <Route path=path!("/:team/members/new") ssr=Async view=|| framed(InvitePage) />
                <Route path=path!("/:team/members/:id") ssr=Async view=|| framed(MemberPage) />
                <Route path=path!("/:team/audit") ssr=Async view=|| framed(AuditPage) />
            </FlatRoutes>
        </Router>
    }
}
