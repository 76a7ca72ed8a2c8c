//! The parts of a row, as JSON has them.

use domain::Rate;
use domain::price::{Kind, Ppm, Zone};
use domain::usage::ServiceTier;
use serde_json::Value;

use super::hours::Window;
use super::list::{List, Lists, Tier};
use super::model::{Change, OffPeak};
use super::read::{BadRow, Fields, rate, shown};
use super::{Rates, Units};

/// Prices of every way of being served.
pub(super) fn lists(fields: &mut Fields) -> Result<Lists, BadRow> {
    let usual = list(fields, None)?;
    let mut services = Vec::new();
    if let Some(batch) = fields.object("batch")? {
        services.push((ServiceTier::Batch, of_service(batch, &usual)?));
    }
    if let Some(mut tiers) = fields.object("service_tiers")? {
        for tier in [ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Fast] {
            if let Some(own) = tiers.object(tier.as_str())? {
                services.push((tier, of_service(own, &usual)?));
            }
        }
        tiers.finish()?;
    }
    Ok(Lists { usual, services })
}

fn of_service(mut fields: Fields, usual: &List) -> Result<List, BadRow> {
    let own = list(&mut fields, usual.rates.as_ref())?;
    fields.finish()?;
    Ok(List { rates: own.rates.or(usual.rates), units: own.units.or(&usual.units), tiers: own.tiers })
}

fn list(fields: &mut Fields, usual: Option<&Rates>) -> Result<List, BadRow> {
    let rates = rates(fields, usual)?;
    let tiers = fields.path("tiers");
    let mut found = Vec::new();
    for (place, value) in fields.list("tiers")?.into_iter().enumerate() {
        found.push(tier(Fields::of(format!("{tiers}[{place}]"), value)?, rates.as_ref().or(usual))?);
    }
    found.sort_by_key(|tier| tier.from);
    let units = fields.object("units")?.map(units).transpose()?.unwrap_or_default();
    Ok(List { rates, tiers: found, units })
}

fn tier(mut fields: Fields, usual: Option<&Rates>) -> Result<Tier, BadRow> {
    let (above, from) = (fields.count("above")?, fields.count("from")?);
    let from = match (above, from) {
        (Some(above), None) => above.saturating_add(1),
        (None, Some(from)) => from,
        _ => {
            let problem =
                "needs `above`, if a request of just so many input tokens is not yet long, or `from`, if it is";
            return Err(fields.bad("above", problem));
        }
    };
    let rates = rates(&mut fields, usual)?
        .ok_or_else(|| fields.bad("rates", "is missing: what tokens of long requests cost"))?;
    fields.finish()?;
    Ok(Tier { from, rates })
}

fn rates(fields: &mut Fields, usual: Option<&Rates>) -> Result<Option<Rates>, BadRow> {
    fields.object("rates")?.map(|fields| rates_of(fields, usual)).transpose()
}

/// Rates, in place of the usual ones. Sounds and pictures that have a price of their own keep it where these name none: they
/// are not words because somebody left them out.
fn rates_of(mut fields: Fields, usual: Option<&Rates>) -> Result<Rates, BadRow> {
    let mut named = [None; Kind::TOKENS.len()];
    for kind in Kind::TOKENS {
        named[kind as usize] = fields.rate(kind.as_str())?;
    }
    let missing = fields.bad("input", "is missing: what a million input tokens cost, `\"0\"` where they are free");
    fields.finish()?;
    let kept = |kind: Kind| usual.filter(|_| kind.is_modality())?.own(kind);
    Rates::of(|kind| named[kind as usize].or_else(|| kept(kind))).ok_or(missing)
}

fn units(mut fields: Fields) -> Result<Units, BadRow> {
    let mut images = Vec::new();
    if let Some(variants) = fields.object("per_image_by_variant")? {
        for (name, path, value) in variants.rest() {
            images.push((name, rate(&path, &value)?));
        }
    }
    let units = Units {
        audio_hour: fields.rate("per_hour_audio")?,
        minimum_audio_seconds: fields.count("minimum_audio_seconds")?.unwrap_or(0),
        characters: fields.rate("per_million_characters")?,
        searches: fields.rate("per_thousand_searches")?,
        image: fields.rate("per_image")?,
        images,
        pages: fields.rate("per_thousand_pages")?,
        annotated_pages: fields.rate("per_thousand_annotated_pages")?,
        web_searches: fields.rate("per_thousand_web_searches")?,
        grounded_prompts: fields.rate("per_thousand_grounded_prompts")?,
        file_searches: fields.rate("per_thousand_file_searches")?,
        image_read: fields.rate("per_image_read")?,
        request: fields.rate("per_request")?,
        requests_by_context: by_context(&mut fields)?,
    };
    fields.finish()?;
    Ok(units)
}

