//! Every figure that a person wants to see.

use std::fmt;

use super::{IDLE, Measured, Report};
use crate::{case, ledger};

/// A heading and what stands below it.
struct Column(&'static str, What);

/// What a column shows of a result.
enum What {
    Figure(&'static str, usize),
    /// Divided by this figure of the yardstick.
    Ratio(&'static str, &'static str),
    /// Above the same figure of the yardstick.
    Added(&'static str),
}

use What::{Added, Figure, Ratio};

const COST: &[Column] = &[
    Column("data plane µs", Figure("data_plane_us", 1)),
    Column("ratio", Ratio("data_plane_us", "process_us")),
    Column("process µs", Figure("process_us", 1)),
    Column("ratio", Ratio("process_us", "process_us")),
    Column("requests/s", Figure("per_second", 0)),
    Column("MB", Figure("resident_mb", 0)),
];

const WAITING: &[Column] = &[
    Column("p50 µs", Figure("p50_us", 0)),
    Column("added", Added("p50_us")),
    Column("p99 µs", Figure("p99_us", 0)),
    Column("added", Added("p99_us")),
    Column("p99.9 µs", Figure("p999_us", 0)),
    Column("longest µs", Figure("longest_us", 0)),
    Column("generator late, p99 µs", Figure("late_p99_us", 0)),
    Column("MB", Figure("resident_mb", 0)),
];

const START: &[Column] = &[Column("MB", Figure("resident_mb", 1)), Column("cold start ms", Figure("cold_start_ms", 0))];

const LEDGER: &[Column] = &[
    Column("rows/s", Figure("rows_per_second", 0)),
    Column("bytes a row", Figure("row_bytes", 0)),
    Column("with its indexes", Figure("row_bytes_with_indexes", 0)),
];

pub(super) fn print(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let waits = |case: &str| case::ALL.iter().any(|known| known.name == case && known.is_about_waiting());
    let costs = |case: &str| case::ALL.iter().any(|known| known.name == case && !known.is_about_waiting());
    table(report, f, "Processor time per request", COST, costs)?;
    table(report, f, "How long callers wait, or events take", WAITING, waits)?;
    table(report, f, "Before the first request", START, |case| case == IDLE)?;
    table(report, f, "From the spool into the database", LEDGER, |case| case == ledger::CASE)
}

fn table(
    report: &Report,
    f: &mut fmt::Formatter<'_>,
    heading: &str,
    columns: &[Column],
    of: impl Fn(&str) -> bool,
) -> fmt::Result {
    let mut results = report.results.iter().filter(|result| of(&result.case)).peekable();
    if results.peek().is_none() {
        return Ok(());
    }
    let headings: Vec<_> = columns.iter().map(|column| column.0).collect();
    writeln!(
        f,
        "{heading}:\n\n| case | target | {} |\n|---|---|{}",
        headings.join(" | "),
        "---|".repeat(columns.len())
    )?;
    for result in results {
        write!(f, "| {} | {} |", result.case, result.target)?;
        for column in columns {
            write!(f, " {} |", column.1.of(report, result).unwrap_or_else(|| "–".to_owned()))?;
        }
        writeln!(f)?;
    }
    writeln!(f)
}

impl What {
    fn of(&self, report: &Report, result: &Measured) -> Option<String> {
        let yardstick = report.yardstick(&result.case)?;
        match self {
            Figure(figure, digits) => result.median(figure).map(|value| format!("{value:.digits$}")),
            Ratio(figure, of) => {
                result.against(figure, yardstick, of, |mine, theirs| mine / theirs).map(|ratio| format!("{ratio:.2}"))
            }
            Added(figure) => result
                .against(figure, yardstick, figure, |mine, theirs| mine - theirs)
                .filter(|_| !std::ptr::eq(result, yardstick))
                .map(|added| format!("{added:+.0}")),
        }
    }
}
