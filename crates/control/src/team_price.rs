//! Prices of a team's own, which win over the price book: rows of a book, checked here, applied by the data plane.

mod read;

use domain::validate::{FieldError, Problem};
use domain::view::TeamPriceView;
use domain::{TeamId, TeamPriceId};
use serde_json::{Value, json};
use store::entity::team_price::Model;
use store::team_price as rows;

use crate::actor::Author;
use crate::change::{Change, Event};
use crate::gateway::missing;
use crate::provider_key::canonical_provider;
use crate::{Control, ControlError, Grant, can};

pub use read::PriceText;

/// Most prices of a team.
pub const MAX_PRICES: usize = 1_000;

/// What a price is to become.
#[derive(Clone, Debug)]
pub struct PriceChange {
    pub price: PriceText,
    /// The price's version that the change was made from. Where it has another by now, somebody else's change would be
    /// undone, so nothing is written.
    pub version: i64,
}

impl Control {
    /// The team's own prices, by provider and model.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_prices(&self, grant: &Grant<can::View>) -> Result<Vec<TeamPriceView>, ControlError> {
        let rows = rows::list(self.inner.store.read(), grant.team_id()).await?;
        Ok(rows.into_iter().map(|row| self.price_view(row)).collect())
    }

    /// One price of the team's own.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_price(&self, grant: &Grant<can::View>, id: TeamPriceId) -> Result<TeamPriceView, ControlError> {
        let row = rows::find(self.inner.store.read(), grant.team_id(), id).await;
        Ok(self.price_view(row.map_err(|error| missing(error, "price"))?))
    }

    /// Adds a price.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `provider` where there is no such, and for `model` where there are too many prices;
    /// [`ControlError::Conflict`] for `from` where another price of the same model begins just then.
    pub async fn create_price(
        &self,
        grant: &Grant<can::EditPrices>,
        price: PriceText,
    ) -> Result<TeamPriceView, ControlError> {
        let (change, team) = (self.begin().await?, grant.team_id());
        if rows::count(change.tx(), team).await? >= MAX_PRICES as u64 {
            return Err(ControlError::invalid("model", Problem::TooMany { max: MAX_PRICES as u64 }));
        }
        let price = placed(&change, team, price, None).await?;
        let row = rows::create(change.tx(), team, &definition(&change, &price)).await?;
        record(&change, team, grant.author(), None, Some(&row)).await?;
        change.commit(self).await?;
        Ok(self.price_view(row))
    }

    /// Changes a price.
    ///
    /// # Errors
    /// As [`Control::create_price`]; [`ControlError::NotFound`]; [`ControlError::Conflict`] for `version` where the price was
    /// changed meanwhile.
    pub async fn update_price(
        &self,
        grant: &Grant<can::EditPrices>,
        id: TeamPriceId,
        wanted: PriceChange,
    ) -> Result<TeamPriceView, ControlError> {
        let (change, team) = (self.begin().await?, grant.team_id());
        let old = find(&change, grant, id).await?;
        let price = placed(&change, team, wanted.price, Some(&old)).await?;
        if price.is_same_as(&old.text) {
            return Ok(self.price_view(old));
        }
        if old.version != wanted.version {
            return Err(ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        }
        let row = rows::update(change.tx(), id, &definition(&change, &price)).await?;
        record(&change, team, grant.author(), Some(&old), Some(&row)).await?;
        change.commit(self).await?;
        Ok(self.price_view(row))
    }

    /// Deletes a price.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_price(&self, grant: &Grant<can::EditPrices>, id: TeamPriceId) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        rows::delete(change.tx(), id).await?;
        record(&change, grant.team_id(), grant.author(), Some(&old), None).await?;
        change.commit(self).await
    }

    fn price_view(&self, row: Model) -> TeamPriceView {
        TeamPriceView {
            id: TeamPriceId(row.id),
            provider: row.provider,
            model: row.model,
            text: row.text,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
            live: row.version <= self.live_version(),
        }
    }
}

/// Deletes the prices of a provider that goes away: kept, they would hold for whatever takes its slug next.
pub(crate) async fn delete_of_provider(
    change: &Change,
    team: TeamId,
    author: &Author,
    provider: &str,
) -> Result<(), ControlError> {
    for row in rows::list(change.tx(), team).await?.iter().filter(|row| row.provider == provider) {
        rows::delete(change.tx(), TeamPriceId(row.id)).await?;
        record(change, team, author, Some(row), None).await?;
    }
    Ok(())
}

/// The price with its provider's own slug, if there is such a provider and no `other` price of the model begins at the same
/// moment: of two that do, nobody could tell which one holds. Asked under the lock.
async fn placed(
    change: &Change,
    team: TeamId,
    price: PriceText,
    old: Option<&Model>,
) -> Result<PriceText, ControlError> {
    let custom = store::custom_provider::list(change.tx(), team).await?;
    let slug = canonical_provider(price.provider(), custom.iter().map(|row| row.slug.as_str()));
    let price = price.of_provider(slug.map_err(|problem| ControlError::invalid("provider", problem))?);
    let others = rows::list_of(change.tx(), team, price.provider(), price.model()).await?;
    let mut others = others.iter().filter(|row| old.is_none_or(|old| old.id != row.id));
    if others.any(|row| price.begins_with(&row.text)) {
        return Err(ControlError::taken("from"));
    }
    Ok(price)
}

pub(crate) fn definition<'a>(change: &Change, price: &'a PriceText) -> rows::Definition<'a> {
    rows::Definition {
        provider: price.provider(),
        model: price.model(),
        text: price.text(),
        version: change.version(),
        now: change.now(),
    }
}

async fn find(change: &Change, grant: &Grant<can::EditPrices>, id: TeamPriceId) -> Result<Model, ControlError> {
    rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "price"))
}

/// Writes down what becomes of a price: made where there was no `old` one, deleted where there is no `new` one.
pub(crate) async fn record(
    change: &Change,
    team: TeamId,
    author: &Author,
    old: Option<&Model>,
    new: Option<&Model>,
) -> Result<(), ControlError> {
    let action = match (old, new) {
        (None, _) => "price.create",
        (Some(_), Some(_)) => "price.update",
        (Some(_), None) => "price.delete",
    };
    let target = new.or(old).map_or_else(String::new, |row| format!("price {}/{}", row.provider, row.model));
    let event = Event { team: Some(team), action, target, before: old.map(audited), after: new.map(audited) };
    change.record(author, event).await
}

fn audited(row: &Model) -> Value {
    let price = serde_json::from_str::<Value>(&row.text).unwrap_or_default();
    if price.is_object() { price } else { json!({ "text": row.text }) }
}
