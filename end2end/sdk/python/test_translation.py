"""Every SDK at providers that speak another API: what the caller sees is its own API, whoever answers."""

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

CLAUDE = "anthropic/claude-haiku-4-5"
GEMINI = "google-ai-studio/gemini-2.5-flash"
GPT = "openai/gpt-4o-mini"
LOCAL = "custom-local/gpt-4o-mini"

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WORDS = 24


def compat(world):
    return world.path("acme", "main", "compat")


# --- openai, chat completions


@pytest.fixture
def chat(world):
    with openai.OpenAI(base_url=compat(world), api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        yield client


FUNCTION = {"type": "function", "function": {"name": "find_weather", "parameters": SCHEMA}}


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_chat_completions_plain_and_streamed(chat, unique, model):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": unique}]
    plain = chat.chat.completions.create(model=model, messages=messages)
    assert plain.choices[0].message.content.startswith(f"Echo: {unique}")
    assert (plain.choices[0].finish_reason, plain.usage.completion_tokens) == ("stop", WORDS)
    with chat.chat.completions.stream(model=model, messages=messages, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == plain.choices[0].message.content
    assert (final.usage.prompt_tokens, final.usage.completion_tokens) == (plain.usage.prompt_tokens, WORDS)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_chat_completions_with_a_tool(chat, unique, model):
    messages = [{"role": "user", "content": unique}]
    plain = chat.chat.completions.create(model=model, messages=messages, tools=[FUNCTION])
    call = plain.choices[0].message.tool_calls[0]
    assert (plain.choices[0].finish_reason, call.function.arguments) == ("tool_calls", '{"city":"Lyon"}')
    with chat.chat.completions.stream(model=model, messages=messages, tools=[FUNCTION]) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (streamed.function.name, streamed.function.arguments) == ("find_weather", '{"city":"Lyon"}')
    messages += [plain.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    assert chat.chat.completions.create(model=model, messages=messages, tools=[FUNCTION]).choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_a_providers_error_reaches_the_openai_package(chat, unique, model):
    with pytest.raises(openai.RateLimitError) as caught:
        messages = [{"role": "user", "content": f"mock-status-429 {unique}"}]
        chat.chat.completions.create(model=model, messages=messages)
    assert caught.value.body["message"] and caught.value.body["original"]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_a_stream_that_breaks_is_an_error_for_the_openai_package(chat, unique, model):
    messages = [{"role": "user", "content": f"mock-close-after-3 {unique}"}]
    with pytest.raises(openai.APIError):
        for _ in chat.chat.completions.create(model=model, messages=messages, stream=True):
            pass


# --- openai, responses


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, LOCAL])
def test_responses_plain_and_streamed(chat, unique, model):
    plain = chat.responses.create(model=model, instructions="Be brief.", input=unique)
    assert plain.output_text.startswith(f"Echo: {unique}")
    assert (plain.status, plain.usage.output_tokens) == ("completed", WORDS)
    with chat.responses.stream(model=model, instructions="Be brief.", input=unique) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert (final.output_text, final.usage.output_tokens) == (plain.output_text, WORDS)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, LOCAL])
def test_responses_with_a_tool(chat, unique, model):
    tools = [{"type": "function", "name": "find_weather", "parameters": SCHEMA}]
    plain = chat.responses.create(model=model, input=unique, tools=tools)
    call = next(item for item in plain.output if item.type == "function_call")
    assert (call.name, call.arguments) == ("find_weather", '{"city":"Lyon"}')
    turn = [{"role": "user", "content": unique}, *plain.output]
    turn.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    assert chat.responses.create(model=model, input=turn, tools=tools).output_text


# --- anthropic


@pytest.fixture
def messages(world):
    with anthropic.Anthropic(base_url=compat(world), api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        yield client.messages


def ask(model, text, **more):
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


TOOL = {"name": "find_weather", "input_schema": SCHEMA}


@pytest.mark.parametrize("model", [GPT, GEMINI, LOCAL])
def test_messages_plain_and_streamed(messages, unique, model):
    plain = messages.create(**ask(model, unique, system="Be brief."))
    assert plain.content[0].text.startswith(f"Echo: {unique}")
    assert (plain.stop_reason, plain.usage.output_tokens) == ("end_turn", WORDS)
    with messages.stream(**ask(model, unique, system="Be brief.")) as stream:
        assert "".join(stream.text_stream) == plain.content[0].text
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", WORDS)


@pytest.mark.parametrize("model", [GPT, GEMINI, LOCAL])
def test_messages_with_a_tool(messages, unique, model):
    plain = messages.create(**ask(model, unique, tools=[TOOL]))
    call = next(block for block in plain.content if block.type == "tool_use")
    assert (plain.stop_reason, call.name, call.input) == ("tool_use", "find_weather", {"city": "Lyon"})
    with messages.stream(**ask(model, unique, tools=[TOOL])) as stream:
        streamed = next(block for block in stream.get_final_message().content if block.type == "tool_use")
    assert streamed.input == {"city": "Lyon"}
    turn = [
        {"role": "user", "content": unique},
        {"role": "assistant", "content": [block.model_dump() for block in plain.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]},
    ]
    assert messages.create(**{**ask(model, unique, tools=[TOOL]), "messages": turn}).stop_reason == "end_turn"


@pytest.mark.parametrize("model", [GPT, GEMINI])
def test_messages_are_counted(messages, unique, model):
    assert messages.count_tokens(model=model, messages=[{"role": "user", "content": unique}]).input_tokens > 0


@pytest.mark.parametrize("model", [GPT, GEMINI])
def test_a_providers_error_reaches_the_anthropic_package(messages, unique, model):
    with pytest.raises(anthropic.RateLimitError):
        messages.create(**ask(model, f"mock-status-429 {unique}"))


# --- google-genai


@pytest.fixture
def models(world):
    options = types.HttpOptions(base_url=compat(world))
    with genai.Client(api_key=world.environment["APP_TOKEN"], http_options=options) as client:
        yield client.models


DECLARATION = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="find_weather",
            parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
        )
    ]
)


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_generate_content_plain_and_streamed(models, unique, model):
    config = types.GenerateContentConfig(system_instruction="Be brief.")
    plain = models.generate_content(model=model, contents=unique, config=config)
    assert plain.text.startswith(f"Echo: {unique}")
    assert plain.usage_metadata.candidates_token_count == WORDS
    chunks = list(models.generate_content_stream(model=model, contents=unique, config=config))
    assert "".join(chunk.text or "" for chunk in chunks) == plain.text
    assert chunks[-1].usage_metadata.candidates_token_count == WORDS


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_generate_content_with_a_tool(models, unique, model):
    config = types.GenerateContentConfig(
        tools=[DECLARATION], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    plain = models.generate_content(model=model, contents=unique, config=config)
    call = plain.function_calls[0]
    assert (call.name, call.args) == ("find_weather", {"city": "Lyon"})
    turn = [
        types.Content(role="user", parts=[types.Part(text=unique)]),
        plain.candidates[0].content,
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name="find_weather", response={"result": "sunny"})],
        ),
    ]
    assert models.generate_content(model=model, contents=turn, config=config).text


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_a_providers_error_reaches_the_genai_package(models, unique, model):
    with pytest.raises(errors.ClientError) as caught:
        models.generate_content(model=model, contents=f"mock-status-429 {unique}")
    assert caught.value.code == 429
