//! Theirs and ours, side by side, and what may explain a difference.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use store::reconcile::Used;

use super::export::{Book, Entry, Export};

/// What both say of one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub theirs: i64,
    pub ours: i64,
    /// Ours less theirs.
    pub difference: i64,
}

/// A day, a model and a key. What the export does not tell apart is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Days since 1970, UTC.
    #[serde(serialize_with = "date")]
    pub day: i64,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub key: Option<String>,
}

/// A line of the comparison. Figures that the export does not have are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    #[serde(flatten)]
    pub place: Place,
    pub requests: Option<Pair>,
    pub input_tokens: Option<Pair>,
    pub output_tokens: Option<Pair>,
    pub cost_nanos: Option<Pair>,
    /// Whether a figure differs by more than is tolerated.
    pub differs: bool,
    /// What may explain it.
    pub why: Vec<String>,
}

/// How much figures may differ.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Hundredths of a percent of what the provider says.
    pub basis_points: u64,
}

impl Tolerance {
    fn allows(self, pair: Pair) -> bool {
        i128::from(pair.difference).abs() * 10_000 <= i128::from(pair.theirs).abs() * i128::from(self.basis_points)
    }
}

/// What a side says.
#[derive(Clone, Debug, Default)]
struct Side {
    is_there: bool,
    requests: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    cost: Option<i64>,
}

/// Our attempts of a day, with the name of their key as the export may have it.
#[derive(Clone, Debug)]
pub struct Ours {
    pub day: i64,
    pub key: String,
    pub used: Used,
}

/// Compares an export with the ledger, one book after the other.
pub fn compare(export: &Export, ours: &[Ours], tolerance: Tolerance) -> Vec<Line> {
    let books: BTreeSet<_> = export.days.iter().map(|(book, _)| *book).collect();
    books.into_iter().flat_map(|book| of_book(book, export, ours, tolerance)).collect()
}

fn of_book(book: Book, export: &Export, ours: &[Ours], tolerance: Tolerance) -> Vec<Line> {
    let entries: Vec<_> = export.entries.iter().filter(|entry| entry.book == book).collect();
    let has = |field: fn(&Entry) -> bool| entries.iter().any(|entry| field(entry));
    let told = Told {
        providers: has(|entry| entry.provider.is_some()),
        models: has(|entry| entry.model.is_some()),
        keys: has(|entry| entry.key.is_some()),
    };
    let mut theirs = BTreeMap::<Place, Side>::new();
    for entry in &entries {
        theirs.entry(told.place_of(entry)).or_default().add(entry);
    }
    let mut mine = BTreeMap::<Place, Used>::new();
    for ours in ours.iter().filter(|ours| export.days.contains(&(book, ours.day))) {
        add(mine.entry(told.place(ours)).or_default(), &ours.used);
    }
    // Of a book without entries nothing is known but that it is empty.
    let figures = if entries.is_empty() { Side::empty(book) } else { Side::of_all(&entries) };
    let places: BTreeSet<_> = theirs.keys().chain(mine.keys()).cloned().collect();
    let line = |place: Place| {
        let (theirs, mine) = (theirs.get(&place).cloned().unwrap_or_default(), mine.get(&place));
        line(place, (&theirs, &figures), mine, tolerance)
    };
    places.into_iter().map(line).collect()
}

/// What an export tells apart.
struct Told {
    providers: bool,
    models: bool,
    keys: bool,
}

impl Told {
    fn place_of(&self, entry: &Entry) -> Place {
        let model = entry.model.as_deref().map(family);
        self.select(entry.day, entry.provider.clone(), model, entry.key.clone())
    }

    fn place(&self, ours: &Ours) -> Place {
        let Used { provider, model, .. } = &ours.used;
        self.select(ours.day, Some(provider.clone()), Some(family(model)), Some(ours.key.clone()))
    }

    fn select(&self, day: i64, provider: Option<String>, model: Option<String>, key: Option<String>) -> Place {
        let some = |told: bool, name: Option<String>| told.then(|| name.unwrap_or_default());
        Place {
            day,
            provider: some(self.providers, provider),
            model: some(self.models, model),
            key: some(self.keys, key),
        }
    }
}

/// A model without the date of its version: an attempt that broke off knows the name only that was asked for.
fn family(model: &str) -> String {
    let is_date = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        digits == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    for length in [11, 9] {
        if let Some((name, date)) = model.len().checked_sub(length).and_then(|at| model.split_at_checked(at))
            && let Some(date) = date.strip_prefix('-')
            && is_date(date)
            && !name.is_empty()
        {
            return name.to_owned();
        }
    }
    model.to_owned()
}

fn more<T: Copy>(sum: &mut Option<T>, more: Option<T>, add: fn(T, T) -> T) {
    if let Some(more) = more {
        *sum = Some(sum.map_or(more, |sum| add(sum, more)));
    }
}

