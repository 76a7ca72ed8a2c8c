//! `weir ledger verify`

use domain::Nanos;
use store::Store;
use store::verify::{MOST_LISTED, Report, Span, verify};

use crate::cli::Verify;

/// Checks, and says what was found.
pub async fn run(store: &Store, arguments: &Verify) -> Result<(), String> {
    let span = Span { from: arguments.from, to: arguments.to };
    let report = verify(store, span).await.map_err(|error| format!("the ledger cannot be read: {error}"))?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        print!("{}", render(&report));
    }
    match report.differences {
        0 => Ok(()),
        1 => Err("the ledger has 1 difference".to_owned()),
        many => Err(format!("the ledger has {many} differences")),
    }
}

fn render(report: &Report) -> String {
    let (Some(from), Some(to)) = (report.from, report.to) else { return "There are no rows to check.\n".to_owned() };
    let mut lines = vec![
        format!("Checked from {from} to {to} (UTC): {} rows of {} requests.", report.rows, report.requests),
        format!("They cost {}.", Nanos(report.cost_nanos)),
        format!("{} sums of minutes, hours and days compared.", report.rollups),
    ];
    let notes = [
        (report.rollups_without_rows, "sums not compared: the log has forgotten their rows"),
        (report.unpriced, "attempts without a known cost"),
        (report.corrections, "costs that were put right after the fact"),
        (report.killed, "attempts that were under way when the server was killed"),
        (report.dead_letters, "records in dead_letters, whose cost is in no figure"),
    ];
    lines.extend(notes.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}.")));
    lines.extend(report.listed.iter().map(ToString::to_string));
    if report.differences > MOST_LISTED as u64 {
        lines.push(format!("… and {} more.", report.differences - MOST_LISTED as u64));
    }
    if report.differences == 0 {
        lines.push("No differences.".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_checked_and_what_differs() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 27);
        let mut report =
            Report { from: day, to: day, rows: 3, requests: 2, cost_nanos: 1_500_000_000, ..Report::default() };
        assert_eq!(
            render(&report),
            "Checked from 2026-11-27 to 2026-11-27 (UTC): 3 rows of 2 requests.\nThey cost $1.50.\n0 sums of minutes, hours and \
             days compared.\nNo differences.\n"
        );
        (report.differences, report.killed) = (1_002, 1);
        let said = render(&report);
        assert!(said.contains("1 attempts that were under way") && said.ends_with("… and 2 more.\n"), "{said}");
    }
}
