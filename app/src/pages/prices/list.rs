//! The team's own prices and the price book on one page.

use chrono::{DateTime, Utc};
use control::can;
use domain::view::TeamPriceView;
use leptos::prelude::*;

use super::{book, own};
use crate::api::prices::DeletePrice;
use crate::components::{FormErrors, FormState, Page, Saved, load};
use crate::pages::address;
use crate::{AppError, server};

/// Prices.
#[component]
pub fn PricesPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let search = book::Search { provider: address::asked(&query, "provider"), model: address::asked(&query, "model") };
    load(find(team.clone(), search.clone()), move |data| show(&team, &search, data))
}

struct Data {
    own: Vec<TeamPriceView>,
    book: book::Found,
    may_edit: bool,
    now: DateTime<Utc>,
}

async fn find(team: String, search: book::Search) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let may_edit = server::grant::<can::EditPrices>(&team).await.is_ok();
    let (control, now) = (server::control()?, server::now());
    let own = control.list_prices(&grant).await?;
    let providers = control.list_custom_providers(&grant).await?;
    let providers = providers.into_iter().map(|provider| format!("custom-{}", provider.slug)).collect();
    let book = book::Found::of(control.price_book().await?, providers, &search, now);
    Ok(Data { own, book, may_edit, now })
}

fn show(team: &str, search: &book::Search, data: Data) -> impl IntoView + use<> {
    let Data { own, book, may_edit, now } = data;
    let new = may_edit.then(|| view! { <a class="button primary" href=format!("/{team}/prices/new")>"New price"</a> });
    let error = FormState::of::<DeletePrice>().error().cloned();
    let own = own::section(team, search, &own, now);
    let book = book::section(team, search, book, may_edit, now);
    view! {
        <Page title="Prices" toolbar=move || new>
            <FormErrors error />
            <Saved word="added"><p>"The price was added. It counts for requests from now on, or from its own beginning on."</p></Saved>
            <Saved word="changed"><p>"Saved. Requests from now on cost what it says; what was billed before stays as it was."</p></Saved>
            <Saved word="deleted"><p>"The price was deleted. Requests from now on cost what the price book says."</p></Saved>
            {own}
            {book}
        </Page>
    }
}
