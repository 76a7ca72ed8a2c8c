//! The filters of the request log: read from the URL, shown as a form that leads back to it.

use chrono::{NaiveDateTime, TimeDelta};
use domain::filter::{Cursor, RequestFilter, StatusFilter};
use domain::view::{FilterChoices, GatewayView, TokenView};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use url::form_urlencoded::Serializer;

use crate::components::{Field, Select, moment};
use crate::pages::address::asked;

/// What the URL asks for, as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    status: Option<String>,
    gateway: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    token: Option<String>,
    user: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// How `datetime-local` writes a moment.
const MINUTE: &str = "%Y-%m-%dT%H:%M";
/// Groups of statuses: value and words.
const STATUSES: [(&str, &str); 7] = [
    ("", "Any"),
    ("success", "Succeeded"),
    ("error", "All errors"),
    ("4xx", "4xx refused"),
    ("5xx", "5xx failed"),
    ("broken", "Broken off"),
    ("cancelled", "Client left"),
];

impl Asked {
    /// Reads the query. A preset range, as links from the overview carry, becomes its first moment; moments in milliseconds,
    /// as those of a range of one's own do, become whole minutes around them.
    pub(super) fn of(query: &ParamsMap, now: chrono::DateTime<chrono::Utc>) -> Self {
        let field = |name| asked(query, name);
        let preset = field("range").map(|_| crate::components::Range::of(query, now).from.format(MINUTE).to_string());
        Self {
            status: field("status"),
            gateway: field("gateway"),
            provider: field("provider"),
            model: field("model"),
            token: field("token"),
            user: field("user"),
            from: field("from").map(|from| minute(from, TimeDelta::zero())).or(preset),
            to: field("to").map(|to| minute(to, TimeDelta::milliseconds(59_999))),
        }
    }

    /// Whether nothing is narrowed.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filter. A gateway or token that does not exist matches nothing, rather than everything.
    pub(super) fn filter(&self, gateways: &[GatewayView]) -> RequestFilter {
        let moment = |text: &Option<String>| {
            let naive = NaiveDateTime::parse_from_str(text.as_deref()?, MINUTE).ok()?;
            Some(naive.and_utc().timestamp_millis())
        };
        let gateway = self.gateway.as_ref().map(|slug| {
            gateways.iter().find(|gateway| gateway.slug == *slug).map_or(domain::GatewayId(0), |gateway| gateway.id)
        });
        RequestFilter {
            gateway,
            status: self.status.as_deref().and_then(StatusFilter::parse),
            provider: self.provider.clone(),
            model: self.model.clone(),
            user: self.user.clone(),
            token: self.token.as_ref().map(|id| id.parse().unwrap_or(domain::TokenId(0))),
            from_ms: moment(&self.from),
            to_ms: moment(&self.to),
        }
    }

