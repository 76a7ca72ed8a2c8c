//! How the cost of an attempt comes about: units × price = amount, line by line, rounded once at the end.

use chrono::DateTime;
use domain::ledger::CacheStatus;
use domain::price::{Formula, Kind, Ppm, Source};
use domain::usage::{ServiceTier, UsageSource};
use domain::view::{AttemptDetail, Correction, RequestRow};
use domain::{Nanos, Usage};
use leptos::prelude::*;

use crate::components::{Notice, Table, format};

const BILLED_APART: &str = "The provider made this response in the background. What it used and cost is in a row of its own, dated \
                            when the response began, so that it counts once however often it is asked for.";

/// The usage and the formula.
pub(super) fn cost(attempt: &AttemptDetail) -> impl IntoView + use<> {
    let current = attempt.corrections.last().map_or(&attempt.cost_formula, |last| &last.formula);
    let formula = match (attempt.row.cost, current.lines.is_empty()) {
        _ if current.source == Source::Apart => view! { <Notice><p>{BILLED_APART}</p></Notice> }.into_any(),
        (Some(total), false) => table(current, total).into_any(),
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
        {corrections(&attempt.corrections)}
        <section>
            <h2>"Usage"</h2>
            {usage(attempt.row.usage, attempt.row.usage_source)}
        </section>
    }
}

