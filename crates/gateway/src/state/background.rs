//! Makes a response in the background, through the same stages as any other: its caller has an answer at once, may leave, and
//! comes back for the rest. However it ends, the response is told to have ended, and its row is written once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::state::{KeptResponse, ResponseStatus, StateChange};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use wire::api::openai_responses::{ends_as, telling};
use wire::chat::Refused;

use super::jobs::{Job, Key};
use super::{After, INTERRUPTED};
use crate::attempt::{Else, attempt};
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::{Refusal, respond};
use crate::gateway::Shared;
use crate::headers::response;
use crate::plan::Plan;
use crate::relay::{Unanswered, relay};
use crate::settle::Settlement;

/// How often it is asked whether another process was told to cancel or delete it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest error of a provider that is read, in bytes.
const MAX_ERROR: usize = 64 << 10;

/// Begins to make a response and answers with what there is of it.
pub(crate) fn in_background(mut settlement: Box<Settlement>, mut plan: Plan) -> Response<Body> {
    let running = match begin(&settlement, &mut plan) {
        Ok(running) => running,
        Err(refusal) => return respond(&mut settlement, &refusal),
    };
    let (body, content_type) = if plan.stream {
        (Body::events(running.job.clone().follow(0)), "text/event-stream")
    } else {
        (Body::whole(Bytes::from(running.kept.response.clone())), "application/json")
    };
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response::complete(answer.headers_mut(), &settlement);
    tokio::spawn(run(running, settlement, plan));
    answer
}

/// Finds a place for it and keeps it as begun: from now on it can be asked for.
fn begin(settlement: &Settlement, plan: &mut Plan) -> Result<Running, Refusal> {
    let shared = settlement.shared().clone();
    let place = shared.state.jobs.place();
    let place = place.ok_or_else(|| Refusal::too_many_background(shared.options.max_background))?;
    let opening = plan.translation.as_ref().and_then(wire::translate::Translation::opening);
    let kept = match (&plan.after, &opening) {
        (Some(After::Keep(draft)), Some(opening)) => draft.response(opening.as_str(), now_ms()),
        _ => None,
    };
    let kept = KeptResponse { owner: Some(shared.state.owner()), ..kept.ok_or_else(Refusal::internal)? };
    if kept.size() > shared.state.largest() {
        let refused = Refused::field("input", "is too long to be kept, as a response in the background must be");
        return Err(Refusal::invalid_request(refused));
    }
    shared.state.change(StateChange::Keep(kept.clone()))?;
    let kept = Arc::new(kept);
    plan.after = Some(After::Refresh(kept.clone()));
    let key = (kept.team_id, kept.id.clone());
    let job = shared.state.jobs.begin(key.clone(), &shared.memory, plan.stream);
    Ok(Running { shared, key, kept, job, failure: None, _place: place })
}

/// A response that is being made. Dropping it ends it, whatever happened.
struct Running {
    shared: Arc<Shared>,
    key: Key,
    /// As it was at its beginning.
    kept: Arc<KeptResponse>,
    job: Arc<Job>,
    /// Why it was not made.
    failure: Option<(String, String)>,
    _place: OwnedSemaphorePermit,
}

async fn run(mut running: Running, settlement: Box<Settlement>, plan: Plan) {
    let job = running.job.clone();
    let (shared, key) = (running.shared.clone(), running.key.clone());
    // Dropping the work ends the call upstream and settles what was seen.
    running.failure = tokio::select! {
        failure = make(&job, settlement, plan) => failure,
        () = job.cancelled.notified() => None,
        () = unwanted(&shared, &key) => None,
    };
}

/// Makes it; answers why it could not be made.
async fn make(job: &Job, mut settlement: Box<Settlement>, mut plan: Plan) -> Option<(String, String)> {
    let answer = match attempt(&mut settlement, &mut plan, Else::default()).await {
        Ok(answer) => match relay(settlement, Box::new(plan), None, answer, false).await {
            Ok(answer) => answer,
            Err(Unanswered { mut settlement, failure }) => failure.respond(&mut settlement),
        },
        Err(failure) => failure.respond(&mut settlement),
    };
    let failed = answer.status().as_u16() >= 400;
    let mut body = answer.into_body();
    let mut error = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else { continue };
        if failed {
            error.extend_from_slice(&bytes[..bytes.len().min(MAX_ERROR - error.len())]);
        } else if job.streams {
            job.push(&bytes);
        }
    }
    failed.then(|| failure(&error))
}

/// The code and the sentence of an error, which is in the caller's shape.
fn failure(body: &[u8]) -> (String, String) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Failure {
        error: Inner,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        code: Option<String>,
        message: Option<String>,
    }
    let Failure { error } = serde_json::from_slice(body).unwrap_or_default();
    let code = error.code.unwrap_or_else(|| "server_error".to_owned());
    (code, error.message.unwrap_or_else(|| "The provider failed and did not say why.".to_owned()))
}

/// Ends once another process has cancelled or deleted it.
async fn unwanted(shared: &Shared, key: &Key) {
    let mut has_arrived = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // While its beginning is on its way into the database, that it is not there says nothing.
        has_arrived = has_arrived || shared.state.caught_up().await;
        if has_arrived && shared.state.is_unwanted(key).await {
            return;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let state = &self.shared.state;
        if !state.is_over(self.key.0, &self.key.1) {
            let (code, message) = match &self.failure {
                Some((code, message)) => (code.as_str(), message.as_str()),
                None => INTERRUPTED,
            };
            let response = ends_as(&self.kept.response, "failed", Some((code, message)));
            if self.job.streams {
                self.job.push(&telling("response.failed", self.job.events(), &response));
            }
            // What cannot be written down is told to have been interrupted once its time is over.
            let status = ResponseStatus::Failed;
            state.finish(KeptResponse { status, response, owner: None, ..KeptResponse::clone(&self.kept) });
        }
        state.jobs.end(&self.key, now_ms());
    }
}
