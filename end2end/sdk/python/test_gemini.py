"""The google-genai package on `…/{team}/{gateway}/google-ai-studio`."""

import pytest
from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="find_weather",
            parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}),
        )
    ]
)


def client_of(world, key):
    options = types.HttpOptions(base_url=world.path("acme", "main", "google-ai-studio"))
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def client(world):
    return client_of(world, world.environment["APP_TOKEN"])


def test_a_plain_answer_has_text_and_usage(client, unique):
    answer = client.models.generate_content(model=MODEL, contents=unique)
    assert answer.text.startswith(f"Echo: {unique}")
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count) == (5, 24)


def test_a_stream_says_the_same(client, unique):
    plain = client.models.generate_content(model=MODEL, contents=unique).text
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=unique))
    assert len(chunks) == 24
    assert "".join(chunk.text for chunk in chunks) == plain


def test_a_tool_is_called(client, unique):
    config = types.GenerateContentConfig(
        tools=[TOOL], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    answer = client.models.generate_content(model=MODEL, contents=unique, config=config)
    assert (answer.function_calls[0].name, answer.function_calls[0].args) == ("find_weather", {"city": "Lyon"})


def test_embeddings_and_token_counts_come_through(client, unique):
    embedded = client.models.embed_content(model="gemini-embedding-001", contents=[unique])
    assert len(embedded.embeddings[0].values) == 16
    assert client.models.count_tokens(model=MODEL, contents=unique).total_tokens == 5


def test_a_provider_error_arrives_as_the_sdks_own(client, unique):
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=MODEL, contents=f"{unique} mock-status-503")
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


def test_the_gateways_own_refusal_is_a_gemini_error(world, unique):
    # Held by a name: a client that is collected closes its connections under the request.
    client = client_of(world, "weir_nobody_0000000000000")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents=unique)
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
