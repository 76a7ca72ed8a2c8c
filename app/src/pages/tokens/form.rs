//! The fields that say what a token may do, for a new one and for one that is restricted.

use domain::GatewayId;
use domain::ledger::Surface;
use domain::policy::{Limit, OwnLimit, OwnLimits};
use domain::token::Restrictions;
use domain::validate::Problem;
use domain::view::{GatewayView, TokenView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::words::endpoint as words;
use crate::AppError;
use crate::api::tokens::date;
use crate::components::{Checkbox, Field, Fieldset, FormState, Notice, TextArea, Tone};

/// The fields of a form that is sent to `F`, filled with the token's present terms.
pub(super) fn fields<F: ServerFn<Error = AppError>>(
    gateways: &[GatewayView],
    token: Option<&TokenView>,
    limits: &OwnLimits,
) -> AnyView {
    let longest = domain::validate::MAX_NAME as u64;
    let name = token.map(|token| token.name.clone()).unwrap_or_default();
    let held = token.map(|token| token.restrictions.clone()).unwrap_or_default();
    let models = lines(&held.models);
    let expires = token.and_then(|token| token.expires_at).map(date).unwrap_or_default();
    let gateways = scope::<F>(gateways, held.gateways.as_deref());
    let more = more::<F>(&held);
    let limits = own_limits(limits);
    view! {
        <Field
            label="Name" name="name" value=name required=true longest placeholder="checkout-service"
            help="Shows in the request log: name the application that uses it."
        />
        {gateways}
        <TextArea
            label="Models" name="models" value=models placeholder="openai/gpt-4o-mini\nclaude-*"
            help="One on each line; * at the end stands for anything. Empty: every model."
        />
        {more}
        <Field
            label="Expires" name="expires_at" kind="date" value=expires
            help="At the end of that day in UTC. Empty: never."
        />
        {limits}
    }
    .into_any()
}

/// What the token may use at most. Each becomes a policy.
fn own_limits(limits: &OwnLimits) -> AnyView {
    let number = |kind: OwnLimit| limits.get(kind).map(|amount| amount.to_string()).unwrap_or_default();
    let dollars = |kind: OwnLimit| {
        let amount = limits.get(kind).map(|amount| Limit::nanos(amount).to_string());
        amount.unwrap_or_default().replace('$', "")
    };
    let (requests, tokens) = (number(OwnLimit::RequestsPerMinute), number(OwnLimit::TokensPerMinute));
    let (day, month) = (dollars(OwnLimit::CostPerDay), dollars(OwnLimit::CostPerMonth));
    let name = OwnLimit::as_str;
    view! {
        <Fieldset
            legend="Limits"
            help="Each is a policy of this token alone, which the page Policies shows too. Empty: only what limits everybody."
        >
            <div class="pair">
                <Field label="Requests" name=name(OwnLimit::RequestsPerMinute) kind="number" min=1 value=requests unit="a minute" />
                <Field label="Tokens" name=name(OwnLimit::TokensPerMinute) kind="number" min=1 value=tokens unit="a minute" />
                <Field label="Cost per day" name=name(OwnLimit::CostPerDay) value=day unit="$ a day" placeholder="5.00" />
                <Field label="Cost per month" name=name(OwnLimit::CostPerMonth) value=month unit="$ a month" placeholder="100.00" />
            </div>
        </Fieldset>
    }
    .into_any()
}

fn lines(list: &Option<Vec<String>>) -> String {
    list.as_deref().unwrap_or_default().join("\n")
}

/// What few tokens are held to, out of the way until it is asked for.
fn more<F: ServerFn<Error = AppError>>(held: &Restrictions) -> AnyView {
    let state = FormState::of::<F>();
    let refused = ["providers", "endpoints", "ip_ranges"].into_iter().any(|field| state.problem(field).is_some());
    let open = refused || held.providers.is_some() || held.endpoints.is_some() || held.ip_ranges.is_some();
    let (providers, ip_ranges) = (lines(&held.providers), lines(&held.ip_ranges));
    let endpoints = endpoints::<F>(held.endpoints.as_deref());
    view! {
        <details class="more" open=open>
            <summary>"Providers, endpoints and addresses"</summary>
            <div class="form">
                <div class="pair">
                    <TextArea
                        label="Providers" name="providers" value=providers placeholder="openai\ncustom-mine"
                        help="One on each line. Empty: every provider of the team."
                    />
                    <TextArea
                        label="IP ranges" name="ip_ranges" value=ip_ranges placeholder="10.0.0.0/8\n2001:db8::/32"
                        help="Where the token may be used from: addresses or networks, one on each line. Empty: anywhere."
                    />
                </div>
                {endpoints}
            </div>
        </details>
    }
    .into_any()
}

/// All endpoints or only some, as with gateways.
fn endpoints<F: ServerFn<Error = AppError>>(allowed: Option<&[Surface]>) -> AnyView {
    let wrong = FormState::of::<F>().problem("endpoints").map(|problem| {
        let words = match problem {
            Problem::Required => "Tick at least one endpoint, or choose all.".to_owned(),
            problem => format!("One of these endpoints {problem}."),
        };
        view! { <Notice tone=Tone::Bad><p>{words}</p></Notice> }
    });
    let only = allowed.is_some();
    let boxes = Surface::ALL.map(|endpoint| {
        let checked = allowed.is_some_and(|allowed| allowed.contains(&endpoint));
        view! { <Checkbox label=words(endpoint) name="endpoints[]" value=endpoint.as_str() checked /> }
    });
    let boxes = boxes.into_iter().collect_view();
    view! {
        <Fieldset
            legend="Endpoints"
            help="A batch may ask any endpoint of its provider, and a provider's own API is all of it."
        >
            {wrong}
            <Checkbox label="All endpoints" name="endpoint_scope" value="all" radio=true checked=!only />
            <Checkbox label="The ticked ones alone" name="endpoint_scope" value="only" radio=true checked=only />
            <div class="only groups">{boxes}</div>
        </Fieldset>
    }
    .into_any()
}

/// All gateways or only some, as two answers: a box that is not ticked must not mean more than one that is.
fn scope<F: ServerFn<Error = AppError>>(gateways: &[GatewayView], allowed: Option<&[GatewayId]>) -> AnyView {
    let wrong = FormState::of::<F>().problem("gateways").map(|problem| {
        let words = match problem {
            Problem::Required => "Tick at least one gateway, or choose all.".to_owned(),
            problem => format!("One of these gateways {problem}."),
        };
        view! { <Notice tone=Tone::Bad><p>{words}</p></Notice> }
    });
    let only = allowed.is_some();
    let allowed = allowed.unwrap_or_default();
    let boxes = gateways.iter().map(|gateway| {
        let checked = allowed.contains(&gateway.id);
        view! { <Checkbox label=gateway.name.clone() name="gateways[]" value=gateway.id.to_string() checked /> }
    });
    // A gateway that is gone stays in the list, so that the token never gets more by losing one. Browsers do not send
    // disabled boxes.
    let gone = allowed.iter().filter(|id| gateways.iter().all(|gateway| gateway.id != **id)).map(|id| {
        view! {
            <input type="hidden" name="gateways[]" value=id.to_string() />
            <Checkbox
                label=format!("Deleted gateway {id}") name="gateways[]" value=id.to_string() checked=true disabled=true
            />
        }
    });
    let (boxes, gone) = (boxes.collect_view(), gone.collect_view());
    view! {
        <Fieldset legend="Gateways">
            {wrong}
            <Checkbox label="All gateways, later ones too" name="scope" value="all" radio=true checked=!only />
            <Checkbox label="Only these" name="scope" value="only" radio=true checked=only />
            <div class="only">{boxes}{gone}</div>
        </Fieldset>
    }
    .into_any()
}
