//! `weir serve`: start-up and drain.
//!
//! Start: settings, data directory and SQLite file (each held by a lock), schema, master key, spool replay, snapshot,
//! listener. Where something limits, `/readyz` says 503 and requests are refused with `starting` until it is known from the
//! ledger what was spent before; the spool's backlog must be in the database for that.
//!
//! Stop, on SIGTERM or SIGINT:
//!
//! 1. `/readyz` says 503. For `WEIR_DRAIN_GRACE` everything else goes on as before, so that a load balancer can ask and send
//!    its traffic elsewhere. None by default: a server with nobody in front of it would only stop later.
//! 2. The listener closes, idle connections are closed, and a request that still comes over a busy one is refused with
//!    `shutting_down`: it has called nobody yet, so it is safe to send again.
//! 3. Running requests and streams finish, up to `WEIR_SHUTDOWN_TIMEOUT`.
//! 4. What runs even then is cut, and its row says so (`interrupted`, `shutting_down`).
//! 5. Rows that wait in memory for a spool that could not be written get there, and the writer carries the spool into the
//!    database, both within [`LEDGER_DRAIN`]; then it may finish the transaction it is at, up to [`LAST_BATCH`], and the rest
//!    is read at the next start. Rows that wait in memory even then are lost: the process says how many, and fails. What is
//!    counted of wrong passwords and of tokens' last use is written, each up to [`LAST_EVENTS`].
//!
//! Each further signal ends the wait of step 1, 3 or 5.
//!
//! A ledger writer that has died stops the server in the same way, with an error at the end: rows would only pile up in the
//! spool, and whoever supervises the process starts it again.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gateway::Gateway;
use socket2::SockRef;
use store::Claim;
use store::spool::{Spool, SpoolAppender, SpoolOptions};
use store::writer::{LedgerWriter, WriterOptions, WriterPulse};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::open::{self, Installation};
use crate::app::{App, Draining, leptos_options};
use crate::config::Settings;
use crate::health::{self, Damage, DatabasePulse};
use crate::listener::{self, Drain, Proxies, Services};
use crate::{build_server, ports, reload, router, upkeep};

/// Connections that may wait to be accepted, as far as the system allows (on Linux `net.core.somaxconn`). Beyond it the kernel
/// ignores them, and the client tries again a second later. The standard library asks for 128.
const BACKLOG: i32 = 4096;
/// Threads that render pages and change settings.
const PAGE_THREADS: usize = 2;
/// Longest time the ledger may take to reach the database at the end; what is left is in the spool.
const LEDGER_DRAIN: Duration = Duration::from_secs(20);
/// How often it is tried meanwhile whether a spool that failed can be written.
const SPOOL_POLL: Duration = Duration::from_millis(250);
/// Longest time its last transaction may take after that.
const LAST_BATCH: Duration = Duration::from_secs(2);
/// Longest time the last events of accounts, and the last uses of tokens, may take to be written.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// Runs until a signal tells it to stop.
pub fn run(settings: &Settings) -> Result<(), String> {
    start_log(settings);
    use_small_pages();
    let pages = runtime("pages", PAGE_THREADS)?;
    let data_plane = match std::thread::available_parallelism().map_or(2, usize::from) {
        // With nobody to share work with, handing tasks to another thread only costs.
        1 => runtime_of(&mut Builder::new_current_thread(), "data-plane")?,
        threads => runtime("data-plane", threads)?,
    };
    let server = pages.block_on(Server::start(settings, &pages))?;
    let (count, signalled) = watch::channel(0);
    pages.spawn(count_signals(count, server.app.draining.clone(), server.app.ledger_writer.clone()));
    let signals = signalled.clone();
    let drain = Drain { signals: signalled, grace: settings.drain_grace, patience: settings.shutdown_timeout };
    let complete = data_plane.block_on(serve(server.listener, server.services, drain));
    let gateway = &server.app.gateway;
    if !complete {
        tracing::warn!(in_flight = gateway.in_flight(), "the time to finish is over; running streams are cut");
    }
    // Dropping the connections settles what still runs.
    gateway.cut();
    data_plane.shutdown_timeout(Duration::from_secs(2));
    let died = !server.app.ledger_writer.is_alive();
    let drained = pages.block_on(async {
        if tokio::time::timeout(LAST_EVENTS, server.app.control.flush_refusals()).await.is_err() {
            tracing::warn!("counts of wrong passwords are lost: the database does not answer");
        }
        let used = gateway.last_used();
        let mut written = upkeep::Written::default();
        let writing = written.bring_up_to_date(&server.app.control, &used);
        if tokio::time::timeout(LAST_EVENTS, writing).await.is_err() {
            tracing::warn!("the tokens' last use is as of some seconds ago: the database does not answer");
        }
        carry_over(server.writer, &server.app.ledger, signals).await
    });
    pages.shutdown_timeout(Duration::from_secs(2));
    let lost = server.app.ledger.waiting();
    tracing::info!(ledger_drained = drained, rows_lost = lost, "stopped");
    if lost > 0 {
        return Err(format!("rows of the ledger are lost ({lost}): until the end the spool could not be written"));
    }
    if died {
        return Err("the ledger writer had died; its rows are in the spool and are read at the next start".to_owned());
    }
    Ok(())
}

