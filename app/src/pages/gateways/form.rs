//! The settings form: what each setting does in plain words, its unit, and what holds while it is empty.

use domain::GatewaySettings;
use domain::settings::{
    Backoff, Balance, CACHE_TTL, HEDGE_DELAY, HEDGE_PERCENTILE, LOG_RETENTION_DAYS, MAX_ATTEMPTS, MAX_QUEUE_WAITING,
    MAX_RATE_INTERVAL, MAX_RATE_LIMIT, MAX_RESPONSE_TTL_DAYS, MAX_RETRY_DELAY, QUEUE_WAIT, REQUEST_TIMEOUT,
    RateTechnique,
};
use domain::view::GatewayView;
use leptos::prelude::*;

use crate::api::gateways::{DEFAULT_RATE_INTERVAL, UpdateGateway};
use crate::components::format::grouped;
use crate::components::{Checkbox, Field, Fieldset, FormState, Notice, PostForm, Select, SubmitButton, Tone};

/// The form; without the permission, the same without its button.
pub(super) fn form(team: &str, gateway: &GatewayView, may_edit: bool) -> impl IntoView + use<> {
    let settings = gateway.settings.clone();
    let longest = domain::validate::MAX_NAME as u64;
    let (team, slug, name) = (team.to_owned(), gateway.slug.clone(), gateway.name.clone());
    let version = gateway.version.to_string();
    let outdated = FormState::of::<UpdateGateway>().problem("version").map(|_| outdated(&team, &slug));
    let send = if may_edit {
        view! { <SubmitButton>"Save settings"</SubmitButton> }.into_any()
    } else {
        view! { <p class="help">"Your role can look at these settings, not change them."</p> }.into_any()
    };
    view! {
        <PostForm action={ServerAction::<UpdateGateway>::new()} class="settings">
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="gateway" value=slug />
            <input type="hidden" name="version" value=version />
            {outdated}
            <Field label="Name" name="name" value=name required=true longest />
            // Made in here, not before: a field finds its problem in the context that the form provides.
            {access(settings.clone())}
            {caching(settings.clone())}
            {limits(settings.clone())}
            {retries(settings.clone())}
            {timeouts(settings.clone())}
            {hedging(settings.clone())}
            {queueing(settings.clone())}
            {keys(settings.clone())}
            {translation(settings.clone())}
            {costs(settings.clone())}
            {logging(settings.clone())}
            {responses(settings.clone())}
            {send}
        </PostForm>
    }
}

/// Says that somebody else was faster. The form holds what was typed, and the version that is stored now.
fn outdated(team: &str, gateway: &str) -> impl IntoView + use<> {
    let href = format!("/{team}/gateways/{gateway}");
    view! {
        <Notice tone=Tone::Warn>
            <p>
                "Somebody else changed this gateway after you opened the page. The form shows what you entered: saving again \
                 replaces their change. "<a href=href>"Show what is stored now"</a>
            </p>
        </Notice>
    }
}

fn access(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Access">
            <Checkbox
                label="Require an API token" name="authentication" checked=settings.authentication
                help="On unless you turn it off. Without it, anyone who reaches the address spends your provider keys."
            />
        </Fieldset>
    }
}

fn caching(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Caching" help="An identical request is answered from memory: at once and free of charge. Only complete, \
                                         successful answers are kept, and never shared with another team.">
            <Field
                label="Keep answers for" name="cache_ttl" kind="number" unit="seconds" value=text(settings.cache_ttl())
                placeholder="off" min=0 max=u64::from(CACHE_TTL.1)
                help=format!("Empty or 0: no caching. Otherwise {} to {} (30 days).", CACHE_TTL.0, grouped(CACHE_TTL.1.into()))
            />
            <Checkbox
                label="Forget cached answers when these settings are saved" name="cache_invalidate_on_update"
                checked=settings.cache_invalidate_on_update
                help="Off by default: answers live on until their time is up."
            />
        </Fieldset>
    }
}

