// The log: filters, pages, one request in full.

import type { Page } from "@playwright/test";

import { type Installation, batchToken, owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";

/** Sends enough for two pages, once for an installation. */
const sent = new WeakSet<Installation>();
async function traffic(installation: Installation) {
  if (sent.has(installation)) return;
  sent.add(installation);
  const texts = Array.from({ length: 70 }, (_, number) => `paging ${number}`);
  await Promise.all(texts.map((text) => installation.ask(text)));
  await installation.ask("from another provider", { provider: "compat", model: "anthropic/claude-haiku-4-5", token: batchToken });
  await installation.ask("this one breaks off mock-close-after-8 mock-pace-20", { model: "gpt-4.1-mini", body: { stream: true } });
  await installation.ask("this one fails mock-status-500", { model: "gpt-4.1" });
}

test.beforeEach(async ({ page, furnished, signedIn }) => {
  await traffic(furnished);
  await page.goto(`${furnished.url}/${owner.slug}/requests`);
});

const rows = (page: Page) =>
  page.getByRole("table", { name: "Requests, newest first" }).locator("tbody tr");

const shown = (page: Page, text: string) =>
  expect.poll(async () => (await page.reload(), rows(page).filter({ hasText: text }).count())).toBeGreaterThan(0);

/** Sends the filters' form with these choices, on a form that has none. */
async function narrow(page: Page, filters: Partial<Record<"Status" | "Provider" | "Model" | "Token" | "From (UTC)" | "To (UTC)", string>>) {
  const clear = page.getByRole("link", { name: "Clear", exact: true });
  if (await clear.count()) await clear.click();
  await expect(clear).toHaveCount(0);
  for (const [label, value] of Object.entries(filters)) {
    const field = page.getByLabel(label, { exact: true });
    if (label.endsWith("(UTC)")) await field.fill(value);
    else await field.selectOption({ label: value });
  }
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(clear).toBeVisible();
}

test("filters narrow the log and stay in the address", async ({ page }) => {
  await shown(page, "gpt-4.1");
  await narrow(page, { Status: "5xx failed" });
  await expect(page).toHaveURL(/status=5xx/);
  await expect(rows(page).first()).toContainText("500");
  await expect(rows(page).filter({ hasText: "200" })).toHaveCount(0);
  await page.reload();
  await expect(page.getByLabel("Status")).toHaveValue("5xx");
  await narrow(page, { Model: "gpt-4o-mini" });
  await expect(rows(page).first()).toContainText("gpt-4o-mini");
  await expect(rows(page).filter({ hasText: "gpt-4.1" })).toHaveCount(0);
  await narrow(page, { Provider: "anthropic" });
  await expect(rows(page).first()).toContainText("claude");
  await expect(rows(page).filter({ hasText: "gpt-" })).toHaveCount(0);
  await narrow(page, { Token: "batch" });
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("batch");
  await narrow(page, { Token: "batch", Provider: "openai" });
  await expect(page.getByText("No request matches these filters")).toBeVisible();
  await page.getByRole("link", { name: "Show all requests" }).click();
  await expect(rows(page)).toHaveCount(50);
});

test("where there is little room the filters are folded until they are wanted or set", async ({ page }) => {
  const fold = page.locator("summary", { hasText: "Filters" });
  const status = page.getByLabel("Status", { exact: true });
  await expect(fold).toBeHidden();
  await expect(status).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(status).toBeHidden();
  await fold.click();
  await expect(status).toBeVisible();
  await narrow(page, { Status: "5xx failed" });
  await expect(page).toHaveURL(/status=5xx/);
  await expect(status).toBeVisible();
  await page.getByRole("link", { name: "Clear", exact: true }).click();
  await expect(status).toBeHidden();
});

test("the log is narrowed to a span of time", async ({ page }) => {
  await shown(page, "gpt-4.1");
  const minute = (at: number) => new Date(at).toISOString().slice(0, 16);
  const hour = 3_600_000;
  await narrow(page, { "From (UTC)": minute(Date.now() - hour) });
  await expect(rows(page)).toHaveCount(50);
  await expect(page.getByLabel("From (UTC)")).toHaveValue(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
  await narrow(page, { "To (UTC)": minute(Date.now() - hour) });
  await expect(rows(page)).toHaveCount(0);
  await narrow(page, { "From (UTC)": minute(Date.now() + hour) });
  await expect(rows(page)).toHaveCount(0);
});

test("an answer that broke off is found among the errors", async ({ page }) => {
  await shown(page, "gpt-4.1-mini");
  for (const status of ["All errors", "Broken off"]) {
    await narrow(page, { Status: status, Model: "gpt-4.1-mini" });
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText("200");
    await expect(rows(page)).toContainText("upstream_reset");
  }
  await narrow(page, { Status: "Succeeded", Model: "gpt-4.1-mini" });
  await expect(rows(page)).toHaveCount(0);
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
