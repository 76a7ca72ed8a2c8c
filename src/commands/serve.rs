//! `weir serve`: start-up and drain.
//!
//! Start: settings, data directory (held by a lock), schema, master key, spool replay, snapshot, listener. Stop (SIGTERM or
//! SIGINT): not ready any more, no new connections, running requests and streams finish up to the limit, what is cut then
//! is settled and written down, the ledger is drained into the database.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use gateway::Gateway;
use store::spool::{Spool, SpoolOptions};
use store::writer::{LedgerWriter, WriterOptions};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::open::{self, Installation};
use crate::app::{App, Draining, leptos_options};
use crate::config::Settings;
use crate::listener::{self, Services};
use crate::{build_server, ports, reload, upkeep};

/// Threads that render pages and change settings.
const PAGE_THREADS: usize = 2;
/// Longest time the ledger may take to reach the database at the end; what is left is in the spool.
const LEDGER_DRAIN: Duration = Duration::from_secs(20);

/// Runs until a signal tells it to stop.
pub fn run(settings: &Settings) -> Result<(), String> {
    start_log(settings);
    let pages = runtime("pages", PAGE_THREADS)?;
    let data_plane = runtime("data-plane", std::thread::available_parallelism().map_or(2, usize::from))?;
    let server = pages.block_on(Server::start(settings, &pages))?;
    let (stop, stopping) = watch::channel(false);
    pages.spawn(stop_on_signal(stop, server.app.draining.clone()));
    let complete = data_plane.block_on(serve(server.listener, server.services, stopping, settings.shutdown_timeout));
    if !complete {
        tracing::warn!(
            in_flight = server.app.gateway.in_flight(),
            "the time to finish is over; running streams are cut"
        );
    }
    // Dropping the connections settles what still runs.
    data_plane.shutdown_timeout(Duration::from_secs(2));
    let drained = pages.block_on(async {
        let drained = server.writer.drained(LEDGER_DRAIN).await;
        server.writer.stop().await;
        drained
    });
    pages.shutdown_timeout(Duration::from_secs(2));
    tracing::info!(ledger_drained = drained, "stopped");
    Ok(())
}

/// The listener lives on the data plane's runtime, so it is registered there.
async fn serve(
    listener: std::net::TcpListener,
    services: Services,
    stop: watch::Receiver<bool>,
    patience: Duration,
) -> bool {
    match TcpListener::from_std(listener) {
        Ok(listener) => listener::serve(listener, services, stop, patience).await,
        Err(error) => {
            tracing::error!(%error, "cannot listen");
            false
        }
    }
}

/// Everything that runs.
struct Server {
    app: App,
    listener: std::net::TcpListener,
    services: Services,
    writer: LedgerWriter,
}

impl Server {
    async fn start(settings: &Settings, pages: &Runtime) -> Result<Self, String> {
        open::create_data_dir(settings)?;
        // Opening the spool takes the lock on the data directory, so a second start touches nothing.
        let (appender, spool) = Spool::open(&settings.data_dir.join("spool"), SpoolOptions::default())
            .map_err(|error| format!("WEIR_DATA_DIR: {}: {error}", settings.data_dir.display()))?;
        let Installation { store, sealer, control } = open::open(settings).await?;
        let writer = LedgerWriter::start(&store, spool, WriterOptions::default()).map_err(|error| error.to_string())?;
        let config = store::config::load_config(&store, &sealer).await.map_err(|error| error.to_string())?;
        let tier = ports::CacheTier::open(store.clone(), pages.handle().clone()).await.map_err(|e| e.to_string())?;
        let options = gateway::Options {
            allow_private_upstreams: settings.allow_private_upstreams,
            ..gateway::Options::default()
        };
        let gateway = Gateway::new(options, &config, Arc::new(ports::Ledger(appender.clone())), Arc::new(tier))
            .map_err(|error| error.to_string())?;
        control.set_live_version(gateway.version());
        let listener = listen(settings)?;
        announce(settings, &listener, &control).await?;
        pages.spawn(reload::watch(store.clone(), sealer, control.clone(), gateway.clone()));
        pages.spawn(upkeep::run(control.clone(), gateway.clone()));
        let app = App {
            gateway: gateway.clone(),
            control,
            store,
            ledger: appender,
            leptos: leptos_options(),
            draining: Draining::default(),
        };
        let services = Services {
            gateway,
            pages: build_server(app.clone()),
            pages_runtime: pages.handle().clone(),
            trusted_proxies: settings.trusted_proxies.clone().into(),
        };
        Ok(Self { app, listener, services, writer })
    }
}

fn runtime(name: &str, threads: usize) -> Result<Runtime, String> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the {name} threads: {error}"))
}

fn listen(settings: &Settings) -> Result<std::net::TcpListener, String> {
    let address = settings.listen;
    let refused = |error| format!("WEIR_LISTEN: cannot listen on {address}: {error}");
    let listener = std::net::TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// Tells where the server listens and, until somebody owns it, the one-time set-up link.
async fn announce(
    settings: &Settings,
    listener: &std::net::TcpListener,
    control: &control::Control,
) -> Result<(), String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    println!("Weir is listening on http://{address}");
    if let Some(secret) = control.setup_secret().await.map_err(|error| error.to_string())? {
        println!(
            "Nobody owns this installation yet. Open this link once to set it up:\n{url}/setup/{}",
            secret.expose()
        );
    } else {
        println!("Dashboard: {url}");
    }
    Ok(())
}

async fn stop_on_signal(stop: watch::Sender<bool>, draining: Draining) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals cannot be received; only kill -9 stops this process");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: running requests may finish");
    draining.begin();
    // The receiver is gone only when the server has stopped already.
    let _ = stop.send(true);
}

fn start_log(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::new(&settings.log);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second initialisation happens only in tests; the first one stays.
    let _ = if settings.log_json { log.json().try_init() } else { log.try_init() };
}
