//! Conditions in the manner of Mongo's queries, compiled once.
//!
//! An object's members must all hold. A member is `$and`, `$or`, `$nor` (lists of conditions), `$not` (a condition) or a field:
//! with a plain value, which it must be equal to, or with an object of operators, which must all hold.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::bounds::{
    MAX_BODY_FIELDS, MAX_DEPTH, MAX_PATTERN, MAX_PATTERN_SIZE, MAX_PATTERNS, MAX_TESTS, MAX_TEXT, MAX_VALUES,
};
use crate::fact::{Fact, Scalar};
use crate::field::Field;
use crate::find::Parts;

/// A compiled condition.
#[derive(Debug)]
pub(crate) enum Expr {
    All(Box<[Expr]>),
    Any(Box<[Expr]>),
    Not(Box<Expr>),
    Test(Place, Test),
}

/// Where a field's value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Metadata(Box<str>),
    Header(Box<str>),
    /// By its number among the route's fields of the body.
    Body(usize),
}

/// What is asked of a field's value.
#[derive(Debug)]
pub(crate) enum Test {
    Equals(Scalar),
    /// Whether it is one of these orderings away from the value.
    Compares(Scalar, &'static [Ordering]),
    In(Box<[Scalar]>),
    Exists(bool),
    Matches(Regex),
}

/// The fields of the body that a route looks at, each once.
#[derive(Debug, Default)]
pub(crate) struct BodyFields {
    pub(crate) paths: Vec<Parts>,
}

impl BodyFields {
    /// The place of a field; nothing where there are too many.
    pub(crate) fn place(&mut self, field: &Field) -> Option<Place> {
        let parts = match field {
            Field::Metadata(key) => return Some(Place::Metadata(key.clone())),
            Field::Header(name) => return Some(Place::Header(name.clone())),
            Field::Body(parts) => parts,
        };
        let known = self.paths.iter().position(|known| known == parts);
        if known.is_none() && self.paths.len() >= MAX_BODY_FIELDS {
            return None;
        }
        Some(Place::Body(known.unwrap_or_else(|| {
            self.paths.push(parts.clone());
            self.paths.len() - 1
        })))
    }
}

impl Expr {
    /// Whether it holds of the values that `look` finds.
    pub(crate) fn holds<'f>(&self, look: &mut dyn FnMut(&Place) -> Option<Fact<'f>>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(look)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(look)),
            Self::Not(part) => !part.holds(look),
            Self::Test(place, test) => test.holds(look(place).as_ref()),
        }
    }
}

impl Test {
    fn holds(&self, fact: Option<&Fact<'_>>) -> bool {
        match self {
            Self::Equals(value) => value.equals(fact),
            Self::Compares(value, wanted) => {
                fact.and_then(|fact| value.compared(fact)).is_some_and(|found| wanted.contains(&found))
            }
            Self::In(values) => values.iter().any(|value| value.equals(fact)),
            Self::Exists(wanted) => fact.is_some() == *wanted,
            Self::Matches(pattern) => match fact {
                Some(Fact::Text(text) | Fact::Loose(text)) => pattern.is_match(text),
                _ => false,
            },
        }
    }
}

/// Compiles a condition.
///
/// # Errors
/// Everything that is wrong with it, by its place.
pub(crate) fn compile(value: &Value, place: &str, fields: &mut BodyFields) -> Result<Expr, Vec<(String, String)>> {
    let mut compiler = Compiler { fields, tests: 0, patterns: 0, wrong: Vec::new() };
    let expr = compiler.condition(value, place, 1);
    match expr {
        Some(expr) if compiler.wrong.is_empty() => Ok(expr),
        _ => Err(compiler.wrong),
    }
}

struct Compiler<'a> {
    fields: &'a mut BodyFields,
    tests: usize,
    patterns: usize,
    wrong: Vec<(String, String)>,
}

