//! Gateways: the list, a new one, and the settings of each.

mod form;
mod list;
mod words;

use domain::view::GatewayView;
use leptos::prelude::*;

use crate::api::gateways::{CreateGateway, DeleteGateway, SetGatewayEnabled};
use crate::components::{
    Badge, DangerZone, Field, FormErrors, FormState, Notice, Page, PostForm, Saved, SubmitButton, Tabs, Time, Tone,
    load,
};
use crate::pages::address;
use crate::pages::overview::encoded;
use crate::{AppError, server};

pub use list::GatewaysPage;

/// New gateway.
#[component]
pub fn NewGatewayPage() -> impl IntoView {
    let team = address::part("team");
    let permitted = {
        let team = team.clone();
        async move { server::grant::<control::can::EditGateways>(&team).await.map(|_| ()) }
    };
    load(permitted, move |()| new(team))
}

fn new(team: String) -> impl IntoView {
    let longest = domain::validate::MAX_NAME as u64;
    let above = (format!("/{team}/gateways"), "Gateways");
    view! {
        <Page title="New gateway" above narrow=true>
            <p>
                "A gateway is an address for your applications with its own caching, limits, retries and log. Begin with one for \
                 each application or environment; every setting can be changed later."
            </p>
            <PostForm action={ServerAction::<CreateGateway>::new()}>
                <input type="hidden" name="team" value=team />
                <Field label="Name" name="name" required=true longest autofocus=true placeholder="Production" />
                <Field
                    label="Short name" name="slug" required=true longest mono=true pattern="[a-z0-9]+(-[a-z0-9]+)*"
                    placeholder="production"
                    help="Part of the address your applications use, so it can never be changed. Lower-case letters, digits, hyphens."
                />
                <SubmitButton>"Create gateway"</SubmitButton>
            </PostForm>
        </Page>
    }
}

/// Gateway.
#[component]
pub fn GatewayPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone(), address::part("gateway")), move |(gateway, may_edit)| show(team, gateway, may_edit))
}

async fn find(team: String, slug: String) -> Result<(GatewayView, bool), AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::EditGateways>(&team).await.is_ok();
    Ok((server::control()?.find_gateway(&grant, &slug).await?, may_edit))
}

fn show(team: String, gateway: GatewayView, may_edit: bool) -> impl IntoView {
    let above = (format!("/{team}/gateways"), "Gateways");
    let danger = may_edit.then(|| danger(&team, &gateway));
    let toolbar = may_edit.then(|| switch(&team, &gateway));
    let switch_error = FormState::of::<SetGatewayEnabled>().error().cloned();
    let tabs = tabs(&team, &gateway.slug, "Settings");
    let (state, form) = (state(&gateway), form::form(&team, &gateway, may_edit));
    let saved = saved(&gateway);
    let off = (!gateway.enabled).then(|| {
        view! { <Notice tone=Tone::Warn><p>"This gateway is off: it answers every request with an error."</p></Notice> }
    });
    view! {
        <Page title=gateway.name above toolbar=move || toolbar>
            {tabs}
            <FormErrors error=switch_error />
            <Saved word="created"><p>"The gateway was created. Its settings are below; Connect has the snippets."</p></Saved>
            <Saved word="settings"><p>{saved}</p></Saved>
            <Saved word="enabled"><p>"The gateway is on."</p></Saved>
            <Saved word="disabled"><p>"The gateway is off. Requests that were running go on to their end."</p></Saved>
            {off}
            {state}
            {form}
            {danger}
        </Page>
    }
}

/// The pages of one gateway.
#[must_use]
pub fn tabs(team: &str, slug: &str, current: &'static str) -> impl IntoView + use<> {
    let base = format!("/{team}/gateways/{slug}");
    let tabs = vec![
        (base.clone(), "Settings"),
        (format!("{base}/connect"), "Connect"),
        (format!("{base}/routes"), "Routes"),
        (format!("/{team}?gateway={}", encoded(slug)), "Analytics"),
        (format!("/{team}/requests?gateway={}", encoded(slug)), "Requests"),
    ];
    view! { <Tabs tabs current /> }
}

fn saved(gateway: &GatewayView) -> String {
    if gateway.live {
        format!("Saved, and live since version {}: every request from now on follows these settings.", gateway.version)
    } else {
        format!(
            "Saved as version {}. The data plane takes it over within a second; reload to see it live.",
            gateway.version
        )
    }
}

/// Since when the settings count.
fn state(gateway: &GatewayView) -> impl IntoView + use<> {
    let now = server::now();
    let badge = if gateway.live {
        view! { <Badge tone=Tone::Good>{format!("Live since version {}", gateway.version)}</Badge> }.into_any()
    } else {
        view! { <Badge tone=Tone::Warn>{format!("Version {} is not live yet", gateway.version)}</Badge> }.into_any()
    };
    view! {
        <p class="state">
            {badge}
            <span class="muted">"changed "<Time at=gateway.updated_at now /></span>
            <code>{gateway.slug.clone()}</code>
        </p>
    }
}

fn switch(team: &str, gateway: &GatewayView) -> impl IntoView + use<> {
    let (team, slug, enabled) = (team.to_owned(), gateway.slug.clone(), gateway.enabled);
    view! {
        <PostForm action={ServerAction::<SetGatewayEnabled>::new()} errors=false>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="gateway" value=slug />
            {(!enabled).then(|| view! { <input type="hidden" name="enabled" value="on" /> })}
            <SubmitButton quiet=enabled>{if enabled { "Turn off" } else { "Turn on" }}</SubmitButton>
        </PostForm>
    }
}

fn danger(team: &str, gateway: &GatewayView) -> impl IntoView + use<> {
    view! {
        <DangerZone
            action={ServerAction::<DeleteGateway>::new()}
            title="Delete this gateway"
            text="Applications that use it get an error at once. Its requests and figures stay; its cached answers are lost."
            expected=gateway.slug.clone()
            fields=vec![("team", team.to_owned()), ("gateway", gateway.slug.clone())]
        />
    }
}
