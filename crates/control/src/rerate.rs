//! Prices the past again: what attempts used is known, and the prices that hold for their time may be others by now, because a
//! price book was imported or a team wrote prices of its own. Rows stay as they are; a correction stands beside each that costs
//! something else ([`store::correction`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, Utc};
use domain::price::Source;
use domain::{Nanos, TeamId, TeamPriceId};
use serde::Serialize;
use serde_json::json;
use store::correction::{Billed, Mode, Scope, correct};
use store::entity::team;
use wire::price::{Cost, InForce, Named, Prices, Row, Terms};
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
    /// As of which day the price book is.
    pub book: NaiveDate,
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

/// What an attempt costs at other prices.
enum Verdict {
    Cost(Cost),
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
    /// [`ControlError::NotFound`] for a team; [`ControlError::Unavailable`], where what was corrected by then stays so.
    pub async fn rerate(&self, asked: &Rerate) -> Result<Rerated, ControlError> {
        let book = self.price_book().await?;
        let mut rerated = Rerated { book: book.book().as_of(), written: asked.write, ..Rerated::default() };
        for team in self.teams_of(asked).await? {
            let prices = self.prices_of(&book, TeamId(team.id)).await?;
            let scope = asked.scope(TeamId(team.id));
            let sums = self.walk(&scope, Mode::DryRun, &prices, &mut rerated).await?;
            if asked.write && !sums.is_empty() {
                self.record_rerate(asked, &team, &sums).await?;
                self.walk(&scope, Mode::Write, &prices, &mut Rerated::default()).await?;
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

    async fn walk(
        &self,
        scope: &Scope,
        mode: Mode,
        prices: &Prices,
        rerated: &mut Rerated,
    ) -> Result<ByModel, ControlError> {
        let mut sums = ByModel::new();
        correct(&self.inner.store, scope, mode, |row| match price(prices, row) {
            Verdict::Cost(cost) if row.cost == Some(cost.total) => {
                rerated.same += 1;
                None
            }
            Verdict::Cost(cost) => {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let key = (text(&row.provider), text(&row.model));
                let (provider, model) = key.clone();
                let sum = sums.entry(key).or_insert_with(|| Repriced { provider, model, ..Repriced::default() });
                sum.add(row.cost, cost.total);
                Some((cost.total, cost.formula))
            }
            Verdict::Named => {
                rerated.named += 1;
                None
            }
            Verdict::WithoutPrice => {
                rerated.without_price += 1;
                None
            }
            Verdict::UnknownPictures => {
                rerated.unknown_pictures += 1;
                None
            }
        })
        .await?;
        Ok(sums)
    }

    /// Before anything is written, so that no correction is without it.
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

impl Repriced {
    fn add(&mut self, before: Option<Nanos>, after: Nanos) {
        self.attempts += 1;
        self.unknown_before += u64::from(before.is_none());
        self.before = self.before.saturating_add(before.map_or(0, |cost| cost.0));
        self.after = self.after.saturating_add(after.0);
    }
}

/// Prices an attempt as it was priced when it ended, by the model that answered and the one that was called.
fn price(prices: &Prices, row: &Billed) -> Verdict {
    if matches!(row.formula.source, Source::Custom | Source::Provider | Source::Apart) {
        return Verdict::Named;
    }
    let provider = row.provider.as_deref().unwrap_or_default();
    let book = providers::find(provider).map(|provider| provider.price_provider.as_str());
    let (answered, asked) = match &row.called {
        Some(called) => (row.model.as_deref(), Some(called.as_str())),
        None => (None, row.model.as_deref()),
    };
    let named = Named::of_attempt(provider, book, answered, asked);
    let word = |word: &str| Some(word.to_owned());
    let pictures = row.formula.variant.as_deref().and_then(|variant| variant.split_once('/'));
    let pictures =
        pictures.map_or_else(Size::default, |(quality, size)| Size { size: word(size), quality: word(quality) });
    let terms = Terms { at_ms: row.at_ms, pictures: &pictures, backend: row.backend.as_deref() };
    match prices.quote(&named, &row.usage, &terms) {
        None => Verdict::WithoutPrice,
        Some(cost) if cost.formula.variant.is_some() && row.formula.variant.is_none() => Verdict::UnknownPictures,
        Some(cost) => Verdict::Cost(cost),
    }
}
