//! The layer in front of a service that says who it was told is asking.

use axum::Router;
use axum::routing::any;
use control::{Client, NewOwner, Options};
use store::Store;
use store::secrets::Sealer;
use tower::ServiceExt;

use super::*;

/// A layer on an empty installation; the folder holds its database.
struct Fixture {
    control: Control,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/weir.db?mode=rwc", folder.path().display());
        let store = Store::connect(&url).await.expect("a database");
        store.migrate().await.expect("tables");
        let control = Control::new(store, Sealer::new([7; 32]), Options::default()).await.expect("a control plane");
        let tell = |request: Request| async move {
            request.extensions().get::<Actor>().map_or("nobody".to_owned(), |actor| actor.me().email)
        };
        let router = Router::new().fallback(any(tell)).layer(layer(control.clone()));
        Self { control, router, _folder: folder }
    }

    async fn cookie(&self) -> String {
        let secret = self.control.setup_secret().await.expect("answers").expect("a new installation");
        let owner = NewOwner {
            email: "ann@example.com".into(),
            name: "Ann".into(),
            password: "correct horse battery".into(),
            team_name: "Acme".into(),
            team_slug: "acme".into(),
        };
        let signed_in = self.control.claim(secret.expose(), owner, &Client::default()).await.expect("an owner");
        format!("weir={}", signed_in.cookie.expose())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Response {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::from(body)).expect("a request");
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("GET", path, headers, String::new()).await
    }
}

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

fn location(response: &Response) -> &str {
    response.headers()[header::LOCATION].to_str().expect("text")
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1_000).await.expect("a short body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn without_a_session_a_person_is_led_to_the_sign_in_page_and_back() {
    let fixture = Fixture::new().await;
    let page = fixture.get("/acme/requests?status=4xx", &[("cookie", "weir=forged")]).await;
    assert_eq!(
        (page.status(), location(&page)),
        (StatusCode::SEE_OTHER, "/sign-in?next=%2Facme%2Frequests%3Fstatus%3D4xx")
    );
    let headers = [OURS, ("accept", "text/html"), ("referer", "http://weir.test/acme/tokens?x=1")];
    let form = fixture.ask("POST", "/ui/issue-token", &headers, String::new()).await;
    assert_eq!(location(&form), "/sign-in?next=%2Facme%2Ftokens");
}

#[tokio::test]
async fn without_a_session_a_script_is_told_401() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.ask("POST", "/ui/issue-token", &[OURS], String::new()).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn with_a_session_the_service_knows_who_asks() {
    let fixture = Fixture::new().await;
    let cookie = fixture.cookie().await;
    assert_eq!(text(fixture.get("/acme", &[("cookie", &cookie)]).await).await, "ann@example.com");
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_even_where_no_session_is_needed() {
    let fixture = Fixture::new().await;
    let foreign: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://weir.test"), ("host", "weir.test")],
        &[("origin", "http://evil.test"), ("host", "weir.test")],
        &[("origin", "null"), ("host", "weir.test")],
    ];
    for headers in foreign {
        let answer = fixture.ask("POST", SignIn::PATH, headers, String::new()).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    for headers in [&[OURS][..], &[("origin", "http://weir.test:8787"), ("host", "weir.test:8787")]] {
        assert_eq!(
            fixture.ask("POST", SignIn::PATH, headers, String::new()).await.status(),
            StatusCode::OK,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_form_without_a_referrer_says_itself_where_it_is() {
    let fixture = Fixture::new().await;
    let tell = |request: Request| async move {
        let from = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok());
        from.unwrap_or_default().to_owned()
    };
    let router = Router::new().fallback(any(tell)).layer(layer(fixture.control.clone()));
    let fixture = Fixture { router, ..fixture };
    let host = ("host", "weir.test:8787");
    let sent = async |headers: &[(&str, &str)], form: &str| {
        let headers = [&[OURS, host], headers].concat();
        text(fixture.ask("POST", SignIn::PATH, &headers, form.into()).await).await
    };
    assert_eq!(
        sent(&[], "back=%2Fsign-in%3Fnext%3D%252Fa%26saved%3D1").await,
        "http://weir.test:8787/sign-in?next=%2Fa"
    );
    assert_eq!(sent(&[("referer", "http://weir.test/x")], "back=%2Fy").await, "http://weir.test/x");
    for foreign in ["back=%2F%2Fevil.test", "back=https%3A%2F%2Fevil.test", "back=%40evil.test", "name=x"] {
        assert_eq!(sent(&[], foreign).await, "", "{foreign}");
    }
}

#[tokio::test]
async fn a_form_larger_than_any_of_ours_is_refused() {
    let fixture = Fixture::new().await;
    let sent = async |headers: &[(&str, &str)], bytes| {
        fixture.ask("POST", SignIn::PATH, headers, "a".repeat(bytes)).await.status()
    };
    assert_eq!(sent(&[OURS], MAX_FORM + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
    let cookie = fixture.cookie().await;
    let member = [OURS, ("cookie", cookie.as_str())];
    assert_eq!(sent(&member, MAX_FORM + 1).await, StatusCode::OK);
    assert_eq!(sent(&member, MAX_MEMBERS_FORM + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let fixture = Fixture::new().await;
    for path in ["/sign-in", "/acme"] {
        let answer = fixture.get(path, &[]).await;
        for name in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
            assert!(answer.headers().contains_key(name), "{path}: {name}");
        }
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[test]
fn a_refused_form_returns_to_a_clean_address() {
    let from = HeaderValue::from_static("http://weir.test/a/gateways?q=x+y&__path=%2Fui%2Fz&__err=abc&saved=1");
    assert_eq!(clean_referer(&from), Some(HeaderValue::from_static("http://weir.test/a/gateways?q=x+y")));
    let plain = HeaderValue::from_static("http://weir.test/sign-in?__err=abc");
    assert_eq!(clean_referer(&plain), Some(HeaderValue::from_static("http://weir.test/sign-in")));
}

#[tokio::test]
async fn a_form_that_never_ends_is_given_up() {
    let fixture = Fixture::new().await;
    tokio::time::pause();
    let trickle = Body::from_stream(futures_util::stream::pending::<Result<String, Infallible>>());
    let request = Request::post(SignIn::PATH).body(trickle).expect("a request");
    let refused = read_form(&fixture.control, request, MAX_FORM).await.expect_err("not for ever");
    assert_eq!(refused.0, StatusCode::REQUEST_TIMEOUT);
}

#[test]
fn only_set_up_sign_in_and_invitations_are_open() {
    for open in ["/sign-in", "/setup/abc", "/account/join/abc", SignIn::PATH, Claim::PATH, Join::PATH] {
        assert!(is_open(open), "{open}");
    }
    for closed in ["/", "/setup", "/sign-in/x", "/account", "/account/join", "/acme", "/ui/", "/ui/sign-out"] {
        assert!(!is_open(closed), "{closed}");
    }
}
