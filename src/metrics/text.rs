//! Prometheus' text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>), written by hand: a few families of
//! figures that memory holds anyway need no registry beside them.

use std::fmt::{Display, Write};

/// What a scraper is sent.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Goes before every name.
pub const PREFIX: &str = "weir_";

/// The text so far.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// A figure that only grows; its name ends with `_total`. Samples follow.
    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// A figure of now. Samples follow.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
        Family { text: &mut self.0, name }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// A family of samples with one name.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    /// The only sample.
    pub fn is(mut self, value: impl Display) {
        self.with(&[], value);
    }

    /// A sample with these labels.
    pub fn with(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{PREFIX}{}", self.name);
        for (place, (name, value)) in labels.iter().enumerate() {
            let opening = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{opening}{name}=\"{}\"", escaped(value));
        }
        let closing = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{closing} {value}");
    }

    /// One sample for each state, 1 for the one that is.
    pub fn states(&mut self, labels: &[(&str, &str)], states: &[&str], is: &str) {
        for state in states {
            let mut labels = labels.to_vec();
            labels.push(("state", state));
            self.with(&labels, u8::from(*state == is));
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Milliseconds as seconds, without a float.
pub struct Seconds(pub u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_help_type_and_samples_with_escaped_labels() {
        let mut text = Text::default();
        text.gauge("requests_in_flight", "Requests under way.").is(7);
        let mut family = text.counter("attempts_total", "Calls.");
        family.with(&[("outcome", "ok"), ("alias", "a\"b\\c\nd")], 3);
        family.states(&[("key", "1")], &["open", "closed"], "closed");
        let mut rest = text.gauge("rest_seconds", "Left.");
        rest.with(&[], Seconds(61_007));
        assert_eq!(
            text.finish(),
            "# HELP weir_requests_in_flight Requests under way.\n\
             # TYPE weir_requests_in_flight gauge\n\
             weir_requests_in_flight 7\n\
             # HELP weir_attempts_total Calls.\n\
             # TYPE weir_attempts_total counter\n\
             weir_attempts_total{outcome=\"ok\",alias=\"a\\\"b\\\\c\\nd\"} 3\n\
             weir_attempts_total{key=\"1\",state=\"open\"} 0\n\
             weir_attempts_total{key=\"1\",state=\"closed\"} 1\n\
             # HELP weir_rest_seconds Left.\n\
             # TYPE weir_rest_seconds gauge\n\
             weir_rest_seconds 61.007\n"
        );
    }
}
