//! Pages of items, as the API asks for them: `after`, `limit` and `order`.

use std::borrow::Cow;

use wire::api::openai_responses::{id_of, list};
use wire::chat::{Json, Refused};

use crate::error::Refusal;

/// Items on a page where nobody says otherwise, and at most.
const USUAL: usize = 20;
const MOST: usize = 100;

/// The pairs of a query.
pub(super) fn pairs(query: Option<&str>) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

/// The value of a query's parameter.
pub(super) fn value<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    pairs(query).find(|(found, _)| found == name).map(|(_, value)| value)
}

/// The page that a query asks for, of items in the order in which they were said.
///
/// # Errors
/// `invalid_request`.
pub(super) fn page(mut items: Vec<Json>, query: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let limit = match value(query, "limit") {
        None => USUAL,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| invalid("limit", format!("must be a whole number from 1 to {MOST}")))?,
    };
    match value(query, "order").as_deref() {
        None | Some("desc") => items.reverse(),
        Some("asc") => {}
        Some(_) => return Err(invalid("order", "must be asc or desc".to_owned())),
    }
    if let Some(after) = value(query, "after") {
        let place = items.iter().position(|item| id_of(item).is_some_and(|id| *id == *after));
        let place = place.ok_or_else(|| invalid("after", "names no item of this list".to_owned()))?;
        items.drain(..=place);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(list(&items, has_more))
}

fn invalid(field: &'static str, message: String) -> Refusal {
    Refusal::invalid_request(Refused::field(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: Option<&str>) -> Result<(Vec<String>, bool), Refusal> {
        let items = (0..5).map(|number| Json::parse(format!(r#"{{"id":"i{number}"}}"#)).expect("JSON")).collect();
        let page: serde_json::Value = serde_json::from_slice(&page(items, query)?).expect("JSON");
        let data = page["data"].as_array().expect("a list");
        assert_eq!(page["first_id"], data.first().map_or(serde_json::Value::Null, |item| item["id"].clone()));
        let ids = data.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
        Ok((ids, page["has_more"] == true))
    }

    #[test]
    fn pages_follow_each_other() {
        let page = |query| read(query).expect("a page");
        assert_eq!(page(None).0, ["i4", "i3", "i2", "i1", "i0"]);
        assert_eq!(page(Some("limit=2")), (vec!["i4".into(), "i3".into()], true));
        assert_eq!(page(Some("limit=2&after=i3")), (vec!["i2".into(), "i1".into()], true));
        assert_eq!(page(Some("limit=2&after=i1")), (vec!["i0".into()], false));
        assert_eq!(page(Some("order=asc&limit=1")), (vec!["i0".into()], true));
        assert_eq!(page(Some("after=i0")), (vec![], false));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (query, field) in
            [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"), ("after=x", "after")]
        {
            assert_eq!(read(Some(query)).expect_err(query).param.as_deref(), Some(field));
        }
    }
}
