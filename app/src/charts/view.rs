//! The chart itself: title, names of the series beside their colour, value axis, gridlines, shapes, time axis.

use leptos::prelude::*;

use super::path::{self, WIDTH};
use super::scale::{self, Moment, Scale};
use super::{ChartHover, ChartSpec, HoverSeries, Kind, Series, Unit};

/// Height of the plot and of the strip of times below it, in pixels; `.chart-axis` of the style sheet has it too.
const HEIGHT: f64 = 148.0;
const BELOW: f64 = 22.0;
/// Room above the plot, so that the topmost label is not cut.
const ABOVE: f64 = 8.0;

/// A chart over time.
#[component]
pub fn Chart(spec: ChartSpec) -> impl IntoView {
    let scale = Scale::round(spec.peak(), spec.unit.least_step());
    let empty = spec.is_empty();
    let end_ms = spec.start_ms + spec.step_ms * spec.steps() as i64;
    let moments = scale::moments(spec.start_ms, end_ms);
    let label = summary(&spec);
    let keys = (spec.series.len() > 1).then(|| keys(&spec.series));
    let shapes = shapes(&spec, &scale);
    let hover = (!empty).then(|| hover(&spec));
    view! {
        <figure class="chart">
            <figcaption class="chart-caption">
                <span class="chart-title">{spec.title}</span>
                {keys}
            </figcaption>
            <div class="chart-body">
                {value_axis(&scale, spec.unit, empty)}
                <div class="chart-plot">
                    <svg width="100%" height=HEIGHT + ABOVE + BELOW role="img" aria-label=label>
                        {gridlines(&scale)}
                        <svg
                            x="0"
                            y=ABOVE
                            width="100%"
                            height=HEIGHT
                            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                            preserveAspectRatio="none"
                        >
                            {shapes}
                        </svg>
                        {time_axis(&moments)}
                        {empty.then(nothing)}
                    </svg>
                    {hover}
                </div>
            </div>
        </figure>
    }
}

/// What a screen reader says for the picture.
fn summary(spec: &ChartSpec) -> String {
    if spec.is_empty() {
        format!("{}: nothing in this range", spec.title)
    } else {
        format!("{} over time, at most {} at once", spec.title, spec.unit.show(spec.peak()))
    }
}

fn keys(series: &[Series]) -> impl IntoView + use<> {
    series
        .iter()
        .map(|series| view! { <span class=format!("chart-key {}", series.tone.class())>{series.name}</span> })
        .collect_view()
}

/// The ticks in words, from the bottom up. They are spread by the style sheet over the height of the plot, and the
/// column is as wide as the longest of them.
fn value_axis(scale: &Scale, unit: Unit, empty: bool) -> impl IntoView + use<> {
    let step = scale.step();
    let ticks = scale.ticks.iter().filter(|tick| !empty || **tick == 0.0);
    let labels = ticks.map(|tick| view! { <span>{unit.tick(*tick, step)}</span> }).collect_view();
    view! { <div class="chart-axis" aria-hidden="true">{labels}</div> }
}

fn gridlines(scale: &Scale) -> impl IntoView + use<> {
    scale
        .ticks
        .iter()
        .map(|tick| {
            // On half pixels, so that a line is one pixel wide.
            let y = (scale.y(*tick, HEIGHT) + ABOVE).floor() + 0.5;
            let class = if *tick == 0.0 { "chart-base" } else { "chart-grid" };
            view! { <line class=class x1="0" x2="100%" y1=y y2=y></line> }
        })
        .collect_view()
}

fn time_axis(moments: &[Moment]) -> impl IntoView + use<> {
    moments
        .iter()
        .enumerate()
        .map(|(index, moment)| {
            // Every second label gives way where a plot is narrow; those at the edges stay inside.
            let class = if index % 2 == 1 { "chart-time chart-time-odd" } else { "chart-time" };
            let anchor = match moment.at {
                at if at < 0.04 => "start",
                at if at > 0.96 => "end",
                _ => "middle",
            };
            let x = format!("{:.2}%", moment.at * 100.0);
            view! { <text class=class x=x y=ABOVE + HEIGHT + 16.0 text-anchor=anchor>{moment.label.clone()}</text> }
        })
        .collect_view()
}

fn nothing() -> impl IntoView {
    view! {
        <text class="chart-nothing" x="50%" y=ABOVE + HEIGHT / 2.0 text-anchor="middle">
            "Nothing in this range"
        </text>
    }
}

