//! Writes a price as the price book has it: what [`PriceBook::parse`](super::PriceBook::parse) reads comes out again.

use chrono::{DateTime, SecondsFormat};
use domain::price::{Kind, Per};
use domain::usage::ServiceTier;
use domain::{Nanos, Rate};
use serde_json::{Map, Value, json};

use super::hours::Window;
use super::list::Lists;
use super::{List, Price, Rates, Units};

impl Price {
    /// The row of the book.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut row = Map::new();
        row.insert("provider".to_owned(), json!(self.provider));
        row.insert("model".to_owned(), json!(self.model));
        row.insert("mode".to_owned(), json!(self.mode));
        let counts = [("context_window", self.context_window), ("max_output_tokens", self.max_output_tokens)];
        for (name, count) in counts {
            insert(&mut row, name, count.map(Value::from));
        }
        insert(&mut row, "aliases", (!self.aliases.is_empty()).then(|| json!(self.aliases)));
        lists(&self.lists, &mut row);
        let off_peak = self.off_peak.as_ref().map(|off_peak| {
            let windows: Vec<_> = off_peak.windows.iter().map(window).collect();
            json!({ "rates": rates(&off_peak.rates), "windows": windows })
        });
        insert(&mut row, "off_peak", off_peak);
        let changes = self.changes.iter().map(|change| {
            let mut fields = Map::new();
            fields.insert("from".to_owned(), json!(moment(change.from_ms)));
            lists(&change.lists, &mut fields);
            Value::Object(fields)
        });
        let changes: Vec<_> = changes.collect();
        insert(&mut row, "changes", (!changes.is_empty()).then(|| json!(changes)));
        let factors =
            self.multipliers.iter().map(|(zone, factor)| (zone.as_str().to_owned(), json!(factor.to_string())));
        insert(&mut row, "multipliers", object(factors.collect()));
        let backends = self.backends.iter().map(|(name, own)| (name.clone(), rates(own)));
        insert(&mut row, "backends", object(backends.collect()));
        Value::Object(row)
    }

    /// The usual prices at a moment, in milliseconds since 1970.
    #[must_use]
    pub fn usual_at(&self, at_ms: i64) -> &List {
        let change = self.changes.iter().rev().find(|change| change.from_ms <= at_ms);
        change.map_or(&self.lists.usual, |change| &change.lists.usual)
    }

    /// The usual prices from moments on, in milliseconds since 1970, the earliest first.
    pub fn changes(&self) -> impl Iterator<Item = (i64, &List)> {
        self.changes.iter().map(|change| (change.from_ms, &change.lists.usual))
    }

    /// The prices of other ways of being served, at a moment.
    pub fn services_at(&self, at_ms: i64) -> impl Iterator<Item = (ServiceTier, &List)> {
        let change = self.changes.iter().rev().find(|change| change.from_ms <= at_ms);
        let lists = change.map_or(&self.lists, |change| &change.lists);
        lists.services.iter().map(|(tier, list)| (*tier, list))
    }

    /// Whether some hours are cheaper.
    #[must_use]
    pub fn has_cheaper_hours(&self) -> bool {
        self.off_peak.is_some()
    }
}

impl Rates {
    /// Input and output, and whatever differs from the kind that it falls back on.
    pub fn telling(&self) -> impl Iterator<Item = (Kind, Rate)> {
        let tells = |kind: &Kind| kind.falls_back_on().is_none_or(|other| self.get(*kind) != self.get(other));
        Kind::TOKENS.into_iter().filter(tells).map(|kind| (kind, self.get(kind)))
    }
}

impl Units {
    /// What has a price: the name in the book, what it is, and for how many the rate is. Pictures by quality and size, and
    /// requests by what is searched for them, are not among them.
    pub fn telling(&self) -> impl Iterator<Item = (&'static str, Kind, Per, Rate)> {
        let all = [
            ("per_hour_audio", Kind::AudioSeconds, Per::Hour, self.audio_hour),
            ("per_million_characters", Kind::Characters, Per::Million, self.characters),
            ("per_thousand_searches", Kind::Searches, Per::Thousand, self.searches),
            ("per_image", Kind::Images, Per::One, self.image),
            ("per_thousand_pages", Kind::Pages, Per::Thousand, self.pages),
            ("per_thousand_annotated_pages", Kind::AnnotatedPages, Per::Thousand, self.annotated_pages),
            ("per_thousand_web_searches", Kind::WebSearches, Per::Thousand, self.web_searches),
            ("per_thousand_grounded_prompts", Kind::GroundedPrompts, Per::Thousand, self.grounded_prompts),
            ("per_thousand_file_searches", Kind::FileSearches, Per::Thousand, self.file_searches),
            ("per_image_read", Kind::ImagesRead, Per::One, self.image_read),
            ("per_request", Kind::Requests, Per::One, self.request),
        ];
        all.into_iter().filter_map(|(name, kind, per, rate)| Some((name, kind, per, rate?)))
    }
}

