//! Prices the past again: what attempts used is known, and the prices that hold for their time may be others by now, because a
//! price book was imported or a team wrote prices of its own. Rows stay as they are; a correction stands beside each that costs
//! something else ([`store::correction`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, Utc};
use domain::price::{Formula, Source};
use domain::{Nanos, TeamId, TeamPriceId};
use serde::Serialize;
use serde_json::json;
use store::correction::{Billed, Priced, Scope, correct, look};
use store::entity::team;
use wire::price::{InForce, Named, Prices, Row, Terms};
use wire::providers;
use wire::task::Size;

use crate::actor::Author;
use crate::change::Event;
use crate::{Control, ControlError};

/// What is to be priced again. What is missing does not narrow it.
#[derive(Clone, Debug, Default)]
pub struct Rerate {
    /// The team's slug.
    pub team: Option<String>,
    /// The provider's slug or another name of it.
    pub provider: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Days on which requests came in, UTC, both included.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    /// Whether corrections are written; otherwise it is only told what they would be.
    pub write: bool,
    /// The command that asks, for the audit log.
    pub by: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rerated {
    /// Which price book.
    pub book: String,
    /// Whether corrections were written.
    pub written: bool,
    /// What costs something else, by team, provider and model.
    pub changed: Vec<Repriced>,
    /// Attempts that cost the same.
    pub same: u64,
    /// Attempts whose cost is no matter of prices: the provider or the request named it, or another row has it.
    pub named: u64,
    /// Attempts for which there is no price. What they cost by now stays.
    pub without_price: u64,
    /// Attempts that made pictures of which the ledger does not know the size, which decides.
    pub unknown_pictures: u64,
    /// Rows of which the usage or the formula cannot be read; `weir ledger verify` names them.
    pub damaged: u64,
}

/// Why the past was not priced again.
#[derive(Debug, thiserror::Error)]
pub enum RerateError {
    /// The price book that was imported cannot be used.
    #[error(
        "the imported price book cannot be used: {0}; nothing is priced again at the program's own book, which stands in for it \
         (is WEIR_PRICE_KEYS set as for the server?)"
    )]
    Book(String),
    /// Everything else.
    #[error("{0}")]
    Control(#[from] ControlError),
}

/// Attempts of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repriced {
    pub team: String,
    pub provider: String,
    pub model: String,
    pub attempts: u64,
    /// How many of them had no known cost.
    pub unknown_before: u64,
    /// What they cost together, in nano-dollars.
    pub before: i64,
    pub after: i64,
}

/// Why a cost stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Named,
    WithoutPrice,
    UnknownPictures,
}

/// Sums by provider and model.
type ByModel = BTreeMap<(String, String), Repriced>;

impl Control {
    /// Prices the past again. Works while a server runs, whose budgets count on with what they had until it starts anew.
    ///
    /// # Errors
    /// [`RerateError`]; what was corrected by then stays so.
    pub async fn rerate(&self, asked: &Rerate) -> Result<Rerated, RerateError> {
        let book = self.price_book().await?;
        if let Some(problem) = book.problem() {
            // The book of the program, which stands in for it, would make the past what it never was.
            return Err(RerateError::Book(problem.to_string()));
        }
        let mut rerated = Rerated { book: book.to_string(), written: asked.write, ..Rerated::default() };
        for team in self.teams_of(asked).await? {
            let prices = self.prices_of(&book, TeamId(team.id)).await?;
            let scope = asked.scope(TeamId(team.id));
            let mut sums = self.look(&scope, &prices, &mut rerated).await?;
            if asked.write && !sums.is_empty() {
                self.record_rerate(asked, &team, &sums).await?;
                sums = ByModel::new();
                let judge = |row: &Billed| price(&prices, row);
                correct(&self.inner.store, &scope, &judge, |row, cost| add(&mut sums, row, cost))
                    .await
                    .map_err(ControlError::from)?;
            }
            rerated.changed.extend(sums.into_values().map(|sum| Repriced { team: team.slug.clone(), ..sum }));
        }
        Ok(rerated)
    }

    async fn teams_of(&self, asked: &Rerate) -> Result<Vec<team::Model>, ControlError> {
        let db = self.inner.store.read();
        match &asked.team {
            Some(slug) => {
                let team = store::team::find_by_slug(db, slug).await?;
                Ok(vec![team.ok_or(ControlError::NotFound("team"))?])
            }
            None => Ok(store::team::list(db).await?),
        }
    }

    /// The book with the team's own prices over it, as the data plane has them.
    async fn prices_of(&self, book: &Arc<InForce>, team: TeamId) -> Result<Prices, ControlError> {
        let rows = store::team_price::list(self.inner.store.read(), team).await?;
        // What cannot be read does not count there either.
        let rows = rows.into_iter().filter_map(|row| Some((TeamPriceId(row.id), Row::parse(&row.text).ok()?)));
        let rows = rows.map(|(id, row)| match providers::find(row.provider()) {
            Some(provider) => (id, row.of_provider(provider.slug.clone())),
            None => (id, row),
        });
        Ok(Prices::new(book.book().clone(), rows))
    }