impl Compiler<'_> {
    fn wrong<T>(&mut self, place: &str, message: impl Into<String>) -> Option<T> {
        self.wrong.push((place.to_owned(), message.into()));
        None
    }

    fn condition(&mut self, value: &Value, place: &str, depth: usize) -> Option<Expr> {
        if depth > MAX_DEPTH {
            return self.wrong(place, format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        let Value::Object(members) = value else {
            return self.wrong(place, r#"must be an object, as {"metadata.plan": {"$eq": "free"}}"#);
        };
        if members.is_empty() {
            return self.wrong(place, "is empty; it needs a field, as metadata.plan");
        }
        let mut parts = Vec::with_capacity(members.len());
        for (name, value) in members {
            let place = format!("{place}.{name}");
            parts.extend(match name.as_str() {
                "$and" => self.list(value, &place, depth).map(Expr::All),
                "$or" => self.list(value, &place, depth).map(Expr::Any),
                "$nor" => self.list(value, &place, depth).map(|parts| Expr::Not(Box::new(Expr::Any(parts)))),
                "$not" => self.condition(value, &place, depth + 1).map(|part| Expr::Not(Box::new(part))),
                operator if operator.starts_with('$') => {
                    self.wrong(&place, "is none of $and, $or, $nor, $not; other operators stand behind a field")
                }
                field => self.field(field, value, &place, depth),
            });
        }
        Some(all(parts))
    }

    fn list(&mut self, value: &Value, place: &str, depth: usize) -> Option<Box<[Expr]>> {
        match value {
            Value::Array(list) if !list.is_empty() => {
                let parts = list.iter().enumerate();
                Some(
                    parts.filter_map(|(at, part)| self.condition(part, &format!("{place}[{at}]"), depth + 1)).collect(),
                )
            }
            _ => self.wrong(place, "must be a list of conditions"),
        }
    }

    fn field(&mut self, name: &str, value: &Value, place: &str, depth: usize) -> Option<Expr> {
        let field: Field = match name.parse() {
            Ok(field) => field,
            Err(message) => return self.wrong(place, message),
        };
        let Some(found) = self.fields.place(&field) else {
            return self
                .wrong(place, format!("is one field of the body too many: a route may look at {MAX_BODY_FIELDS}"));
        };
        match value {
            Value::Object(operators) if operators.is_empty() => self.wrong(place, "needs an operator, as $eq"),
            Value::Object(operators) => self.operators(&found, operators, place, depth),
            plain => {
                let value = self.scalar(plain, place)?;
                self.test(found, Test::Equals(value), place)
            }
        }
    }

    fn operators(&mut self, field: &Place, operators: &Map<String, Value>, place: &str, depth: usize) -> Option<Expr> {
        let mut parts = Vec::with_capacity(operators.len());
        for (name, value) in operators {
            let place = format!("{place}.{name}");
            let test = match name.as_str() {
                "$not" => {
                    let Value::Object(inner) = value else {
                        let _: Option<()> = self.wrong(&place, "must be an object of operators");
                        continue;
                    };
                    if depth >= MAX_DEPTH || inner.is_empty() {
                        let _: Option<()> =
                            self.wrong(&place, format!("needs an operator, on at most {MAX_DEPTH} levels"));
                        continue;
                    }
                    let inner = self.operators(field, inner, &place, depth + 1);
                    parts.extend(inner.map(|part| Expr::Not(Box::new(part))));
                    continue;
                }
                "$options" if operators.contains_key("$regex") => continue,
                "$regex" => self.pattern(value, operators.get("$options"), &place).map(|test| (test, false)),
                name => self.operator(name, value, &place),
            };
            let Some((test, negated)) = test else { continue };
            let part = self.test(field.clone(), test, &place);
            parts.extend(part.map(|part| if negated { Expr::Not(Box::new(part)) } else { part }));
        }
        Some(all(parts))
    }

    /// The test of an operator, and whether it must not hold.
    fn operator(&mut self, name: &str, value: &Value, place: &str) -> Option<(Test, bool)> {
        let orders: &'static [Ordering] = match name {
            "$eq" | "$ne" => return Some((Test::Equals(self.scalar(value, place)?), name == "$ne")),
            "$in" | "$nin" => return Some((Test::In(self.scalars(value, place)?), name == "$nin")),
            "$exists" => {
                return match value {
                    Value::Bool(wanted) => Some((Test::Exists(*wanted), false)),
                    _ => self.wrong(place, "must be true or false"),
                };
            }
            "$gt" => &[Ordering::Greater],
            "$gte" => &[Ordering::Greater, Ordering::Equal],
            "$lt" => &[Ordering::Less],
            "$lte" => &[Ordering::Less, Ordering::Equal],
            _ => {
                return self
                    .wrong(place, "is none of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not");
            }
        };
        match self.scalar(value, place)? {
            value @ (Scalar::Number(_) | Scalar::Text(_)) => Some((Test::Compares(value, orders), false)),
            _ => self.wrong(place, "must be a number or a text"),
        }
    }

    fn test(&mut self, field: Place, test: Test, place: &str) -> Option<Expr> {
        self.tests += 1;
        match self.tests {
            0..=MAX_TESTS => Some(Expr::Test(field, test)),
            _ if self.tests == MAX_TESTS + 1 => {
                self.wrong(place, format!("is one comparison too many: a condition may have {MAX_TESTS}"))
            }
            _ => None,
        }
    }

    fn scalar(&mut self, value: &Value, place: &str) -> Option<Scalar> {
        match value {
            Value::Null => Some(Scalar::Null),
            Value::Bool(value) => Some(Scalar::Bool(*value)),
            Value::Number(value) => Some(Scalar::Number(value.clone())),
            Value::String(text) if text.len() <= MAX_TEXT => Some(Scalar::Text(text.as_str().into())),
            Value::String(_) => self.wrong(place, format!("may have at most {MAX_TEXT} bytes")),
            Value::Array(_) | Value::Object(_) => self.wrong(place, "must be a text, a number, true, false or null"),
        }
    }

    fn scalars(&mut self, value: &Value, place: &str) -> Option<Box<[Scalar]>> {
        match value {
            Value::Array(list) if list.len() > MAX_VALUES => {
                self.wrong(place, format!("may have at most {MAX_VALUES} values"))
            }
            Value::Array(list) => {
                let values = list.iter().enumerate();
                values.map(|(at, value)| self.scalar(value, &format!("{place}[{at}]"))).collect()
            }
            _ => self.wrong(place, "must be a list"),
        }
    }

    fn pattern(&mut self, value: &Value, options: Option<&Value>, place: &str) -> Option<Test> {
        let Value::String(pattern) = value else { return self.wrong(place, "must be a text") };
        if pattern.len() > MAX_PATTERN {
            return self.wrong(place, format!("may have at most {MAX_PATTERN} bytes"));
        }
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return self.wrong(place, format!("is one pattern too many: a condition may have {MAX_PATTERNS}"));
        }
        let mut builder = RegexBuilder::new(pattern);
        builder.size_limit(MAX_PATTERN_SIZE).dfa_size_limit(MAX_PATTERN_SIZE).nest_limit(32);
        let options = match options {
            None => "",
            Some(Value::String(options)) => options,
            Some(_) => return self.wrong(place, "has $options that are no text"),
        };
        for option in options.chars() {
            match option {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(true),
                _ => return self.wrong(place, "has $options other than i, m, s and x"),
            };
        }
        match builder.build() {
            Ok(pattern) => Some(Test::Matches(pattern)),
            Err(regex::Error::CompiledTooBig(_)) => self.wrong(place, "is too large a pattern"),
            Err(error) => {
                // The last line says what it is; those before draw the place.
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.wrong(place, format!("is no pattern: {last}"))
            }
        }
    }
}

fn all(mut parts: Vec<Expr>) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => Expr::All(parts.into_iter().chain(last).collect()),
    }
}