fn limits(settings: GatewaySettings) -> impl IntoView {
    let limit = settings.rate_limiting_limit.filter(|limit| *limit != 0);
    let technique = match settings.rate_limiting_technique {
        RateTechnique::Fixed => "fixed",
        RateTechnique::Sliding => "sliding",
    };
    let techniques = choices(&[
        ("sliding", "Sliding: any stretch of that length counts"),
        ("fixed", "Fixed: the count starts anew at each interval"),
    ]);
    view! {
        <Fieldset legend="Rate limit" help="Counts the requests of the whole gateway. Beyond the limit a request gets status 429 and \
                                            is told when to try again. Answers from the cache do not count.">
            <div class="pair">
                <Field
                    label="At most" name="rate_limiting_limit" kind="number" unit="requests" value=text(limit)
                    placeholder="no limit" min=0 max=u64::from(MAX_RATE_LIMIT) help="Empty or 0: no limit."
                />
                <Field
                    label="Within" name="rate_limiting_interval" kind="number" unit="seconds"
                    value=text(settings.rate_limiting_interval) placeholder=DEFAULT_RATE_INTERVAL.to_string() min=1
                    max=u64::from(MAX_RATE_INTERVAL)
                    help=format!("Empty: {DEFAULT_RATE_INTERVAL}. At most {}, a day.", grouped(MAX_RATE_INTERVAL.into()))
                />
            </div>
            <Select label="Window" name="rate_limiting_technique" options=techniques value=technique />
        </Fieldset>
    }
}

fn retries(settings: GatewaySettings) -> impl IntoView {
    let backoff = match settings.retry_backoff {
        Backoff::Constant => "constant",
        Backoff::Linear => "linear",
        Backoff::Exponential => "exponential",
    };
    let backoffs = choices(&[
        ("exponential", "Exponential: doubled each time"),
        ("linear", "Linear: one more pause each time"),
        ("constant", "Constant: always the same"),
    ]);
    view! {
        <Fieldset legend="Retries" help="A provider that refuses the connection, breaks off, limits (429) or fails (5xx) is asked again, until \
                                         the first byte of an answer has gone to the caller.">
            <div class="pair">
                <Field
                    label="Attempts in all" name="retry_max_attempts" kind="number" unit="attempts"
                    value=text(settings.retry_max_attempts) placeholder="1" min=u64::from(MAX_ATTEMPTS.0)
                    max=u64::from(MAX_ATTEMPTS.1) help="Empty or 1: no retries."
                />
                <Field
                    label="Pause before the second" name="retry_delay" kind="number" unit="ms" value=text(settings.retry_delay)
                    placeholder="500" min=0 max=u64::from(MAX_RETRY_DELAY) help=format!("At most {} ms.", grouped(MAX_RETRY_DELAY.into()))
                />
            </div>
            <Select label="How the pause grows" name="retry_backoff" options=backoffs value=backoff />
        </Fieldset>
    }
}

fn timeouts(settings: GatewaySettings) -> impl IntoView {
    let field = |label, name, value: Option<u32>, help| {
        view! {
            <Field
                label=label name=name kind="number" unit="ms" value=text(value) placeholder="server default"
                min=u64::from(REQUEST_TIMEOUT.0) max=u64::from(REQUEST_TIMEOUT.1) help=help
            />
        }
    };
    view! {
        <Fieldset legend="Timeouts" help="Each ends an attempt while the provider says nothing at all. Callers can set their own. Empty: the \
                                          server's default.">
            <div class="pair">
                {field(
                    "Until the answer's head",
                    "request_timeout",
                    settings.request_timeout,
                    "Header cf-aig-request-timeout. Long answers are not cut by it.",
                )}
                {field(
                    "Until a stream's first event",
                    "first_token_timeout",
                    settings.first_token_timeout,
                    "Header weir-first-token-timeout. Empty: not bounded by itself.",
                )}
            </div>
            <div class="pair">
                {field("Between two pieces", "idle_timeout", settings.idle_timeout, "Header weir-idle-timeout.")}
                {field("Until the answer's end", "total_timeout", settings.total_timeout, "Header weir-total-timeout.")}
            </div>
        </Fieldset>
    }
}

fn hedging(settings: GatewaySettings) -> impl IntoView {
    let delay = |label, name, value: Option<u32>, placeholder: &'static str, help| {
        view! {
            <Field
                label=label name=name kind="number" unit="ms" value=text(value) placeholder=placeholder
                min=u64::from(HEDGE_DELAY.0) max=u64::from(HEDGE_DELAY.1) help=help
            />
        }
    };
    view! {
        <Fieldset legend="Hedged requests" help="Where a provider is slower than usual, the same is asked a second time, with another key where \
                                                 there is one, and who answers first is heard. Both are paid for and both are in the log.">
            <Field
                label="Slower than" name="hedge_percentile" kind="number" unit="% of answers"
                value=text(settings.hedge_percentile) placeholder="off" min=u64::from(HEDGE_PERCENTILE.0)
                max=u64::from(HEDGE_PERCENTILE.1) help="Empty: off. Callers decide for their request with weir-hedge."
            />
            <div class="pair">
                {delay("After at least", "hedge_least_delay", settings.hedge_least_delay, "100", "Empty: 100 ms.")}
                {delay(
                    "After at most",
                    "hedge_most_delay",
                    settings.hedge_most_delay,
                    "10000",
                    "Empty: 10,000 ms. Also where too few answers of a model are known.",
                )}
            </div>
        </Fieldset>
    }
}