/// What the attempt cost before, and since when it costs something else; nothing where it always cost the same.
fn corrections(all: &[Correction]) -> impl IntoView + use<> {
    let rows = all.iter().map(|one| {
        let at = format::exact(DateTime::from_timestamp_millis(one.made_at_ms).unwrap_or_default());
        let before = one.before.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
        view! {
            <tr>
                <td>{at}</td>
                <td class="right"><span class="number">{before}</span></td>
                <td class="right"><span class="number">{one.cost.to_string()}</span></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    (!all.is_empty()).then(|| {
        view! {
            <section>
                <h2>"Corrections"</h2>
                <p class="help">"This attempt was priced again after the fact. The row itself stays as it was written; the formula above is the last one."</p>
                <Table label="Corrections of the cost">
                    <thead>
                        <tr>
                            <th>"Made"</th>
                            <th class="right">"Before"</th>
                            <th class="right">"After"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </Table>
            </section>
        }
    })
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

fn table(formula: &Formula, total: Nanos) -> impl IntoView + use<> {
    let rows = formula.lines.iter().map(|line| {
        let price = format!("× {} {}", Nanos(line.rate.0), line.per.words());
        view! {
            <tr>
                <td>{line.what.words()}</td>
                <td class="right"><span class="number">{format::grouped(line.units)}</span></td>
                <td class="right"><span class="number">{price}</span></td>
                <td class="right"><span class="number">{format!("= {}", line.amount())}</span></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let changes = changes(formula).into_iter().map(|(what, by)| {
        view! {
            <tr>
                <td colspan="3">{what}</td>
                <td class="right"><span class="number">{by}</span></td>
            </tr>
        }
    });
    let changes = changes.collect_view();
    let why = why(formula).into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view();
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
            <tbody>{rows}{changes}</tbody>
            <tfoot>
                <tr>
                    <th colspan="3">"Total"</th>
                    <td class="right"><strong class="number">{total.to_string()}</strong></td>
                </tr>
            </tfoot>
        </Table>
        <ul class="muted">{why}</ul>
        <p class="muted">"Exact to a billionth of a dollar; the sum is rounded once, at the end."</p>
    }
}

/// What was done to the sum of the lines.
fn changes(formula: &Formula) -> Vec<(String, String)> {
    let zone = formula
        .multiplier
        .map(|multiplier| (format!("On tokens, for {}", multiplier.zone.as_str()), format!("× {}", multiplier.factor)));
    let rest = Ppm(Ppm::WHOLE.0.saturating_sub(formula.discount.0));
    let discount = (formula.discount != Ppm(0)).then(|| ("The team's discount".to_owned(), format!("× {rest}")));
    zone.into_iter().chain(discount).collect()
}

/// What reading from the provider's cache cost less than reading the same anew; nothing where nothing was read from it, or there is
/// no rate to compare with.
fn saved(formula: &Formula) -> Option<Nanos> {
    let input = formula.lines.iter().find(|line| line.what == Kind::Input)?;
    let mut anew = formula.clone();
    for line in anew
        .lines
        .iter_mut()
        .filter(|line| matches!(line.what, Kind::CachedInput | Kind::ExplicitCachedInput) && line.per == input.per)
    {
        line.rate = input.rate;
    }
    Some(Nanos(anew.total().0.saturating_sub(formula.total().0))).filter(|saved| saved.0 > 0)
}

/// Whose prices they are, and why these.
fn why(formula: &Formula) -> Vec<String> {
    let book = formula.as_of.map(|day| format!("the price book as of {day}"));
    let source = match (formula.source, book) {
        (Source::Book, Some(book)) => format!("Prices of {book}."),
        (Source::Book, None) => "Prices of the price book.".to_owned(),
        (Source::Team(id), Some(book)) => format!("Price {id} of the team's own, on {book}."),
        (Source::Team(id), None) => format!("Price {id} of the team's own."),
        (Source::Custom, _) => "The request stated its cost in cf-aig-custom-cost.".to_owned(),
        (Source::Provider, _) => "The provider named the charge itself.".to_owned(),
        (Source::Apart, _) => BILLED_APART.to_owned(),
    };
    let tier = formula.tier_from.map(|from| {
        format!("Rates of long requests, from {} input tokens on, for every token.", format::grouped(from))
    });
    let service = (formula.service_tier != ServiceTier::Standard)
        .then(|| format!("Rates of the service tier {}.", formula.service_tier.as_str()));
    let hours = formula.off_peak.then(|| "Rates of cheaper hours.".to_owned());
    let variant = formula.variant.as_ref().map(|variant| format!("Pictures of {variant} (quality/size)."));
    let since = formula.since_ms.map(|ms| {
        format!("In force since {}.", format::exact(DateTime::from_timestamp_millis(ms).unwrap_or_default()))
    });
    let saved = saved(formula).map(|saved| format!("The provider's cache saved {saved}."));
    [Some(source), tier, service, hours, variant, since, saved].into_iter().flatten().collect()
}

fn usage(usage: Usage, source: UsageSource) -> impl IntoView {
    let parts = [
        ("Input tokens", usage.input, true),
        ("of them read from the provider's cache", usage.cached_input, false),
        ("of them written to the provider's cache", usage.written(), false),
        ("of them audio", usage.audio_input, false),
        ("of them pictures", usage.image_input, false),
        ("of them video", usage.video_input.into(), false),
        ("Output tokens", usage.output, true),
        ("of them reasoning", usage.reasoning, false),
        ("of them citations", usage.citation.into(), false),
        ("of them audio", usage.audio_output, false),
        ("of them pictures", usage.image_output.into(), false),
        ("of them video", usage.video_output.into(), false),
        ("Seconds of speech", usage.audio_seconds, false),
        ("Characters", usage.characters, false),
        ("Pictures", usage.images, false),
        ("Pictures looked at", usage.images_read.into(), false),
        ("Search units", usage.searches, false),
        ("Pages", usage.pages.into(), false),
        ("Annotated pages", usage.annotated_pages.into(), false),
        ("Web searches", usage.web_searches.into(), false),
        ("File searches", usage.file_searches.into(), false),
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
    use domain::price::{CostLine, Multiplier, Per, Zone};
    use domain::{Rate, TeamPriceId};

    use super::*;

    #[test]
    fn what_the_providers_cache_saved_is_told_to_the_nano_dollar() {
        let line = |what, units, rate| CostLine { what, units, rate: Rate(rate), per: Per::Million };
        let lines = vec![
            line(Kind::Input, 1_000, 2_500_000_000),
            line(Kind::CachedInput, 4_000, 1_250_000_000),
            line(Kind::Output, 10, 10_000_000_000),
        ];
        let formula = Formula { lines, ..Formula::default() };
        // 4,000 tokens at $1.25 less a million.
        assert_eq!(saved(&formula), Some(Nanos(5_000_000)));
        let discounted = Formula { discount: Ppm(100_000), ..formula.clone() };
        assert_eq!(saved(&discounted), Some(Nanos(4_500_000)));
        assert!(why(&formula).contains(&"The provider's cache saved $0.005.".to_owned()), "{:?}", why(&formula));
        for without in [Kind::Input, Kind::CachedInput] {
            let lines = formula.lines.iter().filter(|line| line.what != without).copied().collect();
            assert_eq!(saved(&Formula { lines, ..Formula::default() }), None);
        }
    }

    #[test]
    fn a_formula_says_whose_prices_it_has_and_what_was_done_to_them() {
        let formula = Formula {
            source: Source::Team(TeamPriceId(7)),
            as_of: chrono::NaiveDate::from_ymd_opt(2026, 11, 22),
            tier_from: Some(200_000),
            service_tier: ServiceTier::Flex,
            multiplier: Some(Multiplier { zone: Zone::InferenceUs, factor: Ppm(1_100_000) }),
            discount: Ppm(150_000),
            ..Formula::default()
        };
        let on = |what: &str, by: &str| (what.to_owned(), by.to_owned());
        let wanted = vec![on("On tokens, for inference_geo:us", "× 1.1"), on("The team's discount", "× 0.85")];
        assert_eq!(changes(&formula), wanted);
        assert_eq!(
            why(&formula),
            [
                "Price 7 of the team's own, on the price book as of 2026-11-22.",
                "Rates of long requests, from 200,000 input tokens on, for every token.",
                "Rates of the service tier flex.",
            ]
        );
        assert_eq!(changes(&Formula::default()), []);
    }
}
