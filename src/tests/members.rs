//! A person comes into a team through a link, and goes again: over HTTP, as a browser without scripts does it.

use ::app::api::join::Join;
use ::app::api::members::{InviteMember, RemoveMember, SetMemberRole, WithdrawInvitation};
use ::app::pages::join::LINK;
use leptos::server_fn::ServerFn;

use crate::harness::{Installation, PASSWORD, Server, location, text_between};

/// Invites Bob; answers the path of the link, as the page shows it once.
async fn invite(server: &Server, ann: &str, role: &str) -> String {
    let form = format!("team=acme&email=bob%40example.com&role={role}");
    let issued = location(&server.post(InviteMember::PATH, Some(ann), &form).await);
    assert!(issued.starts_with("/issued/"), "{issued}");
    let page = server.get(&issued, Some(ann)).await.text().await.unwrap();
    let secret = text_between(&page, LINK, "<").to_owned();
    let again = server.get(&issued, Some(ann)).await;
    assert_eq!(again.status(), 410);
    let again = again.text().await.unwrap();
    assert!(!again.contains(&secret) && again.contains("invite the person again"), "{again}");
    format!("{LINK}{secret}")
}

/// Follows a link; answers the session.
async fn join(server: &Server, link: &str) -> String {
    let form = format!("link={}&name=Bob&password=bob-walks-by-the-river", link.strip_prefix(LINK).unwrap());
    let joined = server.post(Join::PATH, None, &form).await;
    assert_eq!(location(&joined), "/acme");
    let cookie = joined.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_is_invited_joins_is_promoted_and_removed() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let link = invite(&server, &ann, "viewer").await;
    let members = server.get("/acme/members", Some(&ann)).await.text().await.unwrap();
    assert!(members.contains("bob@example.com") && members.contains("Withdraw"), "{members}");
    let opened = server.get(&link, None).await;
    assert_eq!(opened.status(), 200);
    let opened = opened.text().await.unwrap();
    assert!(opened.contains("bob@example.com") && opened.contains("a viewer"), "{opened}");
    let secret = link.strip_prefix(LINK).unwrap();
    let short = format!("link={secret}&name=Bob&password=short&back={}", link.replace('/', "%2F"));
    let back = location(&server.post(Join::PATH, None, &short).await);
    let refused = server.get(back.strip_prefix(&server.url).unwrap(), None).await.text().await.unwrap();
    assert!(refused.contains("This needs at least 12 characters."), "beside its field: {refused}");
    let bob = join(&server, &link).await;
    assert_eq!(server.get(&link, None).await.status(), 410, "a link works once");

    let status = async |path: &str| server.get(path, Some(&bob)).await.status().as_u16();
    assert_eq!((status("/acme").await, status("/acme/members").await), (200, 200));
    assert_eq!((status("/acme/members/new").await, status("/acme/members/2").await), (403, 403));
    let form = "team=acme&id=2&role=owner&back=%2Facme%2Fmembers";
    let refused = location(&server.post(SetMemberRole::PATH, Some(&bob), form).await);
    assert!(refused.contains("__err="), "{refused}");
    let promoted = server.post(SetMemberRole::PATH, Some(&ann), "team=acme&id=2&role=admin").await;
    assert_eq!(location(&promoted), "/acme/members/2?saved=role");
    assert_eq!(status("/acme/members/new").await, 200, "at once");
    let own = server.get("/acme/members/1", Some(&bob)).await.text().await.unwrap();
    assert!(own.contains("Only an owner can change an owner."), "{own}");
    let removed = server.post(RemoveMember::PATH, Some(&ann), "team=acme&id=2").await;
    assert_eq!(location(&removed), "/acme/members?saved=removed");
    assert_eq!(status("/acme").await, 404, "at once");
    assert_eq!(status("/account").await, 200, "the account stays");
    let audit = server.get("/acme/audit", Some(&ann)).await.text().await.unwrap();
    for event in ["member.invite", "member.join", "member.set", "member.remove"] {
        assert!(audit.contains(event), "{event}");
    }
}

#[tokio::test]
async fn the_last_owner_stays_and_is_told_why() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    for (path, form) in [(SetMemberRole::PATH, "team=acme&id=1&role=viewer"), (RemoveMember::PATH, "team=acme&id=1")] {
        let form = format!("{form}&back=%2Facme%2Fmembers%2F1");
        let back = location(&server.post(path, Some(&ann), &form).await);
        let back = back.strip_prefix(&server.url).expect("the page that the form was on");
        let page = server.get(back, Some(&ann)).await.text().await.unwrap();
        assert!(page.contains("would leave the team without an owner"), "{path}: {page}");
    }
    assert_eq!(server.get("/acme", Some(&ann)).await.status(), 200);
}

#[tokio::test]
async fn a_withdrawn_link_opens_nothing() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let ann = server.sign_in(PASSWORD).await.expect("signed in");
    let link = invite(&server, &ann, "editor").await;
    let withdrawn = server.post(WithdrawInvitation::PATH, Some(&ann), "team=acme&id=1").await;
    assert_eq!(location(&withdrawn), "/acme/members?saved=withdrawn");
    assert_eq!(server.get(&link, None).await.status(), 410);
    let form = format!("link={}&name=Bob&password=bob-walks-by-the-river", link.strip_prefix(LINK).unwrap());
    let refused = server.post(Join::PATH, None, &form).await;
    assert!(refused.headers().get("set-cookie").is_none_or(|cookie| !cookie.to_str().unwrap().starts_with("weir=")));
}
