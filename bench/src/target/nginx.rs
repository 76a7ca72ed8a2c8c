//! nginx as a plain reverse proxy: one worker, keep-alive on both sides, no log. Streams go through a second port
//! without buffering, as anybody would configure it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Serves, Target, chat_door};
use crate::RunArguments;
use crate::process::{Process, pinned};

pub async fn start(arguments: &RunArguments, mock: SocketAddr, dir: &Path) -> Result<Target> {
    let dir = dir.join("nginx");
    fs::create_dir_all(&dir)?;
    let (plain, unbuffered) = (free_address()?, free_address()?);
    fs::write(dir.join("nginx.conf"), configuration(mock, plain, unbuffered))?;
    let mut command = pinned(arguments.proxy_cpu, &arguments.nginx);
    command.arg("-p").arg(&dir).arg("-c").arg("nginx.conf").arg("-e").arg("error.log");
    let process = Process::start(command)?;
    wait_for(plain).await.with_context(|| fs::read_to_string(dir.join("error.log")).unwrap_or_default())?;
    let mut target = Target::new("nginx", Rc::new(process), chat_door(plain), Serves::Upstream);
    target.stream_door = Some(chat_door(unbuffered));
    Ok(target)
}

/// An address that was free a moment ago: nginx cannot choose its own.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn wait_for(address: SocketAddr) -> Result<()> {
    let mut last = None;
    for _ in 0..100 {
        match tokio::net::TcpStream::connect(address).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(last.context("was tried")?.into())
}

fn configuration(mock: SocketAddr, plain: SocketAddr, unbuffered: SocketAddr) -> String {
    format!(
        r#"daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  server_tokens off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_max_body_size 32m;
  client_body_buffer_size 256k;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream provider {{
    server {mock};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {{
    listen {plain};
    location / {{ proxy_pass http://provider; }}
  }}
  server {{
    listen {unbuffered};
    location / {{ proxy_pass http://provider; proxy_buffering off; }}
  }}
}}
"#
    )
}
