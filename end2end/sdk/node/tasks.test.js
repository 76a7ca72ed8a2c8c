// The endpoints beside chat, with the openai package.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI, { toFile } from "openai";

import { path, token, unique } from "./weir.js";

const client = new OpenAI({ baseURL: path("main", "compat"), apiKey: token, maxRetries: 0 });
const audio = Buffer.from([0x52, 0x49, 0x46, 0x46, 0, 0xff, 13, 10, 45, 45]);

for (const model of ["openai/text-embedding-3-small", "google-ai-studio/gemini-embedding-001", "cohere/embed-v4.0"]) {
  test(`embeddings of ${model}`, async () => {
    const input = [unique(), "second"];
    const packed = await client.embeddings.create({ model, input });
    const plain = await client.embeddings.create({ model, input, encoding_format: "float", dimensions: 8 });
    assert.deepEqual(packed.data.map((one) => one.embedding.length), [16, 16]);
    assert.deepEqual(plain.data.map((one) => one.embedding.length), [8, 8]);
    assert.ok(Math.abs(plain.data[0].embedding[0]) <= 1);
  });
}

test("pictures are made", async () => {
  const made = await client.images.generate({ model: "openai/gpt-image-1", prompt: unique(), n: 2 });
  assert.equal(made.data.length, 2);
});

test("a text is spoken", async () => {
  const answer = await client.audio.speech.create({ model: "openai/tts-1", voice: "alloy", input: unique() });
  const sound = Buffer.from(await answer.arrayBuffer());
  assert.deepEqual([...sound.subarray(0, 5), ...sound.subarray(-2)], [0x49, 0x44, 0x33, 4, 0, 0xff, 0xfb]);
});

test("a recording is written down", async () => {
  const file = await toFile(audio, "a.wav");
  const said = await client.audio.transcriptions.create({ model: "openai/whisper-1", file });
  assert.equal(said.text, `${audio.length} bytes of a.wav`);
});

test("a text is judged", async () => {
  const answer = await client.moderations.create({ input: "violence" });
  assert.equal(answer.results[0].flagged, true);
});

test("files and batches are kept", async () => {
  const file = await client.files.create({ file: await toFile(Buffer.from("{}\n"), "q.jsonl"), purpose: "batch" });
  assert.equal(file.filename, "q.jsonl");
  const request = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
  const batch = await client.batches.create(request);
  assert.equal((await client.batches.retrieve(batch.id)).status, "completed");
});
