//! The span of time a page shows: presets as links, a custom span as a form, both in the URL.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use url::form_urlencoded::Serializer;

use super::{Icon, Symbol};

/// Presets: the word in the URL and on the button, and hours.
const PRESETS: [(&str, i64); 4] = [("1h", 1), ("24h", 24), ("7d", 7 * 24), ("30d", 30 * 24)];
/// How `datetime-local` writes a moment.
const INPUT: &str = "%Y-%m-%dT%H:%M";
/// Longest custom span.
const LONGEST: TimeDelta = TimeDelta::days(400);

/// A span of time, from inclusive, to exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First moment.
    pub from: DateTime<Utc>,
    /// Moment after the last.
    pub to: DateTime<Utc>,
    /// The preset's word; nothing for a custom span.
    pub preset: Option<&'static str>,
}

impl Range {
    /// Reads `range=24h`, or `from=…&to=…` as charts write them (milliseconds since 1970) and as the form does
    /// (`2026-11-22T08:00`, UTC); anything else is the last 24 hours.
    #[must_use]
    pub fn of(query: &ParamsMap, now: DateTime<Utc>) -> Self {
        Self::custom(query).unwrap_or_else(|| {
            let asked = query.get_str("range").unwrap_or_default();
            let (word, hours) = PRESETS.into_iter().find(|(word, _)| *word == asked).unwrap_or(PRESETS[1]);
            Self { from: now - TimeDelta::hours(hours), to: now, preset: Some(word) }
        })
    }

    fn custom(query: &ParamsMap) -> Option<Self> {
        let (from, to) = (moment(query.get_str("from")?)?, moment(query.get_str("to")?)?);
        (from < to && to - from <= LONGEST).then_some(Self { from, to, preset: None })
    }

    /// First moment in milliseconds since 1970.
    #[must_use]
    pub fn from_ms(&self) -> i64 {
        self.from.timestamp_millis()
    }

    /// Moment after the last, in milliseconds since 1970.
    #[must_use]
    pub fn to_ms(&self) -> i64 {
        self.to.timestamp_millis()
    }

    /// What the URL says of the same span.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        match self.preset {
            Some(word) => vec![("range", word.to_owned())],
            None => vec![("from", self.from_ms().to_string()), ("to", self.to_ms().to_string())],
        }
    }

    /// The part of the URL that leads to the same span.
    #[must_use]
    pub fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }
}

/// A moment as it stands in a URL, in either spelling.
#[must_use]
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    match text.parse() {
        Ok(ms) => DateTime::from_timestamp_millis(ms),
        Err(_) => NaiveDateTime::parse_from_str(text, INPUT).ok().map(|at| at.and_utc()),
    }
}

/// Chooses a [`Range`]. `keep` are other parts of the URL that stay.
#[component]
pub fn RangePicker(
    range: Range,
    /// Path of the page.
    #[prop(into)]
    path: String,
    #[prop(optional)] keep: Vec<(&'static str, String)>,
) -> impl IntoView {
    let links = PRESETS.into_iter().map(|(word, _)| {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&keep).append_pair("range", word);
        let open = (range.preset == Some(word)).then_some("true");
        view! { <a href=format!("{path}?{}", query.finish()) aria-current=open>{word}</a> }
    });
    let links = links.collect_view();
    let custom = range.preset.is_none().then_some("true");
    let label = if range.preset.is_none() {
        format!("{} – {}", range.from.format("%b %-d %H:%M"), range.to.format("%b %-d %H:%M"))
    } else {
        "Custom".to_owned()
    };
    let kept = keep.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
    view! {
        <nav class="range" aria-label="Time range">
            {links}
            <details>
                <summary aria-current=custom>{label}<Icon symbol=Symbol::ChevronDown /></summary>
                <form method="get" action=path.clone() class="form popup">
                    {kept.collect_view()}
                    <label>"From (UTC)"<input type="datetime-local" name="from" required value=range.from.format(INPUT).to_string() /></label>
                    <label>"To (UTC)"<input type="datetime-local" name="to" required value=range.to.format(INPUT).to_string() /></label>
                    <button type="submit" class="button primary">"Show"</button>
                </form>
            </details>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&'static str, &str)]) -> ParamsMap {
        let mut map = ParamsMap::new();
        for (name, value) in pairs {
            map.insert(*name, (*value).to_owned());
        }
        map
    }

    #[test]
    fn a_range_is_read_from_the_url_and_leads_back_to_itself() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let week = Range::of(&query(&[("range", "7d")]), now);
        assert_eq!((week.to - week.from, week.query().as_str()), (TimeDelta::days(7), "range=7d"));
        let custom = Range::of(&query(&[("from", "2026-11-01T00:00"), ("to", "2026-11-02T12:30")]), now);
        assert_eq!(custom.query(), "from=1793491200000&to=1793622600000");
        let zoomed = Range::of(&query(&[("from", "1793491200000"), ("to", "1793622600000")]), now);
        assert_eq!(zoomed, custom);
    }

    #[test]
    fn a_range_that_makes_no_sense_is_the_last_day() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let backwards = [("from", "2026-11-02T00:00"), ("to", "2026-11-01T00:00")];
        let endless = [("from", "1970-01-01T00:00"), ("to", "2026-11-01T00:00")];
        for pairs in [&[][..], &[("range", "9y")], &backwards, &endless] {
            assert_eq!(Range::of(&query(pairs), now).preset, Some("24h"));
        }
    }
}