impl Side {
    fn add(&mut self, entry: &Entry) {
        self.is_there = true;
        more(&mut self.requests, entry.requests, u64::saturating_add);
        more(&mut self.input, entry.input, u64::saturating_add);
        more(&mut self.output, entry.output, u64::saturating_add);
        more(&mut self.cost, entry.cost, i64::saturating_add);
    }

    /// The figures that there are.
    fn of_all(entries: &[&Entry]) -> Self {
        let mut all = Self::default();
        entries.iter().for_each(|entry| all.add(entry));
        all
    }

    fn empty(book: Book) -> Self {
        let (tokens, cost) = (Some(0), Some(0));
        match book {
            Book::Usage => Self { requests: tokens, input: tokens, output: tokens, ..Self::default() },
            Book::Costs => Self { cost, ..Self::default() },
            Book::Both => Self { requests: tokens, input: tokens, output: tokens, cost, is_there: false },
        }
    }
}

fn add(sum: &mut Used, used: &Used) {
    sum.requests += used.requests;
    sum.input = sum.input.saturating_add(used.input);
    sum.output = sum.output.saturating_add(used.output);
    sum.cost = sum.cost.saturating_add(used.cost);
    sum.unpriced += used.unpriced;
    sum.estimated += used.estimated;
    sum.untold += used.untold;
    sum.interrupted += used.interrupted;
    sum.over_midnight += used.over_midnight;
}

fn line(place: Place, (theirs, figures): (&Side, &Side), ours: Option<&Used>, tolerance: Tolerance) -> Line {
    let used = ours.cloned().unwrap_or_default();
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let pair = |told: bool, theirs: i64, ours: i64| {
        told.then(|| Pair { theirs, ours, difference: ours.saturating_sub(theirs) })
    };
    let count = |told: Option<u64>, theirs: Option<u64>, ours: u64| {
        pair(told.is_some(), signed(theirs.unwrap_or(0)), signed(ours))
    };
    let requests = count(figures.requests, theirs.requests, used.requests);
    let input_tokens = count(figures.input, theirs.input, used.input);
    let output_tokens = count(figures.output, theirs.output, used.output);
    let cost_nanos = pair(figures.cost.is_some(), theirs.cost.unwrap_or(0), used.cost);
    let pairs = [requests, input_tokens, output_tokens, cost_nanos];
    let differs = pairs.iter().flatten().any(|pair| !tolerance.allows(*pair));
    let why = if differs { explain(&place, theirs, ours, &pairs, tolerance) } else { Vec::new() };
    Line { place, requests, input_tokens, output_tokens, cost_nanos, differs, why }
}

/// What may explain a difference, the surest first.
fn explain(
    place: &Place,
    theirs: &Side,
    ours: Option<&Used>,
    pairs: &[Option<Pair>; 4],
    tolerance: Tolerance,
) -> Vec<String> {
    let what = match (&place.model, &place.key) {
        (Some(_), Some(_)) => "this model with this key",
        (Some(_), None) => "this model",
        (None, Some(_)) => "this key",
        (None, None) => "this day",
    };
    let Some(used) = ours else {
        return vec![format!(
            "nothing of {what} went through Weir: calls around it, or a name that differs (--key NAME=ID)"
        )];
    };
    let mut why = Vec::new();
    if !theirs.is_there {
        why.push(format!("the export has nothing of {what}: another account, or a name that differs (--key NAME=ID)"));
    }
    let reasons = [
        (used.unpriced, "without a known cost, which are in no sum of ours"),
        (
            used.interrupted,
            "cut off, or under way when the server was killed: the provider counts what it had done by then",
        ),
        (used.untold, "that ended before the provider told what they used: it may count them"),
        (used.estimated, "with usage that Weir estimated"),
        (used.over_midnight, "that ran over midnight (UTC): the provider may count them on the next day"),
    ];
    why.extend(reasons.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("attempts {what}: {count}")));
    let [requests, input, output, cost] = *pairs;
    let fits = |pair: Option<Pair>| pair.is_none_or(|pair| tolerance.allows(pair));
    if why.is_empty() && !fits(cost) && fits(requests) && fits(input) && fits(output) {
        why.push(
            "the usage agrees and the money does not: other prices, a discount, or what is not billed by token"
                .to_owned(),
        );
    } else if why.is_empty() && pairs.iter().flatten().any(|pair| pair.difference < 0) {
        why.push(
            "the provider knows of more: calls around Weir with the same key, or rows that the log has forgotten"
                .to_owned(),
        );
    } else if why.is_empty() {
        why.push("the provider knows of less: its export may be behind, or what it did not bill".to_owned());
    }
    why
}

