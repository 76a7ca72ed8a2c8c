//! Load with streams, retries, broken answers and clients that leave; `kill -9`; restart; and again. After each round every
//! attempt that the provider served has one row, and what counts rows agrees with them.
//!
//! `WEIR_CRASH_ROUNDS` says how many rounds, `WEIR_CRASH_SEED` repeats the choices of a run that failed: whatever depends on
//! the scheduler may differ still.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::TeamId;
use domain::filter::{Cursor, RequestFilter};
use domain::ledger::{KILLED, Outcome};
use domain::usage::UsageSource;
use domain::view::RequestRow;
use serde_json::Value;
use tokio::sync::Notify;

use crate::dice::{Dice, from_environment};
use crate::harness::{Installation, Server, TOKEN, client};

const WORKERS: u64 = 8;
const SETTINGS: &str = "{ retry_max_attempts: 3, retry_delay: 1, retry_backoff: constant }";
const REQUESTS: u64 = 1_000_000;
const DOLLARS: i64 = 1_000;
/// More than a probe reserves, and less than any other request costs. Nano-dollars.
const SHARP: i64 = 10_000;

/// What the workers of a round share.
struct Round {
    url: String,
    number: u64,
    /// Requests that ended, one way or the other.
    ended: AtomicU64,
    more: Notify,
}

/// One way to ask.
struct Ask {
    /// Controls of the mock.
    words: String,
    stream: bool,
    /// How long the client waits for the head.
    patience: Duration,
    /// Whether it leaves after the first piece of the answer.
    leaves: bool,
    claude: bool,
}

impl Ask {
    fn any(dice: &mut Dice, id: &str) -> Self {
        let calm = Self {
            words: String::new(),
            stream: false,
            patience: Duration::from_secs(60),
            leaves: false,
            claude: dice.roll(4) == 0,
        };
        match dice.roll(10) {
            0 | 1 => calm,
            2 => Self { stream: true, ..calm },
            3 => Self { stream: true, words: "mock-pace-2 mock-tokens-20".into(), ..calm },
            4 | 5 => Self { words: format!("mock-fail-first-{} mock-key-{id}", 1 + dice.roll(3)), ..calm },
            6 => Self { stream: true, words: "mock-reset-after-2".into(), ..calm },
            7 => Self { stream: true, words: "mock-pace-5 mock-tokens-40".into(), leaves: true, ..calm },
            8 => Self { words: "mock-ttft-20".into(), patience: Duration::from_millis(1 + dice.roll(15)), ..calm },
            _ => Self { words: "mock-ttft-30".into(), ..calm },
        }
    }
}

/// How a request ended, as its client saw it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A whole answer of the provider.
    Whole,
    /// Something else.
    Other,
    /// There is no server any more.
    Gone,
}

async fn ask(client: &reqwest::Client, round: &Round, id: &str, ask: &Ask) -> Seen {
    let words = &ask.words;
    let (path, model) = match ask.claude {
        true => ("/v1/messages", "anthropic/claude-sonnet-4-5"),
        false => ("/v1/chat/completions", "openai/gpt-4o-mini"),
    };
    let body = serde_json::json!({
        "model": model, "stream": ask.stream, "max_tokens": 100,
        "messages": [{ "role": "user", "content": format!("Where is {id} ? {words}") }],
    });
    let request = client.post(format!("{}{path}", round.url)).bearer_auth(TOKEN).header("cf-aig-event-id", id);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let mut answer = match tokio::time::timeout(ask.patience, request.send()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if error.is_connect() => return Seen::Gone,
        Ok(Err(_)) | Err(_) => return Seen::Other,
    };
    let mut text = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(_)) if ask.leaves => return Seen::Other,
            Ok(Some(chunk)) => text.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => return Seen::Other,
        }
    }
    let ends = [&b"data: [DONE]\n\n"[..], b"message_stop\"}\n\n"];
    let is_whole = !ask.stream || ends.iter().any(|end| text.ends_with(end));
    if answer.status() == 200 && is_whole { Seen::Whole } else { Seen::Other }
}

