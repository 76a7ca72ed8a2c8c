// Gateways, keys and tokens: what is changed takes effect, what is wrong is said where it is wrong.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { PoliciesPage } from "../pages/policies.ts";
import { GatewayForm, KeysPage, TokensPage } from "../pages/resources.ts";

test("a gateway's settings are saved and live", async ({ page, furnished, signedIn }) => {
  const address = `${furnished.url}/${owner.slug}/gateways/second`;
  await page.goto(address);
  const form = new GatewayForm(page);
  await form.field("At most").fill("3");
  await form.field("Within").fill("86400");
  await form.field("Window").selectOption("fixed");
  await form.saved();
  await page.goto(address);
  await expect(form.field("At most")).toHaveValue("3");
  await expect(form.field("Window")).toHaveValue("fixed");
  const statuses = [];
  for (const number of [1, 2, 3, 4]) statuses.push(await furnished.ask(`limited ${number}`, { gateway: "second" }));
  expect(statuses).toEqual([200, 200, 200, 429]);
  await form.field("At most").fill("");
  await form.saved();
  await expect.poll(() => furnished.ask("unlimited", { gateway: "second" })).toBe(200);
});

test("callers may state costs where the gateway lets them, and the audit log tells who let them", async ({
  page,
  furnished,
  signedIn,
  scripted,
}) => {
  const slug = scripted ? "costs" : "costs-plain";
  const stated = { gateway: slug, headers: { "cf-aig-custom-cost": '{"total_cost": 4.25}' } };
  const form = new GatewayForm(page);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  await form.create("Costs", slug);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  await expect(form.field("Callers may state costs")).not.toBeChecked();
  await expect.poll(() => furnished.ask("refused", stated)).toBe(403);
  await form.field("Callers may state costs").check();
  await form.saved();
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  await expect(form.field("Callers may state costs")).toBeChecked();
  await expect.poll(() => furnished.ask("stated", stated)).toBe(200);
  await page.goto(`${furnished.url}/${owner.slug}/audit`);
  const changes = page.getByRole("table", { name: "Changes, newest first" }).locator("tbody tr");
  const change = changes.filter({ hasText: "gateway.update" }).filter({ hasText: `gateway ${slug}` }).first();
  await expect(change).toContainText(owner.email);
  await expect(change).toContainText("settings.custom_cost false → true");
});

test("a limit without an interval counts by the minute", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "by-minute" : "by-minute-plain";
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  const form = new GatewayForm(page);
  await form.create("By the minute", slug);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  await form.field("At most").fill("5");
  await form.save();
  await expect(form.field("Within")).toHaveValue("60");
});

