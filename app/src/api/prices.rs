//! A team's own prices: written with a form or as text, and deleted.

#![expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the form, so that errors find their field"
)]

use leptos::prelude::*;

use crate::AppError;

#[cfg(feature = "ssr")]
mod form;

#[cfg(feature = "ssr")]
pub use form::{PriceForm, per_cent};

/// Adds a price, or changes the one with `id`, and leads to the list.
///
/// # Errors
/// [`AppError::Invalid`] names the fields of the form, and `version` where somebody else changed the price after the form was
/// opened; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "save-price")]
pub async fn save_price(
    team: String,
    id: Option<String>,
    version: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    input: Option<String>,
    output: Option<String>,
    cached_input: Option<String>,
    cache_write: Option<String>,
    discount: Option<String>,
    from: Option<String>,
    until: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use crate::server;

    let grant = server::grant::<can::EditPrices>(&team).await?;
    let form = PriceForm { provider, model, input, output, cached_input, cache_write, discount, from, until };
    let price = form.read().map_err(AppError::Invalid)?;
    let saved = form::save(&grant, &team, id.as_deref(), version.as_deref(), price).await?;
    server::redirect(&saved);
    Ok(())
}

/// The same from the text form. What is refused comes back whole, with what is wrong with it, on the page it came from.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
#[server(prefix = "/ui", endpoint = "save-price-text")]
pub async fn save_price_text(
    team: String,
    id: Option<String>,
    version: Option<String>,
    text: Option<String>,
) -> Result<(), AppError> {
    use control::{PriceText, can};

    use super::policies::{Kept, Wrong};
    use crate::server;

    let grant = server::grant::<can::EditPrices>(&team).await?;
    let text = text.unwrap_or_default();
    let page = id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| "new".to_owned());
    let wrong = match PriceText::read(&text) {
        Ok(price) => match form::save(&grant, &team, id.as_deref(), version.as_deref(), price).await {
            Ok(saved) => {
                server::redirect(&saved);
                return Ok(());
            }
            Err(AppError::Invalid(errors)) => errors.into_iter().map(Wrong::from).collect(),
            Err(other) => return Err(other),
        },
        Err(error) => vec![Wrong::from(error)],
    };
    let kept = Kept { name: String::new(), text, wrong }.put(&server::control()?, &server::actor()?);
    server::redirect(&format!("/{team}/prices/{page}?as=text&kept={kept}"));
    Ok(())
}

/// Deletes a price.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-price")]
pub async fn delete_price(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::EditPrices>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.delete_price(&grant, id).await?;
    server::redirect(&format!("/{team}/prices?saved=deleted"));
    Ok(())
}
