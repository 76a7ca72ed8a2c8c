//! Names of tools that a provider does not take as they are, and the way back.

use std::borrow::Cow;
use std::collections::HashMap;

/// Which names were sent in place of which. Empty in nearly every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By the caller's name, and by the one that is sent.
    sent: HashMap<String, String>,
    asked: HashMap<String, String>,
}

impl Names {
    /// The name to send for `name`: itself where it has at most `most` bytes, all of them `allowed`, else a short form that
    /// is the same in every request, and that [`Names::asked`] turns back.
    pub fn send<'a>(&mut self, name: &'a str, most: usize, allowed: fn(char) -> bool) -> Cow<'a, str> {
        if !name.is_empty() && name.len() <= most && name.chars().all(allowed) {
            return Cow::Borrowed(name);
        }
        if let Some(sent) = self.sent.get(name) {
            return Cow::Owned(sent.clone());
        }
        let mark = format!("_{:08x}", hash(name));
        let clean: String = name.chars().map(|c| if c.is_ascii() && allowed(c) { c } else { '_' }).collect();
        let sent = format!("{}{mark}", &clean[..clean.len().min(most.saturating_sub(mark.len()))]);
        self.sent.insert(name.to_owned(), sent.clone());
        self.asked.insert(sent.clone(), name.to_owned());
        Cow::Owned(sent)
    }

    /// The caller's name for what the provider calls `sent`.
    #[must_use]
    pub fn asked<'a>(&'a self, sent: &'a str) -> &'a str {
        self.asked.get(sent).map_or(sent, String::as_str)
    }

    /// Whether nothing was renamed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

/// FNV-1a: short, stable and only there to keep two long names apart.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_' || c == '-'
    }

    #[test]
    fn names_that_do_not_fit_come_back_as_they_were() {
        let mut names = Names::default();
        assert_eq!(names.send("get_weather", 64, plain), "get_weather");
        assert!(names.is_empty());
        let long = "x".repeat(80);
        for name in ["server.tool/é", long.as_str(), ""] {
            let sent = names.send(name, 64, plain).into_owned();
            assert!(!sent.is_empty() && sent.len() <= 64 && sent.chars().all(plain), "{sent}");
            assert_eq!(names.send(name, 64, plain), sent);
            assert_eq!(names.asked(&sent), name);
        }
        assert_eq!(names.asked("get_weather"), "get_weather");
    }
}
