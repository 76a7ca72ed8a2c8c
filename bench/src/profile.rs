//! Where the processor time of a request goes, stage by stage: `perf` takes samples of Weir under load, each sample is
//! given to the innermost layer that has a name (a stage of the gateway, a crate, a system call), and the time per
//! request that the whole took is divided in the same proportions.
//!
//! Samples may come from the processor's counter or, on machines without one, from the clock; the proportions are the
//! same. The binary must have line numbers and frame pointers: `script/profile` builds one.

mod layers;
mod samples;
mod symbols;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::case::{self, Case};
use crate::load;
use crate::process::{Process, pinned};
use crate::target::{self, Target};
use layers::Layers;

/// How to take a profile.
#[derive(clap::Args)]
pub struct ProfileArguments {
    /// The `weir` binary.
    #[arg(long)]
    weir: PathBuf,
    /// The case, by its whole name.
    #[arg(long, default_value = "1 KB chat")]
    case: String,
    /// Turn everything off that can be off.
    #[arg(long)]
    off: bool,
    /// Print every layer, however small.
    #[arg(long)]
    all: bool,
    /// Seconds of load.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// What to count; `cycles` where the processor can, `cpu-clock` everywhere.
    #[arg(long, default_value = "cpu-clock")]
    event: String,
    /// Processor of Weir.
    #[arg(long, default_value_t = 0)]
    proxy_cpu: usize,
    /// Processor of the load and the mock provider.
    #[arg(long, default_value_t = 1)]
    load_cpu: usize,
    /// Where to keep the samples, for `perf report`.
    #[arg(long)]
    keep: PathBuf,
}

/// Samples a second. No whole part of anything that happens regularly.
const RATE: u32 = 3_989;
/// Layers below this part of the whole are summed up, unless all are asked for.
const SMALL: f64 = 0.004;

/// Measures one case and prints its table.
pub async fn run(arguments: &ProfileArguments) -> Result<()> {
    let case = case::ALL.iter().find(|case| case.name == arguments.case).copied();
    let case = case.with_context(|| {
        format!("no such case; there are {:?}", case::ALL.iter().map(|case| case.name).collect::<Vec<_>>())
    })?;
    crate::run::pin_myself(arguments.load_cpu)?;
    let mut mock = pinned(arguments.load_cpu, &std::env::current_exe()?);
    mock.arg("mock");
    let (_mock, address) = Process::start_server(mock)?;
    let dir = tempfile::tempdir()?;
    let targets = target::start_weir(&arguments.weir, arguments.proxy_cpu, address, dir.path()).await?;
    let target = targets.get(usize::from(arguments.off)).context("weir has two gateways")?;
    let measured = record(arguments, target, case).await?;
    let script = perf_script(&arguments.keep)?;
    let samples = samples::parse(&script);
    ensure!(!samples.is_empty(), "perf took no samples");
    let layers = Layers::of(&samples, &arguments.weir.canonicalize()?, measured.base)?;
    print(&measured, &count(&samples, &layers, target), if arguments.all { 0.0 } else { SMALL });
    Ok(())
}

/// What a profiled turn took.
struct Taken {
    title: String,
    requests: u64,
    data_plane_us: f64,
    process_us: f64,
    /// Where the program lay in memory.
    base: u64,
}

async fn record(arguments: &ProfileArguments, target: &Target, case: Case) -> Result<Taken> {
    let door = target.door(case);
    load::run(door, case, Duration::from_secs(1), || ()).await?;
    let process: &Rc<Process> = &target.process;
    process.settle().await?;
    let before = process.cpu()?;
    let pid = process.id().to_string();
    let mut perf = Command::new("perf")
        .args(["record", "--quiet", "--event", &arguments.event, "--freq", &RATE.to_string(), "--call-graph", "fp"])
        .args(["--pid", &pid, "--output"])
        .arg(&arguments.keep)
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start perf (on Debian: apt-get install linux-perf)")?;
    let answers = load::run(door, case, Duration::from_secs(arguments.seconds), || ()).await?;
    process.settle().await?;
    let spent = process.cpu()?.since(&before);
    let base = process.base()?;
    // perf writes its file when it is interrupted, and says so with its exit status.
    ensure!(
        Command::new("kill").args(["-INT", &perf.id().to_string()]).status()?.success(),
        "perf has ended by itself"
    );
    perf.wait()?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / answers.complete as f64;
    Ok(Taken {
        title: format!("{}, {}", case.name, target.name),
        requests: answers.complete,
        data_plane_us: each(target.data_plane(&spent)),
        process_us: each(spent.total),
        base,
    })
}

fn perf_script(samples: &Path) -> Result<String> {
    let output = Command::new("perf")
        .args(["script", "--no-inline", "--fields", "comm,ip,sym,dso", "--input"])
        .arg(samples)
        .stderr(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "perf script cannot read {}", samples.display());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Samples by layer: in the threads that serve requests, and in all others.
fn count(samples: &[samples::Sample<'_>], layers: &Layers, target: &Target) -> BTreeMap<String, (u64, u64)> {
    let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for sample in samples {
        let counts = counted.entry(layers.name(sample)).or_default();
        if target.is_data_plane(sample.thread) {
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
    }
    counted
}

/// `small` is the part of the whole below which layers are summed up.
fn print(taken: &Taken, counted: &BTreeMap<String, (u64, u64)>, small: f64) {
    let sum = |of: fn(&(u64, u64)) -> u64| counted.values().map(of).sum::<u64>().max(1) as f64;
    let (served, aside) = (sum(|counts| counts.0), sum(|counts| counts.1));
    let aside_us = (taken.process_us - taken.data_plane_us).max(0.0);
    let us = |counts: &(u64, u64)| (counts.0 as f64 / served * taken.data_plane_us, counts.1 as f64 / aside * aside_us);
    let mut rows: Vec<(&str, (f64, f64))> = counted.iter().map(|(name, counts)| (name.as_str(), us(counts))).collect();
    rows.sort_by(|(_, a), (_, b)| (b.0 + b.1).total_cmp(&(a.0 + a.1)));
    let small = |(_, us): &(&str, (f64, f64))| us.0 + us.1 < taken.process_us * small;
    let (rest, shown): (Vec<_>, Vec<_>) = rows.into_iter().partition(small);
    println!("{}: {} requests\n", taken.title, taken.requests);
    println!("| layer | data plane µs | other threads µs |\n|---|---|---|");
    for (name, (served, aside)) in shown {
        println!("| {name} | {served:.2} | {aside:.2} |");
    }
    let rest = rest.iter().fold((0.0, 0.0), |sum, (_, us)| (sum.0 + us.0, sum.1 + us.1));
    println!("| smaller ones | {:.2} | {:.2} |", rest.0, rest.1);
    println!("| all | {:.2} | {aside_us:.2} |", taken.data_plane_us);
}