fn date<S: serde::Serializer>(day: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::date(*day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(requests: u64, cost: i64) -> Used {
        Used {
            provider: "openai".into(),
            model: "gpt-4o-mini-2024-07-18".into(),
            requests,
            input: requests * 10,
            output: requests * 20,
            cost,
            ..Used::default()
        }
    }

    fn entry(day: i64, key: &str, requests: u64, cost: i64) -> Entry {
        Entry {
            book: Book::Both,
            day,
            provider: None,
            model: Some("gpt-4o-mini".into()),
            key: Some(key.into()),
            requests: Some(requests),
            input: Some(requests * 10),
            output: Some(requests * 20),
            cost: Some(cost),
        }
    }

    fn export(entries: Vec<Entry>) -> Export {
        Export { days: entries.iter().map(|entry| (entry.book, entry.day)).collect(), entries, is_cut: false }
    }

    fn ours(day: i64, key: &str, used: Used) -> Ours {
        Ours { day, key: key.into(), used }
    }

    fn compared(entries: Vec<Entry>, ours: &[Ours], basis_points: u64) -> Vec<Line> {
        compare(&export(entries), ours, Tolerance { basis_points })
    }

    #[test]
    fn what_agrees_is_said_to_agree_whatever_the_version_of_the_model() {
        let lines = compared(vec![entry(1, "a", 3, 600)], &[ours(1, "a", used(2, 400)), ours(1, "a", used(1, 200))], 0);
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].differs && lines[0].why.is_empty());
        assert_eq!(lines[0].requests, Some(Pair { theirs: 3, ours: 3, difference: 0 }));
    }

    #[test]
    fn a_difference_may_be_tolerated() {
        let lines = |basis_points| compared(vec![entry(1, "a", 1, 1_000)], &[ours(1, "a", used(1, 990))], basis_points);
        assert!(!lines(100)[0].differs);
        let line = &lines(99)[0];
        assert!(line.differs);
        assert!(line.why[0].contains("the money does not"), "{:?}", line.why);
    }

    #[test]
    fn days_models_and_keys_are_told_apart_as_far_as_the_export_does() {
        let mine = [ours(1, "a", used(1, 100)), ours(1, "b", used(1, 100)), ours(2, "a", used(1, 100))];
        let by_key = compared(vec![entry(1, "a", 1, 100), entry(1, "b", 1, 100)], &mine, 0);
        assert_eq!(
            by_key.iter().filter(|line| !line.differs).count(),
            2,
            "the day that the export is not about is not compared"
        );
        assert_eq!(by_key.len(), 2);
        let without_keys = Entry { key: None, ..entry(1, "", 2, 200) };
        let by_day = compared(vec![without_keys], &mine, 0);
        assert_eq!((by_day.len(), by_day[0].differs, by_day[0].place.key.as_deref()), (1, false, None));
    }

    #[test]
    fn what_may_explain_a_difference_is_named() {
        let why = |entries: Vec<Entry>, ours: &[Ours]| compared(entries, ours, 0).remove(0).why.join("; ");
        assert!(why(vec![entry(1, "a", 1, 1)], &[]).contains("nothing of this model with this key went through Weir"));
        let theirs = vec![Entry { key: Some("b".into()), ..entry(1, "b", 1, 1) }];
        let only_ours = compared(theirs, &[ours(1, "a", used(1, 1)), ours(1, "b", used(1, 1))], 0);
        assert!(only_ours[0].why[0].contains("the export has nothing"), "{:?}", only_ours[0]);
        let troubled = Used { unpriced: 5, interrupted: 1, untold: 2, estimated: 3, over_midnight: 4, ..used(5, 1) };
        let said = why(vec![entry(1, "a", 6, 9)], &[ours(1, "a", troubled)]);
        for part in [
            "known cost, which are in no sum of ours: 5",
            "killed",
            "told what they used",
            "estimated: 3",
            "over midnight",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(why(vec![entry(1, "a", 2, 2)], &[ours(1, "a", used(1, 1))]).contains("calls around Weir"));
        assert!(why(vec![entry(1, "a", 1, 1)], &[ours(1, "a", used(2, 2))]).contains("knows of less"));
    }

    #[test]
    fn a_day_on_which_the_provider_knows_of_nothing_is_compared() {
        let empty = Export { days: [(Book::Usage, 1)].into(), ..Export::default() };
        let lines = compare(&empty, &[ours(1, "a", used(1, 100))], Tolerance { basis_points: 100 });
        assert_eq!((lines.len(), lines[0].requests.map(|pair| pair.ours), lines[0].cost_nanos), (1, Some(1), None));
        assert!(lines[0].differs);
    }

    #[test]
    fn versions_of_models_are_dates() {
        let names = [
            "gpt-4o-2024-08-06",
            "claude-sonnet-4-5-20250929",
            "gpt-4.1",
            "o3",
            "-20250929",
            "model-12345678x",
            "größe-1",
        ];
        let families = ["gpt-4o", "claude-sonnet-4-5", "gpt-4.1", "o3", "-20250929", "model-12345678x", "größe-1"];
        assert_eq!(names.map(family), families);
    }
}
