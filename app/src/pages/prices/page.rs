//! A new price of the team's own, and one that exists.

use control::{Control, Grant, can};
use domain::TeamPriceId;
use domain::view::TeamPriceView;
use leptos::prelude::*;
use wire::price::Row;

use super::{form, own, told};
use crate::api::policies::{Kept, pretty};
use crate::api::prices::{DeletePrice, PriceForm};
use crate::components::{Confirm, CopyBox, FormErrors, FormState, Notice, Page, Tabs, Time, Tone, load};
use crate::pages::address;
use crate::pages::overview::encoded;
use crate::{AppError, server};

/// What a new price's text begins with.
const EXAMPLE: &str =
    r#"{"provider":"openai","model":"gpt-5","rates":{"input":"1.25","cached_input":"0.125","output":"10"}}"#;

/// New price.
#[component]
pub fn NewPricePage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let (provider, model) = (address::asked(&query, "provider"), address::asked(&query, "model"));
    let as_text = query.get_str("as") == Some("text");
    load(new_data(team.clone(), address::asked(&query, "kept")), move |(providers, kept)| {
        let page = format!("/{team}/prices/new");
        let named = [("provider", &provider), ("model", &model)].into_iter();
        let keep: String =
            named.filter_map(|(name, value)| Some(format!("&{name}={}", encoded(value.as_deref()?)))).collect();
        let content = if as_text {
            let mut example: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
            for (name, value) in [("provider", &provider), ("model", &model)] {
                if let Some(value) = value {
                    example[name] = serde_json::json!(value);
                }
            }
            let fresh = || Kept { text: pretty(&example.to_string()), ..Kept::default() };
            form::as_text(&team, None, kept.unwrap_or_else(fresh)).into_any()
        } else {
            form::fields(&team, None, PriceForm { provider, model, ..PriceForm::default() }, providers).into_any()
        };
        view! {
            <Page title="New price" above=(format!("/{team}/prices"), "Prices")>
                <p class="lead">
                    "A price of your own wins over the price book, for requests from now on. What was billed before stays as it was."
                </p>
                {tabs(&page, &keep, as_text)}
                {content}
            </Page>
        }
    })
}

async fn new_data(team: String, kept: Option<String>) -> Result<(Vec<String>, Option<Kept>), AppError> {
    server::grant::<can::EditPrices>(&team).await?;
    let grant = server::grant::<can::View>(&team).await?;
    let control = server::control()?;
    Ok((providers(&control, &grant).await?, take(&control, kept.as_deref())?))
}

/// Slugs that a price may name.
async fn providers(control: &Control, grant: &Grant<can::View>) -> Result<Vec<String>, AppError> {
    let custom = control.list_custom_providers(grant).await?.into_iter().map(|own| format!("custom-{}", own.slug));
    Ok(custom.chain(wire::providers::all().iter().map(|provider| provider.slug.clone())).collect())
}

fn take(control: &Control, kept: Option<&str>) -> Result<Option<Kept>, AppError> {
    let actor = server::actor()?;
    Ok(kept.and_then(|id| Kept::take(control, &actor, id)))
}

/// Links to both ways of writing it. `keep` stays in the query.
fn tabs(page: &str, keep: &str, as_text: bool) -> impl IntoView + use<> {
    let form = if keep.is_empty() { page.to_owned() } else { format!("{page}?{}", keep.trim_start_matches('&')) };
    let tabs = vec![(form, "Form"), (format!("{page}?as=text{keep}"), "Text")];
    view! { <Tabs tabs current=if as_text { "Text" } else { "Form" } label="Ways to write it" /> }
}

/// Price.
#[component]
pub fn PricePage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let as_text = query.get_str("as") == Some("text");
    load(find(team.clone(), address::part("id"), address::asked(&query, "kept")), move |data| {
        show(&team, as_text, data)
    })
}

struct Data {
    price: TeamPriceView,
    providers: Vec<String>,
    kept: Option<Kept>,
    may_edit: bool,
}

async fn find(team: String, id: String, kept: Option<String>) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let may_edit = server::grant::<can::EditPrices>(&team).await.is_ok();
    let id: TeamPriceId = id.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let price = control.find_price(&grant, id).await?;
    let (providers, kept) = (providers(&control, &grant).await?, take(&control, kept.as_deref())?);
    Ok(Data { price, providers, kept, may_edit })
}

fn show(team: &str, as_text: bool, data: Data) -> impl IntoView + use<> {
    let Data { price, providers, kept, may_edit } = data;
    let page = format!("/{team}/prices/{}", price.id);
    let (row, fields) = (Row::parse(&price.text), PriceForm::of(&price.text));
    let notice = match (&row, &fields) {
        (Err(_), _) => Some(view! {
            <Notice tone=Tone::Bad><p>"This version of Weir cannot read this price, so it does not count. Write it anew, or delete it."</p></Notice>
        }.into_any()),
        (Ok(_), None) if may_edit && !as_text => Some(view! {
            <Notice><p>"This price says more than the form has fields for, so it is written as text."</p></Notice>
        }.into_any()),
        _ => None,
    };
    let now = server::now();
    let words = row.ok().map(|row| {
        let lines = told::row(&row, now.timestamp_millis());
        let lines = lines.into_iter().map(|words| view! { <div>{words}</div> }).collect_view();
        let dates = own::dates(&row).unwrap_or_else(|| "for all time".to_owned());
        view! {
            <div><dt>"Now"</dt><dd>{lines}</dd></div>
            <div><dt>"Holds"</dt><dd>{dates}</dd></div>
        }
    });
    let content = match (may_edit, fields) {
        (false, _) => view! {
            <CopyBox label="Price" text=pretty(&price.text) />
            <p class="help">"Your role can look at prices, not change them."</p>
        }
        .into_any(),
        (true, Some(fields)) if !as_text => {
            view! { {tabs(&page, "", false)}{form::fields(team, Some(&price), fields, providers)} }.into_any()
        }
        (true, fields) => {
            let stored = || Kept { text: pretty(&price.text), ..Kept::default() };
            let tabs = fields.map(|_| tabs(&page, "", true));
            view! { {tabs}{form::as_text(team, Some(&price), kept.unwrap_or_else(stored))} }.into_any()
        }
    };
    let delete = may_edit.then(|| {
        let fields = vec![("team", team.to_owned()), ("id", price.id.to_string())];
        view! {
            <Confirm action={ServerAction::<DeletePrice>::new()} label="Delete" yes="Delete the price" fields
                question="Requests cost what the price book says, at once. What was billed stays as it was." />
        }
    });
    let error = FormState::of::<DeletePrice>().error().cloned();
    let title = format!("{}/{}", price.provider, price.model);
    view! {
        <Page title above=(format!("/{team}/prices"), "Prices") toolbar=move || delete>
            <FormErrors error />
            {notice}
            <dl class="facts">
                {words}
                <div><dt>"Changed"</dt><dd><Time at=price.updated_at now /></dd></div>
            </dl>
            {content}
        </Page>
    }
}
