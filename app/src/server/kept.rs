//! What somebody typed into a form that was refused. Forms work without JavaScript, so a refused form comes back as a new
//! page; its values wait in a short-lived cookie, without the fields that hold secrets, and fill the form again.

use url::form_urlencoded::{Serializer, parse};

/// Name of the cookie.
pub(super) const COOKIE_NAME: &str = "weir-kept";
/// Seconds it lives: a redirect takes less.
pub(super) const MAX_AGE_S: i64 = 60;
/// Longest value, in bytes; browsers drop cookies above 4096.
const MAX_LENGTH: usize = 3_500;
/// Fields that are never kept. The way back holds the set-up link on the page of that link.
const SECRET_FIELDS: &[&str] =
    &[super::BACK_FIELD, "link", "password", "current", "new", "repeat", "secret", "token", "key"];

/// The cookie's value for a form sent to `path`, or nothing where it would not fit.
pub(super) fn encode(path: &str, body: &[u8]) -> Option<String> {
    let mut form = Serializer::new(String::new());
    for (name, value) in parse(body).filter(|(name, _)| !SECRET_FIELDS.contains(&name.as_ref())) {
        form.append_pair(&name, &value);
    }
    let text = format!("{path}?{}", form.finish());
    (text.len() <= MAX_LENGTH).then_some(text)
}

/// The values of the refused form, if the page being rendered answers one that was sent to `path`.
#[must_use]
pub fn kept_values(path: &str) -> Vec<(String, String)> {
    super::cookie(COOKIE_NAME).and_then(|text| decode(&text, path)).unwrap_or_default()
}

fn decode(text: &str, path: &str) -> Option<Vec<(String, String)>> {
    let (sent_to, form) = text.split_once('?')?;
    (sent_to == path).then(|| parse(form.as_bytes()).into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_secrets_do_not() {
        let text = encode("/ui/claim", b"back=%2Fsetup%2Fhunter2&name=Ann+%26+Bob&password=hunter2hunter2&secret=x")
            .expect("short enough");
        assert!(!text.contains("hunter2"));
        assert_eq!(decode(&text, "/ui/claim"), Some(vec![("name".into(), "Ann & Bob".into())]));
        assert_eq!(decode(&text, "/ui/other"), None);
    }

    #[test]
    fn the_cookie_has_only_characters_that_cookies_may_have() {
        let text = encode("/ui/claim", "name=a;b, \"c\"\\ ü=".as_bytes()).expect("short enough");
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\";,\\".contains(&byte)), "{text}");
    }

    #[test]
    fn a_long_form_is_not_kept() {
        assert_eq!(encode("/ui/x", format!("a={}", "b".repeat(4_000)).as_bytes()), None);
    }
}
