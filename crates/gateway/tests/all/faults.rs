//! `docs/faults.md`: what a caller, the log and the ledger see of every way in which a provider can fail, found out by failing in
//! that way. `UPDATE_FAULTS=1` writes it anew.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use domain::ledger::AttemptRow;
use futures_util::future::join_all;
use rcgen::generate_simple_self_signed;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::world::*;

const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
/// Every timeout of an attempt where the provider is silent, and where it is not: who failed by that would be seen by the code.
const TIMEOUT_MS: (u32, u32) = (300, 60_000);
const EVENT: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n";
const LAST: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\ndata: [DONE]\n\n";

/// What a provider does with a connection once it has read a request.
#[derive(Clone)]
enum Fault {
    /// Nobody listens.
    Refuse,
    /// No such name.
    NoName,
    /// Writes this and ends so.
    Says(Vec<u8>, End),
    /// Writes this byte by byte, and then ends well.
    Drops(Vec<u8>),
    /// Goes on writing this for ever, a piece at a time.
    Drips(Vec<u8>, &'static str),
    /// Answers once on a connection, and closes it when it is asked again.
    Stale(Vec<u8>),
    /// Speaks no TLS where TLS is wanted.
    NoTls,
    /// Shows a certificate of another host.
    OtherHost,
}

#[derive(Clone, Copy)]
enum End {
    Close,
    Reset,
    Silence,
}

fn head(status: &str, kind: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{more}\r\n")
}

/// An answer of a known length.
fn whole(status: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    format!("{}{body}", head(status, kind, &format!("content-length: {}\r\n{more}", body.len()))).into_bytes()
}

/// The beginning of an answer that ends with its connection.
fn open(stream: bool, said: &str) -> Vec<u8> {
    let kind = if stream { "text/event-stream" } else { "application/json" };
    format!("{}{said}", head("200 OK", kind, "connection: close\r\n")).into_bytes()
}

fn failing(status: &'static str, more: &'static str) -> impl Fn(bool) -> Fault {
    move |_| Fault::Says(whole(status, "application/json", more, r#"{"error":{"message":"no"}}"#), End::Close)
}

type Make = Box<dyn Fn(bool) -> Fault + Send + Sync>;

/// Every fault, for a plain question and for one that asks for a stream.
fn faults() -> Vec<(&'static str, Make)> {
    let said = |end| move |_: bool| Fault::Says(Vec::new(), end);
    let begun = |end| move |stream: bool| Fault::Says(open(stream, if stream { EVENT } else { &ANSWER[..40] }), end);
    let giant = format!("data: {{\"id\":\"c1\",\"choices\":[],\"x\":\"{}\"}}\n\n", "x".repeat(4 << 20));
    vec![
        ("refuses the connection", Box::new(|_| Fault::Refuse)),
        ("its name does not resolve", Box::new(|_| Fault::NoName)),
        ("speaks no TLS", Box::new(|_| Fault::NoTls)),
        ("has a certificate of another host", Box::new(|_| Fault::OtherHost)),
        ("resets before it answers", Box::new(said(End::Reset))),
        ("closes before it answers", Box::new(said(End::Close))),
        ("is silent before it answers", Box::new(said(End::Silence))),
        ("resets in the middle", Box::new(begun(End::Reset))),
        ("closes in the middle", Box::new(begun(End::Close))),
        ("is silent in the middle", Box::new(begun(End::Silence))),
        ("drips and never ends", Box::new(|stream| Fault::Drips(open(stream, ""), if stream { EVENT } else { " " }))),
        ("429", Box::new(failing("429 Too Many Requests", ""))),
        ("429, come back in 7 s", Box::new(failing("429 Too Many Requests", "retry-after: 7\r\n"))),
        ("500", Box::new(failing("500 Internal Server Error", ""))),
        ("503", Box::new(failing("503 Service Unavailable", ""))),
        ("529", Box::new(failing("529 Overloaded", ""))),
        (
            "answers with a web page",
            Box::new(|_| Fault::Says(whole("200 OK", "text/html", "", "<html>login</html>"), End::Close)),
        ),
        (
            "answers with broken JSON",
            Box::new(|_| Fault::Says(whole("200 OK", "application/json", "", "{\"id\":"), End::Close)),
        ),
        (
            "says that it failed, with 200",
            Box::new(|stream| {
                let error = r#"{"error":{"message":"overloaded","code":"overloaded"}}"#;
                if stream {
                    Fault::Says(open(true, &format!("data: {error}\n\n")), End::Close)
                } else {
                    Fault::Says(whole("200 OK", "application/json", "", error), End::Close)
                }
            }),
        ),
        (
            "cuts compressed bytes short",
            Box::new(|stream| {
                let kind = if stream { "text/event-stream" } else { "application/json" };
                let head = head("200 OK", kind, "content-encoding: gzip\r\ncontent-length: 100\r\n");
                // Nobody looks into them, so they may as well be text.
                Fault::Says([head.as_bytes(), b"compressed"].concat(), End::Close)
            }),
        ),
        (
            "sends a byte at a time",
            Box::new(|stream| {
                Fault::Drops(if stream {
                    open(true, &format!("{EVENT}{LAST}"))
                } else {
                    whole("200 OK", "application/json", "", ANSWER)
                })
            }),
        ),
        (
            "sends a line of 4 MiB",
            Box::new(move |stream| {
                Fault::Says(
                    if stream {
                        open(true, &format!("{EVENT}{giant}{LAST}"))
                    } else {
                        whole("200 OK", "application/json", "", ANSWER)
                    },
                    End::Close,
                )
            }),
        ),
        (
            "closed an idle connection",
            Box::new(|stream| {
                Fault::Stale(if stream {
                    whole("200 OK", "text/event-stream", "", &format!("{EVENT}{LAST}"))
                } else {
                    whole("200 OK", "application/json", "", ANSWER)
                })
            }),
        ),
    ]
}

/// Where a provider is that fails so.
async fn provider(fault: Fault) -> (String, Option<tokio::task::JoinHandle<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let scheme = match fault {
        Fault::Refuse => return (format!("http://{address}"), None),
        Fault::NoName => return ("http://nowhere.invalid".to_owned(), None),
        Fault::NoTls | Fault::OtherHost => "https",
        _ => "http",
    };
    let tls = tls();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (fault, tls) = (fault.clone(), tls.clone());
            tokio::spawn(async move {
                match fault {
                    Fault::OtherHost => {
                        let _ = tls.accept(stream).await;
                    }
                    fault => serve(stream, fault).await,
                }
            });
        }
    });
    (format!("{scheme}://{address}"), Some(task))
}

