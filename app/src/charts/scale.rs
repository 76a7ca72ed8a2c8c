//! Round numbers for the value axis and round moments for the time axis.

use chrono::{DateTime, Utc};

/// A value axis from zero to a round number.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Top of the axis; at least as high as every value, never zero.
    pub max: f64,
    /// Round values from zero to `max`, evenly spaced.
    pub ticks: Vec<f64>,
}

/// About this many intervals on a value axis.
const INTERVALS: f64 = 3.0;

impl Scale {
    /// The smallest round axis that holds `peak`, with ticks that are `least` apart or more.
    #[must_use]
    pub fn round(peak: f64, least: f64) -> Self {
        let peak = if peak.is_finite() && peak > 0.0 { peak } else { 1.0 };
        let step = round_step(peak / INTERVALS).max(least);
        let count = (peak / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=count as usize).map(|tick| tick as f64 * step).collect();
        Self { max: count * step, ticks }
    }

    /// Distance between two ticks.
    #[must_use]
    pub fn step(&self) -> f64 {
        self.max / self.ticks.len().saturating_sub(1).max(1) as f64
    }

    /// Distance from the top of a plot of that height.
    #[must_use]
    pub fn y(&self, value: f64, height: f64) -> f64 {
        height - (value / self.max).clamp(0.0, 1.0) * height
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let leading = rough / power;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| leading <= round + 1e-9).unwrap_or(10.0);
    round * power
}

/// A labelled moment on the time axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Position from the left, 0 to 1.
    pub at: f64,
    pub label: String,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Distances between moments, in milliseconds.
const DISTANCES: [i64; 16] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
];
/// Most labels below a plot.
const MOST_MOMENTS: i64 = 6;

/// Round moments within a span, in UTC: a time of day, and the date where a day begins.
#[must_use]
pub fn moments(from_ms: i64, to_ms: i64) -> Vec<Moment> {
    let span = to_ms.saturating_sub(from_ms);
    if span <= 0 {
        return Vec::new();
    }
    let distance =
        DISTANCES.into_iter().find(|distance| span / distance <= MOST_MOMENTS).unwrap_or(span / MOST_MOMENTS);
    let first = from_ms.div_euclid(distance) * distance;
    (0..=MOST_MOMENTS + 1)
        .map(|step| first + step * distance)
        .filter(|at| (from_ms..=to_ms).contains(at))
        .map(|at| Moment { at: (at - from_ms) as f64 / span as f64, label: moment_label(at) })
        .collect()
}

/// `14:05`, or `22 Nov` at midnight.
fn moment_label(at_ms: i64) -> String {
    let at = utc(at_ms);
    if at_ms.rem_euclid(DAY) == 0 { at.format("%-d %b").to_string() } else { at.format("%H:%M").to_string() }
}

/// A step of time in words: `22 Nov 14:05`, or `22 Nov` for steps of whole days.
#[must_use]
pub fn step_label(at_ms: i64, step_ms: i64) -> String {
    let format = if step_ms >= DAY { "%-d %b %Y" } else { "%-d %b, %H:%M" };
    utc(at_ms).format(format).to_string()
}

fn utc(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_peak() {
        assert_eq!(Scale::round(87.0, 1.0).ticks, [0.0, 50.0, 100.0]);
        assert_eq!(Scale::round(5.0, 1.0).ticks, [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(Scale::round(1.0, 1.0).ticks, [0.0, 1.0]);
        assert_eq!(Scale::round(300.0, 1e-9).ticks, [0.0, 100.0, 200.0, 300.0]);
        for peak in [0.000_012, 0.3, 1.0, 7.0, 999.0, 1_234_567.0] {
            let scale = Scale::round(peak, 1e-9);
            assert!(scale.max >= peak && scale.max <= peak * 3.0, "{peak}: {scale:?}");
            assert!((2..=6).contains(&scale.ticks.len()), "{peak}: {scale:?}");
        }
    }

    #[test]
    fn an_axis_without_values_still_stands() {
        for peak in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((Scale::round(peak, 1.0).max - 1.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn values_outside_the_axis_stay_in_the_plot() {
        let scale = Scale::round(10.0, 1.0);
        assert!((scale.y(0.0, 100.0) - 100.0).abs() < f64::EPSILON);
        assert!(scale.y(1e9, 100.0).abs() < f64::EPSILON);
        assert!((scale.y(-5.0, 100.0) - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn moments_fall_on_round_times_of_day() {
        let from = 1_795_000_000_000 / DAY * DAY + 7 * HOUR + 13 * MINUTE;
        let labels: Vec<_> = moments(from, from + HOUR).into_iter().map(|moment| moment.label).collect();
        assert_eq!(labels, ["07:20", "07:30", "07:40", "07:50", "08:00", "08:10"]);
        let day: Vec<_> = moments(from, from + DAY).into_iter().map(|moment| moment.label).collect();
        assert!(day.iter().any(|label| label.contains(' ')), "midnight shows its date: {day:?}");
    }

    #[test]
    fn there_are_never_too_many_moments_nor_any_outside() {
        for span in [MINUTE, HOUR, 5 * HOUR, DAY, 7 * DAY, 31 * DAY, 400 * DAY] {
            let moments = moments(1_795_000_123_456, 1_795_000_123_456 + span);
            assert!((1..=7).contains(&moments.len()), "{span}: {moments:?}");
            assert!(moments.iter().all(|moment| (0.0..=1.0).contains(&moment.at)));
        }
        assert_eq!(moments(5, 5), []);
    }
}
