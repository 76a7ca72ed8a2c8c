// The Responses API with its state, through the openai package, at providers that keep none.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import OpenAI from "openai";

import { path, token, unique } from "./weir.js";

const client = new OpenAI({ baseURL: path("main", "compat"), apiKey: token, maxRetries: 0 });

const received = async (text) => {
  const requests = await (await fetch(`${process.env.MOCK_URL}/mock/requests?last=256`)).json();
  return requests.reverse().find((request) => request.body.includes(text)).body;
};

for (const model of ["anthropic/claude-haiku-4-5", "google-ai-studio/gemini-2.5-flash"]) {
  describe(model, () => {
    test("a response is continued", async () => {
      const text = unique();
      const first = await client.responses.create({ model, input: `${text} first` });
      const stream = await client.responses.create({
        model,
        input: `${text} second`,
        previous_response_id: first.id,
        stream: true,
      });
      let second;
      for await (const event of stream) if (event.type === "response.completed") second = event.response;
      assert.equal(second.previous_response_id, first.id);
      await client.responses.create({ model, input: `${text} third`, previous_response_id: second.id });
      const body = await received(`${text} third`);
      assert.ok(body.includes(`${text} first`) && body.includes(`${text} second`));
    });

    test("what is kept is retrieved, listed and deleted", async () => {
      const text = unique();
      const made = await client.responses.create({ model, input: text });
      assert.equal((await client.responses.retrieve(made.id)).output_text, made.output_text);
      const items = [];
      for await (const item of client.responses.inputItems.list(made.id)) items.push(item.content[0].text);
      assert.deepEqual(items, [text]);
      await client.responses.delete(made.id);
      await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
      await assert.rejects(client.responses.create({ model, input: text, previous_response_id: made.id }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.equal(error.code, "previous_response_not_found");
        return true;
      });
    });

    test("a conversation keeps what was said", async () => {
      const text = unique();
      const conversation = await client.conversations.create({ metadata: { topic: "weather" } });
      await client.responses.create({ model, input: `${text} one`, conversation: conversation.id });
      await client.responses.create({ model, input: `${text} two`, conversation: conversation.id });
      assert.ok((await received(`${text} two`)).includes(`${text} one`));
      const roles = [];
      for await (const item of client.conversations.items.list(conversation.id, { order: "asc" })) roles.push(item.role);
      assert.deepEqual(roles, ["user", "assistant", "user", "assistant"]);
      assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
    });

    test("a response is made in the background, and cancelled", async () => {
      let response = await client.responses.create({ model, input: `${unique()} mock-ttft-200`, background: true });
      while (["queued", "in_progress"].includes(response.status)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        response = await client.responses.retrieve(response.id);
      }
      assert.equal(response.status, "completed");
      const other = await client.responses.create({ model, input: `${unique()} mock-ttft-20000`, background: true });
      assert.equal((await client.responses.cancel(other.id)).status, "cancelled");
    });
  });
}