fn by_context(fields: &mut Fields) -> Result<Option<[Rate; 3]>, BadRow> {
    let Some(mut sizes) = fields.object("per_thousand_requests_by_context")? else { return Ok(None) };
    let mut size = |name| sizes.rate(name)?.ok_or_else(|| sizes.bad(name, "is missing"));
    let found = [size("low")?, size("medium")?, size("high")?];
    sizes.finish()?;
    Ok(Some(found))
}

pub(super) fn off_peak(fields: &mut Fields) -> Result<Option<OffPeak>, BadRow> {
    let Some(mut fields) = fields.object("off_peak")? else { return Ok(None) };
    let rates =
        rates(&mut fields, None)?.ok_or_else(|| fields.bad("rates", "is missing: what tokens cost in these hours"))?;
    let path = fields.path("windows");
    let mut windows = Vec::new();
    for (place, value) in fields.list("windows")?.into_iter().enumerate() {
        window(Fields::of(format!("{path}[{place}]"), value)?, &mut windows)?;
    }
    fields.finish()?;
    Ok(Some(OffPeak { windows, rates }))
}

fn window(mut fields: Fields, windows: &mut Vec<Window>) -> Result<(), BadRow> {
    let day = |value: &Value| value.as_u64().and_then(|day| u8::try_from(day).ok()).filter(|day| (1..=7).contains(day));
    let weekdays: Option<Vec<u8>> = fields.list("weekdays")?.iter().map(day).collect();
    let weekdays = weekdays.filter(|days| !days.is_empty());
    let weekdays =
        weekdays.ok_or_else(|| fields.bad("weekdays", "must be a list of days from 1, Monday, to 7, Sunday"))?;
    for hours in fields.texts("hours_utc")? {
        let span = hours.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        // `00:00` at the end is midnight.
        let span = span.map(|(from, to)| (from, if to == 0 { 24 * 60 } else { to })).filter(|(from, to)| from < to);
        let Some((from, to)) = span else {
            let problem = format!("must be hours of one day, such as `10:00-00:00`; `{}` is not", shown(&hours));
            return Err(fields.bad("hours_utc", problem));
        };
        windows.push(Window { weekdays: weekdays.clone(), from, to });
    }
    fields.finish()
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

pub(super) fn changes(fields: &mut Fields) -> Result<Vec<Change>, BadRow> {
    let path = fields.path("changes");
    let mut changes = Vec::new();
    for (place, value) in fields.list("changes")?.into_iter().enumerate() {
        let mut change = Fields::of(format!("{path}[{place}]"), value)?;
        let from_ms = change.moment("from")?.ok_or_else(|| change.bad("from", "is missing: the day of the change"))?;
        let lists = lists(&mut change)?;
        change.finish()?;
        changes.push(Change { from_ms, lists });
    }
    changes.sort_by_key(|change| change.from_ms);
    Ok(changes)
}

pub(super) fn multipliers(fields: &mut Fields) -> Result<Vec<(Zone, Ppm)>, BadRow> {
    let Some(all) = fields.object("multipliers")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, path, value) in all.rest() {
        let factor = value.as_str().unwrap_or_default().parse::<Ppm>();
        let factor = factor.map_err(|_| BadRow::new(&path, "must be a factor in quotes, such as `\"1.1\"`"))?;
        found.push((zone(&path, &name)?, factor));
    }
    Ok(found)
}

pub(super) fn zone(path: &str, name: &str) -> Result<Zone, BadRow> {
    Zone::of(name).ok_or_else(|| {
        let names = Zone::ALL.map(Zone::as_str).join("`, `");
        BadRow::new(path, format!("names no zone; there is `{names}`"))
    })
}

pub(super) fn backends(fields: &mut Fields) -> Result<Vec<(String, Rates)>, BadRow> {
    let Some(all) = fields.object("backends")? else { return Ok(Vec::new()) };
    all.rest().map(|(name, path, value)| Ok((name, rates_of(Fields::of(path, value)?, None)?))).collect()
}
