//! Conditions of requests that are written out.

use serde_json::json;

use super::*;
use crate::find;

fn holds(condition: &Value, request: &Value) -> bool {
    let mut fields = BodyFields::default();
    let expr = compile(condition, "conditions", &mut fields).expect("a condition");
    let body = request["body"].to_string();
    expr.holds(&mut |place| match place {
        Place::Metadata(key) => find::find(request["metadata"].to_string().leak().as_bytes(), &[key]),
        Place::Header(name) => request["headers"][&**name].as_str().map(|text| Fact::Loose(text.to_owned().into())),
        Place::Body(index) => {
            let path: Vec<_> = fields.paths[*index].iter().map(|part| &**part).collect();
            find::find(body.clone().leak().as_bytes(), &path)
        }
    })
}

fn wrong(condition: &Value) -> Vec<String> {
    let faults = compile(condition, "conditions", &mut BodyFields::default()).expect_err("wrong");
    faults.into_iter().map(|(place, message)| format!("{place} {message}")).collect()
}

#[test]
fn operators_do_what_mongo_does() {
    let request = json!({
        "metadata": { "plan": "free", "seats": 12, "beta": true, "none": null },
        "headers": { "x-tier": "3" },
        "body": { "model": "dynamic/support", "max_tokens": 100, "messages": [{ "role": "system", "content": "Be\nKIND" }] }
    });
    let yes = [
        json!({ "metadata.plan": { "$eq": "free" } }),
        json!({ "metadata.plan": "free" }),
        json!({ "metadata.plan": { "$ne": "paid" }, "metadata.seats": { "$gt": 11, "$lte": 12 } }),
        json!({ "metadata.other": { "$ne": "x" } }),
        json!({ "metadata.other": { "$exists": false }, "metadata.none": { "$exists": true } }),
        json!({ "metadata.other": null, "metadata.none": { "$eq": null } }),
        json!({ "metadata.plan": { "$in": ["paid", "free"], "$nin": ["x"] } }),
        json!({ "metadata.other": { "$nin": ["free"] } }),
        json!({ "metadata.beta": true }),
        json!({ "headers.X-Tier": { "$gte": 3, "$lt": 4 } }),
        json!({ "headers.x-tier": "3" }),
        json!({ "body.messages.0.role": "system" }),
        json!({ "max_tokens": { "$lt": 100.5 } }),
        json!({ "body.messages": { "$exists": true } }),
        json!({ "body.messages.0.content": { "$regex": "^be.kind$", "$options": "is" } }),
        json!({ "$or": [{ "metadata.plan": "paid" }, { "metadata.seats": 12 }] }),
        json!({ "$and": [{ "metadata.plan": "free" }, { "$nor": [{ "metadata.seats": 1 }, { "metadata.seats": 2 }] }] }),
        json!({ "$not": { "metadata.plan": "paid" } }),
        json!({ "metadata.seats": { "$not": { "$gt": 12 } } }),
        json!({ "metadata.other": { "$not": { "$gt": 12 } } }),
        json!({ "metadata.plan": { "$gt": "fred", "$lt": "free2" } }),
    ];
    for condition in yes {
        assert!(holds(&condition, &request), "{condition}");
        assert!(!holds(&json!({ "$not": condition.clone() }), &request), "not {condition}");
    }
    let no = [
        json!({ "metadata.plan": { "$gt": 3 } }),
        json!({ "metadata.seats": "12" }),
        json!({ "metadata.other": { "$lt": 3 } }),
        json!({ "metadata.seats": { "$regex": "1" } }),
        json!({ "body.messages": "system" }),
        json!({ "metadata.plan": "free", "metadata.seats": 13 }),
        json!({ "metadata.plan": { "$in": [] } }),
    ];
    for condition in no {
        assert!(!holds(&condition, &request), "{condition}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_by_its_place() {
    let bad = json!({
        "$where": "1",
        "$or": {},
        "$and": [{ "metadata.a": { "$like": 1 } }, {}],
        "metadata.": 1,
        "metadata.b": { "$in": 1, "$exists": 1, "$gt": null, "$regex": "(", "$eq": [] },
        "metadata.c": {},
        "metadata.d": { "$regex": "a", "$options": "g" },
        "metadata.e": { "$regex": "(a{1000}){1000}" },
        "metadata.f": { "$not": 1 },
    });
    assert_eq!(
        wrong(&bad),
        [
            "conditions.$where is none of $and, $or, $nor, $not; other operators stand behind a field",
            "conditions.$or must be a list of conditions",
            "conditions.$and[0].metadata.a.$like is none of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not",
            "conditions.$and[1] is empty; it needs a field, as metadata.plan",
            "conditions.metadata. needs a name behind metadata, as metadata.name",
            "conditions.metadata.b.$in must be a list",
            "conditions.metadata.b.$exists must be true or false",
            "conditions.metadata.b.$gt must be a number or a text",
            "conditions.metadata.b.$regex is no pattern: unclosed group",
            "conditions.metadata.b.$eq must be a text, a number, true, false or null",
            "conditions.metadata.c needs an operator, as $eq",
            "conditions.metadata.d.$regex has $options other than i, m, s and x",
            "conditions.metadata.e.$regex is too large a pattern",
            "conditions.metadata.f.$not must be an object of operators",
        ]
    );
    assert_eq!(wrong(&json!("x")).len(), 1);
}

#[test]
fn conditions_have_an_end() {
    let deep = (0..20).fold(json!({ "metadata.a": 1 }), |inner, _| json!({ "$not": inner }));
    assert!(wrong(&deep)[0].ends_with("is nested deeper than 8 levels"));
    let deep = (0..20).fold(json!({ "$eq": 1 }), |inner, _| json!({ "$not": inner }));
    assert!(wrong(&json!({ "metadata.a": deep }))[0].contains("at most 8 levels"));
    let fields = |count: usize| Value::Object((0..count).map(|at| (format!("body.f{at}"), json!(1))).collect());
    assert!(compile(&fields(32), "c", &mut BodyFields::default()).is_ok());
    assert!(wrong(&fields(33))[0].contains("too many"));
    let tests = |count: usize| Value::Array((0..count).map(|at| json!({ "metadata.a": at })).collect());
    assert!(wrong(&json!({ "$or": tests(201) }))[0].contains("one comparison too many"));
    let values: Vec<_> = (0..201).collect();
    assert!(wrong(&json!({ "metadata.a": { "$in": values } }))[0].contains("200 values"));
    assert!(wrong(&json!({ "metadata.a": "x".repeat(1_025) }))[0].contains("1024 bytes"));
    let patterns: Vec<_> = (0..9).map(|at| json!({ "metadata.a": { "$regex": at.to_string() } })).collect();
    assert!(wrong(&json!({ "$or": patterns }))[0].contains("one pattern too many"));
}
