//! Reads along while an answer passes, and settles when it is through.

use std::sync::Arc;

use bytes::Bytes;
use domain::ledger::Outcome;
use domain::provider::Dialect;
use serde::de::IgnoredAny;
use wire::task::{Task, consumed};
use wire::usage::{AmazonCounts, Observed, StreamWatch, Words};

use super::head::{Form, Head};
use super::way::Way;
use crate::error::Code;
use crate::memory::{Memory, Purpose};
use crate::plan::Plan;
use crate::reuse::{self, Slot};
use crate::settle::{Capture, End, Settlement};
use crate::state::Keeper;

/// Longest plain answer in which usage is looked for, in bytes.
pub(super) const MAX_READ: usize = 32 << 20;

/// How an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// The provider said everything.
    Whole,
    /// The provider did not.
    Failed(Code),
    /// The client did not want the rest.
    ClientGone,
    /// The server stopped before the rest had come.
    Interrupted,
}

/// What is known of an answer so far.
pub(super) struct Meter {
    status: u16,
    content_type: Option<String>,
    dialect: Dialect,
    task: Option<Task>,
    words: Words,
    counts: AmazonCounts,
    stream: bool,
    form: Form,
    watch: Option<StreamWatch>,
    says_when_done: bool,
    /// Whether it passes for a stream that was asked for, and must be JSON to its end.
    must_be_json: bool,
    reads_body: bool,
    /// Whether it answers a question, so that an error in it means that the question has no answer.
    is_chat: bool,
    slot: Option<Slot>,
    capture: Capture,
    observed: Option<Observed>,
    /// Reads along to keep the answer.
    pub(super) keeper: Option<Keeper>,
}

