"""The Responses API with its state, through the official SDK, at providers that keep none."""

import time

import openai
import pytest

MODELS = ["anthropic/claude-haiku-4-5", "google-ai-studio/gemini-2.5-flash", "custom-local/gpt-4o-mini"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "name": "find_weather", "parameters": SCHEMA}]


@pytest.fixture(params=["compat", "unified"])
def client(world, request):
    base = world.path("acme", "main", "compat") if request.param == "compat" else f"{world.url}/v1"
    token = world.environment["APP_TOKEN" if request.param == "compat" else "SINGLE_TOKEN"]
    with openai.OpenAI(base_url=base, api_key=token, max_retries=0) as client:
        yield client


def sent(world, text):
    """The last body that a provider got with this text in it."""
    return next(request["body"] for request in reversed(world.received()) if text in request["body"])


def wait(client, response):
    until = time.monotonic() + 30
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < until
        time.sleep(0.02)
        response = client.responses.retrieve(response.id)
    return response


@pytest.mark.parametrize("model", MODELS)
def test_a_response_is_continued(client, world, unique, model):
    first = client.responses.create(model=model, input=f"{unique} first")
    second = client.responses.create(model=model, input=f"{unique} second", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    body = sent(world, f"{unique} second")
    assert f"{unique} first" in body and first.output_text.split()[-1] in body
    # A stream can be continued the moment it ends.
    with client.responses.stream(model=model, input=f"{unique} third", previous_response_id=second.id) as stream:
        third = stream.until_done().get_final_response()
    client.responses.create(model=model, input=f"{unique} fourth", previous_response_id=third.id)
    body = sent(world, f"{unique} fourth")
    assert all(f"{unique} {word}" in body for word in ("first", "second", "third"))


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_answered_without_sending_the_call_again(client, unique, model):
    first = client.responses.create(model=model, input=unique, tools=TOOLS)
    call = next(item for item in first.output if item.type == "function_call")
    result = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
    second = client.responses.create(model=model, input=result, tools=TOOLS, previous_response_id=first.id)
    assert second.output_text


def test_a_conversation_moves_between_providers(client, world, unique):
    previous = None
    for number, model in enumerate(MODELS):
        previous = client.responses.create(model=model, input=f"{unique} {number}", previous_response_id=previous and previous.id)
    assert f"{unique} 0" in sent(world, f"{unique} 2")


@pytest.mark.parametrize("model", MODELS)
def test_what_is_kept_is_retrieved_listed_and_deleted(client, unique, model):
    made = client.responses.create(model=model, input=[{"role": "user", "content": f"{unique} {word}"} for word in "abc"])
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    texts = [item.content[0].text for item in client.responses.input_items.list(made.id, limit=2, order="asc")]
    assert texts == [f"{unique} {word}" for word in "abc"]
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=model, input="x", previous_response_id=made.id)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")


def test_what_is_not_to_be_kept_is_not(client, unique):
    made = client.responses.create(model=MODELS[0], input=unique, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_another_teams_token_finds_nothing(client, world, unique):
    made = client.responses.create(model=MODELS[0], input=unique)
    with openai.OpenAI(base_url=f"{world.url}/v1", api_key=world.environment["OTHER_TOKEN"], max_retries=0) as other:
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(made.id)
    assert client.responses.retrieve(made.id).id == made.id


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_keeps_what_was_said(client, world, unique, model):
    conversation = client.conversations.create(metadata={"topic": "weather"}, items=[{"type": "message", "role": "user", "content": f"{unique} start"}])
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "weather"}
    first = client.responses.create(model=model, input=f"{unique} one", conversation=conversation.id)
    assert first.conversation.id == conversation.id
    client.responses.create(model=model, input=f"{unique} two", conversation={"id": conversation.id})
    body = sent(world, f"{unique} two")
    assert f"{unique} start" in body and f"{unique} one" in body
    items = list(client.conversations.items.list(conversation.id, order="asc", limit=2))
    assert [item.role for item in items] == ["user", "user", "assistant", "user", "assistant"]
    assert client.conversations.update(conversation.id, metadata={"topic": "rain"}).metadata == {"topic": "rain"}
    more = client.conversations.items.create(conversation.id, items=[{"type": "message", "role": "user", "content": "more"}])
    assert client.conversations.items.retrieve(more.data[0].id, conversation_id=conversation.id).content[0].text == "more"
    client.conversations.items.delete(more.data[0].id, conversation_id=conversation.id)
    assert len(list(client.conversations.items.list(conversation.id))) == 5
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


@pytest.mark.parametrize("model", MODELS)
def test_a_response_is_made_in_the_background(client, unique, model):
    begun = client.responses.create(model=model, input=f"{unique} mock-ttft-200", background=True)
    assert begun.status in ("queued", "in_progress")
    done = wait(client, begun)
    assert (done.status, done.id) == ("completed", begun.id)
    assert client.responses.create(model=model, input="Go on", previous_response_id=done.id).output_text


def test_a_response_in_the_background_is_cancelled(client, unique):
    begun = client.responses.create(model=MODELS[0], input=f"{unique} mock-ttft-20000", background=True)
    assert client.responses.cancel(begun.id).status == "cancelled"
    assert client.responses.retrieve(begun.id).status == "cancelled"
    done = client.responses.create(model=MODELS[0], input=unique)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(done.id)


@pytest.mark.parametrize("model", MODELS[:2])
def test_a_stream_of_the_background_is_heard_to_its_end_by_whoever_comes_back(client, unique, model):
    begun, seen = None, 0
    for event in client.responses.create(model=model, input=f"{unique} mock-pace-10", background=True, stream=True):
        begun, seen = begun or event.response.id, event.sequence_number
        if seen == 5:
            break
    rest = list(client.responses.retrieve(begun, stream=True, starting_after=seen))
    assert [event.sequence_number for event in rest] == list(range(6, 6 + len(rest)))
    assert rest[-1].type == "response.completed" and rest[-1].response.id == begun
