//! The fields that say what a token may do, for a new one and for one that is restricted.

use domain::view::{GatewayView, TokenView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use crate::AppError;
use crate::components::{Checkbox, Field, Fieldset, FormState, Notice, TextArea, Tone};

/// The fields of a form that is sent to `F`, filled with the token's present terms.
pub(super) fn fields<F: ServerFn<Error = AppError>>(
    gateways: &[GatewayView],
    token: Option<&TokenView>,
) -> impl IntoView + use<F> {
    let longest = domain::validate::MAX_NAME as u64;
    let name = token.map(|token| token.name.clone()).unwrap_or_default();
    let models = token.and_then(|token| token.models.clone()).unwrap_or_default().join("\n");
    let expires =
        token.and_then(|token| token.expires_at).map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let wrong = FormState::of::<F>().problem("gateways").map(|problem| {
        view! { <Notice tone=Tone::Bad><p>{format!("One of these gateways {problem}.")}</p></Notice> }
    });
    let boxes = gateways.iter().map(|gateway| {
        let ids = token.and_then(|token| token.gateways.as_ref());
        let checked = ids.is_some_and(|ids| ids.contains(&gateway.id));
        view! { <Checkbox label=gateway.name.clone() name="gateways[]" value=gateway.id.to_string() checked /> }
    });
    let boxes = boxes.collect_view();
    let gateways = (!gateways.is_empty()).then(|| {
        view! {
            <Fieldset legend="Gateways" help="Tick those it may use. None ticked: all of the team's, later ones too.">
                {wrong}
                {boxes}
            </Fieldset>
        }
    });
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
