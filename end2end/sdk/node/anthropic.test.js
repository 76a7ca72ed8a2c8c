// The @anthropic-ai/sdk package on `…/{team}/{gateway}/anthropic`.

import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { path, token, unique } from "./weir.js";

const open = (apiKey) => new Anthropic({ baseURL: path("main", "anthropic"), apiKey, maxRetries: 0 });
const client = open(token);
const tools = [{ name: "find_weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const ask = (content, more = {}) => ({
  model: "claude-haiku-4-5",
  max_tokens: 100,
  messages: [{ role: "user", content }],
  ...more,
});

test("a plain answer has text and usage", async () => {
  const text = unique();
  const answer = await client.messages.create(ask(text));
  assert.ok(answer.content[0].text.startsWith(`Echo: ${text}`));
  assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [5, 24]);
});

test("a stream says the same", async () => {
  const text = unique();
  const plain = await client.messages.create(ask(text));
  const final = await client.messages.stream(ask(text)).finalMessage();
  assert.equal(final.content[0].text, plain.content[0].text);
  assert.equal(final.usage.output_tokens, 24);
});

test("a tool is called, plain and streamed", async () => {
  const plain = await client.messages.create(ask(unique(), { tools }));
  assert.deepEqual(plain.content[0].input, { city: "Lyon" });
  const final = await client.messages.stream(ask(unique(), { tools })).finalMessage();
  assert.deepEqual([final.stop_reason, final.content[0].input], ["tool_use", { city: "Lyon" }]);
});

test("errors are the SDK's own", async () => {
  await assert.rejects(client.messages.create(ask(`${unique()} mock-status-429`)), Anthropic.RateLimitError);
  await assert.rejects(open("weir_wrong_0000000000000").messages.create(ask("hello")), Anthropic.AuthenticationError);
});