    /// What would cost something else.
    async fn look(&self, scope: &Scope, prices: &Prices, rerated: &mut Rerated) -> Result<ByModel, ControlError> {
        let mut sums = ByModel::new();
        let judge = |row: &Billed| price(prices, row);
        let tell = |row: &Billed, priced: Priced<Why>| match priced {
            Priced::Another(cost) => add(&mut sums, row, cost),
            Priced::Same => rerated.same += 1,
            Priced::Left(Why::Named) => rerated.named += 1,
            Priced::Left(Why::WithoutPrice) => rerated.without_price += 1,
            Priced::Left(Why::UnknownPictures) => rerated.unknown_pictures += 1,
            Priced::Damaged => rerated.damaged += 1,
        };
        look(&self.inner.store, scope, &judge, tell).await?;
        Ok(sums)
    }

    /// Before anything is written, so that no correction is without it: what is planned.
    async fn record_rerate(&self, asked: &Rerate, team: &team::Model, sums: &ByModel) -> Result<(), ControlError> {
        let total = |of: fn(&Repriced) -> i64| sums.values().fold(0_i64, |sum, one| sum.saturating_add(of(one)));
        let attempts = sums.values().map(|sum| sum.attempts).sum::<u64>();
        let before = json!({ "attempts": attempts, "cost_nanos": total(|sum| sum.before) });
        let after = json!({
            "attempts": attempts, "cost_nanos": total(|sum| sum.after), "from": asked.from, "to": asked.to,
            "provider": asked.provider, "model": asked.model,
        });
        let change = self.begin_account().await?;
        let target = "past costs".to_owned();
        let (team, action) = (Some(TeamId(team.id)), "ledger.rerate");
        let event = Event { team, action, target, before: Some(before), after: Some(after) };
        change.record(&Author { name: asked.by.clone(), user_id: None }, event).await?;
        change.commit(self).await
    }
}

impl Rerate {
    fn scope(&self, team: TeamId) -> Scope {
        let start = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let behind = self.to.and_then(|day| day.checked_add_days(Days::new(1)));
        let canonical = |name: &String| providers::find(name).map_or(name, |provider| &provider.slug).clone();
        Scope {
            team,
            from_ms: self.from.map_or(0, start),
            to_ms: behind.map_or_else(|| Utc::now().timestamp_millis(), start),
            provider: self.provider.as_ref().map(canonical),
            model: self.model.clone(),
        }
    }
}

fn add(sums: &mut ByModel, row: &Billed, after: Nanos) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (provider, model) = (text(&row.provider), text(&row.model));
    let sum = sums.entry((provider.clone(), model.clone())).or_default();
    (sum.provider, sum.model) = (provider, model);
    sum.attempts += 1;
    sum.unknown_before += u64::from(row.cost.is_none());
    sum.before = sum.before.saturating_add(row.cost.map_or(0, |cost| cost.0));
    sum.after = sum.after.saturating_add(after.0);
}

/// Prices an attempt as it was priced when it ended, by the model that answered and the one that was called.
fn price(prices: &Prices, row: &Billed) -> Result<(Nanos, Formula), Why> {
    // A cost that a request stated without a count to go by was kept without its source once.
    let is_stated = row.cost == Some(Nanos::ZERO) && row.usage.input == 0 && row.usage.output == 0;
    if is_stated || matches!(row.source, Source::Custom | Source::Provider | Source::Apart) {
        return Err(Why::Named);
    }
    let provider = row.provider.as_deref().unwrap_or_default();
    let book = providers::find(provider).map(|provider| provider.price_provider.as_str());
    let (answered, asked) = match &row.called {
        Some(called) => (row.model.as_deref(), Some(called.as_str())),
        None => (None, row.model.as_deref()),
    };
    let named = Named::of_attempt(provider, book, answered, asked);
    let word = |word: &str| Some(word.to_owned());
    let pictures = row.pictures.as_deref().and_then(|variant| variant.split_once('/'));
    let pictures =
        pictures.map_or_else(Size::default, |(quality, size)| Size { size: word(size), quality: word(quality) });
    let terms = Terms { at_ms: row.at_ms, pictures: &pictures, backend: row.backend.as_deref() };
    match prices.quote(&named, &row.usage, &terms) {
        None => Err(Why::WithoutPrice),
        Some(cost) if cost.formula.variant.is_some() && row.pictures.is_none() => Err(Why::UnknownPictures),
        Some(cost) => Ok((cost.total, cost.formula)),
    }
}
