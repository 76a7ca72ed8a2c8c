use chrono::TimeZone;

use super::*;

const HOST: (&str, &str) = ("Host", "example.amazonaws.com");
const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

fn get() -> Request<'static> {
    Request { method: "GET", path: "/", query: "", headers: &[HOST], body: b"" }
}

fn signed(request: Request<'_>, service: &str, session_token: Option<&str>) -> String {
    let secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials { access_key_id: "AKIDEXAMPLE", secret_access_key, session_token };
    let now = Utc.with_ymd_and_hms(2015, 8, 30, 12, 36, 0).single().expect("a time");
    let headers = sign(request, credentials, Scope { region: "us-east-1", service }, now);
    assert_eq!(headers[0], ("x-amz-date", "20150830T123600Z".to_owned()));
    assert_eq!(headers.len(), 2 + usize::from(session_token.is_some()));
    headers.last().expect("a signature").1.clone()
}

/// Amazon's own test suite for signers.
#[test]
fn published_requests_get_their_published_signatures() {
    let form = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        HOST,
        ("Content-Length", "13"),
        ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
    ];
    let trim = [HOST, ("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
    let query = "Param-3=Value3&Param=Value2&%E1%88%B4=Value1";
    let cases = [
        (get(), "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            Request { method: "POST", ..get() },
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Request { path: "/example space/", ..get() },
            "host;x-amz-date",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            Request { query, ..get() },
            "host;x-amz-date",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            Request { headers: &trim, ..get() },
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            Request { method: "POST", headers: &form, body: b"Param1=value1", ..get() },
            "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ];
    for (request, names, signature) in cases {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let wanted = format!("{scope}, SignedHeaders={names}, Signature={signature}");
        assert_eq!(signed(request, "service", None), wanted, "{request:?}");
    }
    let lent = signed(Request { method: "POST", ..get() }, "service", Some(TOKEN));
    assert!(lent.ends_with("Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"), "{lent}");
}

#[test]
fn paths_and_queries_are_signed_as_they_are_meant() {
    assert_eq!(encoded("//example//"), "/example/");
    assert_eq!(encoded("/"), "/");
    assert_eq!(encoded(""), "/");
    assert_eq!(encoded("/model/a%3Ab/converse"), "/model/a%253Ab/converse");
    assert_eq!(sorted("b=2&a=x%2fy&a=%7Eq&c"), "a=x%2Fy&a=~q&b=2&c=");
    assert_eq!(sorted("q=a+b&r=%zz"), "q=a%20b&r=%25zz");
}

/// Signatures that botocore 1.43.11 makes of the same request.
#[test]
fn a_model_with_a_colon_is_signed_as_the_official_sdk_does() {
    let request = Request {
        method: "POST",
        path: "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse",
        query: "",
        headers: &[("content-type", "application/json"), ("host", "bedrock-runtime.us-east-1.amazonaws.com")],
        body: br#"{"messages":[]}"#,
    };
    let plain = signed(request, "bedrock", None);
    assert!(plain.ends_with("Signature=0731241cbb64ecc4dc2e27b2169397f5609ffc2540ed1eaf30db55c4b92c2746"), "{plain}");
    let lent = signed(request, "bedrock", Some("TOKEN/+=="));
    assert!(lent.ends_with("Signature=6141170c99d8f200455435c9a3eca72be103dd90e756339414ea14d161fba7f5"), "{lent}");
}

#[test]
fn secrets_are_not_printed() {
    let credentials = Credentials { access_key_id: "AKID", secret_access_key: "secret", session_token: Some("token") };
    assert_eq!(format!("{credentials:?}"), "Credentials");
}
