//! Which requests a policy is about, ready to be judged.

use std::net::IpAddr;

use chrono::Weekday;
use domain::policy;
use ipnet::IpNet;

use super::facts::{Facts, Target};
use super::pattern::{ModelPattern, Pattern};
use crate::client::Country;
use crate::count::Zone;

/// Whether something holds. Which model is called cannot always be seen, and where nobody is called there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    No,
    Maybe,
    Yes,
}

/// A condition. All of its tests must hold.
#[derive(Debug, Default)]
pub(crate) struct Condition(Vec<Test>);

#[derive(Debug)]
enum Test {
    Gateway(Vec<Pattern>),
    Token(Vec<Pattern>),
    User(Vec<Pattern>),
    Model(Vec<ModelPattern>),
    Provider(Vec<Pattern>),
    Endpoint(Vec<Pattern>),
    Ip(Vec<IpNet>),
    Country(Vec<Country>),
    Metadata(String, Vec<Pattern>),
    Time(Hours),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Condition),
}

/// Hours of some days of the week.
#[derive(Debug)]
struct Hours {
    /// None are all.
    days: Vec<Weekday>,
    from: u16,
    to: u16,
    zone: Zone,
}

impl Condition {
    /// `provider` gives the canonical slug of a provider's name.
    pub(crate) fn new(text: &policy::Condition, provider: &dyn Fn(&str) -> Option<String>) -> Self {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect::<Vec<_>>();
        let parts = |parts: &[policy::Condition]| parts.iter().map(|part| Self::new(part, provider)).collect();
        let slug = |text: &String| Pattern::new(&provider(text).unwrap_or_else(|| text.clone()));
        let mut tests = Vec::new();
        let mut test = |given: bool, test: &dyn Fn() -> Test| tests.extend(given.then(test));
        test(!text.gateway.is_empty(), &|| Test::Gateway(patterns(&text.gateway)));
        test(!text.token.is_empty(), &|| Test::Token(patterns(&text.token)));
        test(!text.user.is_empty(), &|| Test::User(patterns(&text.user)));
        test(!text.model.is_empty(), &|| {
            Test::Model(text.model.iter().map(|text| ModelPattern::new(text, provider)).collect())
        });
        test(!text.provider.is_empty(), &|| Test::Provider(text.provider.iter().map(slug).collect()));
        test(!text.endpoint.is_empty(), &|| Test::Endpoint(patterns(&text.endpoint)));
        // What is no network was refused when it was written, and is never met.
        test(!text.ip.is_empty(), &|| Test::Ip(text.ip.iter().filter_map(|text| network(text)).collect()));
        test(!text.country.is_empty(), &|| {
            Test::Country(text.country.iter().filter_map(|text| Country::read(text)).collect())
        });
        for (key, values) in text.metadata.iter().filter(|(_, values)| !values.is_empty()) {
            test(true, &|| Test::Metadata(key.clone(), patterns(values)));
        }
        if let Some(hours) = &text.time {
            test(true, &|| Test::Time(Hours::new(hours)));
        }
        test(!text.all.is_empty(), &|| Test::All(parts(&text.all)));
        test(!text.any.is_empty(), &|| Test::Any(parts(&text.any)));
        if let Some(part) = &text.not {
            test(true, &|| Test::Not(Self::new(part, provider)));
        }
        Self(tests)
    }

    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Holds {
        least(self.0.iter().map(|test| test.holds(facts)))
    }
}