/// Brings what waits into the spool and the spool into the database, and ends the writer. Returns whether everything is in the
/// database.
async fn carry_over(writer: LedgerWriter, ledger: &SpoolAppender, mut signals: watch::Receiver<u32>) -> bool {
    let told = *signals.borrow();
    let complete = tokio::select! {
        complete = tokio::time::timeout(LEDGER_DRAIN, drain(&writer, ledger)) => complete.unwrap_or(false),
        _ = signals.wait_for(|signals| *signals > told) => false,
    };
    if complete {
        writer.stop().await;
        return true;
    }
    tracing::warn!(
        backlog_bytes = writer.status().backlog_bytes,
        "the ledger is not in the database yet; the rest is read at the next start"
    );
    // A database that hangs holds even this one up; the thread ends with the process then.
    let _ = tokio::time::timeout(LAST_BATCH, writer.halt()).await;
    false
}

/// Waits until nothing is left in memory, then until nothing is left in the spool.
async fn drain(writer: &LedgerWriter, ledger: &SpoolAppender) -> bool {
    if !ledger.ready() {
        tracing::error!(rows_waiting = ledger.waiting(), "the spool cannot be written; waiting until it can");
    }
    // Nobody asks for anything any more, so nobody else looks whether the disk has room again.
    while !ledger.ready() {
        tokio::time::sleep(SPOOL_POLL).await;
    }
    writer.drained(LEDGER_DRAIN).await
}

/// The listener lives on the data plane's runtime, so it is registered there.
async fn serve(listener: std::net::TcpListener, services: Services, drain: Drain) -> bool {
    match TcpListener::from_std(listener) {
        Ok(listener) => listener::serve(listener, services, drain).await,
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
    /// Held to the end.
    _claim: Claim,
}

impl Server {
    async fn start(settings: &Settings, pages: &Runtime) -> Result<Self, String> {
        open::create_data_dir(settings)?;
        let options = SpoolOptions { sync: settings.ledger_sync, ..SpoolOptions::default() };
        // Opening the spool takes the lock on the data directory, so a second start touches nothing.
        let (appender, spool) = Spool::open(&settings.data_dir.join("spool"), options)
            .map_err(|error| format!("WEIR_DATA_DIR: {}: {error}", settings.data_dir.display()))?;
        let (Installation { store, sealer, control }, claim) = open::open_to_serve(settings).await?;
        let writer = LedgerWriter::start(&store, spool, WriterOptions::default()).map_err(|error| error.to_string())?;
        let config = store::config::load_config(&store, &sealer).await.map_err(|error| error.to_string())?;
        let tier = ports::CacheTier::open(store.clone(), settings.cache_store, pages.handle().clone())
            .await
            .map_err(|error| error.to_string())?;
        let options = gateway::Options {
            allow_private_upstreams: settings.allow_private_upstreams,
            allow_private_media: settings.allow_private_media,
            body_memory: settings.body_memory,
            max_in_flight: settings.max_in_flight,
            max_in_flight_per_upstream: settings.max_in_flight_per_upstream,
            price_keys: settings.price_keys.clone(),
            ..gateway::Options::default()
        };
        let (limits, runtime) = (settings.state_limits, pages.handle().clone());
        let state = ports::State::open(store.clone(), appender.clone(), writer.progress(), limits, runtime);
        let ports = gateway::ports::Ports {
            ledger: Arc::new(ports::Ledger(appender.clone())),
            cache_tier: Arc::new(tier),
            state: Arc::new(state),
        };
        let gateway = Gateway::new(options, &config, ports).map_err(|error| error.to_string())?;
        control.set_live_version(gateway.version());
        control.set_policy_engine(ports::Policies(gateway.clone()));
        control.set_provider_watch(ports::ProviderWatch(gateway.clone()));
        if gateway.suspend() {
            tracing::info!("reading from the ledger what was spent in the windows of limits");
        }
        let listener = listen(settings)?;
        announce(settings, &listener, &control).await?;
        pages.spawn(reload::watch(store.clone(), sealer, control.clone(), gateway.clone(), writer.progress()));
        pages.spawn(upkeep::run(control.clone(), gateway.clone()));
        let database = DatabasePulse::default();
        pages.spawn(health::watch_database(store, database.clone()));
        let damage = Damage::default();
        pages.spawn(health::watch_spool(appender.clone(), damage.clone()));
        control.set_ledger_watch(ports::LedgerWatch::new(appender.clone(), writer.pulse(), damage.clone()));
        let app = App {
            gateway: gateway.clone(),
            control,
            database,
            ledger: appender,
            ledger_writer: writer.pulse(),
            ledger_damage: damage,
            leptos: leptos_options(),
            draining: Draining::default(),
            started: SystemTime::now(),
            metrics_token: settings.metrics_token.clone(),
        };
        let services = Services {
            gateway,
            operations: router::operations(app.clone()),
            pages: build_server(app.clone()),
            pages_runtime: pages.handle().clone(),
            proxies: Arc::new(Proxies::new(settings.trusted_proxies.clone())),
        };
        Ok(Self { app, listener, services, writer, _claim: claim })
    }
}

/// Has the kernel give memory in pages of 4 KiB also where it gives huge ones to everybody: with those the allocator takes more, and
/// nothing is faster. It does not ask for them itself (`no_thp` in Cargo.toml). A system that knows no huge pages works too.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn runtime(name: &str, threads: usize) -> Result<Runtime, String> {
    runtime_of(Builder::new_multi_thread().worker_threads(threads), name)
}

