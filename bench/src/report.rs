//! What was measured: kept as JSON, printed as tables, compared with an earlier run.

mod compare;
mod goals;
mod machine;
mod tables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::process::Process;
use crate::target::Target;
use machine::Machine;

/// What one turn measured, by name; the unit ends the name.
pub type Figures = BTreeMap<String, f64>;

/// Case under which stands what a target is before anybody asks it.
const IDLE: &str = "idle";

/// Everything that was measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    machine: Machine,
    /// The commit that was checked out.
    #[serde(default)]
    pub commit: Option<String>,
    results: Vec<Measured>,
}

/// A case with a target, over all rounds.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    case: String,
    target: String,
    rounds: Vec<Figures>,
}

impl Report {
    pub fn new(targets: &[Target]) -> Self {
        let mut report = Self { machine: Machine::this(), commit: None, results: Vec::new() };
        let mut processes: Vec<*const Process> = Vec::new();
        for target in targets {
            // One process may stand behind several targets, or behind none of its own.
            let process = Rc::as_ptr(&target.process);
            if !target.is_proxy() || processes.contains(&process) {
                continue;
            }
            processes.push(process);
            let mut figures = Figures::from([("resident_mb".to_owned(), megabytes(target.idle_bytes))]);
            if let Some(time) = target.cold_start {
                figures.insert("cold_start_ms".to_owned(), time.as_secs_f64() * 1e3);
            }
            report.add(IDLE, target.name, figures);
        }
        report
    }

    pub fn add(&mut self, case: &str, target: &str, figures: Figures) {
        match self.results.iter_mut().find(|result| (result.case.as_str(), result.target.as_str()) == (case, target)) {
            Some(result) => result.rounds.push(figures),
            None => {
                let (case, target) = (case.to_owned(), target.to_owned());
                self.results.push(Measured { case, target, rounds: vec![figures] });
            }
        }
    }

    /// Reads what [`Report::write`] wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).with_context(|| path.display().to_string())?;
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// How this run differs from an earlier one.
    pub fn compared_with(&self, earlier: &Self) -> impl fmt::Display {
        compare::table(self, earlier)
    }

    fn find(&self, case: &str, target: &str) -> Option<&Measured> {
        self.results.iter().find(|result| result.case == case && result.target == target)
    }

    /// What the others are compared with: the first that had the case.
    fn yardstick(&self, case: &str) -> Option<&Measured> {
        self.results.iter().find(|result| result.case == case)
    }
}

impl Measured {
    /// The median of a figure over the rounds.
    fn median(&self, figure: &str) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round.get(figure).copied()).collect())
    }

    /// A figure set against one of another target, round by round, and the median of that: both saw the same minutes.
    fn against(&self, figure: &str, other: &Self, of: &str, how: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let both = self.rounds.iter().zip(&other.rounds);
        median(both.filter_map(|(mine, theirs)| Some(how(*mine.get(figure)?, *theirs.get(of)?))).collect())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(commit) = &self.commit {
            writeln!(f, "Weir at {commit}")?;
        }
        writeln!(f, "{}\n", self.machine)?;
        goals::print(self, f)?;
        tables::print(self, f)
    }
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(nginx: f64, weir: f64) -> Report {
        let mut report = Report::new(&[]);
        for (target, us) in [("nginx", nginx), ("weir, all on", weir)] {
            for round in [1.0, 2.0, 4.0] {
                report.add("1 KB chat", target, Figures::from([("process_us".to_owned(), us * round)]));
            }
        }
        report
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let text = report(20.0, 45.0).to_string();
        assert!(text.contains("| 1 KB chat, whole process | 2.25 × nginx | at most 2.50 | yes |"), "{text}");
        assert!(text.contains("| 1 KB chat | weir, all on | – | – | 90.0 | 2.25 |"), "{text}");
    }

    #[test]
    fn what_was_written_is_read_again_and_compared() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bench/a.json");
        Report { commit: Some("abc1234".to_owned()), ..report(20.0, 45.0) }.write(&path).expect("written");
        let earlier = Report::read(&path).expect("read");
        assert!(earlier.to_string().starts_with("Weir at abc1234\n"), "{earlier}");
        let text = report(40.0, 45.0).compared_with(&earlier).to_string();
        assert!(text.contains("| 1 KB chat | weir, all on | process_us | 90.0 | 90.0 | +0 % | -50 % |"), "{text}");
        assert!(text.contains("| 1 KB chat | nginx | process_us | 40.0 | 80.0 | +100 % | +0 % |"), "{text}");
    }
}
