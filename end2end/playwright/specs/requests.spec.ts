// The log: filters, pages, one request in full.

import { type Installation, owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";

/** Sends enough for two pages, once for an installation. */
const sent = new WeakSet<Installation>();
async function traffic(installation: Installation) {
  if (sent.has(installation)) return;
  sent.add(installation);
  const texts = Array.from({ length: 70 }, (_, number) => `paging ${number}`);
  await Promise.all(texts.map((text) => installation.ask(text)));
  await installation.ask("this one fails mock-status-500", { model: "gpt-4.1" });
}

test.beforeEach(async ({ page, furnished, signedIn }) => {
  await traffic(furnished);
  await page.goto(`${furnished.url}/${owner.slug}/requests`);
});

const rows = (page: import("@playwright/test").Page) =>
  page.getByRole("table", { name: "Requests, newest first" }).locator("tbody tr");

test("filters narrow the log and stay in the address", async ({ page }) => {
  await expect.poll(async () => (await page.reload(), rows(page).filter({ hasText: "gpt-4.1" }).count())).toBeGreaterThan(0);
  await page.getByLabel("Status").selectOption("5xx");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/status=5xx/);
  await expect(rows(page).first()).toContainText("500");
  await expect(rows(page).filter({ hasText: "200" })).toHaveCount(0);
  await page.getByLabel("Status").selectOption("");
  await page.getByLabel("Model").selectOption("gpt-4o-mini");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(rows(page).filter({ hasText: "gpt-4.1" })).toHaveCount(0);
});

test("older requests are a page away and none is shown twice", async ({ page }) => {
  await expect.poll(async () => (await page.reload(), rows(page).count())).toBeGreaterThanOrEqual(50);
  const links = async () => rows(page).locator("a.row-link").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  const first = await links();
  await page.getByRole("link", { name: /Older/ }).click();
  await expect(page).not.toHaveURL(/requests$/);
  const second = await links();
  expect(second.length).toBeGreaterThan(0);
  expect(first.filter((link) => second.includes(link))).toEqual([]);
});

test("a request is shown with its bodies, timing, usage and cost", async ({ page }) => {
  await expect.poll(async () => (await page.reload(), rows(page).filter({ hasText: "gpt-4o-mini" }).count())).toBeGreaterThan(0);
  await rows(page).filter({ hasText: "gpt-4o-mini" }).first().locator("a.row-link").click();
  await expect(page.getByRole("heading", { name: /^Request / })).toBeVisible();
  for (const part of ["Request", "Response", "Timing", "Cost", "Cache & policy"]) {
    await page.getByRole("link", { name: part, exact: true }).last().click();
    await expect(page.locator("main h2, main dl, main table, main pre").first()).toBeVisible();
  }
  await page.getByRole("link", { name: "Cost", exact: true }).click();
  await expect(page.getByRole("table", { name: "Cost, line by line" })).toContainText("Input tokens");
});
