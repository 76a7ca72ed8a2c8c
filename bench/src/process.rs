//! Processes: started on one processor, watched through /proc, ended with their owner.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A running child. Dropped, it is ended and waited for.
pub struct Process {
    child: Child,
}

/// A command that will run on one processor.
pub fn pinned(cpu: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(cpu.to_string()).arg(program);
    command
}

impl Process {
    /// Starts it; what it says on standard output is dropped.
    pub fn start(mut command: Command) -> Result<Self> {
        let child = command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child })
    }

    /// Starts it and waits until it says where it listens: the first `http://…` on its standard output.
    pub fn start_server(mut command: Command) -> Result<(Self, SocketAddr)> {
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
        let output = child.stdout.take().context("standard output is piped")?;
        let process = Self { child };
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next() {
            let line = line?;
            let Some((_, address)) = line.split_once("http://") else { continue };
            let address = address.trim_end_matches('/').parse().with_context(|| line.clone())?;
            // The pipe must not fill up.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((process, address));
        }
        bail!("{command:?} ended without saying where it listens")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its program lies in memory.
    pub fn base(&self) -> Result<u64> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id()))?;
        let program = fs::read_link(format!("/proc/{}/exe", self.child.id()))?;
        let program = program.to_str().context("a path of text")?;
        let first = maps.lines().find(|line| line.ends_with(program)).context("the program is mapped")?;
        let (base, _) = first.split_once('-').context("a mapping has a beginning")?;
        Ok(u64::from_str_radix(base, 16)?)
    }

    /// The processor time of the process and its children since they began.
    pub fn cpu(&self) -> Result<Cpu> {
        let mut cpu = Cpu::default();
        for pid in self.tree()? {
            cpu.add(pid)?;
        }
        Ok(cpu)
    }

    /// Bytes of memory that the process and its children have resident.
    pub fn resident(&self) -> Result<u64> {
        let mut pages = 0;
        for pid in self.tree()? {
            let statm = fs::read_to_string(format!("/proc/{pid}/statm"))?;
            pages += statm.split(' ').nth(1).context("statm has seven numbers")?.parse::<u64>()?;
        }
        Ok(pages * 4_096)
    }

    /// Waits until the work that requests left behind is done.
    pub async fn settle(&self) -> Result<()> {
        let (mut before, mut quiet) = (self.cpu()?.living(), 0);
        for _ in 0..300 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.cpu()?.living();
            quiet = if now.saturating_sub(before) <= Duration::from_millis(2) { quiet + 1 } else { 0 };
            if quiet == 3 {
                return Ok(());
            }
            before = now;
        }
        bail!("still busy 30 seconds after the last request")
    }

    fn tree(&self) -> Result<Vec<u32>> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = tree.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            tree.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            next += 1;
        }
        Ok(tree)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM, so that nginx takes its worker along and Weir closes its files; both bound the time they take.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            // It has ended already, or cannot be asked.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Processor time, user and system.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// Of all threads, those that ended included, to a hundredth of a second.
    pub total: Duration,
    /// Of the threads that live, by name, to the nanosecond.
    pub threads: BTreeMap<String, Duration>,
}

impl Cpu {
    fn add(&mut self, pid: u32) -> Result<()> {
        self.total += process_time(pid)?;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.path();
            // A thread may end between the listing and the reading.
            let Ok(name) = fs::read_to_string(task.join("comm")) else { continue };
            let Ok(spent) = fs::read_to_string(task.join("schedstat")) else { continue };
            let nanos = spent.split(' ').next().context("schedstat has three numbers")?.parse()?;
            let spent = Duration::from_nanos(nanos);
            *self.threads.entry(name.trim_end().to_owned()).or_default() += spent;
        }
        Ok(())
    }

    fn living(&self) -> Duration {
        self.threads.values().sum()
    }

    /// What was spent since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |name: &str| earlier.threads.get(name).copied().unwrap_or_default();
        Self {
            total: self.total.saturating_sub(earlier.total),
            threads: self
                .threads
                .iter()
                .map(|(name, spent)| (name.clone(), spent.saturating_sub(before(name))))
                .collect(),
        }
    }
}

/// User and system time of a process since it began.
fn process_time(pid: u32) -> Result<Duration> {
    /// Ticks of a hundredth of a second, on every Linux that runs on common processors.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain anything; numbers follow. utime and stime are the 14th and 15th field.
    let (_, numbers) = stat.rsplit_once(')').context("stat has a name in parentheses")?;
    let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}
