"""Claude Code's way of calling, at providers that speak another API: its headers and fields as the command-line client
sends them, written by hand."""

import json
import urllib.request

import pytest

MODELS = ["openai/gpt-5-mini", "google-ai-studio/gemini-3-flash-preview"]
HEADERS = {
    "accept": "application/json",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14,"
    "prompt-caching-scope-2026-01-05",
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
    "x-app": "cli",
    "x-stainless-arch": "x64",
    "x-stainless-helper-method": "stream",
    "x-stainless-lang": "js",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "0.70.0",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "node",
    "x-stainless-timeout": "600",
}
EPHEMERAL = {"type": "ephemeral"}
TOOLS = [
    {
        "name": "Bash",
        "description": "Runs a command.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "command": {"type": "string", "description": "The command"},
                "timeout": {"type": "number", "description": "Milliseconds, at most 600000"},
                "run_in_background": {"type": "boolean"},
            },
            "required": ["command"],
            "additionalProperties": False,
        },
    },
    {
        "name": "TodoWrite",
        "description": "Keeps the list of what is to do.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "todos": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "content": {"type": "string", "minLength": 1},
                            "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
                        },
                        "required": ["content", "status"],
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["todos"],
            "additionalProperties": False,
        },
        "cache_control": EPHEMERAL,
    },
]
SYSTEM = [
    {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.0; cc_entrypoint=cli;"},
    {"type": "text", "text": "You are Claude Code.", "cache_control": EPHEMERAL},
    {"type": "text", "text": "Use the tools. Be brief.\n\nPlatform: linux", "cache_control": EPHEMERAL},
]


def question(model, messages):
    return {
        "model": model,
        "messages": messages,
        "system": SYSTEM,
        "tools": TOOLS,
        "metadata": {"user_id": "user_0123_account__session_4567"},
        "max_tokens": 32000,
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "stream": True,
    }


def opening(unique):
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>\nThe date is today's.\n</system-reminder>\n"},
            {"type": "text", "text": f"Which files are here? {unique}", "cache_control": EPHEMERAL},
        ],
    }


def send(world, path, body):
    url = world.path("acme", "main", f"compat/v1/{path}?beta=true")
    headers = {**HEADERS, "authorization": f"Bearer {world.environment['APP_TOKEN']}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers, answer.read().decode()


def events(stream):
    """The events, each with its name equal to the type in its data, and what of the message they add up to."""
    blocks = {}
    for frame in stream.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.split("\n"))
        data = json.loads(lines["data"])
        assert data["type"] == lines["event"]
        if data["type"] == "content_block_start":
            blocks[data["index"]] = {**data["content_block"], "json": ""}
        elif data["type"] == "content_block_delta":
            delta, block = data["delta"], blocks[data["index"]]
            for key in ("text", "thinking", "signature"):
                if key in delta:
                    block[key] = block.get(key, "") + delta[key]
            block["json"] += delta.get("partial_json", "")
        yield data, blocks


def message(stream):
    last, blocks = None, {}
    for data, so_far in events(stream):
        blocks = so_far
        if data["type"] == "message_delta":
            last = data
    assert data["type"] == "message_stop"
    content = []
    for index in sorted(blocks):
        block = blocks[index]
        arguments = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(arguments)
        content.append(block)
    return content, last


@pytest.mark.parametrize("model", MODELS)
def test_a_session_with_tools(world, unique, model):
    messages = [opening(unique)]
    headers, stream = send(world, "messages", question(model, messages))
    assert headers["content-type"].startswith("text/event-stream")
    content, last = message(stream)
    *thoughts, call = content
    # Gemini's signature belongs to the call; it comes as a block of its own before it.
    assert thoughts and {block["type"] for block in thoughts} == {"thinking"}
    assert (call["type"], call["name"], call["input"]["command"]) == ("tool_use", "Bash", "Lyon")
    assert last["delta"]["stop_reason"] == "tool_use"
    assert last["usage"]["output_tokens"] > 0

    result = {
        "tool_use_id": call["id"],
        "type": "tool_result",
        "content": "README.md",
        "is_error": False,
        "cache_control": EPHEMERAL,
    }
    messages += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    _, stream = send(world, "messages", question(model, messages))
    content, last = message(stream)
    assert last["delta"]["stop_reason"] == "end_turn"
    assert content[-1]["text"].startswith("Echo:")

    sent = world.received(1)[-1]
    body = json.loads(sent["body"])
    assert not any(name.startswith(("anthropic-", "x-stainless-")) for name, _ in sent["headers"]), sent["headers"]
    assert "cache_control" not in sent["body"] and "context_management" not in sent["body"]
    if model == MODELS[0]:
        system = body["messages"][0]
        assert (system["role"], "You are Claude Code." in json.dumps(system)) == ("system", True)
        assert [tool["function"]["name"] for tool in body["tools"]] == ["Bash", "TodoWrite"]
    else:
        assert "You are Claude Code." in json.dumps(body["systemInstruction"])
        (declared,) = [tool["functionDeclarations"] for tool in body["tools"]]
        assert [function["name"] for function in declared] == ["Bash", "TodoWrite"]


@pytest.mark.parametrize("model", MODELS)
def test_its_tokens_are_counted(world, unique, model):
    asked = question(model, [opening(unique)])
    counted = {name: asked[name] for name in ("model", "messages", "system", "tools", "thinking")}
    _, answer = send(world, "messages/count_tokens", counted)
    assert json.loads(answer)["input_tokens"] > 10