fn queueing(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Queue" help="Where as many requests are under way as may be at once, others wait for their turn instead of being \
                                       refused: one token after the other, so that none waits for all of another's.">
            <div class="pair">
                <Field
                    label="Most waiting" name="queue_most_waiting" kind="number" unit="requests"
                    value=text(settings.queue_most_waiting) placeholder="off" min=1 max=u64::from(MAX_QUEUE_WAITING)
                    help="Empty: off. More are refused as before."
                />
                <Field
                    label="Longest wait" name="queue_longest_wait" kind="number" unit="ms"
                    value=text(settings.queue_longest_wait) placeholder="10000" min=u64::from(QUEUE_WAIT.0)
                    max=u64::from(QUEUE_WAIT.1) help="Empty: 10,000 ms. Then they are refused."
                />
            </div>
        </Fieldset>
    }
}

fn keys(settings: GatewaySettings) -> impl IntoView {
    let balance = match settings.balance {
        Balance::Weighted => "weighted",
        Balance::Latency => "latency",
        Balance::Busy => "busy",
    };
    let balances = choices(&[
        ("weighted", "By weight: each key gets its share"),
        ("latency", "Quickest: of two keys the one whose answers begin sooner"),
        ("busy", "Idlest: of two keys the one with fewer requests under way"),
    ]);
    view! {
        <Fieldset legend="Provider keys" help="Where several keys of a provider have the same alias, requests are shared out among them. A key \
                                               that is refused or asked too often rests, and another answers.">
            <Select label="Which key is asked" name="balance" options=balances value=balance />
            <Checkbox
                label="Keep conversations with one key" name="affinity" checked=settings.affinity
                help="On by default: providers keep the beginning of long prompts for each account, and bill it at a lower price."
            />
            <Field
                label="Allowed regions" name="allowed_regions" value=settings.allowed_regions.join(", ") placeholder="all"
                help="Only keys of these regions are used, fallbacks included, and callers cannot bring keys of their own. Separated by commas, \
                      as they are written at the keys."
            />
        </Fieldset>
    }
}

fn translation(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Translation" help="Where an application and a provider speak different APIs, requests are translated. \
                                             What would change the answer's meaning is refused in any case.">
            <Checkbox
                label="Refuse what cannot be translated in full" name="strict_translation" checked=settings.strict_translation
                help="Off by default: what the provider's API has no place for, such as a seed, is left out and named in the header \
                      weir-dropped. On: the request gets an error that names the field. Callers can decide otherwise with weir-strict."
            />
        </Fieldset>
    }
}

fn costs(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Costs">
            <Checkbox
                label="Callers may state costs" name="custom_cost" checked=settings.custom_cost
                help="Off by default, and then a request with the header cf-aig-custom-cost is refused. On: budgets count what callers state, so \
                      whoever holds a token can spend more than its budget. For prices of your own write them on the page Prices."
            />
        </Fieldset>
    }
}

fn logging(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset legend="Logging" help="Cost and token counts are always recorded; this is about what the request log shows.">
            <Checkbox
                label="Log requests" name="collect_logs" checked=settings.collect_logs
                help="On by default. Off: requests count in the figures and are not listed."
            />
            <Checkbox
                label="Keep request and response bodies" name="collect_log_payloads" checked=settings.collect_log_payloads
                help="On by default. Off where prompts must not be stored; callers can also ask for it request by request."
            />
            <Field
                label="Keep the log for" name="log_retention_days" kind="number" unit="days"
                value=settings.log_retention_days.to_string() required=true min=u64::from(LOG_RETENTION_DAYS.0)
                max=u64::from(LOG_RETENTION_DAYS.1)
                help=format!("{} days unless you change it. Figures are kept longer.", GatewaySettings::default().log_retention_days)
            />
        </Fieldset>
    }
}

fn responses(settings: GatewaySettings) -> impl IntoView {
    view! {
        <Fieldset
            legend="Responses API"
            help="Responses and conversations are kept so that later requests can refer to them, whichever provider answers."
        >
            <Field
                label="Keep responses for" name="response_ttl_days" kind="number" unit="days"
                value=settings.response_ttl_days.to_string() required=true min=0 max=u64::from(MAX_RESPONSE_TTL_DAYS)
                help="0 keeps none. Callers can leave out a single response with store: false."
            />
        </Fieldset>
    }
}

/// A number as the field shows it; empty for none.
fn text<T: ToString>(number: Option<T>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn choices(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}