/// Asks until the server is gone; answers the ids of whole answers.
async fn work(round: Arc<Round>, worker: u64, mut dice: Dice) -> Vec<String> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut whole = Vec::new();
    for count in 0.. {
        let id = format!("r{}w{worker}n{count}", round.number);
        let way = Ask::any(&mut dice, &id);
        let seen = ask(&client, &round, &id, &way).await;
        round.ended.fetch_add(1, Ordering::AcqRel);
        round.more.notify_waiters();
        match seen {
            Seen::Whole => whole.push(id),
            Seen::Other => {}
            Seen::Gone => break,
        }
    }
    whole
}

/// Lets the workers loose on a server and kills it after some requests.
async fn crash(mut server: Server, number: u64, dice: &mut Dice) -> Vec<String> {
    let round = Arc::new(Round { url: server.url.clone(), number, ended: AtomicU64::new(0), more: Notify::new() });
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(work(round.clone(), worker, Dice(dice.roll(u64::MAX))))).collect();
    // One in four is killed while its first requests are under way.
    let enough = if dice.roll(4) == 0 { dice.roll(3) } else { 20 + dice.roll(120) };
    loop {
        let more = round.more.notified();
        tokio::pin!(more);
        more.as_mut().enable();
        if round.ended.load(Ordering::Acquire) >= enough {
            break;
        }
        more.await;
    }
    server.child.kill().await.unwrap();
    let mut whole = Vec::new();
    for worker in workers {
        whole.extend(worker.await.unwrap());
    }
    whole
}

/// How often the mock was called for each id.
#[derive(Default)]
struct Served {
    seen: u64,
    calls: HashMap<String, usize>,
}

impl Served {
    async fn update(&mut self, installation: &Installation) {
        let get = async |path: String| -> Value {
            client().get(format!("{}{path}", installation.provider.url())).send().await.unwrap().json().await.unwrap()
        };
        let total = get("/mock/stats".into()).await["total"].as_u64().unwrap();
        let new = get(format!("/mock/requests?last={}", total - self.seen)).await;
        for request in new.as_array().unwrap() {
            let body = request["body"].as_str().unwrap();
            let id = body.split_once("Where is ").and_then(|(_, rest)| rest.split(' ').next());
            if let Some(id) = id {
                *self.calls.entry(id.to_owned()).or_default() += 1;
            }
        }
        self.seen = total;
    }
}

/// Every row of the log.
async fn rows(installation: &Installation) -> Vec<RequestRow> {
    let store = installation.store().await;
    let mut rows = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let filter = RequestFilter::default();
        let page = store::request_log::list_requests(&store, TeamId(1), &filter, cursor, 200).await.unwrap();
        rows.extend(page.rows);
        cursor = page.older;
        if cursor.is_none() {
            store.close().await.unwrap();
            return rows;
        }
    }
}

fn killed(row: &RequestRow) -> bool {
    row.error_code.as_deref() == Some(KILLED)
}

/// Whether it is possible that the call of a row never reached the provider: the client, or the process, was gone before.
fn may_not_have_left(row: &RequestRow) -> bool {
    killed(row) || row.outcome == Outcome::ClientGone
}

/// Checks calls against rows; answers the rows.
async fn check(installation: &Installation, served: &Served, whole: &[String]) -> Vec<RequestRow> {
    let rows = rows(installation).await;
    let mut by_id: HashMap<&str, Vec<&RequestRow>> = HashMap::new();
    for row in &rows {
        if let Some(id) = &row.event_id {
            by_id.entry(id).or_default().push(row);
        }
    }
    for (id, calls) in &served.calls {
        let of_id = by_id.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let attempts = of_id.iter().filter(|row| row.attempt > 0).count();
        let unsent = of_id.iter().filter(|row| may_not_have_left(row)).count();
        assert!(*calls <= attempts && attempts - calls <= unsent, "{id}: {calls} calls, {of_id:#?}");
    }
    for (id, of_id) in &by_id {
        if !served.calls.contains_key(*id) {
            assert!(of_id.iter().all(|row| row.attempt == 0 || may_not_have_left(row)), "{id}: no call, {of_id:#?}");
        }
        assert!(of_id.iter().all(|row| row.request_id == of_id[0].request_id), "{id}: {of_id:#?}");
        for row in of_id.iter().filter(|row| killed(row)) {
            // A budget reserved something for each of them, and keeps it.
            assert_eq!((row.outcome, row.usage_source), (Outcome::Interrupted, UsageSource::Estimated), "{row:#?}");
            assert!(row.cost.is_some_and(|cost| cost.0 > 0), "{row:#?}");
        }
    }
    for id in whole {
        let of_id = by_id.get(id.as_str()).unwrap_or_else(|| panic!("{id} was answered and has no row"));
        let ended = of_id.iter().find(|row| row.last).unwrap_or_else(|| panic!("{id}: {of_id:#?}"));
        assert_eq!((ended.outcome, ended.status), (Outcome::Ok, 200), "{id}: {of_id:#?}");
        assert!(ended.cost.is_some() && of_id.iter().all(|row| !killed(row)), "{id}: {of_id:#?}");
    }
    rows
}

