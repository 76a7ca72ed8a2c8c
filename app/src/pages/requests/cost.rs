//! How the cost of an attempt comes about: units × price = amount, line by line, rounded once at the end.

use domain::ledger::{CacheStatus, CostLine};
use domain::money;
use domain::usage::UsageSource;
use domain::view::{AttemptDetail, RequestRow};
use domain::{Nanos, Usage};
use leptos::prelude::*;

use crate::components::{Notice, Table, format};

const BILLED_APART: &str = "The provider made this response in the background. What it used and cost is in a row of its own, dated \
                            when the response began, so that it counts once however often it is asked for.";

/// The usage and the formula.
pub(super) fn cost(attempt: &AttemptDetail) -> impl IntoView + use<> {
    let formula = match (attempt.row.cost, attempt.cost_formula.is_empty()) {
        (Some(_), false) if attempt.cost_formula.iter().any(CostLine::is_billed_apart) => {
            view! { <Notice><p>{BILLED_APART}</p></Notice> }.into_any()
        }
        (Some(total), false) => table(&attempt.cost_formula, total).into_any(),
        (cost, _) => {
            let why = why_no_formula(&attempt.row, cost);
            view! { <Notice><p>{why}</p></Notice> }.into_any()
        }
    };
    view! {
        <section>
            <h2>"Formula"</h2>
            {formula}
        </section>
        <section>
            <h2>"Usage"</h2>
            {usage(attempt.row.usage, attempt.row.usage_source)}
        </section>
    }
}

fn why_no_formula(row: &RequestRow, cost: Option<Nanos>) -> String {
    let model = row.model.as_deref().or(row.model_asked.as_deref());
    match (row.cache, row.usage_source, cost, model) {
        (CacheStatus::Hit, ..) => {
            "Answered from the cache: nothing was asked of the provider, so it cost nothing.".to_owned()
        }
        (_, UsageSource::None, None, _) => "The provider reported no usage, so no cost is known.".to_owned(),
        (_, _, None, Some(model)) => format!("The price of {model} is not known, so no cost is counted."),
        (_, _, None, None) => "No model was named, so no cost is known.".to_owned(),
        (_, _, Some(cost), _) => format!("Nothing that costs was used: {cost}."),
    }
}

fn table(lines: &[CostLine], total: Nanos) -> impl IntoView + use<> {
    let rows = lines.iter().map(|line| {
        let amount = money::round(line.rate.times(line.units));
        view! {
            <tr>
                <td>{words(&line.what)}</td>
                <td class="right"><span class="number">{format::grouped(line.units)}</span></td>
                <td class="right"><span class="number">{format!("× {} per million", Nanos(line.rate.0))}</span></td>
                <td class="right"><span class="number">{format!("= {amount}")}</span></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Cost, line by line">
            <thead>
                <tr>
                    <th>"What"</th>
                    <th class="right">"Units"</th>
                    <th class="right">"Price"</th>
                    <th class="right">"Amount"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
            <tfoot>
                <tr>
                    <th colspan="3">"Total"</th>
                    <td class="right"><strong class="number">{total.to_string()}</strong></td>
                </tr>
            </tfoot>
        </Table>
        <p class="muted">"Exact to a billionth of a dollar; the sum is rounded once, at the end."</p>
    }
}

/// The stable name of a line in words.
fn words(what: &str) -> String {
    match what {
        "input" => "Input tokens".to_owned(),
        "cached_input" => "Input tokens from the provider's cache".to_owned(),
        "cache_write" => "Input tokens written to the provider's cache".to_owned(),
        "cache_write_1h" => "Input tokens written to the provider's cache for an hour".to_owned(),
        "output" => "Output tokens".to_owned(),
        "reasoning" => "Reasoning tokens".to_owned(),
        "audio_input" => "Audio input tokens".to_owned(),
        "audio_output" => "Audio output tokens".to_owned(),
        "image_input" => "Input tokens of pictures".to_owned(),
        "audio_seconds" => "Seconds of speech".to_owned(),
        "characters" => "Characters".to_owned(),
        "images" => "Pictures".to_owned(),
        "searches" => "Search units".to_owned(),
        other => other.replace('_', " "),
    }
}

fn usage(usage: Usage, source: UsageSource) -> impl IntoView {
    let parts = [
        ("Input tokens", usage.input, true),
        ("of them read from the provider's cache", usage.cached_input, false),
        ("of them written to the provider's cache", usage.cache_write + usage.cache_write_1h, false),
        ("of them audio", usage.audio_input, false),
        ("of them pictures", usage.image_input, false),
        ("Output tokens", usage.output, true),
        ("of them reasoning", usage.reasoning, false),
        ("of them audio", usage.audio_output, false),
        ("Seconds of speech", usage.audio_seconds, false),
        ("Characters", usage.characters, false),
        ("Pictures", usage.images, false),
        ("Search units", usage.searches, false),
    ];
    let facts = parts.into_iter().filter(|(_, count, always)| *always || *count > 0).map(|(name, count, _)| {
        view! { <div><dt>{name}</dt><dd class="number">{format::grouped(count)}</dd></div> }
    });
    let source = match source {
        UsageSource::Reported => "Reported by the provider.",
        UsageSource::Estimated => {
            "Counted by Weir: the provider does not report, or the answer broke off before it did."
        }
        UsageSource::None => "The provider reported nothing.",
    };
    view! {
        <dl class="facts">{facts.collect_view()}</dl>
        <p class="muted">{source}</p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_reads_as_words() {
        assert_eq!(words("cached_input"), "Input tokens from the provider's cache");
        assert_eq!(words("web_search"), "web search");
    }
}
