//! Policies as a team may have them: a denial, a permission, a budget for each token, and limits of requests and tokens.

/// Five of them.
pub const POLICIES: [&str; 5] = [
    r#"{"deny":true,"when":{"model":["openai/gpt-5-pro*","o1*"],"not":{"token":["research-*"]}}}"#,
    r#"{"allow":true,"when":{"provider":["openai","anthropic"]}}"#,
    r#"{"limit":{"cost":"1000000","per":"month","zone":"Europe/Berlin","warn_at":80},"group_by":["token"]}"#,
    r#"{"limit":{"requests":10000000,"per":"minute"}}"#,
    r#"{"limit":{"tokens":10000000000,"per":"5h","window":"fixed"}}"#,
];