/// The number after a text in a header.
fn figure(answer: &reqwest::Response, header: &str, before: &str) -> String {
    let said = answer.headers()[header].to_str().unwrap();
    let (_, rest) = said.split_once(before).unwrap_or_else(|| panic!("{said}"));
    rest.split(';').next().unwrap().to_owned()
}

/// Checks what limits say is left against the rows there were before.
async fn check_limits(server: &Server, rows: &[RequestRow]) {
    let probe = r#"{"model":"openai/gpt-4o-mini","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}"#;
    let request = client().post(server.url("/v1/chat/completions")).bearer_auth(TOKEN);
    let answer = request.header("content-type", "application/json").body(probe).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let requests = rows.iter().filter(|row| row.last && row.attempt > 0).count() as u64;
    let left: u64 = figure(&answer, "ratelimit", "\"Requests\";r=").parse().unwrap();
    assert_eq!(left, REQUESTS - requests - 1);
    let cost: i64 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.0).sum();
    let left: f64 = figure(&answer, "weir-budget", "\"Money\";remaining=").parse().unwrap();
    let short = DOLLARS * 1_000_000_000 - cost - (left * 1e9).round() as i64;
    assert!((0..SHARP).contains(&short), "{cost} nano-dollars spent, {left} dollars left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attempt_that_was_served_has_one_row_whenever_the_server_is_killed() {
    let rounds = from_environment("WEIR_CRASH_ROUNDS").unwrap_or(5);
    let by_chance =
        || u64::from(std::process::id()) << 20 | u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_micros());
    let seed = from_environment("WEIR_CRASH_SEED").unwrap_or_else(by_chance);
    println!("WEIR_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let installation =
        Installation::with_provider(mock::Options { keep: Some(100_000), ..mock::Options::default() }).await;
    let policies = format!(
        "    policies:\n      - {{ name: Requests, limit: {{ requests: {REQUESTS}, per: ever }} }}\n      \
         - {{ name: Money, limit: {{ cost: {DOLLARS}, per: ever }} }}\n"
    );
    let applied = installation.apply(&(installation.team(SETTINGS) + &policies), &[]).await;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let (mut served, mut whole) = (Served::default(), Vec::new());
    let mut server = installation.serve(&[]).await;
    server.until_caught_up().await;
    for number in 1..=rounds {
        whole.extend(crash(server, number, &mut dice).await);
        // One start in four is killed itself, perhaps while it makes up for the last kill.
        if dice.roll(4) == 0 {
            installation.serve(&[]).await.child.kill().await.unwrap();
        }
        server = installation.serve(&[]).await;
        let ready = server.until_caught_up().await;
        assert_eq!(
            (&ready["ledger_rows_lost"], &ready["ledger_damaged_bytes"]),
            (&Value::from(0), &Value::from(0)),
            "{ready}"
        );
        served.update(&installation).await;
        let rows = check(&installation, &served, &whole).await;
        let report = installation.verify().await;
        let counted = ["rows", "dead_letters", "killed"].map(|name| report[name].as_u64().unwrap());
        let of_killed = rows.iter().filter(|row| killed(row)).count() as u64;
        assert_eq!(counted, [rows.len() as u64, 0, of_killed], "{report}");
        check_limits(&server, &rows).await;
        server.until_caught_up().await;
        println!("round {number}: {} rows of {} calls, {of_killed} killed", rows.len(), served.seen);
    }
    server.terminate().await;
    assert!(server.child.wait().await.unwrap().success());
    installation.verify().await;
}
