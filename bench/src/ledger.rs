//! How fast the ledger's writer carries rows from the spool into a database: runs `writer_throughput`, an example of the
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
            let rows_per_second = once(arguments, program, url)?;
            eprintln!("{CASE}: {name} {rows_per_second:.0} rows/s");
            report.add(CASE, name, Figures::from([("rows_per_second".to_owned(), rows_per_second)]));
        }
    }
    Ok(())
}

fn once(arguments: &RunArguments, program: &Path, url: &str) -> Result<f64> {
    let output = pinned(arguments.proxy_cpu, program)
        .arg(url)
        .arg(arguments.rows.to_string())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    rows_per_second(&said).with_context(|| format!("{} said: {said}", program.display()))
}

/// Reads `written: 100000 rows in 1.85s, 54000 rows/s, …`.
fn rows_per_second(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("written: "))?;
    let figure = line.split(", ").find_map(|part| part.strip_suffix(" rows/s"))?;
    figure.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_writing_is_read_and_not_that_of_appending() {
        let said = "appended: 9 rows in 1s, 9 rows/s, 1.0 µs each\nwritten: 100000 rows in 1.85s, 54000 rows/s, 18.5 µs each\n";
        assert_eq!(rows_per_second(said), Some(54_000.0));
        assert_eq!(rows_per_second("written: nothing"), None);
    }
}
