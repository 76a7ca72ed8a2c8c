// LangChain: each of its model classes in front of a provider that speaks another API.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ChatAnthropic } from "@langchain/anthropic";
import { ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

import { far, path, token, unique } from "./weir.js";

const base = path("main", "compat");
const common = { apiKey: token, maxRetries: 0 };
const openai = (model, more) => new ChatOpenAI({ ...common, model, configuration: { baseURL: base }, ...more });
const fronts = {
  "ChatOpenAI": [(model) => openai(model), [far.claude, far.gemini]],
  "ChatOpenAI, responses": [(model) => openai(model, { useResponsesApi: true }), [far.claude, far.gemini]],
  "ChatAnthropic": [(model) => new ChatAnthropic({ ...common, model, anthropicApiUrl: base, maxTokens: 99 }), [far.gpt, far.gemini]],
  "ChatGoogleGenerativeAI": [(model) => new ChatGoogleGenerativeAI({ ...common, model, baseUrl: base }), [far.gpt, far.claude]],
};

const weather = tool(async ({ city }) => `sunny in ${city}`, {
  name: "find_weather",
  description: "Today's weather",
  schema: z.object({ city: z.string() }),
});

for (const [name, [open, models]] of Object.entries(fronts)) {
  for (const model of models) {
    describe(`${name} for ${model}`, () => {
      test("a plain answer and a stream say the same, with usage", async () => {
        const question = unique();
        const plain = await open(model).invoke([["system", "Be brief."], ["human", question]]);
        assert.ok(plain.text.startsWith(`Echo: ${question}`), plain.text);
        assert.equal(plain.usage_metadata.output_tokens, 24);
        let streamed = "";
        for await (const chunk of await open(model).stream([["system", "Be brief."], ["human", question]])) streamed += chunk.text;
        assert.equal(streamed, plain.text);
      });

      test("a tool is called, and its result answered", async () => {
        const bound = open(model).bindTools([weather]);
        const question = unique();
        const called = await bound.invoke(question);
        const [call] = called.tool_calls;
        assert.deepEqual([call.name, call.args], ["find_weather", { city: "Lyon" }]);
        const result = new ToolMessage({ tool_call_id: call.id, name: call.name, content: await weather.invoke(call.args) });
        const answer = await bound.invoke([["human", question], called, result]);
        assert.ok(answer.text.startsWith("Echo:"), answer.text);
        let gathered;
        for await (const chunk of await bound.stream(question)) gathered = gathered ? gathered.concat(chunk) : chunk;
        assert.deepEqual(gathered.tool_calls.map(({ name, args }) => [name, args]), [["find_weather", { city: "Lyon" }]]);
      });

      test("an answer fits a schema", async () => {
        const schema = z.object({ city: z.string(), days: z.number() });
        assert.deepEqual(await open(model).withStructuredOutput(schema).invoke(unique()), { city: "Lyon", days: 1 });
      });
    });
  }
}
