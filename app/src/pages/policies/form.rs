//! The form of a policy: the usual cases. What applies to a limit only is hidden by the style sheet while something else is
//! chosen.

use domain::policy::{MAX_MESSAGE, PolicyState};
use domain::view::PolicyView;
use leptos::prelude::*;

use crate::api::policies::{GROUPS, PolicyForm, SavePolicy};
use crate::components::{Checkbox, Field, Fieldset, FormState, Notice, PostForm, Select, SubmitButton, TextArea, Tone};

/// Names shown as an example, at most.
const SHOWN: usize = 12;
/// Time zones offered while typing; any other may be typed.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
];

/// What can be named.
pub(super) struct Names {
    pub gateways: Vec<String>,
    pub tokens: Vec<String>,
}

/// The form of a new policy, or of one that exists.
pub(super) fn form(team: &str, policy: Option<&PolicyView>, form: PolicyForm, names: &Names) -> impl IntoView + use<> {
    let hidden = beginning(team, policy);
    let outdated = policy.and_then(|policy| {
        let page = format!("/{team}/policies/{}", policy.id);
        FormState::of::<SavePolicy>().problem("version").map(|_| outdated(page))
    });
    let name = policy.map(|policy| policy.name.clone()).unwrap_or_default();
    let longest = domain::validate::MAX_NAME as u64;
    let is_new = policy.is_none();
    let (gateways, tokens) = (examples(&names.gateways), examples(&names.tokens));
    view! {
        <PostForm action={ServerAction::<SavePolicy>::new()} class="settings policy">
            {hidden}
            {outdated}
            <Field label="Name" name="name" value=name required=true longest placeholder="Monthly budget" autofocus=is_new />
            // Made in here, not before: a field finds its problem in the context that the form provides.
            {rule(form.clone())}
            {requests(form.clone(), &gateways, &tokens)}
            {consequences(form.clone())}
            {increase(form.clone())}
            {buttons(is_new)}
        </PostForm>
    }
}

/// Hidden fields that say which policy is meant.
pub(super) fn beginning(team: &str, policy: Option<&PolicyView>) -> impl IntoView + use<> {
    let known = policy.map(|policy| {
        view! {
            <input type="hidden" name="id" value=policy.id.to_string() />
            <input type="hidden" name="version" value=policy.version.to_string() />
        }
    });
    view! { <input type="hidden" name="team" value=team.to_owned() />{known} }
}

/// A new policy may begin as a draft or in force; one that exists stays what it is.
pub(super) fn buttons(is_new: bool) -> impl IntoView {
    let state = |state: PolicyState| ("state", state.as_str().to_owned());
    if is_new {
        view! {
            <div class="line">
                <SubmitButton value=state(PolicyState::Draft)>"Save as a draft"</SubmitButton>
                <SubmitButton quiet=true value=state(PolicyState::On)>"Save and switch on"</SubmitButton>
            </div>
        }
        .into_any()
    } else {
        view! { <SubmitButton>"Save"</SubmitButton> }.into_any()
    }
}

/// Says that somebody else was faster. The form holds what was typed, and the version that is stored now.
fn outdated(page: String) -> impl IntoView {
    view! {
        <Notice tone=Tone::Warn>
            <p>
                "Somebody else changed this policy after you opened the page. The form shows what you entered: saving again \
                 replaces their change. "<a href=page>"Show what is stored now"</a>
            </p>
        </Notice>
    }
}

fn examples(names: &[String]) -> String {
    match names.len() {
        0 => String::new(),
        count if count > SHOWN => format!(" Yours: {}, …", names[..SHOWN].join(", ")),
        _ => format!(" Yours: {}.", names.join(", ")),
    }
}

fn rule(form: PolicyForm) -> impl IntoView {
    let whats = choices(&[
        ("cost", "Budget: at most so much money"),
        ("requests", "At most so many requests"),
        ("tokens", "At most so many tokens"),
        ("concurrency", "At most so many requests at the same time"),
        ("deny", "Deny: these requests may not pass"),
        ("allow", "Allow: only what is allowed passes"),
    ]);
    let pers = choices(&[
        ("minute", "a minute"),
        ("hour", "an hour"),
        ("5h", "5 hours"),
        ("day", "a day"),
        ("week", "a week"),
        ("month", "a month"),
        ("30d", "30 days"),
        ("ever", "in all, for ever"),
    ]);
    let (pers, per) = with(pers, form.per.as_ref(), "month");
    let groups = GROUPS.map(|(value, label)| {
        let checked = form.group_by.iter().any(|field| field == value);
        view! { <Checkbox label name="group_by[]" value checked /> }
    });
    let group_error = FormState::of::<SavePolicy>().problem("group_by").map(|problem| {
        view! { <Notice tone=Tone::Bad><p>{format!("This choice {problem}.")}</p></Notice> }
    });
    view! {
        <Fieldset legend="What it does">
            <Select label="Rule" name="what" options=whats value=text(&form.what) />
            <div class="pair limit-only">
                <Field label="Amount" name="amount" value=text(&form.amount) placeholder="50" help="Dollars of a budget; otherwise a whole number." />
                <div class="windowed"><Select label="Within" name="per" options=pers value=per /></div>
            </div>
            <div class="field limit-only" role="group" aria-label="A count for each">
                <span class="label">"A count for each"</span>
                {group_error}
                <div class="groups">{groups.into_iter().collect_view()}</div>
                <p class="help">"With none ticked, everything it is about has one count."</p>
            </div>
            <div class="pair limit-only">
                <Field label="Warn from" name="warn_at" kind="number" unit="%" value=text(&form.warn_at) placeholder="never" min=1 max=100
                    help="Answers from there on carry a header that says so." />
            </div>
            <div class="limit-only windowed">{window(form.clone())}</div>
        </Fieldset>
    }
}

