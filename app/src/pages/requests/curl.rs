//! A request as a command to run again. The token is a variable: credentials are never stored with a request.

/// The command. `body` is what the log kept.
#[must_use]
pub fn command(origin: &str, method: &str, path: &str, content_type: Option<&str>, body: &str) -> String {
    let mut command = format!("curl {}", quote(&format!("{origin}{path}")));
    if !(method.eq_ignore_ascii_case("POST") && !body.is_empty()
        || method.eq_ignore_ascii_case("GET") && body.is_empty())
    {
        command += &format!(" \\\n  -X {}", quote(method));
    }
    command += " \\\n  -H \"Authorization: Bearer $WEIR_TOKEN\"";
    if !body.is_empty() {
        let content_type = content_type.unwrap_or("application/json");
        command += &format!(" \\\n  -H {}", quote(&format!("Content-Type: {content_type}")));
        command += &format!(" \\\n  --data-raw {}", quote(body));
    }
    command
}

/// One word for a shell, whatever it holds.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_word_whatever_it_holds() {
        let command = command(
            "http://127.0.0.1:8787",
            "POST",
            "/v1/chat/completions",
            Some("application/json"),
            r#"{"a":"it's $HOME"}"#,
        );
        assert_eq!(
            command,
            "curl http://127.0.0.1:8787/v1/chat/completions \\\n  -H \"Authorization: Bearer $WEIR_TOKEN\" \\\n  \
             -H 'Content-Type: application/json' \\\n  --data-raw '{\"a\":\"it'\\''s $HOME\"}'"
        );
    }

    #[test]
    fn a_path_cannot_break_out_of_its_word() {
        let command = command("http://h", "GET", "/v1/a;rm -rf ~", None, "");
        assert!(command.starts_with("curl 'http://h/v1/a;rm -rf ~' \\\n  -H"), "{command}");
    }

    #[test]
    fn the_method_is_named_where_curl_would_guess_wrong() {
        assert!(command("http://h", "DELETE", "/x", None, "").contains("-X DELETE"));
        assert!(!command("http://h", "POST", "/x", None, "{}").contains("-X"));
    }
}
