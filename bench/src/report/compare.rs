//! Two runs side by side. What the yardstick changed by is the machine; the last column leaves it out.

use std::fmt::Write as _;

use super::Report;

/// Figures that are compared, where both runs have them.
const FIGURES: &[&str] =
    &["data_plane_us", "process_us", "p50_us", "p99_us", "resident_mb", "cold_start_ms", "rows_per_second"];

pub(super) fn table(now: &Report, then: &Report) -> String {
    let mut text = String::new();
    if now.machine.processor != then.machine.processor {
        let _ =
            writeln!(text, "Another machine, then {}: only the last column says something.\n", then.machine.processor);
    }
    text.push_str("| case | target | figure | then | now | change | change beside the yardstick |\n|---|---|---|---|---|---|---|\n");
    for result in &now.results {
        let Some(earlier) = then.find(&result.case, &result.target) else { continue };
        for figure in FIGURES {
            let (Some(was), Some(is)) = (earlier.median(figure), result.median(figure)) else { continue };
            let beside =
                |report: &Report| report.yardstick(&result.case).and_then(|yardstick| yardstick.median(figure));
            let changed = match (beside(then), beside(now)) {
                (Some(then), Some(now)) => percent((is / now) / (was / then)),
                _ => "–".to_owned(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {figure} | {was:.1} | {is:.1} | {} | {changed} |",
                result.case,
                result.target,
                percent(is / was),
            );
        }
    }
    text
}

fn percent(ratio: f64) -> String {
    format!("{:+.0} %", (ratio - 1.0) * 100.0)
}
