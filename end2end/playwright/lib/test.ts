// The test function of every spec: a server to talk to, and a page whose console must stay clean.

import { type Cookie, test as base, expect } from "@playwright/test";

import { SignInPage } from "../pages/people.ts";
import { Installation } from "./installation.ts";

type Fixtures = {
  /** An installation of the test's own that nobody has set up. */
  fresh: Installation;
  /** Console messages that the test expects; others fail it. */
  expectedMessages: RegExp[];
  cleanConsole: void;
  /** Whether scripts run. */
  scripted: boolean;
  /** Shows the owner the first page, signed in. */
  signedIn: void;
};

type WorkerFixtures = {
  /** An installation with a team, shared by the tests of a worker. */
  furnished: Installation;
  /** What the owner's browser keeps since the latest way through the sign-in page. */
  kept: { cookies: Cookie[] };
};

// Nobody fetches the preloaded scripts where none run.
const noiseWithoutScripts = [/was preloaded using link preload but not used/];

export const test = base.extend<Fixtures, WorkerFixtures>({
  fresh: async ({ page }, use) => {
    const installation = await Installation.start(false);
    await use(installation);
    // What a page still loads must not meet a server that is gone.
    await page.close();
    await installation.stop();
  },

  furnished: [
    async ({}, use) => {
      const installation = await Installation.start(true);
      await use(installation);
      await installation.stop();
    },
    { scope: "worker" },
  ],

  expectedMessages: [[], { option: true }],

  cleanConsole: [
    async ({ page, expectedMessages, scripted }, use) => {
      const messages: string[] = [];
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) messages.push(`${message.type()}: ${message.text()}`);
      });
      page.on("pageerror", (error) => messages.push(`exception: ${error.message}`));
      await use();
      const expected = [...expectedMessages, ...(scripted ? [] : noiseWithoutScripts)];
      const unexpected = messages.filter((message) => !expected.some((pattern) => pattern.test(message)));
      expect(unexpected, "the browser's console").toEqual([]);
    },
    { auto: true },
  ],

  scripted: async ({ javaScriptEnabled }, use) => use(javaScriptEnabled !== false),

  kept: [async ({}, use) => use({ cookies: [] }), { scope: "worker" }],

  // A password takes its time to be checked: the page is used once, and again where a test has ended that session.
  signedIn: async ({ page, context, furnished, kept }, use) => {
    await context.addCookies(kept.cookies);
    await page.goto(furnished.url);
    if ((await page.getByRole("button", { name: "Sign out" }).count()) === 0) {
      await new SignInPage(page, furnished).enter();
      kept.cookies = await context.cookies();
    }
    await use();
  },
});

export { expect };
