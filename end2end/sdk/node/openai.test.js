// The openai package, through both forms of URL.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import OpenAI from "openai";

import { path, singleToken, token, unique, url } from "./weir.js";

const model = "gpt-4o-mini";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "find_weather", parameters } }];
const user = (content) => [{ role: "user", content }];
const open = (baseURL, apiKey = token) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const doors = {
  unified: [open(`${url}/v1`, singleToken), `openai/${model}`],
  compat: [open(path("main", "compat")), `openai/${model}`],
  native: [open(path("main", "openai")), model],
  "native with v1": [open(path("main", "openai/v1")), model],
};

for (const [name, [client, model]] of Object.entries(doors)) {
  describe(name, () => {
    test("a plain answer has text and usage", async () => {
      const text = unique();
      const answer = await client.chat.completions.create({ model, messages: user(text) });
      assert.ok(answer.choices[0].message.content.startsWith(`Echo: ${text}`));
      assert.equal(answer.usage.total_tokens, 29);
    });

    test("a stream says the same and hides usage nobody asked for", async () => {
      const text = unique();
      const plain = await client.chat.completions.create({ model, messages: user(text) });
      let streamed = "";
      for await (const chunk of await client.chat.completions.create({ model, messages: user(text), stream: true })) {
        assert.equal(chunk.usage ?? null, null);
        streamed += chunk.choices[0].delta.content ?? "";
      }
      assert.equal(streamed, plain.choices[0].message.content);
    });

    test("a stream shows usage to who asks", async () => {
      const request = { model, messages: user(unique()), stream: true, stream_options: { include_usage: true } };
      let last;
      for await (const chunk of await client.chat.completions.create(request)) last = chunk;
      assert.equal(last.usage.completion_tokens, 24);
    });

    test("a tool is called", async () => {
      const answer = await client.chat.completions.create({ model, messages: user(unique()), tools });
      const [call] = answer.choices[0].message.tool_calls;
      assert.deepEqual([call.function.name, call.function.arguments], ["find_weather", '{"city":"Lyon"}']);
    });

    test("a provider error arrives as the SDK's own", async () => {
      const request = { model, messages: user(`${unique()} mock-status-429 mock-retry-after-7`) };
      await assert.rejects(client.chat.completions.create(request), (error) => {
        assert.ok(error instanceof OpenAI.RateLimitError);
        assert.equal(new Headers(error.headers).get("retry-after"), "7");
        return true;
      });
    });
  });
}

test("embeddings come through", async () => {
  const answer = await open(path("main", "openai")).embeddings.create({ model: "text-embedding-3-small", input: "one" });
  assert.equal(answer.data[0].embedding.length, 16);
});

test("a wrong token is an authentication error", async () => {
  const client = open(path("main", "openai"), "weir_wrong_0000000000000");
  await assert.rejects(client.chat.completions.create({ model, messages: user("hello") }), OpenAI.AuthenticationError);
});

test("a repeated request is a hit, plain and streamed", async () => {
  const client = open(path("cached", "openai"));
  for (const stream of [false, true]) {
    const request = { model, messages: user(unique()), stream };
    const seen = [];
    for (let count = 0; count < 2; count += 1) {
      const { data, response } = await client.chat.completions.create(request).withResponse();
      if (stream) for await (const _ of data);
      seen.push(response.headers.get("cf-aig-cache-status"));
    }
    assert.deepEqual(seen, ["MISS", "HIT"]);
  }
});

test("leaving a stream early cancels it", async () => {
  const stream = await open(path("main", "openai")).chat.completions.create({
    model,
    messages: user(`${unique()} mock-tokens-5000 mock-pace-5`),
    stream: true,
  });
  let chunks = 0;
  for await (const _ of stream) if ((chunks += 1) === 5) break;
  assert.equal(chunks, 5);
});
