"""The anthropic package with thinking and tools over several turns, at providers that speak another API. The mock provider
refuses a turn whose signature is missing or is not its own, as the real ones do."""

import json

import anthropic
import openai
import pytest

THOUGHT = "Where is the water deep?"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "find_weather", "input_schema": SCHEMA}
THINK = {"type": "enabled", "budget_tokens": 1024}
# A model that answers unsigned calls with an error, one that signs nothing, one of a compatible provider.
GEMINI = "google-ai-studio/gemini-3-flash-preview"
GPT = "openai/o4-mini"
LOCAL = "custom-local/deepseek-reasoner"


@pytest.fixture
def messages(world):
    base = world.path("acme", "main", "compat")
    with anthropic.Anthropic(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        yield client.messages


def say(client, streamed, **asked):
    if not streamed:
        return client.create(**asked)
    with client.stream(**asked) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("model", [GEMINI, GPT, LOCAL])
def test_a_conversation_goes_on_over_several_calls(world, messages, unique, model, streamed):
    asked = {"model": model, "max_tokens": 2048, "thinking": THINK, "tools": [TOOL]}
    turns = []
    for round_number in range(2):
        turns.append({"role": "user", "content": f"{unique} {round_number}"})
        called = say(messages, streamed, **asked, messages=turns)
        *thoughts, call = called.content
        # Gemini's signature belongs to the call; it comes as a block of its own before it.
        assert thoughts and {block.type for block in thoughts} == {"thinking"}
        assert (call.type, called.stop_reason) == ("tool_use", "tool_use")
        assert "".join(block.thinking for block in thoughts) == THOUGHT
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        turns += [{"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
        answer = say(messages, streamed, **asked, messages=turns)
        assert answer.stop_reason == "end_turn"
        assert [block.type for block in answer.content] == ["thinking", "text"]
        turns.append({"role": "assistant", "content": answer.content})
    sent = json.loads(world.received(1)[-1]["body"])
    if model == GEMINI:
        calls = [part for turn in sent["contents"] for part in turn["parts"] if "functionCall" in part]
        assert len(calls) == 2
        assert all(part["thoughtSignature"].startswith("mock") for part in calls), calls
    else:
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool", "assistant"] + [
            "user",
            "assistant",
            "tool",
        ]
        assert sent["reasoning_effort"], sent


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_chat_completions_keep_claudes_signature(world, unique, streamed):
    """The other way round: what Claude signs passes through the fields that OpenAI-compatible clients send back."""
    base = world.path("acme", "main", "compat")
    function = {"type": "function", "function": {"name": "find_weather", "parameters": SCHEMA}}
    asked = {"model": "anthropic/claude-sonnet-4-5", "reasoning_effort": "low", "tools": [function]}
    with openai.OpenAI(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        turns = [{"role": "user", "content": unique}]
        if streamed:
            with client.chat.completions.stream(**asked, messages=turns) as stream:
                message = stream.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**asked, messages=turns).choices[0].message
        turns += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}]
        assert client.chat.completions.create(**asked, messages=turns).choices[0].finish_reason == "stop"
    blocks = json.loads(world.received(1)[-1]["body"])["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["signature"].startswith("mock")


def test_responses_keep_claudes_signature(world, unique):
    base = world.path("acme", "main", "compat")
    tool = {"type": "function", "name": "find_weather", "parameters": SCHEMA}
    asked = {
        "model": "anthropic/claude-sonnet-4-5",
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "tools": [tool],
    }
    with openai.OpenAI(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        turn = [{"role": "user", "content": unique}]
        called = client.responses.create(**asked, input=turn)
        assert [item.type for item in called.output] == ["reasoning", "function_call"]
        result = {"type": "function_call_output", "call_id": called.output[1].call_id, "output": "sunny"}
        assert client.responses.create(**asked, input=[*turn, *called.output, result]).output_text
    blocks = json.loads(world.received(1)[-1]["body"])["messages"][1]["content"]
    assert blocks[0]["signature"].startswith("mock")