fn runtime_of(builder: &mut Builder, name: &str) -> Result<Runtime, String> {
    let built = builder.thread_name(name).enable_all().build();
    built.map_err(|error| format!("cannot start the {name} threads: {error}"))
}

fn listen(settings: &Settings) -> Result<std::net::TcpListener, String> {
    let address = settings.listen;
    let refused = |error| format!("WEIR_LISTEN: cannot listen on {address}: {error}");
    let listener = std::net::TcpListener::bind(address).map_err(refused)?;
    SockRef::from(&listener).listen(BACKLOG).map_err(refused)?;
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

/// Counts the signals to stop; the first one makes the server not ready. The death of the ledger writer is one too.
async fn count_signals(count: watch::Sender<u32>, draining: Draining, writer: WriterPulse) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals cannot be received; only kill -9 stops this process");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = writer.ended(), if !draining.has_begun() => {
                tracing::error!("the ledger writer has died: stopping, to be started again");
            }
        }
        draining.begin();
        tracing::info!("told to stop: not ready any more");
        count.send_modify(|signals| *signals += 1);
    }
}

fn start_log(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::new(&settings.log);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell on standard error, and panic where that cannot be written either: a log on a full disk.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A second initialisation happens only in tests; the first one stays.
    let _ = if settings.log_json { log.json().try_init() } else { log.try_init() };
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn readyz(app: &App) -> (StatusCode, String) {
        let request = Request::get("/readyz").body(Body::empty()).expect("a request");
        let response = build_server(app.clone()).oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("whole").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[test]
    fn supervisors_are_answered_while_no_page_can_be_rendered() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = Settings::in_directory(directory.path());
        let pages = runtime("pages", 1).expect("threads");
        let server = pages.block_on(Server::start(&settings, &pages)).expect("it starts");
        let (free, held) = std::sync::mpsc::channel::<()>();
        // The only thread that renders pages does something else until the end.
        pages.spawn(async move { held.recv() });
        let data_plane = runtime("data-plane", 1).expect("threads");
        data_plane.block_on(async {
            let address = server.listener.local_addr().expect("an address");
            let (_signals, signals) = watch::channel(0);
            let drain = Drain { signals, grace: Duration::ZERO, patience: Duration::ZERO };
            let asking = async {
                for path in ["/healthz", "/readyz"] {
                    let answer = ask(address, path).await;
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
                }
            };
            tokio::select! {
                _ = serve(server.listener, server.services, drain) => panic!("it was not told to stop"),
                asked = tokio::time::timeout(Duration::from_secs(20), asking) => asked.expect("answers"),
            }
        });
        drop(free);
        data_plane.shutdown_background();
        pages.shutdown_background();
    }

    async fn ask(address: std::net::SocketAddr, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let mut socket = tokio::net::TcpStream::connect(address).await.expect("connected");
        let head = format!("GET {path} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[test]
    fn a_dead_ledger_writer_stops_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = Settings::in_directory(directory.path());
        let pages = runtime("pages", 1).expect("threads");
        pages.block_on(async {
            let server = Server::start(&settings, &pages).await.expect("it starts");
            assert_eq!(readyz(&server.app).await.0, StatusCode::OK);
            let (signals, mut signalled) = watch::channel(0);
            tokio::spawn(count_signals(signals, server.app.draining.clone(), server.app.ledger_writer.clone()));
            // It ends as it would by dying: while nobody has told the server to stop.
            server.writer.stop().await;
            signalled.wait_for(|signals| *signals == 1).await.expect("the counter lives");
            assert!(server.app.draining.has_begun());
            let (status, body) = readyz(&server.app).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(body.contains(r#""ledger":true,"ledger_writer":false"#), "{body}");
        });
        pages.shutdown_background();
    }
}
