"""Takes bodies and streams out of recorded exchanges, as input for the fuzz targets.

    recorded.py RECORDINGS OUTPUT
"""

import json
import pathlib
import sys

TARGETS = {
    "chat_completions": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic",
    "generate_content": "gemini",
    "stream_generate_content": "gemini",
    "converse": "bedrock",
    "converse_stream": "bedrock",
    "chat_v2": "cohere",
    "native_chat": "ollama",
}
STREAMS = ["response.sse", "response.ndjson", "response.eventstream"]
# More takes too long for each try.
MOST = 16384


def main():
    recordings, output = map(pathlib.Path, sys.argv[1:])
    for operation, target in TARGETS.items():
        for case in recordings.glob(f"*/{operation}/*"):
            name = "-".join(case.parts[-3:])
            for part in ["request", "response"]:
                body = read(case / f"{part}.json").get("body")
                if isinstance(body, (dict, list)):
                    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
                    write(output, [target, "scanner"] if part == "request" else [target], f"{name}.{part}", text.encode())
            for stream in STREAMS:
                if (case / stream).exists():
                    also = {"response.sse": ["sse"], "response.eventstream": ["event_stream"]}.get(stream, [])
                    write(output, [target, *also], f"{name}.{stream}", (case / stream).read_bytes())


def read(path):
    return json.loads(path.read_bytes()) if path.exists() else {}


def write(output, targets, name, content):
    for target in targets:
        if len(content) <= MOST:
            (output / target).mkdir(parents=True, exist_ok=True)
            (output / target / name).write_bytes(content)


main()