fn shapes(spec: &ChartSpec, scale: &Scale) -> impl IntoView + use<> {
    let mut floor = Vec::new();
    spec.series
        .iter()
        .map(|series| {
            let tone = series.tone.class();
            match spec.kind {
                Kind::Bars => {
                    let columns = path::columns(&series.values, &mut floor, scale, HEIGHT);
                    view! { <path class=format!("chart-columns {tone}") d=columns></path> }.into_any()
                }
                Kind::Lines => line(series, scale).into_any(),
                Kind::Area => {
                    let area = path::area(&series.values, scale, HEIGHT);
                    view! {
                        <path class=format!("chart-area {tone}") d=area></path>
                        {line(series, scale)}
                    }
                    .into_any()
                }
            }
        })
        .collect_view()
}

fn line(series: &Series, scale: &Scale) -> impl IntoView + use<> {
    let class = format!("chart-stroke {}", series.tone.class());
    let line = path::line(&series.values, scale, HEIGHT);
    let dots = path::dots(&series.values, scale, HEIGHT);
    let dots = (!dots.is_empty()).then(|| {
        view! { <path class=format!("{class} chart-dots") d=dots vector-effect="non-scaling-stroke"></path> }
    });
    view! {
        <path class=class.clone() d=line vector-effect="non-scaling-stroke"></path>
        {dots}
    }
}

fn hover(spec: &ChartSpec) -> impl IntoView + use<> {
    let labels = (0..spec.steps())
        .map(|step| scale::step_label(spec.start_ms + step as i64 * spec.step_ms, spec.step_ms))
        .collect();
    let series = spec
        .series
        .iter()
        .map(|series| HoverSeries {
            name: if spec.series.len() > 1 { series.name.to_owned() } else { String::new() },
            class: series.tone.class().to_owned(),
            values: series.values.iter().map(|value| value.map_or("–".to_owned(), |v| spec.unit.show(v))).collect(),
        })
        .collect();
    let (start_ms, step_ms) = (spec.start_ms, spec.step_ms);
    match spec.links.clone() {
        Some(links) => view! { <ChartHover labels series start_ms step_ms links/> }.into_any(),
        None => view! { <ChartHover labels series start_ms step_ms/> }.into_any(),
    }
}

/// A share of a whole as a short bar, 0 to 1, for tables.
#[component]
pub fn Share(of: f64, tone: super::Tone) -> impl IntoView {
    let width = format!("{:.1}%", (of.clamp(0.0, 1.0) * 100.0).max(1.0));
    view! {
        <svg class="share" width="64" height="6" aria-hidden="true">
            <rect class="share-rest" width="100%" height="6" rx="3"></rect>
            <rect class=tone.class() width=width height="6" rx="3"></rect>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::super::Tone;
    use super::*;

    fn rendered(values: Vec<Option<f64>>) -> String {
        rendered_as(Kind::Bars, values)
    }

    fn rendered_as(kind: Kind, values: Vec<Option<f64>>) -> String {
        let spec = ChartSpec {
            title: "Cost",
            kind,
            unit: Unit::Dollars,
            series: vec![Series { name: "cost", tone: Tone::Cost, values }],
            start_ms: 1_795_000_000_000,
            step_ms: 60_000,
            links: None,
        };
        Owner::new().with(|| view! { <Chart spec/> }.to_html())
    }

    #[test]
    fn a_chart_is_complete_without_scripts() {
        let html = rendered(vec![Some(0.5), Some(1.0)]);
        assert!(html.contains("chart-columns tone-cost"), "{html}");
        assert!(html.contains("$0.50"), "{html}");
        assert!(!html.contains("style="), "{html}");
    }

    #[test]
    fn an_empty_range_says_so() {
        assert!(rendered(vec![None, Some(0.0)]).contains("Nothing in this range"));
        assert!(!rendered(vec![Some(1.0)]).contains("Nothing in this range"));
    }

    #[test]
    fn one_value_of_a_line_is_seen() {
        assert!(rendered_as(Kind::Area, vec![None, Some(1.0), None]).contains("chart-dots"));
        assert!(!rendered_as(Kind::Area, vec![Some(1.0), Some(1.0)]).contains("chart-dots"));
    }

    #[test]
    fn small_sums_are_written_in_full_on_the_axis() {
        assert!(rendered(vec![Some(0.000_123)]).contains("$0.00015"));
    }
}