impl Test {
    fn holds(&self, facts: &Facts<'_>) -> Holds {
        let one_of = |patterns: &[Pattern], value: Option<&str>| {
            value.is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(value))).into()
        };
        match self {
            Self::Gateway(patterns) => one_of(patterns, facts.gateway.map(|(_, slug)| slug)),
            Self::Token(patterns) => one_of(patterns, facts.token.map(|(_, name)| name)),
            Self::User(patterns) => one_of(patterns, facts.user),
            Self::Endpoint(patterns) => one_of(patterns, Some(facts.endpoint)),
            Self::Model(patterns) => match facts.target {
                Target::Model(provider, model) => {
                    patterns.iter().any(|pattern| pattern.matches(provider, model)).into()
                }
                Target::Nobody | Target::Provider(_) | Target::Hidden(_) => Holds::Maybe,
            },
            Self::Provider(_) if facts.target == Target::Nobody => Holds::Maybe,
            Self::Provider(patterns) => one_of(patterns, facts.target.provider()),
            Self::Ip(networks) => {
                let address = facts.address.map(|address| address.to_canonical());
                address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))).into()
            }
            Self::Country(countries) => facts.country.is_some_and(|country| countries.contains(&country)).into(),
            Self::Metadata(key, patterns) => one_of(patterns, facts.metadata.get(key)),
            Self::Time(hours) => hours.contain(facts.now_ms).into(),
            Self::All(parts) => least(parts.iter().map(|part| part.holds(facts))),
            Self::Any(parts) => parts.iter().map(|part| part.holds(facts)).max().unwrap_or(Holds::No),
            Self::Not(part) => part.holds(facts).not(),
        }
    }
}

/// All hold as much as the one that holds least.
fn least(mut all: impl Iterator<Item = Holds>) -> Holds {
    let mut least = Holds::Yes;
    while least != Holds::No
        && let Some(next) = all.next()
    {
        least = least.min(next);
    }
    least
}

impl Holds {
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// An address or a network. One of IPv4 addresses in their IPv6 form is that of the addresses themselves, as which callers
/// are known.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    /// Bits in front of an IPv4 address in its IPv6 form.
    const MAPPED: u8 = 96;
    let network: IpNet = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED)) {
        (IpAddr::V4(address), Some(bits)) if network.addr().is_ipv6() => IpNet::new(address.into(), bits).ok(),
        _ => Some(network),
    }
}

impl Hours {
    fn new(text: &policy::Hours) -> Self {
        // Hours that are none were refused when they were written.
        let (from, to) = text.minutes().unwrap_or_default();
        let days = text.days.iter().map(|day| match day {
            policy::Weekday::Mon => Weekday::Mon,
            policy::Weekday::Tue => Weekday::Tue,
            policy::Weekday::Wed => Weekday::Wed,
            policy::Weekday::Thu => Weekday::Thu,
            policy::Weekday::Fri => Weekday::Fri,
            policy::Weekday::Sat => Weekday::Sat,
            policy::Weekday::Sun => Weekday::Sun,
        });
        Self { days: days.collect(), from, to, zone: Zone::of(text.zone.as_deref()) }
    }

