use proptest::prelude::*;

use super::*;

/// Made with `signify -G -n` and `signify -S`.
const BOOK: &[u8] = b"{\"version\":1,\"as_of\":\"2026-11-25\",\"rows\":[]}\n";
const PUBLIC: &str = "untrusted comment: acme public key\nRWTKZilD9k7JnPccho1lECGZbYu/dIRwO3Geqxic9zd4rO81URav235L\n";
const SECRET: &str = "untrusted comment: acme secret key\nRWRCSwAAAAC2hG48HJrG5U1X/cnYRKeYdUixxbCFebjKZilD9k7JnBCN1aHSPq/BD6hAA/yNsV6Q9KnAhNcCJFFhknbIbCao9xyGjWUQIZlti790hHA7cZ6rGJz3N3is7zVRFq/bfks=\n";
const SIGNATURE: &str = "untrusted comment: verify with k.pub\nRWTKZilD9k7JnLlw7sWDw37YAk60/T/B/KOA9b1bprEXNCeyGatp6FiUrY16Xj1qjmkmebSb5qq95y4c48l7Q70uUuzOE7B4kQQ=\n";

fn acme() -> SecretKey {
    SECRET.parse().expect("a key")
}

fn ring() -> Keyring {
    Keyring::parse(&format!("acme={}", acme().public())).expect("keys")
}

#[test]
fn the_files_are_those_of_signify() {
    let (key, signature) = (acme(), SIGNATURE.parse::<Signature>().expect("a signature"));
    assert_eq!(key.public(), PUBLIC.parse().expect("a key"));
    assert_eq!(key.public().to_file("acme public key"), PUBLIC);
    assert_eq!(key.sign(BOOK), Ok(signature));
    assert_eq!(signature.to_file("verify with k.pub"), SIGNATURE);
    let signer = ring().signer(BOOK, SIGNATURE).map(|signer| (signer.name.to_owned(), signer.is_project));
    assert_eq!(signer, Ok(("acme".to_owned(), false)));
    // Its salt is random, and what it is for is not used here.
    let again: SecretKey = key.to_file("again").parse().expect("a key");
    assert_eq!(again.keys, key.keys);
}

#[test]
fn the_projects_key_is_one_and_is_always_trusted() {
    let PublicKey { number, .. } = PROJECT.parse().expect("a key");
    let forged = Signature { number, bytes: [7; 64] };
    assert_eq!(Keyring::default().signer(BOOK, &forged.to_file("")), Err(BadSignature::Wrong));
    assert_eq!(ring().signer(BOOK, &forged.to_file("")), Err(BadSignature::Wrong));
}

#[test]
fn a_signature_of_nobody_who_is_trusted_counts_for_nothing() {
    let stranger = SecretKey::new([1; 8], [2; 32]).expect("a key");
    let signature = stranger.sign(BOOK).expect("signed").to_file("");
    let refused = ring().signer(BOOK, &signature).expect_err("a stranger");
    assert_eq!(refused, BadSignature::Untrusted(0x0101_0101_0101_0101));
    assert!(refused.to_string().contains("key 0101010101010101"), "{refused}");
    // Whoever takes the number of a key that is trusted has not its secret.
    let impostor = SecretKey::new(acme().number, [2; 32]).expect("a key").sign(BOOK).expect("signed");
    assert_eq!(ring().signer(BOOK, &impostor.to_file("")), Err(BadSignature::Wrong));
}

#[test]
fn what_is_no_key_is_refused() {
    for (text, bad) in [
        ("", BadText::Kind),
        ("untrusted comment: x", BadText::Kind),
        ("no base64!", BadText::Form),
        (SIGNATURE, BadText::Kind),
        (SECRET, BadText::Kind),
        (&(PUBLIC.to_owned() + PUBLIC), BadText::Form),
        (&"x".repeat(LONGEST + 1), BadText::Form),
    ] {
        assert_eq!(text.parse::<PublicKey>().err(), Some(bad), "{text}");
    }
    let mut bytes = STANDARD.decode(SECRET.lines().nth(1).expect("a line")).expect("base64");
    bytes[7] = 42;
    assert_eq!(STANDARD.encode(&bytes).parse::<SecretKey>().err(), Some(BadText::Passphrase));
    bytes[7] = 0;
    bytes[50] ^= 1;
    assert_eq!(STANDARD.encode(&bytes).parse::<SecretKey>().err(), Some(BadText::Damaged));
}

#[test]
fn keys_have_names_of_their_own() {
    let key = acme().public();
    assert_eq!(Keyring::parse(""), Ok(Keyring::default()));
    assert_eq!(Keyring::parse(&format!(" a={key}, b={key} ,")).expect("keys").0.len(), 3);
    for bad in [format!("{key}"), format!("={key}"), "a=b".to_owned(), format!("a\n={key}")] {
        assert!(matches!(Keyring::parse(&bad), Err(BadKeys::Form(_))), "{bad}");
    }
    for bad in [format!("weir={key}"), format!("a={key},a={key}")] {
        assert!(matches!(Keyring::parse(&bad), Err(BadKeys::Name(_))), "{bad}");
    }
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn a_file_that_is_signed_is_only_that_file(
        number: [u8; 8], seed: [u8; 32], file in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let key = SecretKey::new(number, seed).expect("a key");
        let ring = Keyring::parse(&format!("own={}", key.public())).expect("keys");
        let signature = key.sign(&file).expect("signed");
        prop_assert!(ring.signer(&file, &signature.to_file("c")).is_ok());
        let mut changed = file.clone();
        changed[at.index(file.len())] ^= 1 << bit;
        prop_assert_eq!(ring.signer(&changed, &signature.to_file("c")), Err(BadSignature::Wrong));
        let mut forged = signature;
        forged.bytes[at.index(64)] ^= 1 << bit;
        prop_assert_eq!(ring.signer(&file, &forged.to_file("c")), Err(BadSignature::Wrong));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..150)) {
        for text in [text, STANDARD.encode([&ALGORITHM[..], &bytes].concat())] {
            let _ = (text.parse::<PublicKey>(), text.parse::<Signature>(), text.parse::<SecretKey>(), Keyring::parse(&text));
        }
    }
}
