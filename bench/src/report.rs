//! The table, and the same figures as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::target::Target;

/// What one turn, or the middle of several, measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Microseconds of processor time per request, in the threads that serve requests.
    pub data_plane_us: f64,
    /// The same of the whole process and its children.
    pub process_us: f64,
    pub per_second: f64,
    pub p50_us: u32,
    pub p99_us: u32,
    /// Resident memory at the end of the load.
    pub resident_bytes: u64,
    /// Average length of an answer's body.
    pub answer_bytes: u64,
    /// Microseconds per request by thread name.
    pub threads_us: BTreeMap<String, f64>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    targets: Vec<Started>,
    results: Vec<Result>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    kernel: String,
}

#[derive(Debug, Serialize)]
struct Started {
    name: &'static str,
    idle_bytes: u64,
    cold_start_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Result {
    case: &'static str,
    target: &'static str,
    rounds: Vec<Figures>,
}

impl Report {
    pub fn new(targets: &[Target]) -> Self {
        let started = |target: &Target| Started {
            name: target.name,
            idle_bytes: target.idle_bytes,
            cold_start_ms: target.cold_start.map(|time| time.as_secs_f64() * 1e3),
        };
        Self { machine: Machine::this(), targets: targets.iter().map(started).collect(), results: Vec::new() }
    }

    pub fn add(&mut self, case: &'static str, target: &'static str, figures: Figures) {
        match self.results.iter_mut().find(|result| (result.case, result.target) == (case, target)) {
            Some(result) => result.rounds.push(figures),
            None => self.results.push(Result { case, target, rounds: vec![figures] }),
        }
    }
}

impl Result {
    /// The median of a figure over the rounds.
    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        let mut values: Vec<f64> = self.rounds.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = processors.lines().filter(|line| line.starts_with("processor")).count();
        Self {
            processor: format!("{count} × {}", model.map_or("unknown", |(_, name)| name)),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7.1} µs data plane {:>7.1} µs process {:>7.0}/s  p50 {:>6} µs  p99 {:>6} µs  {:>5.1} MB",
            self.data_plane_us,
            self.process_us,
            self.per_second,
            self.p50_us,
            self.p99_us,
            megabytes(self.resident_bytes),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, Linux {}; medians over the rounds\n", self.machine.processor, self.machine.kernel)?;
        writeln!(
            f,
            "| case | target | data plane µs | ratio | process µs | ratio | requests/s | p50 µs | p99 µs | MB |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for result in &self.results {
            // The first target of a case is the yardstick.
            let yardstick = self.results.iter().find(|other| other.case == result.case).unwrap_or(result);
            let yardstick = yardstick.median(|figures| figures.process_us);
            let (served, whole) = (result.median(|f| f.data_plane_us), result.median(|f| f.process_us));
            writeln!(
                f,
                "| {} | {} | {served:.1} | {:.2} | {whole:.1} | {:.2} | {:.0} | {:.0} | {:.0} | {:.1} |",
                result.case,
                result.target,
                served / yardstick,
                whole / yardstick,
                result.median(|f| f.per_second),
                result.median(|f| f.p50_us.into()),
                result.median(|f| f.p99_us.into()),
                megabytes(result.rounds.iter().map(|f| f.resident_bytes).max().unwrap_or(0)),
            )?;
        }
        writeln!(f, "\n| target | idle MB | cold start ms |\n|---|---|---|")?;
        for target in &self.targets {
            let start = target.cold_start_ms.map_or_else(|| "–".to_owned(), |time| format!("{time:.0}"));
            writeln!(f, "| {} | {:.1} | {start} |", target.name, megabytes(target.idle_bytes))?;
        }
        Ok(())
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
