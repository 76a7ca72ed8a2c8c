//! What is there before a function is counted. Each has run before, so that lazy statics, tables and connections are made.

use bytes::Bytes;
use domain::config::{Config, ProviderKeyConfig, RouteConfig};
use domain::ledger::{AttemptRow, CacheStatus, Outcome, Surface};
use domain::price::{CostLine, Formula, Kind, Per};
use domain::provider::Dialect;
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, Rate, RequestId, RouteId, TeamId, TokenId, Usage};
use gateway::snapshot::Snapshot;
use gateway::trial::Tried;
use http_body_util::Full;
use store::spool::{Spool, SpoolAppender, SpoolOptions, SpoolReader};
use wire::price::{Cost, Keyring, Named, Prices, Terms};
use wire::scan::scan;
use wire::splice::{Edit, splice};
use wire::task::Size;
use wire::usage::StreamWatch;

use crate::policies::{Asking, POLICIES};
use crate::world::{TOKEN, World, config, post, read};

/// A moment: 15 January 2027.
pub const NOW_MS: i64 = 1_800_000_000_000;

/// An event of a stream with a word in it.
pub const WORD: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" water\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
/// The event with the usage.
pub const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":200,\"total_tokens\":400,\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n";

/// A chat of about `size` bytes, in turns of some 500.
pub fn body(size: usize) -> Bytes {
    let words: String = "please explain how a weir holds water and lets it pass; ".chars().cycle().take(460).collect();
    let turn = |number: usize| {
        let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
        format!(r#"{{"role":"{role}","content":"{words}"}}"#)
    };
    let turns: Vec<_> = (0..size / 500).map(turn).collect();
    let turns = turns.join(",");
    format!(r#"{{"model":"openai/gpt-4o-mini","temperature":0.5,"max_tokens":512,"messages":[{turns}]}}"#).into()
}

/// A body of 1 KB and what puts another model's name into it.
pub fn edit() -> (Bytes, Vec<Edit>) {
    let body = body(1_000);
    let edits: Vec<_> = scan(&body).expect("a body").replace_model("gpt-4o-mini").into_iter().collect();
    drop(splice(&body, &edits));
    (body, edits)
}

/// A stream that has begun.
pub fn watch() -> StreamWatch {
    let mut watch = StreamWatch::new(Dialect::Openai);
    // Searchers are made by the first event that needs them.
    watch.push(USAGE.as_bytes());
    let mut watch = StreamWatch::new(Dialect::Openai);
    watch.push(WORD.as_bytes());
    watch
}

/// A token, and where it is known.
pub struct Signing(Snapshot);

impl Signing {
    pub fn ready() -> Self {
        let signing = Self(
            Snapshot::build(&config("http://127.0.0.1:1", &[]), None, &Keyring::default()).expect("a configuration"),
        );
        assert!(signing.find());
        signing
    }

    /// Whether the token is known.
    pub fn find(&self) -> bool {
        self.0.token_by_secret(TOKEN).is_some()
    }
}

/// A request under five policies, whose token's group is known.
pub fn asking() -> Asking {
    let mut asking = Asking::under(&POLICIES);
    assert_eq!(asking.judge(NOW_MS), Tried::Passed);
    asking
}

/// What an answer used, and a team's prices.
pub struct Priced {
    prices: Prices,
    usage: Usage,
}

impl Priced {
    pub fn ready() -> Self {
        let usage = Usage { input: 1_200, cached_input: 400, output: 340, ..Usage::default() };
        let priced = Self { prices: Prices::default(), usage };
        assert!(priced.cost().is_some());
        priced
    }

    pub fn cost(&self) -> Option<Cost> {
        let model = Some("gpt-4o-mini");
        let named = Named { provider: "openai", book: Some("openai"), answered: model, asked: model };
        let terms = Terms { at_ms: NOW_MS, pictures: &Size::default(), backend: None };
        self.prices.quote(&named, &self.usage, &terms)
    }
}

/// A row of the ledger, and its spool.
pub struct Writing {
    row: AttemptRow,
    appender: SpoolAppender,
    _reader: SpoolReader,
    _directory: tempfile::TempDir,
}

impl Writing {
    pub fn ready() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (appender, reader) = Spool::open(directory.path(), SpoolOptions::default()).expect("a spool");
        let writing = Self { row: row(), appender, _reader: reader, _directory: directory };
        writing.append();
        writing
    }

    /// Encodes the row into a frame with its check and hands it to the kernel.
    pub fn append(&self) {
        self.appender.append(&self.row, None).expect("room on the disk");
    }
}

fn row() -> AttemptRow {
    AttemptRow {
        request_id: RequestId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
        attempt: 1,
        last: true,
        at_ms: NOW_MS,
        team_id: Some(TeamId(1)),
        gateway_id: Some(GatewayId(1)),
        token_id: Some(TokenId(1)),
        provider_key_id: Some(ProviderKeyId(1)),
        surface: Surface::ChatCompletions,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        provider: Some("openai".to_owned()),
        backend: None,
        model_asked: Some("openai/gpt-4o-mini".to_owned()),
        model: Some("gpt-4o-mini".to_owned()),
        status: 200,
        outcome: Outcome::Ok,
        error_code: None,
        cache: CacheStatus::Miss,
        streamed: true,
        usage: Usage { input: 1_200, output: 340, ..Usage::default() },
        usage_source: UsageSource::Reported,
        cost: Some(Nanos(384_000)),
        cost_formula: Formula {
            lines: vec![
                CostLine { what: Kind::Input, units: 1_200, rate: Rate(150_000_000), per: Per::Million },
                CostLine { what: Kind::Output, units: 340, rate: Rate(600_000_000), per: Per::Million },
            ],
            ..Formula::default()
        },
        duration_us: 1_000_000,
        first_byte_us: Some(400_000),
        gateway_us: 60,
        request_bytes: 5_200,
        response_bytes: 1_700,
        event_id: None,
        metadata: None,
        user_agent: Some("OpenAI/Python 2.0".to_owned()),
        user: None,
        logged: true,
        cause: domain::ledger::Cause::First,
        called: None,
        way: None,
    }
}

/// A gateway with everything on, its provider on another thread, and the next request of 1 KB.
pub struct Chat {
    world: World,
    next: Option<http::Request<Full<Bytes>>>,
}

impl Chat {
    /// The next request is one that the cache does not know.
    pub fn miss() -> Self {
        Self::after(["0", "1", "2", "3"], "4")
    }

    /// The next request is one that was asked before.
    pub fn hit() -> Self {
        Self::after(["0"; 4], "0")
    }

    /// The next request has so many keys to choose among, and its gateway so many routes; `model` is what is asked for.
    pub fn among(keys: i64, routes: i64, model: &str) -> Self {
        Self::asking(World::of(|url| many(url, keys, routes)), model, ["0", "1", "2", "3"], "4")
    }

    fn after(before: [&str; 4], next: &str) -> Self {
        Self::asking(World::new(), "openai/gpt-4o-mini", before, next)
    }

    fn asking(world: World, model: &str, before: [&str; 4], next: &str) -> Self {
        let question = |number: &str| {
            let body = String::from_utf8(body(1_000).to_vec()).expect("text").replacen("please", number, 1);
            post("compat/chat/completions", &body.replacen("openai/gpt-4o-mini", model, 1))
        };
        let mut chat = Self { world, next: None };
        for number in before {
            chat.next = Some(question(number));
            chat.answer();
        }
        chat.next = Some(question(next));
        chat
    }

    /// Asks and reads the answer to its end.
    pub fn answer(&mut self) {
        let request = self.next.take().expect("a request");
        self.world.runtime.block_on(async {
            let answer = self.world.start(request).await;
            assert_eq!(answer.status(), 200);
            read(answer).await;
        });
    }
}

/// The usual team with so many keys of one provider, and so many routes that choose by metadata.
fn many(url: &str, keys: i64, routes: i64) -> Config {
    let mut config = config(url, &[]);
    let team = &mut config.teams[0];
    let numbered = |id: i64| ProviderKeyConfig { id: ProviderKeyId(id), ..team.provider_keys[0].clone() };
    team.provider_keys = (1..=keys).map(numbered).collect();
    let elements = r#"[
        {"id":"start","type":"start","outputs":{"next":{"elementId":"plan"}}},
        {"id":"plan","type":"conditional","properties":{"conditions":{"metadata.plan":"free"}},
            "outputs":{"true":{"elementId":"small"},"false":{"elementId":"large"}}},
        {"id":"small","type":"model","properties":{"provider":"openai","model":"gpt-5-nano"}},
        {"id":"large","type":"model","properties":{"provider":"openai","model":"gpt-4o-mini"},
            "outputs":{"fallback":{"elementId":"small"}}}]"#;
    let route =
        |id: i64| RouteConfig { id: RouteId(id), name: format!("r{id}"), version: 1, elements: elements.into() };
    team.gateways[0].routes = (1..=routes).map(route).collect();
    config
}
