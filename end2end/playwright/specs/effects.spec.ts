// What is saved in a form holds for the next request of an application.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { GatewayForm, KeysPage, TokensPage } from "../pages/resources.ts";

test("cached answers are forgotten where the settings say so", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "forgetful" : "forgetful-plain";
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  const form = new GatewayForm(page);
  await form.create("Forgetful", slug);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  await form.field("Keep answers for").fill("600");
  await form.saved();
  const status = async () => (await furnished.send("How deep is it?", { gateway: slug })).cache;
  await expect.poll(status).toBe("MISS");
  expect(await status()).toBe("HIT");

  // Answers outlive a change unless the gateway is told otherwise.
  await form.field("At most").fill("1000");
  await form.saved();
  expect(await status()).toBe("HIT");
  await form.field("Forget cached answers when these settings are saved").check();
  await form.saved();
  await expect.poll(status).toBe("MISS");
  expect(await status()).toBe("HIT");
  await form.field("At most").fill("2000");
  await form.saved();
  await expect.poll(status).toBe("MISS");
  expect(await status()).toBe("HIT");
});

test("a gateway refuses what cannot be translated, once it is told to", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "strict" : "strict-plain";
  await page.goto(`${furnished.url}/${owner.slug}/gateways/new`);
  const form = new GatewayForm(page);
  await form.create("Strict", slug);
  const seeded = { gateway: slug, provider: "compat", model: "anthropic/claude-haiku-4-5", body: { seed: 7 } };
  const lenient = await furnished.send("hello", seeded);
  expect([lenient.status, lenient.headers.get("weir-dropped")]).toEqual([200, "seed"]);
  await page.goto(`${furnished.url}/${owner.slug}/gateways/${slug}`);
  await form.field("Refuse what cannot be translated in full").check();
  await form.saved();
  await expect(form.field("Refuse what cannot be translated in full")).toBeChecked();
  await expect.poll(() => furnished.ask("hello", seeded)).toBe(400);
  const { body } = await furnished.send("hello", seeded);
  expect(JSON.parse(body).error).toMatchObject({ code: "not_expressible", param: "seed" });
});

test("a key is used, rotated with an overlap and turned off", async ({ page, furnished, signedIn, scripted }) => {
  const provider = scripted ? "groq" : "deepseek";
  const ask = { provider, model: "some-model" };
  const keys = new KeysPage(page);
  expect(await furnished.ask("hello", ask)).toBe(400);
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  await keys.store(scripted ? "Groq" : "DeepSeek", "first-secret-111111", furnished.mock);
  await expect(page.getByText("The key is stored")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", ask)).toBe(200);
  expect(await furnished.lastCredential()).toBe("first-secret-111111");

  await keys.rotate("second-secret-222222", "Works 1 hour more");
  await expect(page.getByText("The new key is in use.")).toBeVisible();
  await expect
    .poll(async () => (await furnished.ask("hello", ask), furnished.lastCredential()))
    .toBe("second-secret-222222");
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText(/accepted the key/)).toBeVisible();
  // The one that was replaced is listed until its time is up.
  await page.goto(`${furnished.url}/${owner.slug}/keys`);
  const name = scripted ? "Groq" : "DeepSeek";
  const rows = page.getByRole("table", { name: "Provider keys" }).locator("tbody tr").filter({ hasText: name });
  await expect(rows).toHaveCount(2);

  await rows.filter({ hasText: "2222" }).getByRole("link").click();
  await page.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByText("The key is off")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", ask)).toBe(400);
  await page.getByRole("button", { name: "Turn on" }).click();
  await expect(page.getByText("The key is in use again.")).toBeVisible();
  // Something new: what was asked before, the cache may answer.
  await expect.poll(() => furnished.ask("hello again", ask)).toBe(200);
  expect(await furnished.lastCredential()).toBe("second-secret-222222");
});

test("a provider of the team's own is added, called, turned off and deleted", async ({ page, furnished, signedIn, scripted }) => {
  const slug = scripted ? "cluster" : "cluster-plain";
  const keys = new KeysPage(page);
  const address = `${furnished.url}/${owner.slug}/keys`;
  await page.goto(address);
  await keys.addProvider("Inference cluster", slug, "ftp://nowhere");
  // What is wrong is said in the open form, and what was typed is still there.
  await expect(page.getByLabel("Address").last()).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Short name")).toHaveValue(slug);
  await keys.sendProvider("Inference cluster", slug, `${furnished.mock}/v1`);
  await expect(page.getByText("The provider was saved.")).toBeVisible();
  const row = keys.own.filter({ hasText: `custom-${slug}` }).filter({ hasNotText: `custom-${slug}-` });
  await expect(row).toHaveCount(1);

  await keys.store(`custom-${slug}`, "cluster-secret-333333", "");
  await expect(page.getByText("The key is stored")).toBeVisible();
  const unified = { provider: "compat", model: `custom-${slug}/some-model` };
  await expect.poll(() => furnished.ask("hello", unified)).toBe(200);
  expect(await furnished.lastCredential()).toBe("cluster-secret-333333");
  expect(await furnished.ask("hello", { provider: `custom-${slug}`, model: "some-model" })).toBe(200);

  await page.goto(address);
  await row.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByText("The provider was saved.")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", unified)).not.toBe(200);
  await row.getByRole("button", { name: "Turn on" }).click();
  await expect.poll(() => furnished.ask("hello", unified)).toBe(200);
  await row.locator("summary", { hasText: "Delete" }).click();
  await row.getByRole("button", { name: "Delete this provider" }).click();
  await expect(page.getByText("The provider was deleted.")).toBeVisible();
  await expect.poll(() => furnished.ask("hello", unified)).not.toBe(200);
});

test("a token for one gateway opens no other", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}/tokens/new`);
  await page.getByLabel("Only these").check();
  await page.getByLabel("Main", { exact: true }).check();
  const token = await new TokensPage(page).issue("main-only");
  expect(await furnished.ask("hello", { token })).toBe(200);
  expect(await furnished.ask("hello", { token, gateway: "second" })).toBe(403);
});
