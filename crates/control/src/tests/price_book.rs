//! The price book in force, and who may put another in its place.

use std::sync::Arc;

use chrono::{Days, NaiveDate, Utc};
use domain::Role;
use store::{Store, db_test};
use wire::price::{BadSignature, Keyring, PriceBook, SecretKey, Unusable, Why};

use super::fixture::{ann, grant, member, open, open_with};
use crate::{BookError, BookImport, Control, Options};

fn key() -> SecretKey {
    SecretKey::new([5; 8], [6; 32]).expect("a key")
}

/// A server that trusts the key beside the project's.
async fn trusting(store: &Store) -> Control {
    let price_keys = Keyring::parse(&format!("acme={}", key().public())).expect("keys");
    open_with(store, Options { price_keys, ..Options::default() }).await
}

fn builtin() -> NaiveDate {
    PriceBook::builtin().as_of()
}

fn text(as_of: NaiveDate, input: &str) -> Vec<u8> {
    let row = format!(r#"{{"provider":"openai","model":"gpt-5","rates":{{"input":"{input}","output":"1"}}}}"#);
    let own = r#"{"provider":"openai","model":"a-new-one","rates":{"input":"1"}}"#;
    format!(r#"{{"version":1,"as_of":"{as_of}","rows":[{row},{own}]}}"#).into_bytes()
}

fn signed(text: Vec<u8>) -> BookImport {
    let signature = Some(key().sign(&text).expect("signed").to_file("acme"));
    BookImport { text, signature, older: false, by: "weir prices import".to_owned() }
}

fn unsigned(text: Vec<u8>) -> BookImport {
    BookImport { signature: None, ..signed(text) }
}

async fn why(control: &Control) -> Why {
    control.price_book().await.expect("read").why().clone()
}

fn signer(why: &Why) -> Option<&str> {
    match why {
        Why::Imported { signer, .. } => Some(signer.as_deref().unwrap_or("nobody")),
        _ => None,
    }
}

db_test! {
    async fn a_signed_book_is_in_force_until_it_is_reset(store: Store) {
        let control = trusting(&store).await;
        let ann = ann(&control).await;
        assert_eq!(why(&control).await, Why::Builtin);
        let version = store::config::version(&store).await.expect("read");
        let changed = control.import_book(signed(text(builtin(), "9"))).await.expect("imported");
        assert_eq!((changed.added, changed.changed), (1, 1));
        assert_eq!(changed.removed, PriceBook::builtin().prices().len() - 1);
        // Servers learn of it by the version.
        assert_eq!(store::config::version(&store).await.expect("read"), version + 1);
        let in_force = control.price_book().await.expect("read");
        assert_eq!((signer(in_force.why()), in_force.book().prices().len()), (Some("acme"), 2));
        assert!(Arc::ptr_eq(&in_force, &control.price_book().await.expect("read")), "it is read once");
        // Another server of the same installation.
        assert_eq!(signer(&why(&trusting(&store).await).await), Some("acme"));
        let again = control.import_book(unsigned(text(builtin(), "8"))).await.expect("imported");
        assert_eq!((again.added, again.changed, again.removed), (0, 1, 0));
        assert_eq!(signer(&why(&control).await), Some("nobody"));
        let reset = control.reset_book("weir prices reset".to_owned()).await.expect("reset").expect("there was one");
        assert_eq!((reset.removed, why(&control).await), (1, Why::Builtin));
        assert!(control.reset_book("weir prices reset".to_owned()).await.expect("reset").is_none());
        let events = control.list_audit(&grant(&ann), None, 10).await.expect("listed");
        let told: Vec<_> = events.iter().take(3).map(|event| (event.action.as_str(), event.actor.as_str())).collect();
        let import = ("price_book.import", "weir prices import");
        assert_eq!(told, [("price_book.reset", "weir prices reset"), import, import]);
        let said = |at: usize| events[at].after.clone().unwrap_or_default();
        assert!(said(2).contains(r#""signed_by":"acme""#) && said(2).contains(r#""added":1"#), "{}", said(2));
        assert!(said(1).contains(r#""signed_by":"nobody""#), "{}", said(1));
        assert_eq!(store::audit::verify(store.read()).await.expect("read"), store::audit::Chain::Intact(5));
    }

    async fn what_nobody_trusted_has_signed_changes_nothing(store: Store) {
        let control = trusting(&store).await;
        let version = store::config::version(&store).await.expect("read");
        let good = signed(text(builtin(), "9"));
        let mut altered = good.clone();
        let place = altered.text.iter().position(|byte| *byte == b'9').expect("a price");
        altered.text[place] = b'1';
        let refused = control.import_book(altered).await.expect_err("altered");
        assert!(matches!(refused, BookError::Signature(BadSignature::Wrong)), "{refused}");
        let stranger = SecretKey::new([7; 8], [8; 32]).expect("a key").sign(&good.text).expect("signed");
        let refused = control.import_book(BookImport { signature: Some(stranger.to_file("x")), ..good.clone() }).await;
        assert!(matches!(refused, Err(BookError::Signature(BadSignature::Untrusted(_)))), "{refused:?}");
        let refused = control.import_book(BookImport { signature: Some("nonsense".to_owned()), ..good.clone() }).await;
        assert!(matches!(refused, Err(BookError::Signature(BadSignature::Text(_)))), "{refused:?}");
        // A server without the key refuses what another takes.
        assert!(matches!(open(&store).await.import_book(good).await, Err(BookError::Signature(_))));
        assert_eq!((why(&control).await, store::config::version(&store).await.expect("read")), (Why::Builtin, version));
    }

    async fn a_row_that_is_wrong_is_named_and_nothing_is_taken(store: Store) {
        let control = trusting(&store).await;
        let row = r#"{"provider":"openai","model":"ok","rates":{"input":"1"}},{"provider":"xai","model":"grok","rates":{"input":2}}"#;
        let bad = format!(r#"{{"version":1,"as_of":"{}","rows":[{row}]}}"#, builtin()).into_bytes();
        for import in [signed(bad.clone()), unsigned(bad)] {
            let said = control.import_book(import).await.expect_err("refused").to_string();
            assert!(said.contains("row 2 of the price book (xai/grok)") && said.contains("`rates.input`"), "{said}");
        }
        let empty = format!(r#"{{"version":1,"as_of":"{}","rows":[]}}"#, builtin()).into_bytes();
        assert!(matches!(control.import_book(signed(empty)).await, Err(BookError::Book(_))));
        assert_eq!(why(&control).await, Why::Builtin);
    }

    async fn an_older_book_is_taken_when_asked_for_and_one_of_the_future_never(store: Store) {
        let control = trusting(&store).await;
        let before = builtin() - Days::new(1);
        let refused = control.import_book(signed(text(before, "9"))).await.expect_err("older").to_string();
        assert!(refused.contains(&before.to_string()) && refused.contains(&builtin().to_string()), "{refused}");
        let asked = BookImport { older: true, ..signed(text(before, "9")) };
        control.import_book(asked).await.expect("imported");
        assert_eq!(signer(&why(&control).await), Some("acme"), "it stays although the program's is newer");
        let later = Utc::now().date_naive() + Days::new(3);
        let future = control.import_book(BookImport { older: true, ..signed(text(later, "9")) }).await;
        assert!(matches!(future, Err(BookError::Future(day)) if day == later), "{future:?}");
    }

    async fn a_book_that_is_damaged_or_whose_key_is_gone_gives_way(store: Store) {
        let control = trusting(&store).await;
        control.import_book(signed(text(builtin(), "9"))).await.expect("imported");
        let without = open(&store).await;
        let Why::Fallback(Unusable::Signature(BadSignature::Untrusted(_))) = why(&without).await else {
            panic!("its key is not trusted there");
        };
        store::fixture::execute(&store, "UPDATE price_book SET sum = text").await;
        let fresh = trusting(&store).await;
        assert_eq!(why(&fresh).await, Why::Fallback(Unusable::Damaged));
        // A new import mends it.
        fresh.import_book(signed(text(builtin(), "9"))).await.expect("imported");
        assert_eq!(signer(&why(&fresh).await), Some("acme"));
    }

    async fn a_member_sees_the_book_and_only_auditors_its_imports(store: Store) {
        let control = trusting(&store).await;
        ann(&control).await;
        control.import_book(signed(text(builtin(), "9"))).await.expect("imported");
        let viewer = member(&control, &store, "vic@example.com", Role::Viewer).await;
        assert!(viewer.team("acme").expect("a member").grant::<crate::can::ViewAudit>().is_err());
        assert_eq!(signer(&why(&control).await), Some("acme"));
    }
}
