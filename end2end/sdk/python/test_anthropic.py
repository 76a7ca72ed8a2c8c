"""The anthropic package on `…/{team}/{gateway}/anthropic`."""

import anthropic
import pytest

MODEL = "claude-haiku-4-5"
TOOL = {
    "name": "find_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(params=["x-api-key", "bearer"])
def client(request, world):
    credential = "api_key" if request.param == "x-api-key" else "auth_token"
    base = world.path("acme", "main", "anthropic")
    with anthropic.Anthropic(base_url=base, max_retries=0, **{credential: world.environment["APP_TOKEN"]}) as client:
        yield client


def ask(text, **more):
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


def test_a_plain_answer_has_text_and_usage(client, unique):
    answer = client.messages.create(**ask(unique))
    assert answer.content[0].text.startswith(f"Echo: {unique}")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 24)
    assert answer.stop_reason == "end_turn"


def test_a_stream_says_the_same(client, unique):
    plain = client.messages.create(**ask(unique)).content[0].text
    with client.messages.stream(**ask(unique)) as stream:
        assert "".join(stream.text_stream) == plain
        final = stream.get_final_message()
    assert final.usage.output_tokens == 24


def test_a_tool_is_called_plain_and_streamed(client, unique):
    plain = client.messages.create(**ask(unique, tools=[TOOL]))
    assert (plain.stop_reason, plain.content[0].input) == ("tool_use", {"city": "Lyon"})
    with client.messages.stream(**ask(unique, tools=[TOOL])) as stream:
        final = stream.get_final_message()
    assert (final.content[0].name, final.content[0].input) == ("find_weather", {"city": "Lyon"})
    result = {"type": "tool_result", "tool_use_id": plain.content[0].id, "content": "sunny"}
    messages = [
        {"role": "user", "content": unique},
        {"role": "assistant", "content": [block.model_dump() for block in plain.content]},
        {"role": "user", "content": [result]},
    ]
    assert client.messages.create(**{**ask(unique, tools=[TOOL]), "messages": messages}).stop_reason == "end_turn"


def test_tokens_are_counted(client, unique):
    counted = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": unique}])
    assert counted.input_tokens == 5


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, anthropic.BadRequestError), (429, anthropic.RateLimitError), (529, anthropic.InternalServerError)],
)
def test_a_provider_error_arrives_as_the_sdks_own(client, unique, status, kind):
    with pytest.raises(kind) as caught:
        client.messages.create(**ask(f"{unique} mock-status-{status}"))
    assert caught.value.body["type"] == "error"


def test_the_gateways_own_refusal_is_an_anthropic_error(world, unique):
    client = anthropic.Anthropic(base_url=world.path("acme", "main", "anthropic"), api_key="weir_nobody_0000000000000", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(**ask(unique))
    assert caught.value.body["error"]["type"] == "authentication_error"
