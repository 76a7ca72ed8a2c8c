//! Routes and their versions on both databases.

use chrono::{DateTime, Utc};
use domain::config::RouteConfig;
use domain::route::{MAX_VERSIONS, RouteProblem};
use domain::{GatewayId, GatewaySettings, RouteId};

use super::version::{self, NewVersion};
use super::*;
use crate::config::load_config;
use crate::entity::route_version;
use crate::secrets::Sealer;
use crate::{Store, db_test};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a moment")
}

fn of<'a>(elements: &'a str, problems: &'a [RouteProblem]) -> NewVersion<'a> {
    NewVersion { elements, problems, author: "ann@example.com", comment: "why", version: 7, now: now() }
}

async fn gateway(tx: &WriteTx, slug: &str) -> GatewayId {
    let team_id = match crate::team::find_by_slug(tx, "acme").await.expect("read") {
        Some(team) => domain::TeamId(team.id),
        None => domain::TeamId(crate::team::create(tx, "acme", "Acme", now()).await.expect("created").id),
    };
    let settings = GatewaySettings::default();
    let new = crate::gateway::NewGateway {
        team_id,
        slug,
        name: slug,
        enabled: true,
        settings: &settings,
        version: 1,
        now: now(),
    };
    GatewayId(crate::gateway::create(tx, new).await.expect("created").id)
}

/// Names, versions and elements that the data plane gets, by gateway.
async fn loaded(store: &Store) -> Vec<Vec<(String, i64, String)>> {
    let config = load_config(store, &Sealer::new([7; 32])).await.expect("loaded");
    let route = |route: &RouteConfig| (route.name.clone(), route.version, route.elements.clone());
    config.teams[0].gateways.iter().map(|gateway| gateway.routes.iter().map(route).collect()).collect()
}

async fn version_numbers(store: &Store, route: &Model) -> Vec<i64> {
    let versions = version::list(store.read(), RouteId(route.id)).await.expect("listed");
    versions.into_iter().map(|version| version.number).collect()
}

db_test! {
    async fn what_is_deployed_reaches_the_configuration_of_its_gateway(store: Store) {
        let tx = store.write_tx().await.expect("a transaction");
        let (main, other) = (gateway(&tx, "main").await, gateway(&tx, "other").await);
        let support = create(&tx, main, "support", 3, now()).await.expect("created");
        create(&tx, other, "support", 3, now()).await.expect("created: names are a gateway's own");
        let warning = [RouteProblem::warning("m", "", "may work")];
        let (support, first) = version::create(&tx, &support, of("[1]", &warning)).await.expect("created");
        assert_eq!((support.newest, first.number, first.valid), (1, 1, true));
        assert_eq!(version::problems(&first), warning);
        let error = [RouteProblem::error("m", "", "is wrong")];
        let (support, second) = version::create(&tx, &support, of("[2]", &error)).await.expect("created");
        assert!(!second.valid);
        tx.commit().await.expect("committed");
        assert_eq!(loaded(&store).await, [vec![], vec![]]);

        let tx = store.write_tx().await.expect("a transaction");
        version::deploy(&tx, &second, "bob", 9, now()).await.expect("deployed");
        let live = version::deploy(&tx, &first, "ann", 10, now()).await.expect("deployed");
        assert_eq!((live.version, live.newest, live.deployed_id), (10, 2, Some(first.id)));
        tx.commit().await.expect("committed");
        assert_eq!(loaded(&store).await, [vec![("support".to_owned(), 1, "[1]".to_owned())], vec![]]);
        let db = store.read();
        let deployments = version::list_deployments(db, RouteId(live.id)).await.expect("listed");
        assert_eq!(deployments.iter().map(|row| (row.number, row.author.as_str())).collect::<Vec<_>>(), [(1, "ann"), (2, "bob")]);
        assert_eq!(version::deployed_numbers(db, std::slice::from_ref(&live)).await.expect("listed"), [(live.id, 1)]);
        let current = version::list_current(db, std::slice::from_ref(&live)).await.expect("listed");
        assert_eq!(current.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(version::find(db, RouteId(live.id), 2).await.expect("found"), second);
        assert!(version::find(db, RouteId(live.id), 3).await.is_err());
        assert_eq!(support.name, "support");
    }

    async fn a_name_is_taken_once_in_a_gateway(store: Store) {
        let tx = store.write_tx().await.expect("a transaction");
        let main = gateway(&tx, "main").await;
        create(&tx, main, "b", 1, now()).await.expect("created");
        let a = create(&tx, main, "a", 1, now()).await.expect("created");
        assert_eq!(rename(&tx, RouteId(a.id), "c", 2, now()).await.expect("renamed").name, "c");
        assert_eq!(list(&tx, main).await.expect("listed").iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        assert!(find(&tx, GatewayId(main.0 + 1), RouteId(a.id)).await.is_err());
        assert!(matches!(rename(&tx, RouteId(a.id), "b", 3, now()).await, Err(StoreError::Conflict("name"))));
    }

    async fn deleting_takes_versions_and_deployments_along(store: Store) {
        let tx = store.write_tx().await.expect("a transaction");
        let main = gateway(&tx, "main").await;
        for name in ["a", "b", "c"] {
            let route = create(&tx, main, name, 1, now()).await.expect("created");
            let (_, row) = version::create(&tx, &route, of("[]", &[])).await.expect("created");
            version::deploy(&tx, &row, "ann", 2, now()).await.expect("deployed");
        }
        let a = find_by_name(&tx, main, "a").await.expect("found");
        delete(&tx, RouteId(a.id)).await.expect("deleted");
        assert!(version::list_deployments(&tx, RouteId(a.id)).await.expect("listed").is_empty());
        assert_eq!(route_version::Entity::find().all(&tx).await.expect("listed").len(), 2);
        delete_of_gateway(&tx, main).await.expect("deleted");
        assert_eq!(route_version::Entity::find().all(&tx).await.expect("listed").len(), 0);
        assert_eq!(count(&tx, main).await.expect("counted"), 0);
        tx.commit().await.expect("committed");
    }

    async fn only_so_many_versions_are_kept_and_the_deployed_one_is_among_them(store: Store) {
        let tx = store.write_tx().await.expect("a transaction");
        let main = gateway(&tx, "main").await;
        let mut route = create(&tx, main, "a", 1, now()).await.expect("created");
        let newest = i64::try_from(MAX_VERSIONS).expect("a number") + 5;
        for number in 1..=newest {
            let (changed, row) = version::create(&tx, &route, of("[]", &[])).await.expect("created");
            route = if number == 2 { version::deploy(&tx, &row, "ann", 2, now()).await.expect("deployed") } else { changed };
        }
        let third = version::find(&tx, RouteId(route.id), newest).await.expect("found");
        for _ in 0..MAX_VERSIONS + 3 {
            version::deploy(&tx, &third, "ann", 2, now()).await.expect("deployed");
        }
        let kept = crate::entity::route_deployment::Entity::find().all(&tx).await.expect("listed").len();
        tx.commit().await.expect("committed");
        let numbers = version_numbers(&store, &route).await;
        assert_eq!((numbers.len(), kept), (MAX_VERSIONS, MAX_VERSIONS));
        assert_eq!((numbers[0], &numbers[MAX_VERSIONS - 2..]), (newest, &[7, 2][..]));
    }
}
