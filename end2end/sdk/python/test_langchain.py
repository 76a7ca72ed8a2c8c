"""LangChain: each of its model classes in front of a provider that speaks another API."""

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

CLAUDE = "anthropic/claude-haiku-4-5"
GEMINI = "google-ai-studio/gemini-2.5-flash"
GPT = "openai/gpt-4o-mini"


def openai(base, token, model, **more):
    return ChatOpenAI(model=model, base_url=base, api_key=token, max_retries=0, stream_usage=True, **more)


def openai_responses(base, token, model):
    return openai(base, token, model, use_responses_api=True)


def claude(base, token, model):
    return ChatAnthropic(model=model, base_url=base, api_key=token, max_retries=0, max_tokens=99)


def gemini(base, token, model):
    return ChatGoogleGenerativeAI(model=model, base_url=base, google_api_key=token, max_retries=1)


PAIRS = [
    *[(openai, model) for model in (CLAUDE, GEMINI)],
    *[(openai_responses, model) for model in (CLAUDE, GEMINI)],
    *[(claude, model) for model in (GPT, GEMINI)],
    *[(gemini, model) for model in (GPT, CLAUDE)],
]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0].__name__}-{pair[1].partition('/')[0]}")
def model(request, world):
    front, model = request.param
    return front(world.path("acme", "main", "compat"), world.environment["APP_TOKEN"], model)


@tool
def find_weather(city: str) -> str:
    """Today's weather."""
    return f"sunny in {city}"


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int


def test_a_plain_answer_and_a_stream_say_the_same_with_usage(model, unique):
    messages = [("system", "Be brief."), ("human", unique)]
    plain = model.invoke(messages)
    assert plain.text.startswith(f"Echo: {unique}")
    assert plain.usage_metadata["output_tokens"] == 24
    chunks = list(model.stream(messages))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.text == plain.text
    assert whole.usage_metadata["output_tokens"] == 24


def test_a_tool_is_called_and_its_result_answered(model, unique):
    bound = model.bind_tools([find_weather])
    called = bound.invoke(unique)
    (call,) = called.tool_calls
    assert (call["name"], call["args"]) == ("find_weather", {"city": "Lyon"})
    result = ToolMessage(find_weather.invoke(call["args"]), tool_call_id=call["id"], name=call["name"])
    assert bound.invoke([("human", unique), called, result]).text.startswith("Echo:")
    chunks = list(bound.stream(unique))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("find_weather", {"city": "Lyon"})]


def test_an_answer_fits_a_schema(model, unique):
    assert model.with_structured_output(Trip).invoke(unique) == Trip(city="Lyon", days=1)
