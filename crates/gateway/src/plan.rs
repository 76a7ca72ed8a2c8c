//! Fifth stage: what will be sent, where, with which key, how long and how often. Everything is decided and built here,
//! so that an attempt only sends.

mod chat;
mod choice;
mod held;
mod model;
mod native;
mod task;
mod unfinished;
mod zone;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::provider::Dialect;
use domain::settings::Backoff;
use domain::{GatewaySettings, ProviderKeyId};
use http::{HeaderMap, HeaderValue, Method, Uri};
use wire::api::Api;
use wire::price::Prices;
use wire::scan::Scan;
use wire::splice::{Edit, splice};
use wire::task::{Retelling, Task};
use wire::translate::Translation;
use wire::usage::Words;

pub(crate) use chat::{Question, chat, count, room_for, room_to_read};
pub(crate) use choice::Choice;
pub(crate) use held::{held, holder, keep_to};
pub(crate) use model::resolve;
pub(crate) use native::{keeps, native, native_model};
pub(crate) use task::task;
use unfinished::Unfinished;

use crate::account::Account;
use crate::authenticate::Access;
use crate::error::Refusal;
use crate::headers::controls::Controls;
use crate::headers::request;
use crate::health::Health;
use crate::memory::{Memory, Purpose};
use crate::options::Options;
use crate::policy::{Asks, Target};
use crate::settle::Measure;
use crate::signer::Signer;
use crate::snapshot::{Auth, Chosen, GatewayState, KeyState, Others, ProviderState, Upstream};
use crate::state::After;

/// Alias of the stored key that is used when the caller names none.
pub(crate) const DEFAULT_ALIAS: &str = "default";
/// Milliseconds before the second attempt, where nobody says otherwise.
const DEFAULT_RETRY_DELAY: u32 = 500;

/// One upstream call, ready to be made as often as needed.
pub(crate) struct Plan {
    pub method: Method,
    pub uri: Uri,
    /// With the credential, where that is a header.
    pub headers: HeaderMap,
    /// What is still to be done for it, where it is none.
    pub authorize: Authorize,
    /// The token that was taken, once it is.
    pub token: Option<HeaderValue>,
    pub body: Bytes,
    /// Canonical slug.
    pub provider: String,
    pub key: Option<ProviderKeyId>,
    /// The newest key with the alias: it stands for all of them where it matters who pays.
    pub pool: Option<Arc<KeyState>>,
    /// Whether other keys could be asked instead, and whether any of them is for another address.
    pub has_other_keys: bool,
    pub has_other_addresses: bool,
    /// How the key and the address fare.
    pub healths: Healths,
    /// What the team pays.
    pub prices: Arc<Prices>,
    /// The provider's name in the price book.
    pub book: Option<&'static str>,
    /// The model that is called, as the provider names it.
    pub model: Option<String>,
    /// Whether the provider may take another one, that the gateway cannot see.
    pub hides_model: bool,
    /// What the request says of the length of its answer.
    pub asks: Asks,
    /// How the answer is read.
    pub dialect: Dialect,
    /// In whose words it is, where no translation says so.
    pub words: Words,
    /// Whether the client must not see the usage it did not ask for.
    pub hide_usage: bool,
    /// Whether a plain answer must be JSON, and is held until that is known.
    pub must_be_json: bool,
    /// Whether a stream that ends without saying so was cut short.
    pub says_when_done: bool,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// How the answer is put into the caller's words, where the provider speaks others.
    pub translation: Option<Translation>,
    /// The endpoint, where it is one beside chat.
    pub task: Option<Task>,
    /// The same as `translation` for an endpoint beside chat.
    pub retelling: Option<Retelling>,
    /// What the request itself says about its price.
    pub measure: Measure,
    /// What is fetched before it can be sent, where anything is.
    pub unfinished: Option<Box<Unfinished>>,
    /// The form of the answer, where the caller's dialect alone does not say it.
    pub form: Option<&'static str>,
    /// Whether errors of the provider are put into the caller's shape.
    pub shapes_errors: bool,
    /// Fields of the request that the provider's API cannot express, for a header.
    pub dropped: String,
    pub timeouts: Timeouts,
    pub retry: Retry,
    /// What is kept of the answer.
    pub after: Option<After>,
    /// Whether the answer is made in the background.
    pub background: bool,
}

