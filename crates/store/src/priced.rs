//! What of usage and cost is rare or nested, as JSON of one column each, without what says nothing: most rows have none of the
//! first and three lines of the second.

use chrono::NaiveDate;
use domain::price::{CostLine, Formula, Kind, Multiplier, Per, Ppm, Source, Zone};
use domain::usage::{SearchContext, ServiceTier, Usage};
use domain::{Rate, TeamPriceId};
use serde::{Deserialize, Serialize};

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares a struct of which only what differs from nothing is written.
macro_rules! sparse {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        struct $name {
            $(#[serde(skip_serializing_if = "is_default")] $field: $kind,)+
        }
    };
}

/// Usage that has no columns of its own, and how both are copied.
macro_rules! more {
    ($($field:ident: $kind:ty),+ $(,)?) => {
        sparse!(More { $($field: $kind),+ });

        impl More {
            fn of(usage: &Usage) -> Self {
                Self { $($field: usage.$field),+ }
            }

            fn into(self, usage: Usage) -> Usage {
                Usage { $($field: self.$field,)+ ..usage }
            }
        }
    };
}

more! {
    cache_write_12h: u32,
    explicit_cached: u32,
    cached_audio: u32,
    cached_image: u32,
    video_input: u32,
    citation: u32,
    image_output: u32,
    video_output: u32,
    web_searches: u32,
    file_searches: u32,
    pages: u32,
    annotated_pages: u32,
    images_read: u32,
    service_tier: ServiceTier,
    zone: Zone,
    search_context: SearchContext,
}

/// The part of a usage that has no columns; none where there is nothing in it.
pub(crate) fn usage_more(usage: &Usage) -> Option<String> {
    let more = More::of(usage);
    if is_default(&more) { None } else { serde_json::to_string(&more).ok() }
}

/// A usage with what was stored of it as JSON.
pub(crate) fn with_more(usage: Usage, json: Option<&str>) -> serde_json::Result<Usage> {
    json.map_or(Ok(usage), |json| Ok(serde_json::from_str::<More>(json)?.into(usage)))
}

#[derive(Serialize, Deserialize)]
struct Line {
    what: Kind,
    units: u64,
    rate: Rate,
    #[serde(default, skip_serializing_if = "is_default")]
    per: Per,
}

sparse!(Whole {
    lines: Vec<Line>,
    source: Option<StoredSource>,
    as_of: Option<NaiveDate>,
    since_ms: Option<i64>,
    tier_from: Option<u64>,
    service_tier: ServiceTier,
    off_peak: bool,
    variant: Option<String>,
    zone: Option<Zone>,
    factor: Option<Ppm>,
    discount: Ppm,
});

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.line() == other.line()
    }
}

/// The price book is not named.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredSource {
    Team(TeamPriceId),
    Custom,
    Provider,
    Apart,
}

/// Rows from before there was more than lines have a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Lines(Vec<Line>),
    Whole(Whole),
}

impl Line {
    fn line(&self) -> CostLine {
        let Self { what, units, rate, per } = *self;
        CostLine { what, units, rate, per }
    }
}

/// A formula; none where it has no lines and says no more than that.
pub(crate) fn formula(formula: &Formula) -> Option<String> {
    if formula.lines.is_empty() && matches!(formula.source, Source::Book | Source::Team(_)) {
        return None;
    }
    let line = |line: &CostLine| Line { what: line.what, units: line.units, rate: line.rate, per: line.per };
    let source = match formula.source {
        Source::Book => None,
        Source::Team(id) => Some(StoredSource::Team(id)),
        Source::Custom => Some(StoredSource::Custom),
        Source::Provider => Some(StoredSource::Provider),
        Source::Apart => Some(StoredSource::Apart),
    };
    let whole = Whole {
        lines: formula.lines.iter().map(line).collect(),
        source,
        as_of: formula.as_of,
        since_ms: formula.since_ms,
        tier_from: formula.tier_from,
        service_tier: formula.service_tier,
        off_peak: formula.off_peak,
        variant: formula.variant.clone(),
        zone: formula.multiplier.map(|multiplier| multiplier.zone),
        factor: formula.multiplier.map(|multiplier| multiplier.factor),
        discount: formula.discount,
    };
    serde_json::to_string(&whole).ok()
}