    /// The query that leads to this filter, at a place in the list.
    pub(super) fn query(&self, cursor: Option<Cursor>) -> String {
        let fields = [
            ("status", &self.status),
            ("gateway", &self.gateway),
            ("provider", &self.provider),
            ("model", &self.model),
            ("token", &self.token),
            ("user", &self.user),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let mut query = Serializer::new(String::new());
        for (name, value) in fields {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(cursor) = cursor {
            query.append_pair("at", &cursor.encode());
        }
        query.finish()
    }
}

/// A moment as the field shows it, which knows minutes only. What is no moment stays as it is, and narrows nothing.
fn minute(text: String, up: TimeDelta) -> String {
    let at = moment(&text).and_then(|at| at.checked_add_signed(up));
    at.map_or(text, |at| at.format(MINUTE).to_string())
}

/// The form. It sends `GET`, so that every view of the log has an address. Where there is little room it is folded, unless it
/// narrows the log: then everybody sees why.
#[component]
pub(super) fn Filters(
    path: String,
    asked: Asked,
    choices: FilterChoices,
    gateways: Vec<GatewayView>,
    tokens: Vec<TokenView>,
) -> impl IntoView {
    let narrowed = !asked.is_empty();
    let clear = narrowed.then(|| view! { <a class="button" href=path.clone()>"Clear"</a> });
    let Asked { status, gateway, provider, model, token, user, from, to } = asked;
    let same = |texts: Vec<String>| texts.into_iter().map(|text| (text.clone(), text)).collect::<Vec<_>>();
    let gateways = gateways.into_iter().map(|gateway| (gateway.slug, gateway.name)).collect();
    let tokens = tokens.into_iter().map(|token| (token.id.to_string(), token.name)).collect();
    let statuses = STATUSES.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec();
    view! {
        // In front of the form and not around it: where there is room, the form shows whether it is open or not.
        <details class="fold" open=narrowed>
            <summary class="button">"Filters"</summary>
        </details>
        <form method="get" action=path.clone() class="filters">
            <Select label="Status" name="status" options=with_value(statuses, status.as_ref()) value=status.unwrap_or_default() />
            <Select label="Gateway" name="gateway" options=any(gateways, gateway.as_ref()) value=gateway.unwrap_or_default() />
            <Select label="Provider" name="provider" options=any(same(choices.providers), provider.as_ref())
                value=provider.unwrap_or_default() />
            <Select label="Model" name="model" options=any(same(choices.models), model.as_ref()) value=model.unwrap_or_default() />
            <Select label="Token" name="token" options=any(tokens, token.as_ref()) value=token.unwrap_or_default() />
            <Field label="User" name="user" value=user.unwrap_or_default() />
            // Together, so that they move to the next line together.
            <div class="filters-end">
                <Field label="From (UTC)" name="from" kind="datetime-local" value=from.unwrap_or_default() />
                <Field label="To (UTC)" name="to" kind="datetime-local" value=to.unwrap_or_default() />
                <div class="filters-send">
                    <button type="submit" class="button primary">"Filter"</button>
                    {clear}
                </div>
            </div>
        </form>
    }
}

/// Choices with "Any" in front.
fn any(mut options: Vec<(String, String)>, value: Option<&String>) -> Vec<(String, String)> {
    options.insert(0, (String::new(), "Any".to_owned()));
    with_value(options, value)
}

/// Makes sure that the present value is among the choices, so that the form does not change it unasked.
fn with_value(mut options: Vec<(String, String)>, value: Option<&String>) -> Vec<(String, String)> {
    if let Some(value) = value.filter(|value| !options.iter().any(|(known, _)| known == *value)) {
        options.push((value.clone(), value.clone()));
    }
    options
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

    fn asked(pairs: &[(&'static str, &str)]) -> Asked {
        Asked::of(&query(pairs), chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("in range"))
    }

    #[test]
    fn filters_survive_the_url() {
        let pairs =
            [("status", "5xx"), ("model", "gpt-4o mini"), ("token", "7"), ("from", "2026-11-22T10:00"), ("to", "")];
        let narrowed = asked(&pairs);
        assert_eq!(narrowed.query(None), "status=5xx&model=gpt-4o+mini&token=7&from=2026-11-22T10%3A00");
        let filter = narrowed.filter(&[]);
        assert_eq!(filter.status, Some(StatusFilter::ServerError));
        assert_eq!((filter.token, filter.from_ms), (Some(domain::TokenId(7)), Some(1_795_341_600_000)));
        let of_user = asked(&[("user", "ada@example.com")]);
        assert_eq!(of_user.query(None), "user=ada%40example.com");
        assert_eq!(of_user.filter(&[]).user.as_deref(), Some("ada@example.com"));
        assert!(asked(&[("status", "")]).is_empty());
    }

    #[test]
    fn a_range_of_ones_own_survives_the_way_to_the_log() {
        let pairs = [("model", "gpt-4o"), ("from", "1795341630500"), ("to", "1795341690500")];
        let narrowed = asked(&pairs);
        assert_eq!(narrowed.query(None), "model=gpt-4o&from=2026-11-22T10%3A00&to=2026-11-22T10%3A02");
        let filter = narrowed.filter(&[]);
        assert_eq!((filter.from_ms, filter.to_ms), (Some(1_795_341_600_000), Some(1_795_341_720_000)));
        assert!(asked(&[("to", "8210266876799999")]).filter(&[]).to_ms.is_none(), "the end of time has no next minute");
        let whole = asked(&[("from", "1795341600000"), ("to", "1795341660000")]);
        assert_eq!(whole.query(None), "from=2026-11-22T10%3A00&to=2026-11-22T10%3A01");
    }

    #[test]
    fn an_unknown_gateway_matches_nothing() {
        let filter = asked(&[("gateway", "gone"), ("token", "x")]).filter(&[]);
        assert_eq!((filter.gateway, filter.token), (Some(domain::GatewayId(0)), Some(domain::TokenId(0))));
    }

    #[test]
    fn a_value_that_is_no_choice_any_more_stays_chosen() {
        let options = any(vec![("a".into(), "A".into())], Some(&"b".to_owned()));
        assert_eq!(options.last(), Some(&("b".to_owned(), "b".to_owned())));
    }
}
