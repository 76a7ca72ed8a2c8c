//! Bodies made readable: JSON indented as it was written, the text of a stream put together.

use serde_json::Value;

/// Longest body that is indented; beyond, it is shown as it is.
const LONGEST: usize = 512 * 1024;
/// Deepest indentation.
const DEEPEST: usize = 40;

/// JSON with line breaks and indentation. It never parses: order, numbers and spelling stay, and a body that was cut is
/// shown to its last character. Anything else stays as it is.
#[must_use]
pub fn pretty(text: &str) -> String {
    let trimmed = text.trim_start();
    if text.len() > LONGEST || !trimmed.starts_with(['{', '[']) {
        return text.to_owned();
    }
    let mut printer = Printer::default();
    trimmed.chars().for_each(|c| printer.take(c));
    printer.out
}

#[derive(Default)]
struct Printer {
    out: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// An opening bracket whose line break waits, so that `{}` stays on one line.
    opened: bool,
}

impl Printer {
    fn take(&mut self, c: char) {
        if self.in_string {
            self.out.push(c);
            self.in_string = self.escaped || c != '"';
            self.escaped = c == '\\' && !self.escaped;
            return;
        }
        if c.is_ascii_whitespace() {
            return;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            self.depth = self.depth.saturating_sub(1);
        }
        if std::mem::take(&mut self.opened) != closes {
            self.new_line();
        }
        self.out.push(c);
        match c {
            '{' | '[' => {
                self.depth += 1;
                self.opened = true;
            }
            ',' => self.new_line(),
            ':' => self.out.push(' '),
            '"' => self.in_string = true,
            _ => (),
        }
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth.min(DEEPEST)));
    }
}

/// The text that a stream of events carries, in any of the dialects; nothing where there is none.
#[must_use]
pub fn streamed_text(events: &str) -> Option<String> {
    let text: String = events
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim_start()).ok())
        .filter_map(|event: Value| piece(&event))
        .collect();
    (!text.is_empty()).then_some(text)
}

fn piece(event: &Value) -> Option<String> {
    let openai = event.pointer("/choices/0/delta/content").or_else(|| event.pointer("/choices/0/text"));
    if let Some(text) = openai.or_else(|| event.pointer("/delta/text")).and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let parts = event.pointer("/candidates/0/content/parts")?.as_array()?;
    Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_in_its_own_order() {
        let text = r#"{"z":1,"a":["x, {y}",{}, []],"n":1.50}"#;
        let shown = "{\n  \"z\": 1,\n  \"a\": [\n    \"x, {y}\",\n    {},\n    []\n  ],\n  \"n\": 1.50\n}";
        assert_eq!(pretty(text), shown);
    }

    #[test]
    fn quotes_within_a_text_do_not_end_it() {
        assert_eq!(pretty(r#"["a\"]{", "\\"]"#), "[\n  \"a\\\"]{\",\n  \"\\\\\"\n]");
    }

    #[test]
    fn what_was_cut_or_is_no_json_is_shown_too() {
        assert_eq!(pretty(r#"{"a":{"b":"unfini"#), "{\n  \"a\": {\n    \"b\": \"unfini");
        assert_eq!(pretty("data: {}"), "data: {}");
        assert_eq!(pretty("]]"), "]]");
    }

    #[test]
    fn the_text_of_each_dialect_is_put_together() {
        let openai = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n";
        let anthropic = "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n";
        let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Ho\"}]}}]}\n";
        assert_eq!(streamed_text(openai).as_deref(), Some("Hello"));
        assert_eq!(streamed_text(anthropic).as_deref(), Some("Hi"));
        assert_eq!(streamed_text(gemini).as_deref(), Some("Ho"));
        assert_eq!(streamed_text("data: [DONE]\n"), None);
    }
}
