"""The exact cache, rate limits and retries, seen through the openai package."""

import collections
import concurrent.futures

import openai
import pytest

MODEL = "gpt-4o-mini"


def client_of(world, team, gateway, token="APP_TOKEN"):
    base = world.path(team, gateway, "openai")
    return openai.OpenAI(base_url=base, api_key=world.environment[token], max_retries=0)


def ask(client, text, **more):
    """The answer's text and its cache status."""
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": text}], **more
    )
    parsed = raw.parse()
    if more.get("stream"):
        content = "".join(chunk.choices[0].delta.content or "" for chunk in parsed if chunk.choices)
    else:
        content = parsed.choices[0].message.content
    return content, raw.headers.get("cf-aig-cache-status")


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeated_request_is_a_hit_and_another_teams_a_miss(world, unique, stream):
    client = client_of(world, "acme", "cached")
    first, missed = ask(client, unique, stream=stream)
    again, hit = ask(client, unique, stream=stream)
    assert (missed, hit, again) == ("MISS", "HIT", first)
    other, status = ask(client_of(world, "other", "cached", "OTHER_TOKEN"), unique, stream=stream)
    assert (other, status) == (first, "MISS")
    assert sum(unique in request["body"] for request in world.received()) == 2


def test_a_stream_and_a_plain_answer_are_cached_apart(world, unique):
    client = client_of(world, "acme", "cached")
    ask(client, unique)
    assert ask(client, unique, stream=True)[1] == "MISS"


def test_headers_steer_the_cache(world, unique):
    client = client_of(world, "acme", "cached")
    ask(client, unique)
    assert ask(client, unique, extra_headers={"cf-aig-skip-cache": "true"})[1] != "HIT"
    key = {"cf-aig-cache-key": unique}
    ask(client, f"{unique} one", extra_headers=key)
    assert ask(client, f"{unique} two", extra_headers=key)[1] == "HIT"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, unique, extra_headers={"cf-aig-cache-ttl": "soon"})
    assert caught.value.code == "invalid_header"


def test_errors_are_not_cached(world, unique):
    client = client_of(world, "acme", "cached")
    text = f"{unique} mock-fail-first-1 mock-key-{unique.split()[1]}"
    with pytest.raises(openai.InternalServerError):
        ask(client, text)
    assert ask(client, text)[1] == "MISS"


@pytest.mark.parametrize(("gateway", "limit"), [("fixed", 7), ("sliding", 9)])
def test_of_many_parallel_requests_exactly_the_limit_passes(world, gateway, limit):
    client = client_of(world, "acme", gateway)

    def attempt(number):
        try:
            ask(client, f"{gateway} {number}")
        except openai.RateLimitError as error:
            return error
        return None

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(attempt, range(40)))
    refused = [error for error in outcomes if error is not None]
    assert len(outcomes) - len(refused) == limit
    assert {error.code for error in refused} == {"rate_limited"}
    assert all(int(error.response.headers["retry-after"]) > 0 for error in refused)
    assert all("ratelimit" in error.response.headers for error in refused)


@pytest.mark.parametrize("gateway", ["frugal", "smooth"])
def test_hits_neither_count_nor_are_refused_where_misses_use_up_the_limit(world, gateway):
    client = client_of(world, "acme", gateway)
    known = [f"{gateway} known {number}" for number in range(3)]
    assert [ask(client, text)[1] for text in known] == ["MISS"] * 3

    def attempt(text):
        try:
            return ask(client, text)[1]
        except openai.RateLimitError as error:
            return error.code

    # Nine places are left; what is known is asked for before, between and after those who want them.
    questions = [text for number in range(40) for text in (known[number % 3], f"{gateway} new {number}")]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(attempt, questions))
    assert collections.Counter(outcomes[::2]) == {"HIT": 40}
    assert collections.Counter(outcomes[1::2]) == {"MISS": 9, "rate_limited": 31}
    assert [attempt(text) for text in known] == ["HIT"] * 3
    assert sum(f"{gateway} new" in request["body"] for request in world.received()) == 9


def test_a_provider_that_recovers_in_time_is_not_noticed(world, unique):
    text = f"{unique} mock-fail-first-2 mock-key-{unique.split()[1]}"
    assert ask(client_of(world, "acme", "retrying"), text)[0].startswith("Echo:")
    assert sum(unique in request["body"] for request in world.received()) == 3
