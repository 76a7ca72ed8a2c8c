//! Cookies: how they are read and what is written. Over https the session cookie has the `__Host-` prefix, which keeps
//! other hosts of the same domain from setting it.

use control::{Control, SignedIn};
use http::HeaderMap;
use http::header::COOKIE;

/// Name of the session cookie.
pub(super) fn session_name(control: &Control) -> &'static str {
    if is_https(control) { "__Host-weir" } else { "weir" }
}

/// Whether the dashboard is reached over https.
pub(super) fn is_https(control: &Control) -> bool {
    control.public_url().is_some_and(|url| url.starts_with("https://"))
}

/// The value of a cookie, or nothing where it is missing or empty.
pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}

/// `Set-Cookie` that signs the browser in.
pub(super) fn session(control: &Control, signed_in: &SignedIn) -> String {
    line(control, session_name(control), signed_in.cookie.expose(), signed_in.max_age_s)
}

/// `Set-Cookie` that signs the browser out.
pub(super) fn no_session(control: &Control) -> String {
    line(control, session_name(control), "", 0)
}

/// `Set-Cookie` for a choice such as the theme; kept for a year.
pub(super) fn choice(control: &Control, name: &str, value: &str) -> String {
    line(control, name, value, 365 * 24 * 3600)
}

/// `Set-Cookie` readable by the server alone. Lax, so that a link from a chat or a mail finds the person signed in;
/// unsafe methods are guarded by the origin check.
pub(super) fn line(control: &Control, name: &str, value: &str, max_age_s: i64) -> String {
    let secure = if is_https(control) { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; weir=two".parse().expect("a header"));
        headers.append(COOKIE, "weirder=3; empty=".parse().expect("a header"));
        assert_eq!(read(&headers, "weir"), Some("two"));
        assert_eq!(read(&headers, "weirder"), Some("3"));
        assert_eq!(read(&headers, "empty"), None);
        assert_eq!(read(&headers, "w"), None);
    }
}
