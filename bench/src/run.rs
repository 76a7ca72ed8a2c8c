//! Takes turns: in every round each target has each case once, so that a change of the machine's mood hits all of them.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::RunArguments;
use crate::case::{self, Case};
use crate::load;
use crate::process::{Process, pinned};
use crate::report::{Figures, Report};
use crate::target::{self, Target};

/// Load before the figures count: connections, caches, branch predictors.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures and prints.
pub async fn run(arguments: &RunArguments) -> Result<()> {
    pin_myself(arguments.load_cpu)?;
    let dir = tempfile::tempdir()?;
    let mut mock = pinned(arguments.load_cpu, &std::env::current_exe()?);
    mock.arg("mock");
    let (_mock, mock_address) = Process::start_server(mock)?;
    let targets = target::start_all(arguments, mock_address, dir.path()).await?;
    let wanted = |case: &&Case| arguments.case.as_ref().is_none_or(|part| case.name.contains(part.as_str()));
    let cases: Vec<Case> = case::ALL.iter().filter(wanted).copied().collect();
    ensure!(!cases.is_empty(), "no case has such a name");
    let mut report = Report::new(&targets);
    for round in 1..=arguments.rounds {
        for case in &cases {
            for target in &targets {
                let figures = turn(target, *case, Duration::from_secs(arguments.seconds)).await?;
                eprintln!("round {round}  {:<26} {:<14} {figures}", case.name, target.name);
                report.add(case.name, target.name, figures);
            }
        }
    }
    println!("{report}");
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// One target, one case. The processor time includes what is done after the last answer: compressing, writing.
async fn turn(target: &Target, case: Case, duration: Duration) -> Result<Figures> {
    let door = target.door(case);
    load::run(door, case, WARM_UP).await?;
    target.process.settle().await?;
    let before = target.process.cpu()?;
    let answers = load::run(door, case, duration).await?;
    let resident = target.process.resident()?;
    target.process.settle().await?;
    let spent = target.process.cpu()?.since(&before);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / answers.complete as f64;
    Ok(Figures {
        data_plane_us: each(target.data_plane(&spent)),
        process_us: each(spent.total),
        per_second: answers.complete as f64 / answers.took.as_secs_f64(),
        p50_us: answers.latency_us(0.5),
        p99_us: answers.latency_us(0.99),
        resident_bytes: resident,
        answer_bytes: answers.bytes / answers.complete,
        threads_us: spent.threads.into_iter().map(|(name, time)| (name, each(time))).collect(),
    })
}

fn pin_myself(cpu: usize) -> Result<()> {
    let me = std::process::id().to_string();
    let status = Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", &cpu.to_string(), &me]).output();
    ensure!(status.context("cannot start taskset")?.status.success(), "there is no processor {cpu}");
    Ok(())
}