impl Plan {
    /// Who is asked for what.
    pub(crate) fn target(&self) -> Target<'_> {
        match &self.model {
            _ if self.hides_model => Target::Hidden(&self.provider),
            Some(model) => Target::Model(&self.provider, model),
            None => Target::Provider(&self.provider),
        }
    }

    /// Whether the provider may answer before it is done, and is asked again then.
    pub(crate) fn polls(&self) -> bool {
        self.translation.as_ref().is_some_and(|translation| translation.provider() == Api::Replicate)
    }

    /// Whether each answer must be made anew, because a conversation goes on with it, or its caller comes back for it.
    pub(crate) fn changes_state(&self) -> bool {
        let Some(After::Keep(draft)) = &self.after else { return false };
        draft.conversation_id.is_some() || draft.background
    }
}

/// What an attempt does so that the provider takes the request.
#[derive(Clone, Debug)]
pub(crate) enum Authorize {
    /// Nothing: the key is among the headers.
    Done,
    /// It signs the request, for this region if not for the key's own.
    Sign(Arc<Signer>, Option<String>),
    /// It takes a token.
    Fetch(Arc<Account>),
}

/// How often and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    pub max_attempts: u8,
    /// Milliseconds.
    pub delay: u32,
    pub backoff: Backoff,
    /// A random number of the request.
    pub random: u64,
}

impl Retry {
    pub(crate) fn new(settings: &GatewaySettings, controls: &Controls, random: u64) -> Self {
        Self {
            max_attempts: controls.max_attempts.or(settings.retry_max_attempts).unwrap_or(1),
            delay: controls.retry_delay.or(settings.retry_delay).unwrap_or(DEFAULT_RETRY_DELAY),
            backoff: controls.backoff.unwrap_or(settings.retry_backoff),
            random,
        }
    }
}

/// How the key and the address of a call fare, where that is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Healths {
    pub key: Option<Arc<Health>>,
    pub address: Option<Arc<Health>>,
}

/// How long the parts of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// To the answer's head.
    pub head: Duration,
    /// To a stream's first event.
    pub first_token: Option<Duration>,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// To the answer's end.
    pub total: Duration,
}

impl Timeouts {
    /// The operator's.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            head: options.first_byte_timeout,
            first_token: None,
            idle: options.idle_timeout,
            total: options.total_timeout,
        }
    }

    /// The caller's, the gateway's or the operator's, whoever says something first.
    fn within(self, settings: &GatewaySettings, controls: &Controls) -> Self {
        let ms = |ms: Option<u32>| ms.map(|ms| Duration::from_millis(ms.into()));
        Self {
            head: controls.request_timeout.or(ms(settings.request_timeout)).unwrap_or(self.head),
            first_token: controls.first_token_timeout.or(ms(settings.first_token_timeout)).or(self.first_token),
            idle: controls.idle_timeout.or(ms(settings.idle_timeout)).unwrap_or(self.idle),
            total: controls.total_timeout.or(ms(settings.total_timeout)).unwrap_or(self.total),
        }
    }
}

/// What a plan is made from, beside the model.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub access: &'a Access,
    pub gateway: &'a GatewayState,
    pub controls: &'a Controls,
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    pub memory: &'a Arc<Memory>,
    pub now_ms: i64,
    /// Which of several keys it is asked with.
    pub choice: &'a Choice,
    /// Where the operator sets the bounds.
    pub timeouts: Timeouts,
}

/// Where a call goes and who pays.
struct Address {
    upstream: Upstream,
    auth: Option<Auth>,
    key: Option<ProviderKeyId>,
    pool: Option<Arc<KeyState>>,
    others: Others,
    healths: Healths,
}

/// What is called at a provider.
#[derive(Clone, Copy)]
enum Rest<'a> {
    /// An endpoint below its base path, for a model.
    Endpoint(&'a str, &'a str),
    /// Whatever a client asked for behind the provider's name.
    Native(&'a str),
}

/// The edit that makes a stream report its usage, where it would not by itself.
fn ask_for_usage(provider: &ProviderState, scan: &Scan<'_>, body: &[u8]) -> Option<Edit> {
    if scan.stream == Some(true) && !provider.quirks.no_stream_options { scan.ask_for_usage(body) } else { None }
}

fn call(
    request: &Request<'_>,
    provider: &ProviderState,
    rest: Rest<'_>,
    dialect: Dialect,
    body: Bytes,
) -> Result<Plan, Refusal> {
    enabled(provider)?;
    call_at(request, provider, address(request, provider)?, rest, dialect, body)
}

/// Whether the call can be made in an API as it is, with the key and so at the address that it will use.
pub(crate) fn speaks(request: &Request<'_>, provider: &ProviderState, api: Api, model: &str) -> bool {
    let is_there = || address(request, provider).map_or(true, |address| address.upstream.has_responses());
    provider.speaks(api, model) && (api != Api::OpenaiResponses || is_there())
}