impl Meter {
    pub(super) fn new(settlement: &Settlement, plan: &Plan, slot: Option<Slot>, head: Head, way: Way) -> Self {
        let words = match &plan.translation {
            None => Some(plan.words),
            Some(translation) => translation.provider().family().map(Words::Family),
        };
        let readable = head.is_readable();
        let Head { status, content_type, encoded, counts, form } = head;
        let is_stream = form == Form::Events || words.is_some_and(|words| form == Form::of_words(words));
        let held = matches!(way, Way::Hold(_));
        let stream = way == Way::Translate || (is_stream && !held);
        let reads_body = held || (readable && !stream && form == Form::Json);
        let content_type = way.content_type(plan).map(str::to_owned).or(content_type);
        let keepable = reuse::is_keepable(content_type.as_deref().unwrap_or_default());
        let slot = slot.filter(|_| status == 200 && !encoded && keepable);
        let shared = settlement.shared();
        let limit = [
            if settlement.keep_payload { shared.options.payload_cap } else { 0 },
            if slot.is_some() { shared.cache.largest_body() } else { 0 },
            if reads_body { MAX_READ } else { 0 },
        ];
        // Without the answer its price is not known, or it cannot be given at all.
        let purpose = if reads_body { Purpose::Answer } else { Purpose::Keeping };
        Self {
            status,
            dialect: plan.dialect,
            task: plan.task,
            words: plan.words,
            counts,
            stream,
            form: if encoded { Form::Other } else { form },
            watch: words.filter(|_| stream && readable).map(Words::watch),
            says_when_done: plan.says_when_done && readable && stream,
            must_be_json: plan.must_be_json && plan.stream && reads_body && !held && status == 200,
            reads_body,
            is_chat: plan.must_be_json || plan.says_when_done,
            slot,
            capture: Capture::new(&shared.memory, purpose, limit.into_iter().max().unwrap_or_default()),
            observed: None,
            keeper: None,
            content_type,
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// It is an error of this status, whatever it came with.
    pub(super) fn fail(&mut self, status: u16) {
        self.status = status;
        self.content_type = Some("application/json".to_owned());
    }

    /// The same for a caller, whatever success the provider calls it.
    pub(super) fn pass_as(&mut self, status: u16) {
        self.status = status;
    }

    /// Another answer takes the place of the one that was taken in.
    pub(super) fn restart(&mut self, memory: &Arc<Memory>, status: u16) {
        self.status = status;
        self.capture = Capture::new(memory, Purpose::Answer, MAX_READ);
    }

    pub(super) fn is_stream(&self) -> bool {
        self.stream
    }

    /// What it is made of, where that can be read.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Whether it is a stream in the shape of one long list, as Gemini sends it.
    pub(super) fn is_list(&self, plan: &Plan) -> bool {
        plan.stream && self.dialect == Dialect::Gemini && self.status < 400
    }

    /// Takes note of bytes as they came from the provider. Tells whether the stream's last event is among them or has
    /// come before: a client may take the answer as complete from then on, so its row must be written before it leaves.
    pub(super) fn watch(&mut self, bytes: &[u8]) -> bool {
        let Some(watch) = &mut self.watch else { return false };
        watch.push(bytes);
        watch.ended()
    }

    /// Takes note of bytes as they go to the client.
    pub(super) fn keep(&mut self, bytes: &Bytes) {
        self.capture.push(bytes);
    }

    /// The same of what passes; a stream may have to be kept for later requests.
    pub(super) fn pass(&mut self, settlement: &Settlement, bytes: &Bytes) {
        self.keep(bytes);
        if let Some(keeper) = self.keeper.as_mut().filter(|_| self.stream) {
            keeper.push(settlement.shared(), bytes);
        }
    }

    pub(super) fn capture(&self) -> &Capture {
        &self.capture
    }

    /// The whole answer, where it was kept as a whole.
    pub(super) fn share_whole(&mut self) -> Option<Bytes> {
        self.capture.share_whole()
    }

    /// What the client gets instead of what was taken in, and what was seen in that.
    pub(super) fn replace(&mut self, memory: &Arc<Memory>, made: &Bytes, observed: Observed) {
        self.capture = Capture::of(memory, made);
        self.observed = Some(observed);
    }

    /// What a translation saw in a stream. Where a watch reads the provider's own words too, only an error counts: one
    /// that the watch does not recognise was told to the caller all the same.
    pub(super) fn take_over(&mut self, observed: &Observed) {
        if let Some(watch) = self.watch.take() {
            self.observed = Some(watch.finish());
        }
        let own = self.observed.get_or_insert_with(|| observed.clone());
        own.error |= observed.error;
    }

    /// Whether what has just ended was cut short.
    pub(super) fn was_cut_short(&mut self) -> bool {
        if self.must_be_json {
            return !self.capture.whole().is_none_or(is_whole_json);
        }
        let says_when_done = self.says_when_done;
        let observed = self.observe();
        says_when_done && !observed.finished && !observed.error
    }

    /// Whether the answer is there as a whole and is JSON. Mostly that is known once it was read for its usage.
    pub(super) fn is_json(&mut self) -> bool {
        let is_read = self.reads_body && self.task.is_none() && matches!(self.words, Words::Family(_));
        if is_read && self.capture.whole().is_some() && self.observe().finished {
            return true;
        }
        self.capture.whole().is_some_and(|body| serde_json::from_slice::<IgnoredAny>(body).is_ok())
    }

    /// Whether a whole answer was made into a stream.
    fn made_stream(&self) -> bool {
        self.content_type.as_deref() == Some(Way::EVENTS)
    }

    fn observe(&mut self) -> &mut Observed {
        let (watch, words, counts) = (self.watch.take(), self.words, self.counts);
        let (task, dialect) = (self.task, self.dialect);
        let body = self.capture.whole().filter(|_| self.reads_body);
        self.observed.get_or_insert_with(|| match (watch, body, task) {
            (Some(watch), _, _) => watch.finish(),
            (None, Some(body), Some(task)) => consumed(task, dialect, body),
            (None, Some(body), None) => words.read(counts, body),
            (None, None, _) => Observed { finished: true, ..Observed::default() },
        })
    }

    /// Writes down how it ended; called once.
    pub(super) fn settle(&mut self, settlement: &mut Settlement, finish: Finish) {
        let mut observed = std::mem::take(self.observe());
        if let Some(mut keeper) = self.keeper.take() {
            let whole = self.capture.whole().filter(|_| finish == Finish::Whole && !self.stream);
            if let Some(stream) = whole.filter(|_| self.made_stream()) {
                keeper.push(settlement.shared(), stream);
            }
            keeper.finish(settlement, &mut observed, self.status, whole);
        }
        let (status, outcome, code) = match finish {
            Finish::Whole if self.status >= 400 => (self.status, Outcome::UpstreamError, None),
            // The provider itself told the client, inside of an answer whose head said that all was well.
            Finish::Whole if observed.error && (self.stream || self.is_chat) => {
                (self.status, Outcome::UpstreamFailed, None)
            }
            Finish::Whole => (self.status, Outcome::Ok, None),
            Finish::Failed(code) => (self.status, Outcome::UpstreamFailed, Some(code)),
            Finish::ClientGone => (self.status, Outcome::ClientGone, None),
            Finish::Interrupted => (self.status, Outcome::Interrupted, Some(Code::ShuttingDown)),
        };
        let largest = settlement.shared().cache.largest_body();
        if outcome == Outcome::Ok
            && if self.stream { observed.ended } else { observed.finished }
            && !observed.error
            && let (Some(slot), Some(body)) = (self.slot, self.capture.whole().filter(|body| body.len() <= largest))
        {
            // A copy: what was read would keep its whole buffer, and its claim on memory, for as long as it is cached.
            let body = Bytes::copy_from_slice(body);
            reuse::keep(settlement, slot, self.content_type.as_deref().unwrap_or_default(), &observed, body);
        }
        settlement.finish(End {
            status,
            outcome,
            code,
            observed,
            response: Some(&self.capture),
            response_content_type: self.content_type.as_deref(),
        });
    }
}

/// Whether there is nothing but complete JSON values: one, or one behind the other.
fn is_whole_json(body: &[u8]) -> bool {
    serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>().all(|value| value.is_ok())
}
