//! Weir, once, with two gateways: one with everything on and one with everything off that can be off.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Serves, Target};
use crate::load::Door;
use crate::process::{Process, pinned};

/// Weir as it comes, with what it can do turned on.
pub const ALL_ON: &str = "weir, all on";
/// Starts that are timed; the last one stays.
const STARTS: usize = 5;
const TOKEN: &str = "weir-bench-token-0123456789abcdef";
/// The acceptor runs on the main thread, connections on the threads of the data plane.
const DATA_PLANE: &[&str] = &["weir", "data-plane"];

pub async fn start(weir: &Path, cpu: usize, mock: SocketAddr, dir: &Path) -> Result<Vec<Target>> {
    // The processes run in a directory of their own.
    let weir = &weir.canonicalize().with_context(|| weir.display().to_string())?;
    let dir = dir.join("weir");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("weir.yaml"), declaration(mock))?;
    let mut apply = Command::new(weir);
    settings(&mut apply, &dir);
    let applied = apply.arg("apply").arg(dir.join("weir.yaml")).output().context("cannot start weir apply")?;
    ensure!(applied.status.success(), "weir apply: {}", String::from_utf8_lossy(&applied.stderr));
    let mut starts = Vec::new();
    let (process, address) = loop {
        let begin = Instant::now();
        let mut serve = pinned(cpu, weir);
        settings(&mut serve, &dir);
        let (process, address) = Process::start_server({
            serve.arg("serve");
            serve
        })?;
        ready(address).await?;
        starts.push(begin.elapsed());
        if starts.len() == STARTS {
            break (Rc::new(process), address);
        }
    };
    starts.sort_unstable();
    let target = |name, gateway: &str, serves| {
        let path = format!("/v1/bench/{gateway}/compat/chat/completions");
        let door = Door { address, path, token: Some(TOKEN.into()), model: "openai/gpt-4o-mini" };
        let mut target = Target::new(name, process.clone(), door, serves);
        target.data_plane = DATA_PLANE;
        target.cold_start = Some(starts[STARTS / 2]);
        target
    };
    Ok(vec![target(ALL_ON, "on", Serves::All), target("weir, all off", "off", Serves::Upstream)])
}

fn settings(command: &mut Command, dir: &Path) {
    command
        .current_dir(dir)
        .env_remove("DATABASE_URL")
        .env("WEIR_LISTEN", "127.0.0.1:0")
        .env("WEIR_DATA_DIR", dir.join("data"))
        .env("WEIR_ALLOW_PRIVATE_UPSTREAMS", "true")
        .env("WEIR_LOG", "warn")
        .env("WEIR_BENCH_TOKEN", TOKEN)
        .env("WEIR_BENCH_KEY", "sk-bench");
}

/// Waits until it answers that it is ready.
async fn ready(address: SocketAddr) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    anyhow::bail!("weir serve is not ready after 20 seconds")
}

fn declaration(mock: SocketAddr) -> String {
    format!(
        r"teams:
  - slug: bench
    gateways:
      - slug: 'on'
        settings:
          collect_logs: true
          collect_log_payloads: true
          cache_ttl: 3600
          rate_limiting_limit: 10000000
          rate_limiting_interval: 60
          rate_limiting_technique: sliding
          retry_max_attempts: 2
          retry_delay: 100
      - slug: 'off'
        settings:
          collect_logs: false
          collect_log_payloads: false
    provider_keys:
      - {{ provider: openai, alias: default, key: env:WEIR_BENCH_KEY, base_url: 'http://{mock}' }}
    tokens:
      - {{ name: bench, token: env:WEIR_BENCH_TOKEN, gateways: ['on', 'off'] }}
"
    )
}
