//! What is measured: proxies in front of the same mock provider, and what they are compared with.

mod bench;
mod nginx;
mod weir;

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::RunArguments;
use crate::case::Case;
use crate::load::Door;
use crate::process::{Cpu, Process};
pub use weir::{ALL_ON, start as start_weir};

/// Something that answers, and runs.
pub struct Target {
    pub name: &'static str,
    pub process: Rc<Process>,
    door: Door,
    /// Where streams are asked for, if elsewhere.
    stream_door: Option<Door>,
    serves: Serves,
    /// Begins the names of the threads that serve requests; empty for all.
    data_plane: &'static [&'static str],
    /// From the start of the process to its first answer, where that is measured.
    pub cold_start: Option<Duration>,
    /// Resident bytes before the first request.
    pub idle_bytes: u64,
}

/// Which cases say something about a target.
#[derive(Clone, Copy, Debug)]
enum Serves {
    /// Those whose every request reaches the provider.
    Upstream,
    /// Those whose every request is the same.
    Repeats,
    /// Those about how long callers wait.
    Waiting,
    All,
}

impl Target {
    fn new(name: &'static str, process: Rc<Process>, door: Door, serves: Serves) -> Self {
        Self { name, process, door, stream_door: None, serves, data_plane: &[], cold_start: None, idle_bytes: 0 }
    }

    /// Whether it stands between the load and the provider, or in the provider's place.
    pub fn is_proxy(&self) -> bool {
        !matches!(self.serves, Serves::Waiting)
    }

    /// Whether the case says something about this target.
    pub fn takes(&self, case: &Case) -> bool {
        match self.serves {
            Serves::Upstream => !case.repeat,
            Serves::Repeats => case.repeat,
            Serves::Waiting => case.is_about_waiting(),
            Serves::All => true,
        }
    }

    /// Where to send a case's requests.
    pub fn door(&self, case: Case) -> &Door {
        self.stream_door.as_ref().filter(|_| case.stream).unwrap_or(&self.door)
    }

    /// The part of the processor time that went into serving requests.
    pub fn data_plane(&self, cpu: &Cpu) -> Duration {
        if self.data_plane.is_empty() {
            return cpu.total;
        }
        cpu.threads.iter().filter(|(name, _)| self.is_data_plane(name)).map(|(_, spent)| spent).sum()
    }

    /// Whether a thread of this name serves requests.
    pub fn is_data_plane(&self, thread: &str) -> bool {
        self.data_plane.is_empty() || self.data_plane.iter().any(|prefix| thread.starts_with(prefix))
    }
}

/// The door of a target that is asked as a provider is.
fn chat_door(address: SocketAddr) -> Door {
    Door { address, path: "/v1/chat/completions".into(), token: None, model: "gpt-4o-mini" }
}

/// Starts every target. The first one that takes a case is what the others are compared with there. Files go below `dir`.
pub async fn start_all(arguments: &RunArguments, mock: (Rc<Process>, SocketAddr), dir: &Path) -> Result<Vec<Target>> {
    let (process, address) = mock;
    let mut targets = vec![
        nginx::start(arguments, address, dir).await?,
        bench::constant(arguments)?,
        bench::bare(arguments, address)?,
        bench::none(process, address),
    ];
    if let Some(weir) = &arguments.weir {
        targets.extend(weir::start(weir, arguments.proxy_cpu, address, dir).await?);
    }
    // Start-up has its own processor time and garbage.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for target in &mut targets {
        target.process.settle().await?;
        target.idle_bytes = target.process.resident()?;
    }
    Ok(targets)
}
