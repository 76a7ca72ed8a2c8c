//! The fields that say what a token may do, for a new one and for one that is restricted.

use domain::GatewayId;
use domain::validate::Problem;
use domain::view::{GatewayView, TokenView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::AppError;
use crate::api::tokens::date;
use crate::components::{Checkbox, Field, Fieldset, FormState, Notice, TextArea, Tone};

/// The fields of a form that is sent to `F`, filled with the token's present terms.
pub(super) fn fields<F: ServerFn<Error = AppError>>(
    gateways: &[GatewayView],
    token: Option<&TokenView>,
) -> impl IntoView + use<F> {
    let longest = domain::validate::MAX_NAME as u64;
    let name = token.map(|token| token.name.clone()).unwrap_or_default();
    let models = token.and_then(|token| token.models.clone()).unwrap_or_default().join("\n");
    let expires = token.and_then(|token| token.expires_at).map(date).unwrap_or_default();
    let gateways = scope::<F>(gateways, token.and_then(|token| token.gateways.as_deref()));
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
        <Field
            label="Expires" name="expires_at" kind="date" value=expires
            help="At the end of that day in UTC. Empty: never."
        />
    }
}

/// All gateways or only some, as two answers: a box that is not ticked must not mean more than one that is.
fn scope<F: ServerFn<Error = AppError>>(
    gateways: &[GatewayView],
    allowed: Option<&[GatewayId]>,
) -> impl IntoView + use<F> {
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
}
