//! What a chart is told: the series, what they mean and how they are drawn.

use super::{Links, Unit};

/// How the series of a chart are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Columns on top of each other, in the order of the series: for what adds up.
    Bars,
    /// Lines that leave gaps where nothing was measured: for what does not add up.
    Lines,
    /// One line with the space below it filled.
    Area,
}

/// What a series means. Each meaning keeps its colour through the whole product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Requests that went well.
    Requests,
    /// Requests that failed.
    Errors,
    /// Answers from the cache.
    Cached,
    /// Input tokens.
    TokensIn,
    /// Output tokens.
    TokensOut,
    /// Money.
    Cost,
    /// Whole duration, the typical one.
    Latency,
    /// Whole duration, the slow one.
    LatencySlow,
}

impl Tone {
    /// The class that carries the colour.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Requests => "tone-requests",
            Self::Errors => "tone-errors",
            Self::Cached => "tone-cached",
            Self::TokensIn => "tone-tokens-in",
            Self::TokensOut => "tone-tokens-out",
            Self::Cost => "tone-cost",
            Self::Latency => "tone-latency",
            Self::LatencySlow => "tone-latency-slow",
        }
    }
}

/// One line, or one layer of the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is called beside the plot.
    pub name: &'static str,
    pub tone: Tone,
    /// One value for each step of time; nothing where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// Everything a chart needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSpec {
    pub title: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// In stacking order, from the bottom up. All have the same length.
    pub series: Vec<Series>,
    /// Start of the first step, in milliseconds since 1970.
    pub start_ms: i64,
    /// Length of a step in milliseconds.
    pub step_ms: i64,
    pub links: Option<Links>,
}

impl ChartSpec {
    /// How many steps of time it shows.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.series.iter().map(|series| series.values.len()).max().unwrap_or(0)
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.series.iter().flat_map(|series| &series.values).any(|value| value.is_some_and(|value| value > 0.0))
    }

    /// The highest value drawn: of a column as a whole, or of any line.
    #[must_use]
    pub fn peak(&self) -> f64 {
        let at = |step: usize| self.series.iter().map(move |s| s.values.get(step).copied().flatten().unwrap_or(0.0));
        (0..self.steps())
            .map(|step| match self.kind {
                Kind::Bars => at(step).sum(),
                Kind::Lines | Kind::Area => at(step).fold(0.0, f64::max),
            })
            .fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: Kind, values: [Vec<Option<f64>>; 2]) -> ChartSpec {
        let [below, above] = values;
        ChartSpec {
            title: "Requests",
            kind,
            unit: Unit::Count,
            series: vec![
                Series { name: "ok", tone: Tone::Requests, values: below },
                Series { name: "errors", tone: Tone::Errors, values: above },
            ],
            start_ms: 0,
            step_ms: 60_000,
            links: None,
        }
    }

    #[test]
    fn columns_peak_at_their_sum_and_lines_at_their_highest() {
        let values = || [vec![Some(3.0), None], vec![Some(2.0), Some(4.0)]];
        assert!((spec(Kind::Bars, values()).peak() - 5.0).abs() < f64::EPSILON);
        assert!((spec(Kind::Lines, values()).peak() - 4.0).abs() < f64::EPSILON);
    }

    #[test]
    fn zeros_and_gaps_count_as_empty() {
        assert!(spec(Kind::Bars, [vec![Some(0.0), None], vec![]]).is_empty());
        assert!(!spec(Kind::Bars, [vec![Some(0.0)], vec![Some(1.0)]]).is_empty());
    }
}
