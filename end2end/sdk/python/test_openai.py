"""The openai package, through both forms of URL."""

import openai
import pytest

MODEL = "gpt-4o-mini"
TOOL = {
    "type": "function",
    "function": {
        "name": "find_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(params=["unified", "compat", "native", "native-v1", "custom"])
def door(request, world):
    """A client for each way in, and how it calls the model."""
    token = world.environment["APP_TOKEN"]
    single = world.environment["SINGLE_TOKEN"]
    bases = {
        "unified": (f"{world.url}/v1", single, f"openai/{MODEL}"),
        "compat": (world.path("acme", "main", "compat"), token, f"openai/{MODEL}"),
        "native": (world.path("acme", "main", "openai"), token, MODEL),
        "native-v1": (world.path("acme", "main", "openai/v1"), token, MODEL),
        "custom": (world.path("acme", "main", "custom-local"), token, MODEL),
    }
    base, key, model = bases[request.param]
    with openai.OpenAI(base_url=base, api_key=key, max_retries=0) as client:
        yield client, model


def user(text):
    return [{"role": "user", "content": text}]


def test_a_plain_answer_has_text_and_usage(door, unique):
    client, model = door
    raw = client.chat.completions.with_raw_response.create(model=model, messages=user(unique))
    answer = raw.parse()
    assert answer.choices[0].message.content.startswith(f"Echo: {unique}")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens == 5 + 24
    assert raw.headers["cf-aig-log-id"]
    assert "gateway" in raw.headers["server-timing"]


def test_a_stream_says_the_same_and_hides_usage_nobody_asked_for(door, unique):
    client, model = door
    plain = client.chat.completions.create(model=model, messages=user(unique)).choices[0].message.content
    chunks = list(client.chat.completions.create(model=model, messages=user(unique), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == plain
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_shows_usage_to_who_asks(door, unique):
    client, model = door
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=model, messages=user(unique), stream=True, stream_options=options))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 24


def test_the_gateway_asks_for_usage_even_where_the_caller_does_not(door, world, unique):
    client, model = door
    list(client.chat.completions.create(model=model, messages=user(unique), stream=True))
    sent = next(request["body"] for request in reversed(world.received()) if unique in request["body"])
    assert '"include_usage":true' in sent.replace(" ", "")


def test_a_tool_is_called_and_its_result_is_answered(door, unique):
    client, model = door
    messages = user(unique)
    first = client.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    call = first.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("find_weather", '{"city":"Lyon"}')
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = client.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    assert second.choices[0].finish_reason == "stop"


def test_a_tool_is_called_in_a_stream(door, unique):
    client, model = door
    chunks = client.chat.completions.create(model=model, messages=user(unique), tools=[TOOL], stream=True)
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert calls[0].function.name == "find_weather"
    assert "".join(call.function.arguments for call in calls) == '{"city":"Lyon"}'


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, openai.BadRequestError), (401, openai.AuthenticationError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
def test_a_provider_error_arrives_as_the_sdks_own(door, unique, status, kind):
    client, model = door
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=user(f"{unique} mock-status-{status} mock-retry-after-7"))
    assert "told to fail" in str(caught.value)
    assert caught.value.response.headers["cf-aig-log-id"]
    if status == 429:
        assert caught.value.response.headers["retry-after"] == "7"


def test_a_stream_that_breaks_off_is_an_error_and_not_an_end(door, unique):
    client, model = door
    stream = client.chat.completions.create(model=model, messages=user(f"{unique} mock-reset-after-3"), stream=True)
    with pytest.raises(Exception) as caught:
        list(stream)
    assert not isinstance(caught.value, AssertionError)


def test_embeddings_come_through(world):
    for base in ("openai", "openai/v1", "custom-local"):
        client = openai.OpenAI(base_url=world.path("acme", "main", base), api_key=world.environment["APP_TOKEN"], max_retries=0)
        answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
        assert [len(row.embedding) for row in answer.data] == [16, 16]
        assert answer.usage.prompt_tokens == 2


def test_models_are_listed(world):
    client = openai.OpenAI(base_url=f"{world.url}/v1", api_key=world.environment["SINGLE_TOKEN"], max_retries=0)
    assert any("gpt-4o-mini" in model.id for model in client.models.list())


def test_other_providers_of_the_dialect_are_reached_by_model_name(world, unique):
    client = openai.OpenAI(base_url=world.path("acme", "main", "compat"), api_key=world.environment["APP_TOKEN"], max_retries=0)
    for model in ("mistral/mistral-large-latest", "custom-local/any-model"):
        answer = client.chat.completions.create(model=model, messages=user(f"{unique} {model}"))
        assert answer.model == model.split("/", 1)[1]


def test_many_streams_at_once_do_not_mix(world):
    import concurrent.futures

    client = openai.OpenAI(base_url=world.path("acme", "main", "openai"), api_key=world.environment["APP_TOKEN"], max_retries=0)

    def ask(number):
        stream = client.chat.completions.create(model=MODEL, messages=user(f"number {number} mock-pace-2"), stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        texts = list(pool.map(ask, range(100)))
    assert all(text.startswith(f"Echo: number {number} ") for number, text in enumerate(texts))
