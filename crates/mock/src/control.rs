//! What a request wants done to it: the controls listed in the crate's documentation, read from headers and words.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

/// Most words an answer may have.
pub const MAX_TOKENS: u32 = 20_000;
/// Longest line that `huge-line` makes, in bytes.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Longest pause, in milliseconds.
const MAX_PAUSE_MS: u64 = 600_000;
/// Longest text value (`key`, `retry-after`).
const MAX_TEXT: usize = 64;

/// Every name, a longer one before a shorter one that begins it.
const NAMES: [&str; 19] = [
    "silent-after",
    "retry-after",
    "reset-after",
    "close-after",
    "no-terminal",
    "fail-first",
    "huge-line",
    "malformed",
    "no-usage",
    "silent",
    "status",
    "tokens",
    "cached",
    "reset",
    "split",
    "ttft",
    "pace",
    "html",
    "key",
];

/// Where a stream breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Silent { after: usize },
    Reset { after: usize },
    Close { after: usize },
}

/// The controls of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub ttft: Duration,
    pub pace: Duration,
    pub tokens: Option<u32>,
    pub cached: Option<u64>,
    pub status: Option<StatusCode>,
    pub retry_after: Option<String>,
    pub fail_first: Option<u64>,
    pub key: Option<String>,
    pub malformed: bool,
    pub html: bool,
    pub no_usage: bool,
    pub no_terminal: bool,
    pub silent: bool,
    pub reset: bool,
    pub breaks: Option<Break>,
    pub huge_line: Option<usize>,
    pub split: Option<usize>,
}

impl Control {
    /// Sets one control; an unknown name or a value that does not parse changes nothing.
    pub fn set(&mut self, name: &str, value: &str) {
        let number = value.parse::<u64>().ok();
        let count = number.and_then(|number| usize::try_from(number).ok());
        let pause = number.map(|number| Duration::from_millis(number.min(MAX_PAUSE_MS)));
        let text = || (!value.is_empty() && value.len() <= MAX_TEXT).then(|| value.to_owned());
        match name {
            "ttft" => self.ttft = pause.unwrap_or(self.ttft),
            "pace" => self.pace = pause.unwrap_or(self.pace),
            "tokens" => self.tokens = value.parse().ok().map(|tokens: u32| tokens.min(MAX_TOKENS)).or(self.tokens),
            "cached" => self.cached = number.or(self.cached),
            "status" => self.status = value.parse().ok().or(self.status),
            "retry-after" => self.retry_after = text().or_else(|| self.retry_after.take()),
            "fail-first" => self.fail_first = number.or(self.fail_first),
            "key" => self.key = text().or_else(|| self.key.take()),
            "malformed" => self.malformed = value != "0",
            "html" => self.html = value != "0",
            "no-usage" => self.no_usage = value != "0",
            "no-terminal" => self.no_terminal = value != "0",
            "silent" => self.silent = value != "0",
            "reset" => self.reset = value != "0",
            "silent-after" => self.breaks = count.map(|after| Break::Silent { after }).or(self.breaks),
            "reset-after" => self.breaks = count.map(|after| Break::Reset { after }).or(self.breaks),
            "close-after" => self.breaks = count.map(|after| Break::Close { after }).or(self.breaks),
            "huge-line" => self.huge_line = count.map(|bytes| bytes.min(MAX_LINE_BYTES)).or(self.huge_line),
            "split" => self.split = count.filter(|bytes| *bytes > 0).or(self.split),
            _ => {}
        }
    }

    /// Sets a control written as `NAME` or `NAME-VALUE`.
    pub fn set_word(&mut self, word: &str) {
        let found = NAMES.into_iter().find_map(|name| match word.strip_prefix(name) {
            Some("") => Some((name, "")),
            Some(rest) => rest.strip_prefix('-').map(|value| (name, value)),
            None => None,
        });
        if let Some((name, value)) = found {
            self.set(name, value);
        }
    }

    /// Reads every `mock-NAME-VALUE` in a model's name or a message.
    pub fn read_words(&mut self, text: &str) {
        let in_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        for word in text.split(|c| !in_word(c)) {
            if let Some(control) = word.strip_prefix("mock-") {
                self.set_word(control.trim_end_matches('.'));
            }
        }
    }

    /// Reads every `x-mock-NAME: VALUE`.
    pub fn read_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            if let (Some(name), Ok(value)) = (name.as_str().strip_prefix("x-mock-"), value.to_str()) {
                self.set(name, value.trim());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_and_a_prompt_carry_controls() {
        let mut control = Control::default();
        control.read_words("openai/mock-status-503");
        control.read_words("Please [mock-ttft-20 mock-fail-first-2, mock-key-a_b] answer. mock-reset-after-3.");
        assert_eq!(control.status, Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(control.ttft, Duration::from_millis(20));
        assert_eq!(control.fail_first, Some(2));
        assert_eq!(control.key.as_deref(), Some("a_b"));
        assert_eq!(control.breaks, Some(Break::Reset { after: 3 }));
        assert!(!control.reset);
    }

    #[test]
    fn what_names_no_control_changes_nothing() {
        let mut control = Control::default();
        control.read_words("mock- mock-nothing-1 mock-status-abc mock-tokens-x a-mock-up");
        assert_eq!(control, Control::default());
    }

    #[test]
    fn values_are_bounded() {
        let mut control = Control::default();
        control.read_words("mock-tokens-4000000000 mock-huge-line-99999999999 mock-ttft-99999999999");
        assert_eq!(control.tokens, Some(MAX_TOKENS));
        assert_eq!(control.huge_line, Some(MAX_LINE_BYTES));
        assert_eq!(control.ttft, Duration::from_millis(MAX_PAUSE_MS));
    }

    #[test]
    fn headers_set_controls() {
        let mut headers = HeaderMap::new();
        headers.insert("x-mock-silent", "1".parse().expect("a header value"));
        headers.insert("x-mock-retry-after", "7".parse().expect("a header value"));
        let mut control = Control::default();
        control.read_headers(&headers);
        assert!(control.silent);
        assert_eq!(control.retry_after.as_deref(), Some("7"));
    }
}