/// What [`formula`] has written, now or before.
pub(crate) fn read_formula(json: Option<&str>) -> serde_json::Result<Formula> {
    let Some(json) = json else { return Ok(Formula::default()) };
    let whole = match serde_json::from_str(json)? {
        Stored::Whole(whole) => whole,
        Stored::Lines(lines) => {
            let charged = lines.iter().any(|line| line.what == Kind::Charged);
            Whole { lines, source: charged.then_some(StoredSource::Provider), ..Whole::default() }
        }
    };
    Ok(Formula {
        lines: whole.lines.iter().map(Line::line).collect(),
        source: match whole.source {
            None => Source::Book,
            Some(StoredSource::Team(id)) => Source::Team(id),
            Some(StoredSource::Custom) => Source::Custom,
            Some(StoredSource::Provider) => Source::Provider,
            Some(StoredSource::Apart) => Source::Apart,
        },
        as_of: whole.as_of,
        since_ms: whole.since_ms,
        tier_from: whole.tier_from,
        service_tier: whole.service_tier,
        off_peak: whole.off_peak,
        variant: whole.variant,
        multiplier: whole.zone.zip(whole.factor).map(|(zone, factor)| Multiplier { zone, factor }),
        discount: whole.discount,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_not_stored() {
        assert_eq!(usage_more(&Usage { input: 5, output: 7, ..Usage::default() }), None);
        let usage = Usage { input: 5, web_searches: 3, service_tier: ServiceTier::Flex, ..Usage::default() };
        let json = usage_more(&usage).expect("something");
        assert_eq!(json, r#"{"web_searches":3,"service_tier":"flex"}"#);
        assert_eq!(with_more(Usage { input: 5, ..Usage::default() }, Some(&json)).expect("read"), usage);
    }

    #[test]
    fn a_formula_is_read_as_it_was_written() {
        let lines = vec![
            CostLine { what: Kind::Input, units: 12, rate: Rate(150_000_000), per: Per::Million },
            CostLine { what: Kind::WebSearches, units: 1, rate: Rate(10_000_000_000), per: Per::Thousand },
        ];
        let short =
            Formula { lines: lines.clone(), as_of: NaiveDate::from_ymd_opt(2026, 11, 22), ..Formula::default() };
        let json = formula(&short).expect("a formula");
        let wanted = r#"{"lines":[{"what":"input","units":12,"rate":150000000},{"what":"web_searches","units":1,"rate":10000000000,"per":"thousand"}],"as_of":"2026-11-22"}"#;
        assert_eq!(json, wanted);
        assert_eq!(read_formula(Some(&json)).expect("read"), short);
        let full = Formula {
            lines,
            source: Source::Team(TeamPriceId(9)),
            as_of: NaiveDate::from_ymd_opt(2026, 11, 22),
            since_ms: Some(5),
            tier_from: Some(200_000),
            service_tier: ServiceTier::Priority,
            off_peak: true,
            variant: Some("hd/1024x1024".to_owned()),
            multiplier: Some(Multiplier { zone: Zone::DataZoneEu, factor: Ppm(1_100_000) }),
            discount: Ppm(150_000),
        };
        assert_eq!(read_formula(formula(&full).as_deref()).expect("read"), full);
        let apart = Formula { source: Source::Apart, ..Formula::default() };
        assert_eq!(read_formula(formula(&apart).as_deref()).expect("read"), apart);
        assert_eq!(formula(&Formula::default()), None);
        assert_eq!(read_formula(None).expect("read"), Formula::default());
    }

    #[test]
    fn lists_of_lines_from_before_are_read_still() {
        let read = read_formula(Some(r#"[{"what":"cache_write_1h","units":7,"rate":5}]"#)).expect("read");
        let line = CostLine { what: Kind::CacheWrite1h, units: 7, rate: Rate(5), per: Per::Million };
        assert_eq!((read.lines, read.source), (vec![line], Source::Book));
        let read = read_formula(Some(r#"[{"what":"charged","units":1000000,"rate":34750}]"#)).expect("read");
        assert_eq!((read.total(), read.source), (domain::Nanos(34_750), Source::Provider));
    }
}
