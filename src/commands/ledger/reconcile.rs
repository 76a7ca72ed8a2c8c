//! `weir ledger reconcile`

mod compare;
mod export;

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use domain::Nanos;
use serde::Serialize;
use store::Store;
use store::reconcile::{KeyName, key_names, used};

pub use self::compare::Tolerance;
use self::compare::{Line, Ours, Pair, compare};
use crate::cli::{ExportFormat, Reconcile};

/// What was compared.
#[derive(Serialize)]
struct Report {
    lines: Vec<Line>,
    differences: usize,
    /// Whether the export says that it goes on.
    export_is_cut: bool,
}

/// Compares, and says what differs.
pub async fn run(store: &Store, arguments: &Reconcile) -> Result<(), String> {
    let file = arguments.file.display();
    let text = std::fs::read_to_string(&arguments.file).map_err(|error| format!("{file}: {error}"))?;
    let export = export::read(arguments.provider, &text).map_err(|error| format!("{file}: {error}"))?;
    let names = unavailable(key_names(store).await)?;
    let aliases = aliases(&arguments.keys, &names)?;
    let provider = match arguments.provider {
        ExportFormat::Openai => Some("openai"),
        ExportFormat::Anthropic => Some("anthropic"),
        ExportFormat::Csv => None,
    };
    let theirs: BTreeSet<_> = export.entries.iter().filter_map(|entry| entry.key.as_deref()).collect();
    let days: BTreeSet<_> = export.days.iter().map(|(_, day)| *day).collect();
    let mut ours = Vec::new();
    for day in days {
        let of_day = unavailable(used(store, day, provider).await)?;
        ours.extend(of_day.into_iter().map(|used| Ours {
            day,
            key: key(used.key_id, &names, &aliases, &theirs),
            used,
        }));
    }
    let lines = compare(&export, &ours, arguments.tolerance);
    let differences = lines.iter().filter(|line| line.differs).count();
    let report = Report { lines, differences, export_is_cut: export.is_cut };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        print!("{}", render(&report));
    }
    match differences {
        0 => Ok(()),
        1 => Err("1 line differs".to_owned()),
        many => Err(format!("{many} lines differ")),
    }
}

fn unavailable<T>(found: Result<T, store::StoreError>) -> Result<T, String> {
    found.map_err(|error| format!("the ledger cannot be read: {error}"))
}

/// What the provider calls our keys, by their ids.
fn aliases(told: &[(String, String)], names: &[KeyName]) -> Result<BTreeMap<i64, String>, String> {
    let mut aliases = BTreeMap::new();
    for (name, id) in told {
        let of_name = names.iter().filter(|key| key.alias == *name || full_name(key) == *name);
        let before = aliases.len();
        aliases.extend(of_name.map(|key| (key.id, id.clone())));
        if aliases.len() == before {
            return Err(format!("--key {name}={id}: there is no key {name}; names are TEAM/ALIAS or ALIAS"));
        }
    }
    Ok(aliases)
}

/// The name of a key of ours, as the export has it where it does.
fn key(id: Option<i64>, names: &[KeyName], aliases: &BTreeMap<i64, String>, theirs: &BTreeSet<&str>) -> String {
    let Some(id) = id else { return "(callers' own keys)".to_owned() };
    if let Some(alias) = aliases.get(&id) {
        return alias.clone();
    }
    match names.iter().find(|key| key.id == id) {
        Some(key) if theirs.contains(key.alias.as_str()) => key.alias.clone(),
        Some(key) => full_name(key),
        None => format!("(key {id})"),
    }
}

fn full_name(key: &KeyName) -> String {
    format!("{}/{}", key.team, key.alias)
}

/// A day, by days since 1970.
fn date(day: i64) -> String {
    DateTime::from_timestamp(day.saturating_mul(86_400), 0).unwrap_or_default().format("%Y-%m-%d").to_string()
}

/// Writes a figure.
type Show = fn(i64) -> String;

fn render(report: &Report) -> String {
    let mut text = String::new();
    for line in &report.lines {
        let place = &line.place;
        let names = [&place.provider, &place.model, &place.key].into_iter().flatten();
        let names: Vec<_> = names.map(|name| if name.is_empty() { "(none)" } else { name }).collect();
        let mark = if line.differs { "differs" } else { "agrees" };
        text.push_str(&format!("{} {}: {mark}\n", date(place.day), names.join(" ")));
        let plain: Show = |number| number.to_string();
        let money: Show = |nanos| Nanos(nanos).to_string();
        let figures = [
            ("requests", line.requests, plain),
            ("tokens in", line.input_tokens, plain),
            ("tokens out", line.output_tokens, plain),
            ("cost", line.cost_nanos, money),
        ];
        for (name, Pair { theirs, ours, difference }, show) in
            figures.into_iter().filter_map(|(name, pair, show)| Some((name, pair?, show)))
        {
            let sign = if difference > 0 { "+" } else { "" };
            let (theirs, ours, difference) = (show(theirs), show(ours), show(difference));
            text.push_str(&format!("  {name:<10}  theirs {theirs}, ours {ours}, {sign}{difference}\n"));
        }
        line.why.iter().for_each(|why| text.push_str(&format!("  - {why}\n")));
    }
    if report.export_is_cut {
        text.push_str("The export goes on (`has_more`): ask for its next page too, or later days are missing here.\n");
    }
    text.push_str(&match report.differences {
        0 => "Everything agrees.\n".to_owned(),
        differences => format!("{differences} of {} lines differ.\n", report.lines.len()),
    });
    text
}
