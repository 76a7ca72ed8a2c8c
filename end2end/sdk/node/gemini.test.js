// The @google/genai package on `…/{team}/{gateway}/google-ai-studio`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, GoogleGenAI } from "@google/genai";

import { path, token, unique } from "./weir.js";

const open = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: path("main", "google-ai-studio") } });
const { models } = open(token);
const model = "gemini-2.5-flash";

test("a plain answer and a stream say the same", async () => {
  const contents = unique();
  const plain = await models.generateContent({ model, contents });
  assert.ok(plain.text.startsWith(`Echo: ${contents}`));
  assert.equal(plain.usageMetadata.candidatesTokenCount, 24);
  let streamed = "";
  for await (const chunk of await models.generateContentStream({ model, contents })) streamed += chunk.text;
  assert.equal(streamed, plain.text);
});

test("errors are the SDK's own", async () => {
  const failing = models.generateContent({ model, contents: `${unique()} mock-status-503` });
  await assert.rejects(failing, (error) => error instanceof ApiError && error.status === 503);
  const wrong = open("weir_wrong_0000000000000").models.generateContent({ model, contents: "hello" });
  await assert.rejects(wrong, (error) => error instanceof ApiError && error.status === 401);
});
