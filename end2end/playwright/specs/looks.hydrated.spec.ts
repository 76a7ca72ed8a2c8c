// Every page: no serious accessibility fault in light and in dark, no sideways scrolling at 390 px, and pictures of all.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { MembersPage } from "../pages/members.ts";
import { TokensPage } from "../pages/resources.ts";
import { RoutesPage } from "../pages/routes.ts";

const pictures = resolve(import.meta.dirname, "../../output/pictures");
const team = `/${owner.slug}`;
const pages: Record<string, string> = {
  "sign-in": "/sign-in",
  overview: team,
  requests: `${team}/requests`,
  "requests-none": `${team}/requests?model=nothing`,
  gateways: `${team}/gateways`,
  "gateway-new": `${team}/gateways/new`,
  gateway: `${team}/gateways/main`,
  connect: `${team}/gateways/main/connect`,
  "connect-claude-code": `${team}/gateways/main/connect?client=claude-code`,
  routes: `${team}/gateways/main/routes`,
  "route-new": `${team}/gateways/main/routes/new`,
  keys: `${team}/keys`,
  tokens: `${team}/tokens`,
  "token-new": `${team}/tokens/new`,
  policies: `${team}/policies`,
  "policy-new": `${team}/policies/new`,
  "policy-new-text": `${team}/policies/new?as=text&token=app`,
  prices: `${team}/prices`,
  "prices-found": `${team}/prices?provider=openai&model=gpt-5`,
  "price-new": `${team}/prices/new`,
  "price-new-text": `${team}/prices/new?as=text`,
  costs: `${team}/costs`,
  "costs-by-day": `${team}/costs?by=day&and=token`,
  members: `${team}/members`,
  "member-new": `${team}/members/new`,
  audit: `${team}/audit`,
  account: "/account",
  "not-found": `${team}/nowhere/at/all`,
};

async function check(page: Page, name: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
    expect.soft(told, `${name}, ${colorScheme}`).toEqual([]);
    await page.screenshot({ path: `${pictures}/${name}-${colorScheme}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: "light" });
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(overflow, `${name} at 390 px scrolls sideways`).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `${pictures}/${name}-390.png`, fullPage: true });
  if (size) await page.setViewportSize(size);
}

test.beforeAll(async ({ furnished }) => {
  mkdirSync(pictures, { recursive: true });
  const asked = ["hello", "hello", "how deep?", "mock-status-500", "mock-status-429", "a longer question about water levels"];
  for (const text of asked) await furnished.ask(text);
});

test("a policy and what it would have done are accessible and fit", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}${team}/policies?as=text`);
  await page.locator("a.row-link").first().click();
  const address = page.url();
  await page.goto(`${address}?as=text`);
  await check(page, "policy-text");
  await page.goto(`${address}/simulation`);
  await check(page, "policy-simulation");
});

test("a route and a version are accessible and fit", async ({ page, furnished, signedIn }) => {
  const routes = new RoutesPage(page, `${furnished.url}${team}/gateways/main/routes`);
  await routes.create("looked-at", RoutesPage.elements("gpt-4o", "gpt-4o-mini"));
  await routes.press("Deploy version 1");
  await routes.save(RoutesPage.elements("gpt-5", "no-such-model"), "a comment");
  await check(page, "route");
  await page.getByRole("link", { name: "Version 2", exact: true }).click();
  await check(page, "route-version");
});

test("a token with all that it can have is accessible and fits", async ({ page, furnished, signedIn }) => {
  const tokens = new TokensPage(page);
  const address = `${furnished.url}${team}/tokens`;
  const name = `${"looks-".repeat(9)}limited-64`;
  const token = await tokens.issueWith(address, name, { Requests: "2", "Cost per month": "1000" });
  for (const text of ["one", "two"]) await furnished.ask(`looks ${text}`, { token });
  await tokens.open(address, name);
  await tokens.showMore();
  await tokens.field("Providers").fill("openai\nanthropic");
  await tokens.field("IP ranges").fill("127.0.0.0/8\n2001:db8::/32");
  await tokens.field("The ticked ones alone").check();
  for (const endpoint of ["Chat completions", "Embeddings", "Providers' own APIs"]) await tokens.field(endpoint).check();
  await tokens.save();
  await tokens.rotate("Works for another 24 hours");
  await check(page, "token-full");
  await tokens.field("IP ranges").fill("home");
  await tokens.save();
  await check(page, "token-refused");
  await page.goto(address);
  await check(page, "tokens-full");
  await page.goto(`${furnished.url}${team}/policies`);
  await check(page, "policies-own");
});

test("the set-up page is accessible", async ({ page, fresh }) => {
  await page.goto(fresh.setupLink());
  await check(page, "setup");
});

test("an invitation is accessible from the link to the way in", async ({ page, furnished, signedIn }) => {
  const members = new MembersPage(page, `${furnished.url}${team}/members`);
  const link = await members.invite("looks@example.com", "admin");
  await check(page, "members-invited");
  await page.goto(link);
  await check(page, "join");
});

for (const [name, path] of Object.entries(pages)) {
  test.describe(name, () => {
    if (name === "not-found") test.use({ expectedMessages: [/404 \(Not Found\)/] });

    test("is accessible and fits", async ({ page, furnished, signedIn }) => {
      if (name === "sign-in") await page.context().clearCookies();
      await page.goto(furnished.url + path);
      await expect(page.locator("h1")).toBeVisible();
      await check(page, name);
    });
  });
}

test("the pages of one thing are accessible and fit", async ({ page, furnished, signedIn }) => {
  const first = { request: "requests", key: "keys", token: "tokens", policy: "policies", member: "members" };
  for (const [name, list] of Object.entries(first)) {
    await page.goto(`${furnished.url}${team}/${list}`);
    await page.locator("a.row-link").first().click();
    await expect(page.locator("h1")).toBeVisible();
    await check(page, name);
  }
});
