//! Three providers that fail and recover as they like, under load: as long as one of them is well, every request has an answer.
//!
//! `WEIR_SOAK_SECONDS` says how long, `WEIR_SOAK_SEED` repeats the choices of a run that failed; whatever depends on the scheduler may
//! differ still.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::TeamId;
use domain::filter::RequestFilter;
use mock::{Options, Running};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::dice::{Dice, from_environment};
use crate::harness::{Installation, TOKEN, client, text};

const WORKERS: u64 = 6;
/// What a provider that is not well does: a control of the mock.
const FAULTS: [&str; 11] = [
    "status-500",
    "status-503",
    "status-529",
    "status-429",
    "status-401",
    "silent",
    "reset",
    "malformed",
    "html",
    "close-after-0",
    "silent-after-0",
];
/// Longer than a request needs for all that may befall it.
const LONG: Duration = Duration::from_secs(3);

fn fails(by: &str) -> Options {
    Options { controls: vec![by.to_owned()], ..Options::default() }
}

/// The last changes of the weather, to tell of where a request has no answer.
#[derive(Default)]
struct Forecast(Mutex<VecDeque<(Instant, usize, String)>>);

impl Forecast {
    fn note(&self, provider: usize, what: &str) {
        let mut all = self.0.lock().unwrap();
        all.push_back((Instant::now(), provider, what.to_owned()));
        if all.len() > 60 {
            all.pop_front();
        }
    }

    fn tell(&self) -> String {
        let all = self.0.lock().unwrap();
        let line = |(at, provider, what): &(Instant, usize, String)| {
            format!("{} ms ago provider {provider}: {what}\n", at.elapsed().as_millis())
        };
        all.iter().map(line).collect()
    }
}

/// Changes the weather every few milliseconds. One provider is well at any time, and another one for a while before that one may
/// fail.
async fn weather(providers: Arc<[Running; 3]>, mut dice: Dice, over: Arc<AtomicBool>, told: Arc<Forecast>) {
    let mut well = [0, 0];
    let mut next_change = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if next_change <= Instant::now() {
            // The new one is well from now on, the old one until the next change.
            well = [well[1], dice.roll(3) as usize];
            providers[well[1]].change(&Options::default());
            told.note(well[1], "well for some time");
            next_change = Instant::now() + LONG;
        }
        let one = dice.roll(3) as usize;
        if !well.contains(&one) {
            let fault = match dice.roll(3) {
                0 => None,
                _ => Some(FAULTS[dice.roll(FAULTS.len() as u64) as usize]),
            };
            providers[one].change(&fault.map_or_else(Options::default, fails));
            told.note(one, fault.unwrap_or("well for now"));
        }
        tokio::time::sleep(Duration::from_millis(10 + dice.roll(150))).await;
    }
}

/// Asks until it is over; answers how many had an answer, or what happened to one that had none.
async fn work(
    url: String,
    worker: u64,
    mut dice: Dice,
    over: Arc<AtomicBool>,
    told: Arc<Forecast>,
) -> Result<u64, String> {
    let client = client();
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let stream = dice.roll(2) == 0;
        // One of three keys of a provider, or one of three models of a route.
        let model = if dice.roll(2) == 0 { "openai/gpt-4o-mini" } else { "dynamic/anyone" };
        let (path, end) = match dice.roll(3) {
            0 => ("/v1/messages", "message_stop\"}\n\n"),
            _ => ("/v1/chat/completions", "data: [DONE]\n\n"),
        };
        let body = json!({
            "model": model, "stream": stream, "max_tokens": 20,
            "messages": [{ "role": "user", "content": format!("Question {answered} of {worker}") }],
        });
        let asked = client.post(format!("{url}{path}")).bearer_auth(TOKEN).header("content-type", "application/json");
        let begin = Instant::now();
        let answer = asked.body(body.to_string()).send().await.unwrap();
        let (status, way) = (answer.status(), answer.headers().get("weir-route").cloned());
        let said = answer.text().await.unwrap();
        let is_whole = status == 200 && (!stream || said.ends_with(end));
        let took = begin.elapsed().as_millis();
        if !is_whole {
            let weather = told.tell();
            return Err(format!("{path} {model} {stream} {way:?}: {status} {said} after {took} ms\n{weather}"));
        }
        answered += 1;
    }
    Ok(answered)
}