fn tls() -> TlsAcceptor {
    let made = generate_simple_self_signed(["other.example".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("sound");
    TlsAcceptor::from(Arc::new(config))
}

/// Reads a request to the end of its body.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return true;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

async fn serve(mut stream: TcpStream, fault: Fault) {
    if matches!(fault, Fault::NoTls) {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        return;
    }
    if !request(&mut stream).await {
        return;
    }
    match fault {
        Fault::Says(bytes, end) => {
            let _ = stream.write_all(&bytes).await;
            finish(stream, end).await;
        }
        Fault::Drops(bytes) => {
            let _ = stream.set_nodelay(true);
            for byte in bytes {
                let _ = stream.write_all(&[byte]).await;
                tokio::task::yield_now().await;
            }
            finish(stream, End::Close).await;
        }
        Fault::Drips(bytes, piece) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(piece.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Fault::Stale(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = request(&mut stream).await;
        }
        Fault::Refuse | Fault::NoName | Fault::NoTls | Fault::OtherHost => {}
    }
}

async fn finish(mut stream: impl AsyncWrite + Unpin + SetLinger, end: End) {
    match end {
        End::Close => {
            let _ = stream.shutdown().await;
        }
        End::Reset => stream.reset(),
        End::Silence => std::future::pending().await,
    }
}

/// Ends a connection with a reset instead of a farewell.
trait SetLinger {
    fn reset(&self);
}

impl SetLinger for TcpStream {
    fn reset(&self) {
        let _ = self.set_zero_linger();
    }
}

/// What came of it.
struct Seen {
    caller: String,
    took: &'static str,
    ledger: String,
}

async fn fail(make: &Make, stream: bool, falls_back: bool) -> Seen {
    let fault = make(stream);
    let is_stale = matches!(fault, Fault::Stale(_));
    let is_silent = matches!(fault, Fault::Says(_, End::Silence) | Fault::Drips(..));
    let timeout_ms = if is_silent { TIMEOUT_MS.0 } else { TIMEOUT_MS.1 };
    let good = if stream { Answer::events as fn(&str) -> Answer } else { |body: &str| Answer::json(200, body) };
    let mut world = World::new(move |_| good(if stream { "data: {\"id\":\"c2\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n" } else { ANSWER })).await;
    let (url, task) = provider(fault).await;
    world.change(|config| {
        let team = &mut config.teams[0];
        team.provider_keys
            .iter_mut()
            .filter(|key| key.provider == "openai")
            .for_each(|key| key.base_url = Some(url.clone()));
        team.provider_keys.push(key(90, "mistral", &team.provider_keys[1].base_url.clone().expect("an address")));
        let settings = &mut team.gateways[0].settings;
        let timeouts = [&mut settings.request_timeout, &mut settings.idle_timeout, &mut settings.total_timeout];
        timeouts.into_iter().for_each(|timeout| *timeout = Some(timeout_ms));
    });
    let query =
        |model: &str| json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": "hi" }] });
    let ask = || {
        let step = |model: &str| json!({ "provider": "compat", "endpoint": "chat/completions", "query": query(model) });
        if falls_back {
            post(
                "/v1/acme/main",
                &json!([step("openai/gpt-4o-mini"), step("mistral/mistral-small-latest")]).to_string(),
            )
        } else {
            post(CHAT, &query("openai/gpt-4o-mini").to_string())
        }
    };
    if is_stale {
        assert_eq!(world.send(ask()).await.status, 200);
        world.ledger.rows.lock().expect("free").clear();
    }
    let read = world.send(ask()).await;
    let timed_out = |row: &AttemptRow| row.error_code.as_deref() == Some("upstream_timeout");
    let took = if world.rows().iter().any(timed_out) { "the timeout" } else { "at once" };
    assert_eq!(took == "the timeout", is_silent);
    task.inspect(tokio::task::JoinHandle::abort);
    let rows = world.rows().into_iter().map(|row| {
        let code = row.error_code.map(|code| format!(" `{code}`")).unwrap_or_default();
        let cost = row.cost.map_or("unknown", |cost| if cost.0 == 0 { "0" } else { "told" });
        let outcome = serde_json::to_value(row.outcome).expect("a name");
        format!("{} {}{code}, cost {cost}", row.status, outcome.as_str().unwrap_or_default())
    });
    Seen { caller: caller(&read, falls_back), took, ledger: rows.collect::<Vec<_>>().join("; ") }
}

fn caller(read: &Read, falls_back: bool) -> String {
    let mut text = read.status.to_string();
    let code = serde_json::from_str::<serde_json::Value>(&read.body).ok();
    if let Some(code) = code.as_ref().and_then(|json| json["error"]["code"].as_str()) {
        let _ = write!(text, " `{code}`");
    } else if read.status >= 400 {
        text.push_str(", the provider's error");
    }
    if let Some(seconds) = read.header("retry-after") {
        let _ = write!(text, ", Retry-After {seconds}");
    }
    if read.status == 200 && read.body.contains("\"code\":\"upstream_") {
        let code = read.body.rsplit("\"code\":\"").next().and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let _ = write!(text, ", then the error event `{code}`");
    } else if read.body.contains("overloaded") && read.status == 200 {
        text.push_str(", the provider's error event");
    }
    if read.broken {
        text.push_str(", cut");
    }
    match read.header("cf-aig-step") {
        Some("1") if falls_back => "the other's answer".to_owned(),
        _ => text,
    }
}

#[tokio::test]
async fn the_document_says_what_comes_of_every_fault() {
    let faults = faults();
    let mut all = Vec::new();
    for (name, make) in &faults {
        let cases = [(false, false), (true, false), (false, true), (true, true)];
        all.push((*name, join_all(cases.map(|(stream, falls_back)| fail(make, stream, falls_back))).await));
    }
    let mut found = String::from(
        "# What comes of a provider's faults\n\nMade by `crates/gateway/tests/all/faults.rs`, which lets a provider fail in each of these \
         ways; `UPDATE_FAULTS=1` writes it anew, and a test fails where it is out of date. No retries are configured; every timeout of an attempt is \
         the same. *At once* is without waiting for any of them. The ledger has a row for each attempt: status, outcome, code and whether its cost is known.\n\n",
    );
    for (title, stream) in [("A plain answer", 0), ("A stream", 1)] {
        let _ = write!(
            found,
            "## {title}\n\n| the provider | the caller gets | took | the ledger says | with another target | took |\n|---|---|---|---|---|---|\n"
        );
        for (name, seen) in &all {
            let (alone, other) = (&seen[stream], &seen[stream + 2]);
            let _ = writeln!(
                found,
                "| {name} | {} | {} | {} | {} | {} |",
                alone.caller, alone.took, alone.ledger, other.caller, other.took
            );
        }
        found.push('\n');
    }
    let found = found.trim_end().to_owned() + "\n";
    if std::env::var_os("UPDATE_FAULTS").is_some() {
        std::fs::write(PLACE, &found).expect("the document can be written");
    }
    let published = std::fs::read_to_string(PLACE).unwrap_or_default();
    let differs = published.lines().zip(found.lines()).find(|(published, found)| published != found);
    assert!(published == found, "UPDATE_FAULTS=1 writes docs/faults.md anew; first difference: {differs:?}");
}

#[tokio::test]
async fn while_another_target_is_well_every_fault_but_one_in_the_middle_of_a_stream_is_survived() {
    for (name, make) in faults() {
        for stream in [false, true] {
            let in_the_middle = name.contains("middle") || name.contains("drips") || name.contains("compressed");
            let seen = fail(&make, stream, true).await;
            let survived = seen.caller == "the other's answer" || seen.caller == "200";
            assert!(survived || in_the_middle, "{name}, stream {stream}: {}", seen.caller);
        }
    }
}
