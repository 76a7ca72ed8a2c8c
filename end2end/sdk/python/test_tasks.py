"""The endpoints beside chat, as the official SDKs call them."""

import io
import time

import cohere
import openai
import pytest
from google import genai
from google.genai import types

EMBEDDERS = [
    "openai/text-embedding-3-small",
    "google-ai-studio/gemini-embedding-001",
    "cohere/embed-v4.0",
    "ollama/nomic-embed-text",
    "voyage/voyage-3.5",
]
AUDIO = b"RIFF\x24\x00\x00\x00WAVEfmt \r\n--almost a boundary\r\n\xff\xfe"


@pytest.fixture(params=["unified", "compat"])
def client(request, world):
    bases = {
        "unified": (f"{world.url}/v1", world.environment["SINGLE_TOKEN"]),
        "compat": (world.path("acme", "main", "compat"), world.environment["APP_TOKEN"]),
    }
    base, key = bases[request.param]
    with openai.OpenAI(base_url=base, api_key=key, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", EMBEDDERS)
def test_embeddings_at_any_provider(client, unique, model):
    texts = [unique, "second"]
    packed = client.embeddings.create(model=model, input=texts)
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float", dimensions=8)
    assert [one.index for one in packed.data] == [0, 1]
    # The SDK asks for Base64 by itself and unpacks it.
    assert all(isinstance(number, float) for one in packed.data for number in one.embedding)
    assert [len(one.embedding) for one in plain.data] == [8, 8]
    assert plain.data[0].embedding != plain.data[1].embedding
    assert plain.usage.total_tokens > 0


def test_tokens_reach_only_who_takes_them(client):
    answer = client.embeddings.create(model="openai/text-embedding-3-small", input=[[1, 2], [3]])
    assert len(answer.data) == 2
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="cohere/embed-v4.0", input=[[1, 2], [3]])
    assert caught.value.param == "input"


def test_images(client, unique):
    made = client.images.generate(model="openai/gpt-image-1", prompt=unique, n=2, size="1024x1024")
    assert len(made.data) == 2 and made.data[0].b64_json
    assert made.usage.output_tokens == 272
    edited = client.images.edit(model="openai/gpt-image-1", image=("cat.png", io.BytesIO(b"\x89PNG\r\n\x1a\n")), prompt=unique)
    assert edited.data[0].b64_json


def test_speech_passes_byte_for_byte(client, world, unique):
    with client.audio.speech.with_streaming_response.create(model="openai/tts-1", voice="alloy", input=unique) as answer:
        sound = answer.read()
        assert answer.headers["content-type"] == "audio/mpeg"
    assert sound.startswith(b"ID3\x04\x00") and sound.endswith(b"\xff\xfb")


def test_a_recording_is_written_down(client, world):
    said = client.audio.transcriptions.create(model="openai/whisper-1", file=("a.wav", AUDIO), language="en")
    assert said.text == f"{len(AUDIO)} bytes of a.wav"
    assert said.usage.seconds == 90
    plain = client.audio.transcriptions.create(model="openai/whisper-1", file=("a.wav", AUDIO), response_format="text")
    assert plain.strip() == said.text
    english = client.audio.translations.create(model="openai/whisper-1", file=("a.wav", AUDIO))
    assert english.text == said.text


def test_a_recording_is_written_down_as_a_stream(client):
    events = list(client.audio.transcriptions.create(model="openai/gpt-4o-transcribe", file=("a.wav", AUDIO), stream=True))
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == f"{len(AUDIO)} bytes of a.wav"
    assert events[-1].type == "transcript.text.done"


def test_moderations(client):
    assert not client.moderations.create(input="a lamb").results[0].flagged
    assert client.moderations.create(model="openai/omni-moderation-latest", input="violence").results[0].flagged


def test_files_and_batches(client):
    made = client.files.create(file=("questions.jsonl", b'{"custom_id":"1"}\n'), purpose="batch")
    assert (made.filename, made.bytes) == ("questions.jsonl", 18)
    assert client.files.retrieve(made.id).id == made.id
    assert client.files.content(made.id).read() == b'{"custom_id":"1"}\n'
    assert [one.id for one in client.files.list()] == ["file-1"]
    assert client.files.delete(made.id).deleted
    batch = client.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert batch.status == "validating"
    assert client.batches.retrieve(batch.id).status == "completed"
    assert client.batches.cancel(batch.id).status == "cancelling"
    assert [one.id for one in client.batches.list()] == ["batch_1"]


def test_a_token_for_some_models_makes_no_batch(world):
    with openai.OpenAI(base_url=f"{world.url}/v1", api_key=world.environment["MODEL_TOKEN"], max_retries=0) as client:
        with pytest.raises(openai.PermissionDeniedError):
            client.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
        with pytest.raises(openai.PermissionDeniedError):
            client.embeddings.create(model="openai/text-embedding-3-small", input="a")


def test_what_is_not_offered_is_an_error_of_the_sdk(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="anthropic/claude-haiku-4-5", input="a")
    assert caught.value.code == "not_offered"


@pytest.mark.parametrize("model", ["google-ai-studio/gemini-embedding-001", "openai/text-embedding-3-small", "cohere/embed-v4.0"])
def test_the_genai_package_embeds_at_any_provider(world, unique, model):
    options = types.HttpOptions(base_url=world.path("acme", "main", "compat"))
    client = genai.Client(api_key=world.environment["APP_TOKEN"], http_options=options)
    config = types.EmbedContentConfig(output_dimensionality=8)
    answer = client.models.embed_content(model=model, contents=[unique, "second"], config=config)
    assert [len(one.values) for one in answer.embeddings] == [8, 8]


@pytest.mark.parametrize("model", ["cohere/rerank-v3.5", "voyage/rerank-2.5"])
def test_the_cohere_package_ranks_at_any_provider(world, model):
    base = world.path("acme", "main", "compat")
    client = cohere.ClientV2(api_key=world.environment["APP_TOKEN"], base_url=base)
    documents = ["rain and wind", "sun", "rain"]
    answer = client.rerank(model=model, query="rain and", documents=documents, top_n=2)
    assert [one.index for one in answer.results] == [0, 2]
    assert answer.results[0].relevance_score == 1.0


def test_what_was_consumed_is_written_down(world):
    base = world.path("acme", "main", "compat")
    with openai.OpenAI(base_url=base, api_key=world.environment["APP_TOKEN"], max_retries=0) as client:
        client.audio.transcriptions.create(model="openai/whisper-1", file=("a.wav", AUDIO))
        client.audio.speech.create(model="openai/tts-1", voice="alloy", input="hello").read()
    # $0.36 an hour, and $15 for a million characters.
    wanted = {("transcriptions", "90", "0", "9000000", "reported"), ("speech", "0", "5", "75000", "estimated")}
    columns = "surface, audio_seconds, characters, cost_nanos, usage_source"
    until = time.monotonic() + 20
    while not wanted <= (found := set(world.select(f"SELECT {columns} FROM requests"))):
        assert time.monotonic() < until, found
        time.sleep(0.02)