/// What the log has of the requests that a text names.
async fn rows_of(installation: &Installation, named: &str) -> String {
    let store = installation.store().await;
    let page =
        store::request_log::list_requests(&store, TeamId(1), &RequestFilter::default(), None, 100).await.unwrap();
    store.close().await.unwrap();
    let rows = page.rows.iter().filter(|row| named.contains(&row.request_id.to_string()));
    rows.map(|row| format!("{row:#?}\n")).collect()
}

fn team(providers: &[Running; 3]) -> String {
    let key = |provider: &str, name: &str, at: usize| {
        let url = providers[at].url();
        format!("      - {{ provider: {provider}, name: {name}, key: env:PROVIDER_KEY, base_url: {url} }}\n")
    };
    let keys = [
        key("openai", "one", 0),
        key("openai", "two", 1),
        key("openai", "three", 2),
        key("groq", "one", 0),
        key("anthropic", "two", 1),
        key("mistral", "three", 2),
    ];
    format!(
        "teams:
  - slug: acme
    gateways:
      - slug: main
        settings: {{ request_timeout: 400, first_token_timeout: 400, idle_timeout: 400 }}
        routes:
          - name: anyone
            elements:
              - {{ id: start, type: start, outputs: {{ next: {{ elementId: g }} }} }}
              - {{ id: g, type: model, properties: {{ provider: groq, model: llama-3.3-70b-versatile }}, outputs: {{ fallback: {{ elementId: a }} }} }}
              - {{ id: a, type: model, properties: {{ provider: anthropic, model: claude-sonnet-4-5 }}, outputs: {{ fallback: {{ elementId: m }} }} }}
              - {{ id: m, type: model, properties: {{ provider: mistral, model: mistral-small-latest }} }}
    provider_keys:
{}    tokens:
      - {{ name: app, token: env:APP_TOKEN, gateways: [main] }}
",
        keys.concat()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_an_answer_while_one_provider_is_well() {
    let seconds = from_environment("WEIR_SOAK_SECONDS").unwrap_or(8);
    let by_chance = || u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
    let seed = from_environment("WEIR_SOAK_SEED").unwrap_or_else(by_chance);
    println!("WEIR_SOAK_SEED={seed}");
    let mut dice = Dice(seed);
    let start = async || mock::start(Options::default()).await.unwrap();
    let providers = Arc::new([start().await, start().await, start().await]);
    let installation = Installation::new().await;
    let applied = installation.apply(&team(&providers), &[]).await;
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    let server = installation.serve(&[]).await;
    server.until_caught_up().await;
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::new(Forecast::default());
    let changing = tokio::spawn(weather(providers.clone(), Dice(dice.roll(u64::MAX)), over.clone(), told.clone()));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let (url, dice) = (server.url.clone(), Dice(dice.roll(u64::MAX)));
        workers.spawn(work(url, worker, dice, over.clone(), told.clone()));
    }
    let (mut answered, mut failure) = (0, None);
    let time = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(time);
    loop {
        tokio::select! {
            () = &mut time, if !over.load(Ordering::Relaxed) => {}
            ended = workers.join_next() => match ended {
                Some(Ok(Ok(more))) => answered += more,
                Some(Ok(Err(what))) => failure = failure.or(Some(what)),
                Some(Err(error)) => failure = failure.or(Some(error.to_string())),
                None => break,
            },
        }
        over.store(true, Ordering::Relaxed);
    }
    changing.await.unwrap();
    server.until_caught_up().await;
    if let Some(what) = failure {
        panic!("{what}{}", rows_of(&installation, &what).await);
    }
    let report = installation.verify().await;
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("requests"), answered, "{report}");
    let failed = count("rows") - answered;
    assert!(answered > 0 && failed > 0, "{answered} answers, {failed} attempts failed before: no weather");
    println!("{answered} requests, all answered; {failed} attempts failed before");
    assert_eq!(report["dead_letters"], Value::from(0));
}
