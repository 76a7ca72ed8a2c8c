// Several keys of a provider with one alias: their names, their shares, and what is wrong with them.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { KeysPage } from "../pages/resources.ts";

test("keys with one alias share the requests, and a second without a name is told why not", async ({ page, furnished, signedIn, scripted }) => {
  const alias = scripted ? "pool-a" : "pool-b";
  const keys = new KeysPage(page);
  const open = () => page.goto(`${furnished.url}/${owner.slug}/keys`);
  const rows = page.getByRole("table", { name: "Provider keys" }).locator("tbody tr").filter({ hasText: alias });
  await open();
  await keys.store("mistral", "sk-first", "https://one.example.com", alias);
  await expect(page.getByText("The key is stored and in use.")).toBeVisible();
  await open();
  await expect(rows).toHaveCount(1);
  await expect(rows.first()).toContainText("all");

  await keys.store("mistral", "sk-second", "https://two.example.com", alias);
  await expect(page.getByText("is taken already")).toBeVisible();

  await open();
  await page.locator("summary", { hasText: "One of several keys?" }).click();
  await page.locator("#add").locator('input[name="name"]').fill("eu");
  await page.locator('input[name="weight"]').fill("3");
  await page.locator('input[name="region"]').fill("eu");
  await keys.store("mistral", "sk-second", "https://two.example.com", alias);
  await expect(page.getByRole("heading", { name: `${alias}/eu` })).toBeVisible();
  await expect(page.getByText("75 %")).toBeVisible();

  await page.locator('input[name="weight"]').fill("0");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The key's share of the requests was changed.")).toBeVisible();
  await expect(page.getByText("stands by", { exact: true })).toBeVisible();
  await open();
  await expect(rows).toHaveCount(2);
});

test("a key that the provider refuses shows as parked, with the cause", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "refuses" : "refuses-plain";
  const keys = new KeysPage(page);
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  await keys.addProvider("Refuses", slug, furnished.mock);
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  await keys.store("Refuses", "sk-refused", furnished.mock, slug);
  await expect(page.getByText("The key is stored and in use.")).toBeVisible();
  const key = page.url().replace(/\?.*/, "");
  const facts = page.locator("dl.facts");
  await expect(facts).toContainText("In use");
  const asked = { provider: `custom-${slug}`, headers: { "cf-aig-byok-alias": slug } };
  await expect.poll(() => furnished.ask("mock-status-401", asked)).toBe(401);
  await page.goto(key);
  await expect(facts).toContainText("Parked, asked again in");
  await expect(page.getByText("Parked, because the provider does not know it (status 401)")).toBeVisible();
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  const row = page.getByRole("table", { name: "Provider keys" }).locator("tbody tr").filter({ hasText: slug });
  await expect(row).toContainText("Parked");
});
