use domain::state::{ConversationItem, StateChange};
use uuid::Uuid;

use super::*;
use crate::Backend;
use crate::fixture::{change, conversation, execute, number, response};
use crate::testing::db_test;

const AT_MS: i64 = 1_763_800_000_000;
const TEAM: TeamId = TeamId(1);

fn item(id: &str, position: i64) -> ConversationItem {
    ConversationItem { id: id.to_owned(), position, item: format!(r#"{{"id":"{id}"}}"#) }
}

fn add(conversation: &str, items: Vec<ConversationItem>) -> StateChange {
    StateChange::AddItems {
        team_id: TEAM,
        conversation_id: conversation.to_owned(),
        items,
        expires_at_ms: AT_MS + 5_000,
    }
}

/// The ids of a conversation's items, read page by page, and how many pages there were.
async fn ids(store: &Store, conversation: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut next) = (Vec::new(), 0, None);
    loop {
        let page = load_items(store, TEAM, conversation, next).await.expect("asked");
        ids.extend(page.items.into_iter().map(|item| item.id));
        (pages, next) = (pages + 1, page.next);
        if next.is_none() {
            return (ids, pages);
        }
    }
}

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 7_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 33) as u8 % 26)
    };
    (0..bytes).map(next).collect()
}

db_test! {
    async fn a_response_is_found_by_its_team_until_its_time_is_over(store: Store) {
        let kept = response(1, "resp_1", AT_MS);
        change(&store, &[StateChange::Keep(kept.clone())]).await;
        let find = |team, now_ms| load_response(&store, TeamId(team), "resp_1", now_ms);
        assert_eq!(find(1, AT_MS).await.expect("found"), Some(kept));
        assert_eq!(find(2, AT_MS).await.expect("asked"), None, "another team's");
        assert_eq!(find(1, AT_MS + 1_000).await.expect("asked"), None);
        change(&store, &[StateChange::Forget { team_id: TEAM, id: "resp_1".to_owned() }]).await;
        assert_eq!(find(1, AT_MS).await.expect("asked"), None);
    }

    async fn the_first_final_status_stays(store: Store) {
        let owner = Some(Uuid::from_u128(9));
        let open = KeptResponse { status: ResponseStatus::InProgress, owner, ..response(1, "resp_1", AT_MS) };
        let cancelled = KeptResponse { status: ResponseStatus::Cancelled, owner: None, ..open.clone() };
        let completed = KeptResponse { status: ResponseStatus::Completed, ..cancelled.clone() };
        change(&store, &[open, cancelled, completed].map(StateChange::Keep)).await;
        let found = load_response(&store, TEAM, "resp_1", AT_MS).await.expect("asked").expect("there");
        assert_eq!((found.status, found.owner), (ResponseStatus::Cancelled, None));
    }

    async fn what_a_dead_process_was_making_is_interrupted(store: Store) {
        let open = |id: &str, owner, at_ms| {
            let status = ResponseStatus::InProgress;
            StateChange::Keep(KeptResponse { status, owner: Some(Uuid::from_u128(owner)), ..response(1, id, at_ms) })
        };
        let interrupt = StateChange::Interrupt { owner: Uuid::from_u128(1), before_ms: AT_MS + 10 };
        let changes =
            [open("old", 1, AT_MS), open("new", 1, AT_MS + 10), open("other", 2, AT_MS), interrupt];
        change(&store, &changes).await;
        let mut found = Vec::new();
        for id in ["old", "new", "other"] {
            found.push(load_response(&store, TEAM, id, AT_MS).await.expect("asked").expect("there").status);
        }
        let going_on = ResponseStatus::InProgress;
        assert_eq!(found, [ResponseStatus::Interrupted, going_on, going_on]);
    }

    async fn items_of_a_conversation_keep_their_order_and_come_once(store: Store) {
        let open = StateChange::Converse(conversation(1, "conv_1", AT_MS));
        let changes =
            [open, add("conv_1", vec![item("b", 2), item("a", 1)]), add("conv_1", vec![item("a", 9), item("c", 3)])];
        change(&store, &changes).await;
        let find = |now_ms| load_conversation(&store, TEAM, "conv_1", now_ms);
        // The items' coming moved its end.
        let found = find(AT_MS + 4_000).await.expect("asked").expect("there");
        assert_eq!(ids(&store, "conv_1").await.0, ["a", "b", "c"]);
        let gone = StateChange::RemoveItem {
            team_id: TEAM,
            conversation_id: "conv_1".to_owned(),
            item_id: "b".to_owned(),
        };
        let renamed = Conversation { metadata: r#"{"a":"b"}"#.to_owned(), ..found };
        change(&store, &[gone, StateChange::Describe(renamed.clone())]).await;
        assert_eq!(find(AT_MS).await.expect("asked").as_ref(), Some(&renamed));
        assert_eq!(ids(&store, "conv_1").await.0, ["a", "c"]);
        let end = StateChange::EndConversation { team_id: TEAM, id: "conv_1".to_owned() };
        change(&store, &[end, StateChange::Describe(renamed)]).await;
        assert_eq!(find(AT_MS).await.expect("asked"), None, "it does not come back by a change that crossed its end");
        assert_eq!(number(&store, "SELECT COUNT(*) FROM conversation_items").await, 0);
    }

    async fn a_response_is_finished_once_and_only_where_it_is(store: Store) {
        let owner = Some(Uuid::from_u128(9));
        let open = |id| KeptResponse { status: ResponseStatus::InProgress, owner, ..response(1, id, AT_MS) };
        let end = |id, status| {
            let response = noise(5_000);
            StateChange::Finish(KeptResponse { status, owner: None, response, ..open(id) })
        };
        let forget = StateChange::Forget { team_id: TEAM, id: "gone".to_owned() };
        let (completed, failed) = (ResponseStatus::Completed, ResponseStatus::Failed);
        change(&store, &[StateChange::Keep(open("kept")), StateChange::Keep(open("gone")), forget]).await;
        let before = number(&store, "SELECT bytes FROM responses WHERE id = 'kept'").await;
        change(&store, &[end("kept", completed), end("kept", failed), end("gone", completed), end("never", failed)]).await;
        let found = load_response(&store, TEAM, "kept", AT_MS).await.expect("asked").expect("there");
        assert_eq!((found.status, found.owner, &found.input), (completed, None, &open("kept").input));
        assert_eq!(found.response.len(), 5_000);
        assert!(number(&store, "SELECT bytes FROM responses WHERE id = 'kept'").await > before + 2_000);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM responses").await, 1, "what was deleted stays deleted");
    }

    async fn a_long_conversation_is_read_page_by_page_to_its_newest_item(store: Store) {
        let many = (0..10_500).map(|number| item(&format!("msg_{number:05}"), number / 2)).collect();
        change(&store, &[StateChange::Converse(conversation(1, "conv_1", AT_MS)), add("conv_1", many)]).await;
        let (found, pages) = ids(&store, "conv_1").await;
        let expected: Vec<_> = (0..10_500).map(|number| format!("msg_{number:05}")).collect();
        assert!(found == expected, "two may have one place, and none is left out");
        assert_eq!(pages, 11);
    }

    async fn a_page_is_bounded_in_bytes(store: Store) {
        let large = |id: &str, text: String| ConversationItem { item: text, ..item(id, 1) };
        let noisy = ["a", "b", "c"].map(|id| large(id, noise(1_600_000))).into();
        let dull = ["d", "e", "f"].map(|id| large(id, "x".repeat(3 << 20))).into();
        let changes = [("conv_1", noisy), ("conv_2", dull)].map(|(id, items)| {
            [StateChange::Converse(conversation(1, id, AT_MS)), add(id, items)]
        });
        change(&store, &changes.concat()).await;
        assert_eq!(ids(&store, "conv_1").await, (["a", "b", "c"].map(str::to_owned).into(), 3));
        assert_eq!(ids(&store, "conv_2").await, (["d", "e", "f"].map(str::to_owned).into(), 2));
        assert_eq!(load_items(&store, TeamId(2), "conv_1", None).await.expect("asked"), ItemPage::default());
    }

    async fn the_longest_id_of_an_item_fits_the_index(store: Store) {
        let longest = noise(512);
        let changes =
            [StateChange::Converse(conversation(1, "conv_1", AT_MS)), add("conv_1", vec![item(&longest, 1)])];
        change(&store, &changes).await;
        assert_eq!(ids(&store, "conv_1").await.0, [longest]);
    }

    async fn conversations_without_items_take_room_too(store: Store) {
        let changes: Vec<_> = (0..200).map(|number| {
            let metadata = format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000));
            StateChange::Converse(Conversation { metadata, ..conversation(1, &format!("conv_{number}"), AT_MS + number) })
        }).collect();
        change(&store, &changes).await;
        assert_eq!(trim(&store, 1 << 20, 1 << 30).await.expect("trimmed"), 0);
        let trimmed = trim(&store, 100 << 10, 1 << 30).await.expect("trimmed");
        assert!((145..155).contains(&trimmed), "{trimmed}");
        assert!(load_conversation(&store, TEAM, "conv_0", AT_MS).await.expect("asked").is_none());
        assert!(load_conversation(&store, TEAM, "conv_199", AT_MS).await.expect("asked").is_some());
        assert_eq!(trim(&store, 100 << 10, 1 << 30).await.expect("trimmed"), 0);
    }

    async fn nothing_is_added_to_a_conversation_that_is_gone(store: Store) {
        change(&store, &[add("conv_1", vec![item("a", 1)])]).await;
        assert_eq!(number(&store, "SELECT COUNT(*) FROM conversation_items").await, 0);
    }

    async fn what_has_expired_is_purged_with_its_items(store: Store) {
        let mut changes: Vec<_> =
            (0..150).map(|number| StateChange::Keep(response(1, &format!("resp_{number}"), AT_MS - number * 10))).collect();
        changes.push(StateChange::Converse(conversation(1, "old", AT_MS - 6_000)));
        changes.push(StateChange::Converse(conversation(1, "new", AT_MS)));
        changes.push(StateChange::AddItems {
            team_id: TEAM,
            conversation_id: "old".to_owned(),
            items: vec![item("a", 1)],
            expires_at_ms: AT_MS,
        });
        change(&store, &changes).await;
        let swept = crate::retention::sweep(&store, AT_MS + 500).await.expect("swept");
        assert_eq!(swept.kept_state, 100 + 1);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM responses").await, 50);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM conversations").await, 1);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM conversation_items").await, 0);
    }

    async fn the_oldest_make_room(store: Store) {
        let large = |team: i64, number: i64| {
            let kept = response(team, &format!("resp_{number}"), AT_MS + number);
            StateChange::Keep(KeptResponse { response: noise(20_000), ..kept })
        };
        let changes: Vec<_> = (0..10).map(|number| large(1, number)).chain((0..2).map(|number| large(2, number))).collect();
        change(&store, &changes).await;
        assert_eq!(trim(&store, 1 << 20, 1 << 20).await.expect("trimmed"), 0, "there is room");
        let sizes = number(&store, "SELECT MAX(bytes) FROM responses").await as u64;
        assert!(sizes > 10_000, "{sizes}");
        assert_eq!(trim(&store, sizes * 6, 1 << 20).await.expect("trimmed"), 4);
        assert!(load_response(&store, TEAM, "resp_3", AT_MS).await.expect("asked").is_none());
        assert!(load_response(&store, TEAM, "resp_4", AT_MS).await.expect("asked").is_some());
        // For all teams together, whoever takes most gives.
        trim(&store, sizes * 6, sizes * 3).await.expect("trimmed");
        assert!(number(&store, "SELECT COUNT(*) FROM responses WHERE team_id = 2").await > 0);
        assert!(number(&store, "SELECT CAST(SUM(bytes) AS bigint) FROM responses").await as u64 <= sizes * 3);
    }

    async fn conversations_that_nobody_added_to_make_room_first(store: Store) {
        let mut changes = Vec::new();
        for (number, name) in ["used", "unused"].into_iter().enumerate() {
            changes.push(StateChange::Converse(conversation(1, name, AT_MS + number as i64)));
            let large = ConversationItem { item: noise(20_000), ..item("a", 1) };
            changes.push(StateChange::AddItems {
                team_id: TEAM,
                conversation_id: name.to_owned(),
                items: vec![large],
                expires_at_ms: AT_MS + 10_000 - number as i64,
            });
        }
        change(&store, &changes).await;
        let size = number(&store, "SELECT MAX(bytes) FROM conversation_items").await as u64;
        assert_eq!(trim(&store, size + 2_000, 1 << 20).await.expect("trimmed"), 1);
        assert!(load_conversation(&store, TEAM, "used", AT_MS).await.expect("asked").is_some());
        assert_eq!(number(&store, "SELECT COUNT(*) FROM conversation_items").await, 1);
    }

    async fn a_change_the_database_refuses_is_set_aside_alone(store: Store) {
        let refuse = match store.backend() {
            Backend::Sqlite => {
                "CREATE TRIGGER refuse BEFORE INSERT ON responses WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
            Backend::Postgres => "ALTER TABLE responses ADD CONSTRAINT refuse CHECK (id <> 'bad')",
        };
        execute(&store, refuse).await;
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, reader) = crate::spool::Spool::open(dir.path(), crate::spool::SpoolOptions::default()).expect("opens");
        for id in ["a", "bad", "b"] {
            appender.append_state(&StateChange::Keep(response(1, id, AT_MS))).expect("stored");
        }
        let writer = crate::writer::LedgerWriter::start(&store, reader, crate::fixture::EAGER).expect("starts");
        assert!(writer.drained(crate::fixture::PATIENCE).await);
        assert_eq!(writer.status().dead_letters, 1);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM responses").await, 2);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM dead_letters WHERE record IS NOT NULL").await, 1);
    }
}