/// How time is cut, for those who want it otherwise.
fn window(form: PolicyForm) -> impl IntoView {
    let state = FormState::of::<SavePolicy>();
    let asked = ["window", "burst", "zone"]
        .into_iter()
        .any(|field| state.problem(field).is_some() || state.kept(field).is_some_and(|kept| !kept.is_empty()));
    let open = asked || form.window.is_some() || form.burst.is_some() || form.zone.is_some();
    let windows = choices(&[
        ("", "As usual: by the calendar from a day on, else sliding"),
        ("sliding", "Sliding: any stretch of that length"),
        ("fixed", "Fixed: anew at each multiple of the length"),
        ("calendar", "Calendar: minute, hour, day, week, month"),
        ("bucket", "Bucket: refilled evenly, so much at once"),
    ]);
    let zones = ZONES.map(str::to_owned).to_vec();
    view! {
        <details class="more" open=open>
            <summary>"Window and time zone"</summary>
            <div class="form">
                <Select label="Window" name="window" options=windows value=text(&form.window) />
                <div class="pair">
                    <Field label="At once" name="burst" value=text(&form.burst) placeholder="the amount" help="What a bucket holds." />
                    <Field label="Time zone" name="zone" value=text(&form.zone) placeholder="UTC" choices=zones
                        help="Where days, weeks and months of the calendar begin." />
                </div>
            </div>
        </details>
    }
}

fn requests(form: PolicyForm, gateways: &str, tokens: &str) -> impl IntoView + use<> {
    let (gateways, tokens) = (format!("By their short names.{gateways}"), format!("By their names.{tokens}"));
    view! {
        <Fieldset
            legend="Which requests it is about"
            help="One on each line; * stands for any characters. What is empty does not narrow; all that is filled in must hold."
        >
            <div class="pair">
                <TextArea label="Gateways" name="gateways" value=text(&form.gateways) rows=2 help=gateways />
                <TextArea label="Tokens" name="tokens" value=text(&form.tokens) rows=2 help=tokens />
                <TextArea label="Models" name="models" value=text(&form.models) rows=2 placeholder="openai/gpt-5*"
                    help="As they are really called: an alias does not evade." />
                <TextArea label="Providers" name="providers" value=text(&form.providers) rows=2 placeholder="openai" />
                <TextArea label="Users" name="users" value=text(&form.users) rows=2
                    help="Whom the caller asks for: weir-user, or user of the body." />
            </div>
        </Fieldset>
    }
}

fn consequences(form: PolicyForm) -> impl IntoView {
    let actions = choices(&[
        ("refuse", "Refuse the request"),
        ("warn", "Let it pass with a warning"),
        ("fallback", "Let another model answer"),
    ]);
    let longest = MAX_MESSAGE as u64;
    let unknowns = choices(&[("pass", "Let it pass (fail open)"), ("refuse", "Refuse it (fail closed)")]);
    view! {
        <Fieldset legend="What happens then">
            <div class="pair">
                <Select label="At the limit, or where denied" name="action" options=actions value=text(&form.action) />
                <div class="fallback-only">
                    <Field label="Other model" name="fallback" value=text(&form.fallback) mono=true placeholder="openai/gpt-4o-mini"
                        help="With its provider. Where it cannot answer either, the request is refused." />
                </div>
            </div>
            <div class="limit-only">
                <Select label="A request whose price is not known" name="unknown" options=unknowns value=text(&form.unknown) />
            </div>
            <Field label="Message" name="message" value=text(&form.message) longest
                placeholder="Ask Ann for more." help="Told to whoever is refused, beside what is told anyway." />
        </Fieldset>
    }
}

fn increase(form: PolicyForm) -> impl IntoView {
    view! {
        <div class="limit-only">
            <Fieldset legend="More for a while" help="Raises the amount until a moment, and ends by itself.">
                <div class="pair">
                    <Field label="More by" name="extra" value=text(&form.extra) placeholder="nothing" />
                    <Field label="Until (UTC)" name="extra_until" kind="datetime-local" value=text(&form.extra_until) />
                </div>
            </Fieldset>
        </div>
    }
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

fn choices(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

/// The choices with the present value among them, so that the form does not change it unasked.
fn with(
    mut options: Vec<(String, String)>,
    value: Option<&String>,
    otherwise: &str,
) -> (Vec<(String, String)>, String) {
    let value = value.cloned().unwrap_or_else(|| otherwise.to_owned());
    if !options.iter().any(|(known, _)| *known == value) {
        options.push((value.clone(), value.clone()));
    }
    (options, value)
}