fn lists(lists: &Lists, fields: &mut Map<String, Value>) {
    list(&lists.usual, fields);
    let mut tiers = Map::new();
    for (tier, own) in &lists.services {
        let mut written = Map::new();
        list(own, &mut written);
        let at = if *tier == ServiceTier::Batch { &mut *fields } else { &mut tiers };
        at.insert(tier.as_str().to_owned(), Value::Object(written));
    }
    insert(fields, "service_tiers", object(tiers));
}

fn list(list: &List, fields: &mut Map<String, Value>) {
    insert(fields, "rates", list.rates.as_ref().map(rates));
    let tiers = list.tiers.iter().map(|tier| json!({ "from": tier.from, "rates": rates(&tier.rates) }));
    let tiers: Vec<_> = tiers.collect();
    insert(fields, "tiers", (!tiers.is_empty()).then(|| json!(tiers)));
    insert(fields, "units", object(units(&list.units)));
}

fn rates(rates: &Rates) -> Value {
    rates.telling().map(|(kind, rate)| (kind.as_str().to_owned(), json!(dollars(rate)))).collect()
}

fn units(units: &Units) -> Map<String, Value> {
    let mut fields: Map<_, _> =
        units.telling().map(|(name, _, _, rate)| (name.to_owned(), json!(dollars(rate)))).collect();
    let least = Some(units.minimum_audio_seconds).filter(|seconds| *seconds > 0);
    insert(&mut fields, "minimum_audio_seconds", least.map(Value::from));
    let variants = units.images.iter().map(|(variant, rate)| (variant.clone(), json!(dollars(*rate))));
    insert(&mut fields, "per_image_by_variant", object(variants.collect()));
    let by_context = units.requests_by_context.map(|sizes| {
        let [low, medium, high] = sizes.map(dollars);
        json!({ "low": low, "medium": medium, "high": high })
    });
    insert(&mut fields, "per_thousand_requests_by_context", by_context);
    fields
}

fn window(window: &Window) -> Value {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    json!({ "weekdays": window.weekdays, "hours_utc": [format!("{}-{}", time(window.from), time(window.to))] })
}

fn dollars(rate: Rate) -> String {
    Nanos(rate.0).to_string().replace('$', "")
}

fn moment(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn object(fields: Map<String, Value>) -> Option<Value> {
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn insert(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PriceBook, Row};

    #[test]
    fn what_is_written_is_read_as_the_same_price() {
        for price in PriceBook::builtin().prices() {
            let written = price.to_json();
            let read = Row::read(written.clone()).unwrap_or_else(|bad| panic!("{bad}: {written}"));
            assert_eq!(read.price(), Some(price), "{written}");
        }
    }

    #[test]
    fn every_part_of_a_price_is_written() {
        let text = r#"{"provider":"p","model":"m","aliases":["n"],"mode":"chat","context_window":9,"max_output_tokens":3,
            "rates":{"input":"1","output":"2","cached_input":"0.1"},"tiers":[{"above":200,"rates":{"input":"3","output":"4"}}],
            "units":{"per_hour_audio":"0.04","minimum_audio_seconds":10,"per_image_by_variant":{"high/1x1":"0.5"},
                "per_thousand_requests_by_context":{"low":"1","medium":"2","high":"3"},"per_request":"0.000000001"},
            "batch":{"rates":{"input":"0.5","output":"1"}},"service_tiers":{"flex":{"rates":{"input":"0.6","output":"1"}}},
            "off_peak":{"rates":{"input":"0.2","output":"0.3"},"windows":[{"weekdays":[1,7],"hours_utc":["10:30-00:00"]}]},
            "changes":[{"from":"2027-01-01T08:00:00Z","rates":{"input":"7","output":"8"}}],
            "multipliers":{"data_residency":"1.1"},"backends":{"b":{"input":"1","output":"1.5"}}}"#;
        let row = Row::parse(text).expect("a row");
        let price = row.price().expect("prices");
        let again = Row::read(price.to_json()).expect("a row");
        assert_eq!(again.price(), Some(price));
        assert_eq!(
            price.usual_at(0).rates.map(|rates| rates.get(domain::price::Kind::Input)),
            Some(domain::Rate(1_000_000_000))
        );
        let later = price.usual_at(1_900_000_000_000).rates.map(|rates| rates.get(domain::price::Kind::Input));
        assert_eq!(later, Some(domain::Rate(7_000_000_000)));
        assert!(price.has_cheaper_hours());
    }
}