fn enabled(provider: &ProviderState) -> Result<(), Refusal> {
    if provider.enabled { Ok(()) } else { Err(Refusal::provider_disabled(&provider.slug)) }
}

fn call_at(
    request: &Request<'_>,
    provider: &ProviderState,
    Address { upstream, auth, key, pool, others, healths }: Address,
    rest: Rest<'_>,
    dialect: Dialect,
    body: Bytes,
) -> Result<Plan, Refusal> {
    let (uri, region) = match rest {
        Rest::Endpoint(path, model) => upstream.endpoint(path, model).map(|uri| (uri, None)),
        Rest::Native(rest) => upstream.native(&provider.slug, rest).map(|call| (call.uri, call.region)),
    }
    .map_err(|_| Refusal::unknown_route(rest.path()))?;
    let zone = zone::of(provider.book, uri.host().unwrap_or_default());
    let measure = Measure { zone, ..Measure::default() };
    let mut headers = request::for_upstream(request.headers);
    let authorize = match auth {
        // OpenAI-compatible endpoints of a provider with another API take the key as OpenAI does.
        Some(Auth::Header { native, bearer }) => {
            let (name, value) = if dialect == provider.dialect { native } else { bearer };
            headers.insert(name, value);
            Authorize::Done
        }
        Some(Auth::Sign(signer)) => {
            crate::signer::strip(&mut headers);
            Authorize::Sign(signer, region)
        }
        Some(Auth::Fetch(account)) => Authorize::Fetch(account),
        None => {
            if let Some(brought) = &request.access.credential {
                brought.write(&mut headers);
            }
            Authorize::Done
        }
    };
    Ok(Plan {
        method: request.method.clone(),
        uri,
        headers,
        authorize,
        token: None,
        body,
        provider: provider.slug.clone(),
        key,
        pool,
        has_other_keys: others != Others::None,
        has_other_addresses: others == Others::Elsewhere,
        healths,
        prices: request.access.team.prices.clone(),
        book: provider.book,
        model: None,
        hides_model: false,
        asks: Asks::default(),
        dialect,
        words: Words::Family(dialect),
        hide_usage: false,
        must_be_json: false,
        says_when_done: false,
        stream: false,
        translation: None,
        task: None,
        retelling: None,
        measure,
        unfinished: None,
        form: None,
        shapes_errors: false,
        dropped: String::new(),
        timeouts: request.timeouts.within(&request.gateway.settings, request.controls),
        retry: Retry::new(&request.gateway.settings, request.controls, request.choice.random()),
        after: None,
        background: false,
    })
}

/// The body with the edits in it: a copy, where there are any.
fn spliced(request: &Request<'_>, edits: &[Edit]) -> Result<Bytes, Refusal> {
    if edits.is_empty() {
        return Ok(request.body.clone());
    }
    let mut claim = request.memory.claim(Purpose::Request);
    claim.grow(request.body.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>())?;
    Ok(claim.hold(splice(request.body, edits)))
}

fn address(request: &Request<'_>, provider: &ProviderState) -> Result<Address, Refusal> {
    let Request { access, gateway, choice, .. } = *request;
    let alias = request.controls.byok_alias.as_deref().unwrap_or(DEFAULT_ALIAS);
    let regions = &gateway.settings.allowed_regions;
    if access.credential.is_some() {
        if !regions.is_empty() {
            return Err(Refusal::own_key_without_region(&provider.slug));
        }
        // The team's address for the provider holds for the callers' own keys too: it may be the only way out.
        let stored = access.team.key(&provider.slug, alias, request.now_ms);
        let (upstream, address) = match (&stored, &provider.upstream) {
            (Ok((key, target)), _) => (target.upstream.clone(), Some(key.address.clone())),
            (Err(_), Ok(upstream)) => (upstream.clone(), None),
            (Err(fault), Err(_)) => return Err(Refusal::missing_provider_key(&provider.slug, alias, *fault)),
        };
        let healths = Healths { key: None, address };
        return Ok(Address { upstream, auth: None, key: None, pool: None, others: Others::None, healths });
    }
    let Chosen { key, target, others } = choice
        .choose(request, &provider.slug, alias)
        .map_err(|fault| Refusal::missing_provider_key(&provider.slug, alias, fault))?;
    Ok(Address {
        upstream: target.upstream.clone(),
        auth: Some(target.auth.clone()),
        key: Some(key.id),
        pool: access.team.keys(&provider.slug, alias).next().cloned(),
        others,
        healths: Healths { key: Some(key.health.clone()), address: Some(key.address.clone()) },
    })
}

impl Rest<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Endpoint(path, _) | Self::Native(path) => path,
        }
    }
}
