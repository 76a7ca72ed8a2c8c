"""Answers that fit a schema, by each SDK's own helper, from providers that speak another API."""

import anthropic
import openai
import pytest
from google import genai
from google.genai import types
from pydantic import BaseModel

CLAUDE = "anthropic/claude-haiku-4-5"
OLD_CLAUDE = "anthropic/claude-sonnet-4-20250514"
GEMINI = "google-ai-studio/gemini-2.5-flash"
GPT = "openai/gpt-4o-mini"


class Trip(BaseModel):
    """What is asked for; the mock provider fills each field by its type."""

    city: str
    days: int


TRIP = Trip(city="Lyon", days=1)


@pytest.fixture
def client(world):
    base = world.path("acme", "main", "compat")
    with openai.OpenAI(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", [CLAUDE, OLD_CLAUDE, GEMINI])
def test_chat_completions_parse(client, unique, model):
    messages = [{"role": "user", "content": unique}]
    answer = client.chat.completions.parse(model=model, messages=messages, response_format=Trip)
    assert answer.choices[0].message.parsed == TRIP
    with client.chat.completions.stream(model=model, messages=messages, response_format=Trip) as stream:
        pieces = [event for event in stream if event.type == "content.delta"]
        assert stream.get_final_completion().choices[0].message.parsed == TRIP
    assert pieces[-1].parsed == {"city": "Lyon", "days": 1}


@pytest.mark.parametrize("model", [CLAUDE, OLD_CLAUDE, GEMINI])
def test_a_parsed_tool_call(client, unique, model):
    tools = [openai.pydantic_function_tool(Trip, name="book")]
    answer = client.chat.completions.parse(model=model, messages=[{"role": "user", "content": unique}], tools=tools)
    assert answer.choices[0].message.tool_calls[0].function.parsed_arguments == TRIP


@pytest.mark.parametrize("model", [CLAUDE, OLD_CLAUDE, GEMINI])
def test_responses_parse(client, unique, model):
    assert client.responses.parse(model=model, input=unique, text_format=Trip).output_parsed == TRIP
    with client.responses.stream(model=model, input=unique, text_format=Trip) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_parsed == TRIP
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert "response.output_text.delta" in kinds and "response.output_text.done" in kinds, kinds


@pytest.mark.parametrize("model", [GPT, GEMINI])
def test_messages_parse(world, unique, model):
    base = world.path("acme", "main", "compat")
    with anthropic.Anthropic(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        asked = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": unique}]}
        assert client.messages.parse(**asked, output_format=Trip).parsed_output == TRIP


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_generate_content_parsed(world, unique, model):
    options = types.HttpOptions(base_url=world.path("acme", "main", "compat"))
    with genai.Client(api_key=world.environment["APP_TOKEN"], http_options=options) as client:
        config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Trip)
        assert client.models.generate_content(model=model, contents=unique, config=config).parsed == TRIP
