//! How fast the ledger's writer carries rows from the spool into a database, and how much room they take there: runs `writer_throughput`, an example of the
//! store's, pinned like everything under test.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::RunArguments;
use crate::process::pinned;
use crate::report::{Figures, Report};

/// What it is called in the report; the databases are its targets.
pub const CASE: &str = "ledger writer";

/// Measures SQLite, and PostgreSQL where there is one.
pub fn run(arguments: &RunArguments, report: &mut Report) -> Result<()> {
    let Some(program) = &arguments.writer else { return Ok(()) };
    let databases = [("SQLite", Some("")), ("PostgreSQL", arguments.postgres.as_deref())];
    for _ in 0..arguments.rounds {
        for (name, url) in databases {
            let Some(url) = url else { continue };
            let figures = once(arguments, program, url)?;
            eprintln!("{CASE}: {name} {:.0} rows/s", figures["rows_per_second"]);
            report.add(CASE, name, figures);
        }
    }
    Ok(())
}

fn once(arguments: &RunArguments, program: &Path, url: &str) -> Result<Figures> {
    let output = pinned(arguments.proxy_cpu, program)
        .arg(url)
        .arg(arguments.rows.to_string())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    figures(&said).with_context(|| format!("{} said: {said}", program.display()))
}

/// Reads `written: 100000 rows in 1.85s, 54000 rows/s, …` and `size: 400 bytes a row, 900 with its indexes`.
fn figures(said: &str) -> Option<Figures> {
    let line = |begins: &str| said.lines().find_map(|line| line.strip_prefix(begins));
    let figure =
        |line: &str, ends: &str| line.split(", ").find_map(|part| part.strip_suffix(ends)?.parse::<f64>().ok());
    let size = line("size: ")?;
    let figures = [
        ("rows_per_second", figure(line("written: ")?, " rows/s")?),
        ("row_bytes", figure(size, " bytes a row")?),
        ("row_bytes_with_indexes", figure(size, " with its indexes")?),
    ];
    Some(figures.map(|(name, figure)| (name.to_owned(), figure)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_writing_is_read_and_not_that_of_appending() {
        let said = "appended: 9 rows in 1s, 9 rows/s, 1.0 µs each\nwritten: 100000 rows in 1.85s, 54000 rows/s, 18.5 µs each\nsize: 400 bytes a row, 900 with its indexes\n";
        let expected = [("rows_per_second", 54_000.0), ("row_bytes", 400.0), ("row_bytes_with_indexes", 900.0)];
        assert_eq!(figures(said), Some(expected.map(|(name, figure)| (name.to_owned(), figure)).into()));
        assert_eq!(figures("written: nothing\nsize: 400 bytes a row, 900 with its indexes"), None);
        assert_eq!(figures("written: 1 rows in 1s, 1 rows/s"), None);
    }
}
