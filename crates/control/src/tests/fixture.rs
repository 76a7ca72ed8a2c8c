//! A control plane with a team, as most tests need it.

use domain::provider::Pooling;
use domain::{GatewaySettings, Role, TeamId, UserId};
use store::Store;
use store::secrets::Sealer;

use crate::{Actor, Client, Control, Grant, NewGateway, NewOwner, NewProviderKey, Options, can};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const SECRET: &str = "sk-test-0123456789abcdef";

pub(crate) fn sealer() -> Sealer {
    Sealer::new([7; 32])
}

pub(crate) async fn open(store: &Store) -> Control {
    open_with(store, Options { allow_private_upstreams: true, ..Options::default() }).await
}

pub(crate) async fn open_with(store: &Store, options: Options) -> Control {
    Control::new(store.clone(), sealer(), options).await.expect("the control plane opens")
}

pub(crate) fn client() -> Client {
    Client { ip: "192.0.2.1".into(), user_agent: "test".into() }
}

pub(crate) fn owner() -> NewOwner {
    NewOwner {
        email: "Ann@Example.com".into(),
        name: "Ann".into(),
        password: PASSWORD.into(),
        team_name: "Acme".into(),
        team_slug: "acme".into(),
    }
}

/// Ann, owner of the team acme.
pub(crate) async fn ann(control: &Control) -> Actor {
    let secret = control.setup_secret().await.expect("answered").expect("a fresh installation");
    let signed = control.claim(secret.expose(), owner(), &client()).await.expect("claimed");
    control.authenticate(signed.cookie.expose()).await.expect("signed in")
}

pub(crate) fn grant<P: can::Permit>(actor: &Actor) -> Grant<P> {
    actor.team("acme").expect("a member").grant().expect("permitted")
}

/// Another member of acme, signed in.
pub(crate) async fn member(control: &Control, store: &Store, email: &str, role: Role) -> Actor {
    let team = store::team::find_by_slug(store.read(), "acme").await.expect("read").expect("acme");
    let hash = control.inner.passwords.hash(PASSWORD).await.expect("hashed");
    let tx = store.write_tx().await.expect("a transaction");
    let now = crate::change::now();
    let user = store::user::create(&tx, email, "Somebody", hash, now).await.expect("created");
    store::team::set_member(&tx, TeamId(team.id), UserId(user.id), role, now).await.expect("joined");
    tx.commit().await.expect("committed");
    let signed = control.sign_in(email, PASSWORD, &client(), None).await.expect("signed in");
    control.authenticate(signed.cookie.expose()).await.expect("known")
}

pub(crate) fn gateway(slug: &str) -> NewGateway {
    NewGateway { slug: slug.into(), name: slug.into(), settings: GatewaySettings::default() }
}

pub(crate) fn key(secret: &str) -> NewProviderKey {
    NewProviderKey {
        provider: "openai".into(),
        alias: "default".into(),
        secret: secret.into(),
        base_url: None,
        pooling: Pooling::default(),
    }
}
