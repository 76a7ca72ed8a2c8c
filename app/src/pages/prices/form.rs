//! The two ways to write a price of the team's own: fields for what is usual, text for all the rest.

use domain::validate::Problem;
use domain::view::TeamPriceView;
use leptos::prelude::*;

use crate::api::policies::{Kept, Wrong};
use crate::api::prices::{PriceForm, SavePrice, SavePriceText};
use crate::components::{Field, Fieldset, FormState, Notice, PostForm, SubmitButton, TextArea, Tone};

/// Rows of the text.
const ROWS: u16 = 18;
/// What a row may say.
const PARTS: [(&str, &str); 9] = [
    ("provider, model", "a slug, custom-… for your own; a model's id, or the beginning of ids and *"),
    (
        "rates",
        "{ \"input\", \"output\", \"cached_input\", \"cache_write\", \"reasoning\", \"audio_input\", … }: dollars in quotes, for a million tokens",
    ),
    ("tiers", "[ { \"above\": input tokens, \"rates\": { … } } ]: for all tokens of a long request"),
    (
        "units",
        "{ \"per_request\", \"per_image\", \"per_hour_audio\", \"per_million_characters\", \"per_thousand_web_searches\", … }",
    ),
    ("batch, service_tiers", "{ \"rates\": { … } }; { \"flex\", \"priority\", \"fast\": { \"rates\": { … } } }"),
    ("off_peak, changes", "cheaper hours; other prices from a day on"),
    ("discount_ppm", "instead of prices: millionths off what the price book says; 150000 are 15 per cent"),
    ("zone", "the zone whose factor is always paid, as \"data_residency\""),
    ("from, until", "\"2026-12-01\" or \"2026-12-01T08:00:00Z\": when it holds"),
];

/// The form with fields. `providers` are offered while typing.
pub(super) fn fields(
    team: &str,
    price: Option<&TeamPriceView>,
    form: PriceForm,
    providers: Vec<String>,
) -> impl IntoView + use<> {
    let hidden = beginning(team, price);
    let outdated = price.and_then(|price| {
        let page = format!("/{team}/prices/{}", price.id);
        FormState::of::<SavePrice>().problem("version").map(|_| outdated(page))
    });
    view! {
        <PostForm action={ServerAction::<SavePrice>::new()} class="settings">
            {hidden}
            {outdated}
            // Made in here, not before: a field finds its problem in the context that the form provides.
            {whose(form.clone(), providers)}
            {rates(form.clone())}
            {discount(form.clone())}
            {when(form)}
            <SubmitButton>"Save"</SubmitButton>
        </PostForm>
    }
}

fn whose(form: PriceForm, providers: Vec<String>) -> impl IntoView {
    view! {
        <div class="pair">
            <Field label="Provider" name="provider" value=text(form.provider) required=true mono=true placeholder="openai" choices=providers />
            <Field label="Model" name="model" value=text(form.model) required=true mono=true placeholder="gpt-5"
                help="As the provider calls it. With * at its end: every model that begins so." />
        </div>
    }
}

fn rates(form: PriceForm) -> impl IntoView {
    view! {
        <Fieldset legend="Prices" help="Dollars for a million tokens. What stays empty costs what input costs; output that stays empty is free.">
            <div class="pair">
                <Field label="Input" name="input" value=text(form.input) placeholder="1.25" />
                <Field label="Output" name="output" value=text(form.output) placeholder="10" />
                <Field label="Cached input" name="cached_input" value=text(form.cached_input) placeholder="0.125" />
                <Field label="Cache write" name="cache_write" value=text(form.cache_write) placeholder="1.25" />
            </div>
        </Fieldset>
    }
}

fn discount(form: PriceForm) -> impl IntoView {
    view! {
        <Fieldset legend="Or a discount" help="Off whatever the price book says, also when the book changes. Leave the prices empty then.">
            <div class="pair">
                <Field label="Discount" name="discount" unit="%" value=text(form.discount) placeholder="15" />
            </div>
        </Fieldset>
    }
}

fn when(form: PriceForm) -> impl IntoView {
    view! {
        <Fieldset legend="When it holds" help="Of several that hold for a model, the one that began last wins.">
            <div class="pair">
                <Field label="From (UTC)" name="from" kind="datetime-local" value=text(form.from) />
                <Field label="Until (UTC)" name="until" kind="datetime-local" value=text(form.until) />
            </div>
        </Fieldset>
    }
}

/// The text form, filled with the text as it was typed or is stored.
pub(super) fn as_text(team: &str, price: Option<&TeamPriceView>, kept: Kept) -> impl IntoView + use<> {
    let hidden = beginning(team, price);
    let Kept { text, wrong, .. } = kept;
    // The words are above; the field says that there are some.
    let error = (!wrong.is_empty()).then_some(Problem::NotAPrice);
    let parts = PARTS.map(|(name, what)| view! { <div><dt class="mono">{name}</dt><dd class="wrap">{what}</dd></div> });
    view! {
        <PostForm action={ServerAction::<SavePriceText>::new()} class="settings">
            {hidden}
            {problems(&wrong)}
            <TextArea label="Price" name="text" value=text rows=ROWS error />
            <SubmitButton>"Save"</SubmitButton>
            <details class="more">
                <summary>"What a price may say"</summary>
                <dl class="facts facts-tall">{parts.into_iter().collect_view()}</dl>
            </details>
        </PostForm>
    }
}

fn problems(wrong: &[Wrong]) -> impl IntoView + use<> {
    let lines = wrong.iter().map(|wrong| {
        let place = (!wrong.field.is_empty()).then(|| view! { <code>{wrong.field.clone()}</code>" " });
        view! { <li>{place}{wrong.message.clone()}</li> }
    });
    let lines = lines.collect_view();
    (!wrong.is_empty()).then(|| {
        view! { <div class="notice bad" role="alert"><div><p>"Nothing was saved:"</p><ul class="wrong">{lines}</ul></div></div> }
    })
}

/// Hidden fields that say which price is meant.
fn beginning(team: &str, price: Option<&TeamPriceView>) -> impl IntoView + use<> {
    let known = price.map(|price| {
        view! {
            <input type="hidden" name="id" value=price.id.to_string() />
            <input type="hidden" name="version" value=price.version.to_string() />
        }
    });
    view! { <input type="hidden" name="team" value=team.to_owned() />{known} }
}

/// Says that somebody else was faster. The form holds what was typed, and the version that is stored now.
fn outdated(page: String) -> impl IntoView {
    view! {
        <Notice tone=Tone::Warn>
            <p>
                "Somebody else changed this price after you opened the page. The form shows what you entered: saving again \
                 replaces their change. "<a href=page>"Show what is stored now"</a>
            </p>
        </Notice>
    }
}

fn text(value: Option<String>) -> String {
    value.unwrap_or_default()
}
