//! A plain table: a line of names, then a line for each day, model and key. `day` is required; what is not there is not compared.

use chrono::{Datelike, NaiveDate};

use super::{Book, Entry, Export, money};

/// What columns may be called, in any case.
const NAMES: [(Column, &[&str]); 8] = [
    (Column::Day, &["day", "date"]),
    (Column::Provider, &["provider"]),
    (Column::Model, &["model"]),
    (Column::Key, &["key", "api_key", "api_key_id"]),
    (Column::Requests, &["requests", "num_model_requests"]),
    (Column::Input, &["tokens_in", "input_tokens"]),
    (Column::Output, &["tokens_out", "output_tokens"]),
    (Column::Cost, &["cost", "cost_usd"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Day,
    Provider,
    Model,
    Key,
    Requests,
    Input,
    Output,
    Cost,
}

/// Reads a table.
pub fn read(text: &str) -> Result<Export, String> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((_, names)) = lines.next() else { return Err("is empty".to_owned()) };
    let columns = fields(names).iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
    if !columns.contains(&Some(Column::Day)) {
        return Err("line 1: there is no column `day`".to_owned());
    }
    let mut export = Export::default();
    for (number, line) in lines {
        let entry = entry(&columns, &fields(line)).map_err(|error| format!("line {number}: {error}"))?;
        export.days.insert((Book::Both, entry.day));
        export.entries.push(entry);
    }
    if export.entries.is_empty() { Err("holds no days".to_owned()) } else { Ok(export) }
}

/// What a column is; nothing where its name is nobody's business.
fn column(name: &str) -> Result<Option<Column>, String> {
    let name = name.trim().to_ascii_lowercase().replace(' ', "_");
    Ok(NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(column, _)| *column))
}

fn entry(columns: &[Option<Column>], fields: &[String]) -> Result<Entry, String> {
    if fields.len() != columns.len() {
        return Err(format!("has {} fields, and there are {} columns", fields.len(), columns.len()));
    }
    let mut entry = Entry::of(Book::Both, 0);
    for (column, field) in columns.iter().zip(fields) {
        let field = field.trim();
        let name = Some(field).filter(|field| !field.is_empty()).map(str::to_owned);
        let count = || match field {
            "" => Ok(None),
            _ => field.parse().map(Some).map_err(|_| format!("`{field}` is no count")),
        };
        match column {
            Some(Column::Day) => entry.day = day(field)?,
            Some(Column::Provider) => entry.provider = name,
            Some(Column::Model) => entry.model = name,
            Some(Column::Key) => entry.key = name,
            Some(Column::Requests) => entry.requests = count()?,
            Some(Column::Input) => entry.input = count()?,
            Some(Column::Output) => entry.output = count()?,
            Some(Column::Cost) if !field.is_empty() => {
                entry.cost = Some(money::nanos(field, 0).ok_or_else(|| format!("`{field}` is no amount in dollars"))?);
            }
            Some(Column::Cost) | None => {}
        }
    }
    Ok(entry)
}

fn day(text: &str) -> Result<i64, String> {
    let date: NaiveDate = text.parse().map_err(|_| format!("`{text}` is no day as YYYY-MM-DD"))?;
    Ok(i64::from(date.num_days_from_ce()) - i64::from(NaiveDate::default().num_days_from_ce()))
}

/// The fields of a line; quotes hold commas, and are doubled within.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let (mut is_quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        match (character, is_quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                fields.last_mut().into_iter().for_each(|field| field.push('"'));
            }
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => fields.push(String::new()),
            _ => fields.last_mut().into_iter().for_each(|field| field.push(character)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read() {
        let export = read(include_str!("../fixtures/usage.csv")).expect("read");
        assert_eq!(export.days.iter().copied().collect::<Vec<_>>(), [(Book::Both, 20_782), (Book::Both, 20_783)]);
        let first = Entry {
            model: Some("gpt-4o-mini".into()),
            key: Some("default".into()),
            requests: Some(3),
            input: Some(36),
            output: Some(102),
            cost: Some(66_600),
            ..Entry::of(Book::Both, 20_782)
        };
        assert_eq!(export.entries[0], first);
        let second = &export.entries[1];
        assert_eq!((second.model.as_deref(), second.requests), (Some("a \"model\", quoted"), None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let refused = |text: &str| read(text).expect_err("refused");
        assert!(refused("").contains("empty"));
        assert!(refused("model,cost\nm,1").contains("no column `day`"));
        assert!(refused("day,cost\n2026-11-25,1\n2026-11-26").contains("line 3: has 1 fields"));
        assert!(refused("day,cost\n25.11.2026,1").contains("line 2: `25.11.2026`"));
        assert!(refused("day,cost\n2026-11-25,many").contains("`many` is no amount"));
        assert!(refused("day,requests\n2026-11-25,-1").contains("`-1` is no count"));
        assert!(refused("day,requests\n").contains("no days"));
    }
}
