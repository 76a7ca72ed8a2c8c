//! Takes turns: in every round each target has each case once, so that a change of the machine's mood hits all of them.

use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::RunArguments;
use crate::case::{self, Case, Load};
use crate::ledger;
use crate::load::{self, Answers};
use crate::process::{Cpu, Process, pinned};
use crate::report::{Figures, Report, megabytes};
use crate::target::{self, Target};

/// Load before the figures count: connections, caches, branch predictors.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures and prints.
pub async fn run(arguments: &RunArguments) -> Result<()> {
    // Read first: a wrong path must not be found out at the end.
    let earlier = arguments.compare.as_deref().map(Report::read).transpose()?;
    pin_myself(arguments.load_cpu)?;
    raise_open_files()?;
    let cases: Vec<Case> = case::ALL.iter().filter(|case| arguments.wants(case.name)).copied().collect();
    ensure!(!cases.is_empty() || arguments.wants(ledger::CASE), "no case has such a name");
    let mut report = requests(arguments, &cases).await?;
    report.commit.clone_from(&arguments.commit);
    if arguments.wants(ledger::CASE) {
        ledger::run(arguments, &mut report)?;
    }
    println!("{report}");
    if let Some(path) = &arguments.json {
        report.write(path)?;
        println!("kept in {}", path.display());
    }
    if let Some(earlier) = &earlier {
        println!("\n{}", report.compared_with(earlier));
    }
    Ok(())
}

/// Everything that is asked over HTTP.
async fn requests(arguments: &RunArguments, cases: &[Case]) -> Result<Report> {
    if cases.is_empty() {
        return Ok(Report::new(&[]));
    }
    let mut mock = pinned(arguments.load_cpu, &std::env::current_exe()?);
    mock.arg("mock");
    let (mock, address) = Process::start_server(mock)?;
    let mock = (Rc::new(mock), address);
    let dir = tempfile::tempdir()?;
    let targets = target::start_all(arguments, mock.clone(), dir.path()).await?;
    let mut report = Report::new(&targets);
    for round in 1..=arguments.rounds {
        for case in cases {
            if case.fresh {
                let dir = tempfile::tempdir()?;
                let targets = target::start_all(arguments, mock.clone(), dir.path()).await?;
                turns(arguments, round, case, &targets, &mut report).await?;
            } else {
                turns(arguments, round, case, &targets, &mut report).await?;
            }
        }
    }
    Ok(report)
}

/// Every target once.
async fn turns(
    arguments: &RunArguments,
    round: usize,
    case: &Case,
    targets: &[Target],
    report: &mut Report,
) -> Result<()> {
    let duration = Duration::from_secs(arguments.seconds);
    for target in targets.iter().filter(|target| target.takes(case)) {
        let figures = turn(target, *case, duration).await?;
        eprintln!("round {round}  {:<21} {:<14} {}", case.name, target.name, line(&figures));
        report.add(case.name, target.name, figures);
    }
    Ok(())
}

/// One target, one case. The processor time includes what is done after the last answer: compressing, writing.
async fn turn(target: &Target, case: Case, duration: Duration) -> Result<Figures> {
    let door = target.door(case);
    if !matches!(case.load, Load::Paced { .. }) {
        load::run(door, case, WARM_UP, || ()).await?;
    }
    target.process.settle().await?;
    let before = target.process.cpu()?;
    let mut resident = Ok(0);
    let answers = load::run(door, case, duration, || resident = target.process.resident()).await?;
    target.process.settle().await?;
    let spent = target.process.cpu()?.since(&before);
    Ok(figures(target, &answers, &spent, resident?))
}

fn figures(target: &Target, answers: &Answers, spent: &Cpu, resident: u64) -> Figures {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / answers.complete as f64;
    let [p50, p90, p99, p999, longest] = answers.latencies.us([0.5, 0.9, 0.99, 0.999, 1.0]);
    let named = [
        ("data_plane_us", each(target.data_plane(spent))),
        ("process_us", each(spent.total)),
        ("per_second", answers.complete as f64 / answers.took.as_secs_f64()),
        ("p50_us", p50),
        ("p90_us", p90),
        ("p99_us", p99),
        ("p999_us", p999),
        ("longest_us", longest),
        ("resident_mb", megabytes(resident)),
        ("answer_bytes", (answers.bytes / answers.complete) as f64),
    ];
    let mut figures: Figures = named.map(|(name, figure)| (name.to_owned(), figure)).into();
    if !answers.lateness.is_empty() {
        let [late] = answers.lateness.us([0.99]);
        figures.insert("late_p99_us".to_owned(), late);
    }
    figures.extend(spent.threads.iter().map(|(name, time)| (format!("thread {name} us"), each(*time))));
    figures
}

/// What one turn brought, while it runs.
fn line(figures: &Figures) -> String {
    let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
    format!(
        "{:>7.1} µs data plane {:>7.1} µs process {:>6.0}/s  p50 {:>6.0} µs  p99 {:>7.0} µs  {:>5.1} MB",
        figure("data_plane_us"),
        figure("process_us"),
        figure("per_second"),
        figure("p50_us"),
        figure("p99_us"),
        figure("resident_mb"),
    )
}

/// Keeps this program, and what it starts without saying otherwise, on one processor.
pub fn pin_myself(cpu: usize) -> Result<()> {
    let me = std::process::id().to_string();
    let status = Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", &cpu.to_string(), &me]).output();
    ensure!(status.context("cannot start taskset")?.status.success(), "there is no processor {cpu}");
    Ok(())
}

/// Thousands of streams are thousands of sockets, here and in every process started from here.
fn raise_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