    fn contain(&self, now_ms: i64) -> bool {
        let (today, minute) = self.zone.clock(now_ms);
        let begins = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if self.from <= self.to {
            return begins(today) && (self.from..self.to).contains(&minute);
        }
        // They go on after midnight: what is before noon belongs to the day before.
        (begins(today) && minute >= self.from) || (begins(today.pred()) && minute < self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Metadata;
    use domain::{GatewayId, TokenId};

    fn facts() -> Facts<'static> {
        Facts {
            gateway: Some((GatewayId(1), "main")),
            token: Some((TokenId(1), "ci-build")),
            user: Some("ann@example.com"),
            target: Target::Model("grok", "grok-4"),
            endpoint: "chat_completions",
            address: "::ffff:10.1.2.3".parse().ok(),
            country: Country::read("DE"),
            metadata: Metadata::read(Some(r#"{"team":"red","n":7,"none":null}"#)),
            // Thursday, 1 January 2026, 12:30 UTC.
            now_ms: 1_767_270_600_000,
        }
    }

    fn holds_of(text: &str, facts: &Facts<'_>) -> Holds {
        let text: policy::Condition = serde_json::from_str(text).expect("a condition");
        Condition::new(&text, &|slug| (slug == "xai" || slug == "grok").then(|| "grok".to_owned())).holds(facts)
    }

    #[test]
    fn each_fact_is_looked_at() {
        for (text, holds) in [
            ("{}", true),
            (r#"{"gateway":["main"]}"#, true),
            (r#"{"gateway":["other"]}"#, false),
            (r#"{"token":["ci-*"]}"#, true),
            (r#"{"user":["*@example.com"]}"#, true),
            (r#"{"model":["xai/grok-*"]}"#, true),
            (r#"{"model":["grok-4"]}"#, true),
            (r#"{"model":["openai/grok-4"]}"#, false),
            (r#"{"provider":["xai"]}"#, true),
            (r#"{"endpoint":["embeddings","chat_*"]}"#, true),
            (r#"{"ip":["10.0.0.0/8"]}"#, true),
            (r#"{"ip":["10.1.2.3"]}"#, true),
            (r#"{"ip":["10.1.2.4","2001:db8::/32"]}"#, false),
            (r#"{"country":["FR","DE"]}"#, true),
            (r#"{"metadata":{"team":["red"]}}"#, true),
            (r#"{"metadata":{"n":["7"]}}"#, true),
            (r#"{"metadata":{"none":["*"]}}"#, false),
            (r#"{"metadata":{"other":["*"]}}"#, false),
            (r#"{"gateway":["main"],"country":["FR"]}"#, false),
            (r#"{"any":[{"country":["FR"]},{"token":["ci-build"]}]}"#, true),
            (r#"{"all":[{"country":["DE"]},{"token":["x"]}]}"#, false),
            (r#"{"not":{"country":["DE"]}}"#, false),
            (r#"{"country":["DE"],"not":{"user":["bob"]}}"#, true),
        ] {
            assert_eq!(holds_of(text, &facts()), Holds::from(holds), "{text}");
        }
    }

    #[test]
    fn what_is_absent_is_matched_by_nothing() {
        let nobody = Facts { token: None, user: None, country: None, address: None, ..facts() };
        for text in [r#"{"token":["*"]}"#, r#"{"user":["*"]}"#, r#"{"country":["DE"]}"#, r#"{"ip":["0.0.0.0/0"]}"#] {
            assert_eq!(holds_of(text, &nobody), Holds::No, "{text}");
        }
        assert_eq!(holds_of(r#"{"not":{"country":["DE"]}}"#, &nobody), Holds::Yes);
    }

    #[test]
    fn a_model_that_cannot_be_seen_may_be_any() {
        for target in [Target::Hidden("grok"), Target::Provider("grok"), Target::Nobody] {
            let facts = Facts { target, ..facts() };
            assert_eq!(holds_of(r#"{"model":["gpt-5"]}"#, &facts), Holds::Maybe);
            assert_eq!(holds_of(r#"{"not":{"model":["gpt-5"]}}"#, &facts), Holds::Maybe);
            assert_eq!(holds_of(r#"{"model":["gpt-5"],"country":["FR"]}"#, &facts), Holds::No);
            assert_eq!(holds_of(r#"{"any":[{"model":["gpt-5"]},{"country":["DE"]}]}"#, &facts), Holds::Yes);
            let provider = if target == Target::Nobody { Holds::Maybe } else { Holds::Yes };
            assert_eq!(holds_of(r#"{"provider":["xai"]}"#, &facts), provider);
        }
    }

    #[test]
    fn hours_are_those_of_their_zone_and_may_go_past_midnight() {
        for (text, holds) in [
            (r#"{"from":"12:00","to":"13:00"}"#, true),
            (r#"{"from":"12:31"}"#, false),
            (r#"{"to":"12:30"}"#, false),
            (r#"{"days":["thu"]}"#, true),
            (r#"{"days":["mon","tue"]}"#, false),
            // 21:30 in Tokyo.
            (r#"{"from":"21:00","to":"22:00","zone":"Asia/Tokyo"}"#, true),
            (r#"{"from":"22:00","to":"13:00"}"#, true),
            (r#"{"days":["wed"],"from":"22:00","to":"13:00"}"#, true),
            (r#"{"days":["thu"],"from":"22:00","to":"13:00"}"#, false),
            (r#"{"days":["thu"],"from":"12:00","to":"02:00"}"#, true),
        ] {
            let text = format!(r#"{{"time":{text}}}"#);
            assert_eq!(holds_of(&text, &facts()), Holds::from(holds), "{text}");
        }
    }
}
