// Vercel's `ai` package: each of its provider packages in front of providers that speak another API.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { far, path, token, unique } from "./weir.js";

const openai = createOpenAI({ baseURL: path("main", "compat"), apiKey: token });
const anthropic = createAnthropic({ baseURL: path("main", "compat/v1"), apiKey: token });
const google = createGoogleGenerativeAI({ baseURL: path("main", "compat/v1beta"), apiKey: token });

const fronts = {
  "@ai-sdk/openai, chat": [(model) => openai.chat(model), [far.claude, far.gemini]],
  "@ai-sdk/openai, responses": [(model) => openai.responses(model), [far.claude, far.gemini, far.local]],
  "@ai-sdk/anthropic": [(model) => anthropic(model), [far.gpt, far.gemini, far.local]],
  "@ai-sdk/google": [(model) => google(model), [far.gpt, far.claude]],
};

const asked = [];
const tools = {
  find_weather: tool({
    description: "Today's weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return `sunny in ${city}`;
    },
  }),
};
const maxRetries = 0;

for (const [name, [open, models]] of Object.entries(fronts)) {
  for (const model of models.map(open)) {
    describe(`${name} for ${model.modelId}`, () => {
      test("a plain answer and a stream say the same, with usage", async () => {
        const question = { model, maxRetries, system: "Be brief.", prompt: unique() };
        const plain = await generateText(question);
        assert.ok(plain.text.startsWith(`Echo: ${question.prompt}`), plain.text);
        assert.deepEqual([plain.finishReason, plain.usage.outputTokens], ["stop", 24]);
        const stream = streamText({ ...question, onError: ({ error }) => assert.fail(error) });
        let text = "";
        for await (const piece of stream.textStream) text += piece;
        assert.equal(text, plain.text);
        assert.deepEqual([await stream.finishReason, (await stream.usage).outputTokens], ["stop", 24]);
      });

      test("a tool is called, and its result answered, plain and streamed", async () => {
        const question = { model, maxRetries, prompt: unique(), tools, stopWhen: stepCountIs(3) };
        asked.length = 0;
        const plain = await generateText(question);
        assert.deepEqual(plain.steps.map((step) => step.finishReason), ["tool-calls", "stop"]);
        assert.deepEqual(asked, ["Lyon"]);
        assert.ok(plain.text.startsWith("Echo:"), plain.text);
        const stream = streamText({ ...question, onError: ({ error }) => assert.fail(error) });
        const steps = await stream.steps;
        assert.deepEqual(steps[0].toolCalls.map(({ toolName, input }) => [toolName, input]), [["find_weather", { city: "Lyon" }]]);
        assert.ok((await stream.text).startsWith("Echo:"));
        assert.deepEqual(asked, ["Lyon", "Lyon"]);
      });

      test("an answer fits a schema", async () => {
        const schema = z.object({ city: z.string(), days: z.number() });
        const question = { model, maxRetries, prompt: unique(), output: Output.object({ schema }) };
        assert.deepEqual((await generateText(question)).output, { city: "Lyon", days: 1 });
        const stream = streamText({ ...question, onError: ({ error }) => assert.fail(error) });
        let last;
        for await (const partial of stream.partialOutputStream) last = partial;
        assert.deepEqual(last, { city: "Lyon", days: 1 });
      });

      test("a provider's error is the SDK's own", async () => {
        const failing = generateText({ model, maxRetries, prompt: `mock-status-429 ${unique()}` });
        await assert.rejects(failing, (error) => APICallError.isInstance(error) && error.statusCode === 429);
      });
    });
  }
}