test("a setting out of bounds is refused beside its field, and nothing is lost", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}/gateways/main`);
  const form = new GatewayForm(page);
  // The browser would stop this before it is sent; the server must not rely on that.
  await page.locator("form").evaluateAll((forms) => forms.forEach((form) => form.setAttribute("novalidate", "")));
  await form.field("Keep answers for").fill("5");
  await form.field("Pause before the second").fill("123");
  await form.save();
  expect(await form.problemOf("Keep answers for")).toContain("must be between 60 and 2592000");
  await expect(form.field("Keep answers for")).toHaveValue("5");
  await expect(form.field("Pause before the second")).toHaveValue("123");
});

test("a slow provider is asked a second time once the gateway hedges", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "hedged" : "hedged-plain";
  const address = `${furnished.url}/${owner.slug}/gateways/${slug}`;
  const form = new GatewayForm(page);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  await form.create("Hedged", slug);
  await page.goto(address);
  const answer = async () => {
    const { status, headers } = await furnished.send("mock-ttft-400 a slow answer", { gateway: slug });
    return [status, headers.get("weir-hedged")];
  };
  const unhedged = [200, null];
  const hedged = [200, expect.stringMatching(/^(first|second)$/)];
  await expect.poll(answer).toEqual(unhedged);
  await form.field("Slower than").fill("95");
  await form.field("After at least").fill("20");
  await form.field("After at most").fill("10");
  await form.save();
  expect(await form.problemOf("After at most")).toContain("must be between 20 and 60000");
  await form.field("After at most").fill("50");
  await form.saved();
  await page.goto(address);
  await expect(form.field("Slower than")).toHaveValue("95");
  await expect(form.field("After at least")).toHaveValue("20");
  await expect(form.field("After at most")).toHaveValue("50");
  await expect.poll(answer).toEqual(hedged);
  await form.field("Slower than").fill("");
  await form.saved();
  await page.goto(address);
  await expect(form.field("Slower than")).toHaveValue("");
  await expect.poll(answer).toEqual(unhedged);
});

test("a request waits for its turn once the gateway queues", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "queued" : "queued-plain";
  const address = `${furnished.url}/${owner.slug}/gateways/${slug}`;
  const form = new GatewayForm(page);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  await form.create("Queued", slug);
  const policies = new PoliciesPage(page, `${furnished.url}/${owner.slug}/policies`);
  await policies.open("/new");
  await policies.field("Name").fill(`One at once in ${slug}`);
  await policies.field("Rule").selectOption("concurrency");
  await policies.field("Amount").fill("1");
  await policies.field("Gateways").fill(slug);
  await page.getByRole("button", { name: "Save and switch on" }).click();
  await expect(page.getByText("The policy is on.")).toBeVisible();
  const two = async () => {
    const asked = ["one", "two"].map((text) => furnished.send(`mock-ttft-400 ${text}`, { gateway: slug }));
    const answers = await Promise.all(asked);
    const waited = answers.filter((answer) => Number(answer.headers.get("weir-queue-time")) > 0);
    return { statuses: answers.map((answer) => answer.status).sort(), waited: waited.length };
  };
  await expect.poll(two).toEqual({ statuses: [200, 429], waited: 0 });
  await page.goto(address);
  await form.field("Most waiting").fill("5");
  await form.field("Longest wait").fill("20000");
  await form.saved();
  await page.goto(address);
  await expect(form.field("Most waiting")).toHaveValue("5");
  await expect(form.field("Longest wait")).toHaveValue("20000");
  await expect.poll(two).toEqual({ statuses: [200, 200], waited: 1 });
  await form.field("Longest wait").fill("10");
  await form.saved();
  await expect.poll(async () => (await two()).statuses).toEqual([200, 429]);
});

test("a gateway is created, turned off and deleted", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "short-lived" : "short-lived-plain";
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  await new GatewayForm(page).create("Short lived", slug);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  expect(await furnished.ask("hello", { gateway: slug })).toBe(200);
  await page.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByRole("button", { name: "Turn on" })).toBeVisible();
  await expect.poll(() => furnished.ask("hello", { gateway: slug })).toBe(403);
  await page.getByLabel(`Type ${slug} to confirm`).fill("another");
  await page.getByRole("button", { name: "Delete this gateway" }).click();
  expect(await new GatewayForm(page).problemOf(`Type ${slug} to confirm`)).toContain("does not match");
  await page.getByLabel(`Type ${slug} to confirm`).fill(slug);
  await page.getByRole("button", { name: "Delete this gateway" }).click();
  await expect(page.getByText("The gateway was deleted")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", { gateway: slug })).toBe(404);
});

test("a gateway's name that is taken is refused", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  const form = new GatewayForm(page);
  await form.create("Again", "main");
  expect(await form.problemOf("Short name")).toContain("is taken already");
});

test("a key is added, tested, turned off and rotated, and never shown", async ({ page, furnished, signedIn, scripted }) => {
  const alias = scripted ? "spare" : "spare-plain";
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  const keys = new KeysPage(page);
  await keys.store("Mistral AI", "mistral-secret-98765", furnished.mock, alias);
  await expect(page.getByText("The key is stored")).toBeVisible();
  await keys.test();
  await expect(page.getByText("Mistral AI accepted the key")).toBeVisible();
  await page.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByText("The key is off")).toBeVisible();
  await page.getByRole("button", { name: "Turn on" }).click();
  await keys.rotate("mistral-secret-43210", "Works 1 hour more");
  await expect(page.getByText("The new key is in use.")).toBeVisible();
  expect(await page.content()).not.toContain("mistral-secret");
});

test("a token is restricted and revoked", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}/tokens/new`);
  const token = await new TokensPage(page).issue("short-lived");
  expect(await furnished.ask("hello", { token })).toBe(200);
  await page.goto(`${furnished.url}/${owner.slug}/tokens`);
  expect(await page.content()).not.toContain(token);
  await page.getByRole("link", { name: "short-lived" }).first().click();
  await page.getByLabel("Models", { exact: true }).fill("gpt-4.1");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Every request from now on follows it.")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", { token })).toBe(403);
  await page.locator("summary", { hasText: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke for good" }).click();
  await expect(page.getByText("The token was revoked.")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", { token })).toBe(401);
});
