//! A service account and its access token, fetched when it is first needed and kept for as long as it holds.
//!
//! Requests that need it at the same time wait for one fetch, whoever of them leaves meanwhile. A token is renewed some minutes
//! before its end, beside the request that finds it so old, which goes on with the old one. An endpoint that refuses is not
//! asked again for a few seconds, and neither is one whose tokens the provider refuses one after the other.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::{Instant, timeout};
use wire::auth::google::{self, ServiceAccount};

use crate::upstream::Client;

/// How long a fetch may take in all.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// How long before its end a token is renewed: at most this, and at most a quarter of its life.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// A token this close to its end is not used any more: it would not hold until the provider looks at it.
const RESERVE: Duration = Duration::from_secs(10);
/// How long a failure is believed.
const PAUSE: Duration = Duration::from_secs(5);
/// After a token was given up because the provider refused it, how long the next one is kept even so: a provider that refuses
/// the account refuses every token of it, and each request would fetch one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer of the token endpoint, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// A service account with its token.
pub struct Account {
    file: Arc<ServiceAccount>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    fetching: Option<Shared<BoxFuture<'static, Fetched>>>,
    failed: Option<(Instant, Fault)>,
    /// When a token was last given up before its end.
    gave_up: Option<Instant>,
}

type Fetched = Result<Token, Fault>;

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

/// Why there is no token. The text names the endpoint's host at most, and the endpoint's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Account {
    pub(crate) fn new(file: ServiceAccount) -> Self {
        Self { file: Arc::new(file), state: Mutex::default() }
    }

    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        self.file.fingerprint()
    }

    /// The header that carries the token.
    ///
    /// # Errors
    /// None could be fetched.
    pub(crate) async fn header(self: &Arc<Self>, client: &Client) -> Result<HeaderValue, Fault> {
        let fetching = {
            let now = Instant::now();
            let mut state = self.lock();
            match &state.token {
                Some(token) if now < token.renew_at => return Ok(token.header.clone()),
                Some(token) if now < token.ends_at => {
                    let header = token.header.clone();
                    if !state.has_just_failed(now) {
                        drop(self.fetch(&mut state, client));
                    }
                    return Ok(header);
                }
                _ => {}
            }
            if let Some((_, fault)) = state.failed.as_ref().filter(|_| state.has_just_failed(now)) {
                return Err(fault.clone());
            }
            self.fetch(&mut state, client)
        };
        fetching.await.map(|token| token.header)
    }

    /// Gives up a token that the provider does not take, unless another one was given up a moment ago.
    pub(crate) fn give_up(&self, header: &HeaderValue) {
        self.lock().give_up(header, Instant::now());
    }

    /// The fetch that is under way, or a new one.
    fn fetch(self: &Arc<Self>, state: &mut State, client: &Client) -> Shared<BoxFuture<'static, Fetched>> {
        if let Some(fetching) = &state.fetching {
            return fetching.clone();
        }
        let (account, client) = (self.clone(), client.clone());
        let fetching = async move {
            let fetched = timeout(FETCH_TIMEOUT, ask(&account.file, &client)).await;
            let fetched =
                fetched.unwrap_or_else(|_| Err(Fault("the token endpoint does not answer in time".to_owned())));
            account.take(&fetched);
            fetched
        };
        let fetching = fetching.boxed().shared();
        state.fetching = Some(fetching.clone());
        // A task once in the life of a token: whoever waits may leave, and the one after them must not find it stalled.
        tokio::spawn(fetching.clone().map(drop));
        fetching
    }

    fn take(&self, fetched: &Fetched) {
        let mut state = self.lock();
        state.fetching = None;
        match fetched {
            Ok(token) => (state.token, state.failed) = (Some(token.clone()), None),
            Err(fault) => state.failed = Some((Instant::now(), fault.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give_up(&mut self, header: &HeaderValue, now: Instant) {
        let is_this = self.token.as_ref().is_some_and(|token| token.header == *header);
        if is_this && self.gave_up.is_none_or(|at| now.saturating_duration_since(at) >= PATIENCE) {
            (self.token, self.gave_up) = (None, Some(now));
        }
    }

    fn has_just_failed(&self, now: Instant) -> bool {
        self.failed.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) < PAUSE)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account")
    }
}

async fn ask(file: &ServiceAccount, client: &Client) -> Fetched {
    let uri: Uri = file.token_uri().parse().map_err(|_| Fault("its token_uri is no address".to_owned()))?;
    if uri.scheme_str() != Some("https") && !client.allows_private() {
        return Err(Fault("its token_uri is not an https:// address".to_owned()));
    }
    let question = file.question(crate::clock::now_ms() / 1_000);
    let question = question.ok_or_else(|| Fault("its private key cannot sign".to_owned()))?;
    let mut request = Request::post(uri).body(Full::new(Bytes::from(question))).map_err(|e| Fault(e.to_string()))?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let answer =
        client.send_within(|| request.clone(), FETCH_TIMEOUT).await.map_err(|error| Fault(error.to_string()))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    let body = body.map_err(|_| Fault("the token endpoint's answer is too long or broke off".to_owned()))?.to_bytes();
    let fetched = google::answer(parts.status.as_u16(), &body).map_err(Fault)?;
    token(&fetched)
}

fn token(fetched: &google::Token) -> Fetched {
    let header = HeaderValue::try_from(format!("Bearer {}", fetched.secret.expose()));
    let mut header = header.map_err(|_| Fault("the token is none that a header can carry".to_owned()))?;
    header.set_sensitive(true);
    // No token holds for longer than a day, whatever the endpoint says.
    let life = Duration::from_secs(fetched.lifetime_s.min(86_400));
    let ends_at = Instant::now() + life.saturating_sub(RESERVE);
    let renew_at = Instant::now() + life.saturating_sub(RENEW_BEFORE.min(life / 4).max(RESERVE));
    Ok(Token { header, renew_at, ends_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_tokens_that_are_refused_one_after_the_other_few_are_given_up() {
        let start = Instant::now();
        let header = HeaderValue::from_static;
        let mut state = State::default();
        let mut refuse = |fetched, refused, at: Duration| {
            let ends_at = start + Duration::from_secs(3_600);
            state.token = Some(Token { header: header(fetched), renew_at: ends_at, ends_at });
            state.give_up(&header(refused), start + at);
            state.token.is_none()
        };
        assert!(!refuse("b", "a", Duration::ZERO), "that one is given up already");
        assert!(refuse("a", "a", Duration::ZERO));
        assert!(!refuse("b", "b", Duration::ZERO));
        assert!(!refuse("b", "b", PATIENCE - Duration::from_millis(1)));
        assert!(refuse("b", "b", PATIENCE));
        assert!(!refuse("c", "c", PATIENCE * 2 - Duration::from_millis(1)));
    }
}
