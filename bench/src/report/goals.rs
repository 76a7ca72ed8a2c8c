//! What Weir wants to reach, and how far it is. Told, not enforced: times depend on the machine.

use std::fmt;

use super::Report;
use crate::ledger;
use crate::target::ALL_ON;

/// A figure and its bound.
struct Goal {
    what: &'static str,
    case: &'static str,
    target: &'static str,
    figure: &'static str,
    against: Against,
    bound: Bound,
}

/// What a figure is set against; names a target and its figure.
enum Against {
    Nothing(&'static str),
    Ratio(&'static str, &'static str),
    Added(&'static str, &'static str),
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Against::{Added, Nothing, Ratio};
use Bound::{AtLeast, AtMost};

const NGINX: Against = Ratio("nginx", "process_us");

#[rustfmt::skip]
const GOALS: &[Goal] = &[
    goal("1 KB chat, data plane", "1 KB chat", "data_plane_us", NGINX, AtMost(1.75)),
    goal("1 KB chat, whole process", "1 KB chat", "process_us", NGINX, AtMost(2.5)),
    goal("32 KB chat, data plane", "32 KB chat", "data_plane_us", NGINX, AtMost(1.5)),
    goal("32 KB chat, whole process", "32 KB chat", "process_us", NGINX, AtMost(2.5)),
    goal("stream of 200 events, whole process", "stream of 200 events", "process_us", NGINX, AtMost(1.5)),
    goal("cache hit, whole process", "cache hit", "process_us", Ratio("axum constant", "process_us"), AtMost(1.5)),
    goal("added latency, median", "one connection", "p50_us", Added("nginx", " µs"), AtMost(40.0)),
    goal("added latency, p99", "one connection", "p99_us", Added("nginx", " µs"), AtMost(150.0)),
    goal("2,000 slow streams, resident", "2,000 slow streams", "resident_mb", Nothing(" MB"), AtMost(100.0)),
    goal("2,000 slow streams, an event's way, p99", "2,000 slow streams", "p99_us", Nothing(" µs"), AtMost(1_000.0)),
    goal("idle, resident", super::IDLE, "resident_mb", Nothing(" MB"), AtMost(40.0)),
    goal("cold start", super::IDLE, "cold_start_ms", Nothing(" ms"), AtMost(300.0)),
    Goal { target: "SQLite", ..goal("ledger writer, SQLite", ledger::CASE, "rows_per_second", Nothing(" rows/s"), AtLeast(50_000.0)) },
    Goal { target: "PostgreSQL", ..goal("ledger writer, PostgreSQL", ledger::CASE, "rows_per_second", Nothing(" rows/s"), AtLeast(50_000.0)) },
];

const fn goal(what: &'static str, case: &'static str, figure: &'static str, against: Against, bound: Bound) -> Goal {
    Goal { what, case, target: ALL_ON, figure, against, bound }
}

impl Goal {
    /// The figure, and how it is said.
    fn measured(&self, report: &Report) -> Option<(f64, String)> {
        let measured = report.find(self.case, self.target)?;
        match self.against {
            Nothing(unit) => measured.median(self.figure).map(|figure| (figure, format!("{figure:.0}{unit}"))),
            Ratio(target, of) => {
                let ratio =
                    measured.against(self.figure, report.find(self.case, target)?, of, |mine, theirs| mine / theirs)?;
                Some((ratio, format!("{ratio:.2} × {target}")))
            }
            Added(target, unit) => {
                let other = report.find(self.case, target)?;
                let added = measured.against(self.figure, other, self.figure, |mine, theirs| mine - theirs)?;
                Some((added, format!("{added:.0}{unit} over {target}")))
            }
        }
    }
}

pub(super) fn print(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "| Weir, everything on | measured | wanted | reached |\n|---|---|---|---|")?;
    for goal in GOALS {
        let wanted = match (&goal.bound, &goal.against) {
            (AtMost(most), Ratio(..)) => format!("at most {most:.2}"),
            (AtMost(most), _) => format!("at most {most:.0}"),
            (AtLeast(least), _) => format!("at least {least:.0}"),
        };
        let Some((figure, said)) = goal.measured(report) else {
            writeln!(f, "| {} | not measured | {wanted} | – |", goal.what)?;
            continue;
        };
        let reached = match goal.bound {
            AtMost(most) => figure <= most,
            AtLeast(least) => figure >= least,
        };
        writeln!(f, "| {} | {said} | {wanted} | {} |", goal.what, if reached { "yes" } else { "no" })?;
    }
    writeln!(f)
}
