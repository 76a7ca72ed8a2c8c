// API tokens: what they are held to, another secret, and limits of their own.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { PoliciesPage } from "../pages/policies.ts";
import { TokensPage } from "../pages/resources.ts";

const tokensOf = (url: string) => `${url}/${owner.slug}/tokens`;

test("a token is held to providers, endpoints and addresses", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "held" : "held-plain";
  const tokens = new TokensPage(page);
  const token = await tokens.issueWith(tokensOf(furnished.url), name);
  expect(await furnished.ask(`${name} 1`, { token })).toBe(200);

  await tokens.open(tokensOf(furnished.url), name);
  await tokens.showMore();
  await tokens.field("Providers").fill("openai\nnobody");
  await tokens.field("IP ranges").fill("10.0.0.0/99");
  await tokens.field("The ticked ones alone").check();
  await tokens.field("Embeddings").check();
  await tokens.save();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("Nothing was saved");
  await expect(tokens.field("Providers")).toHaveValue("openai\nnobody");
  await expect(tokens.field("IP ranges")).toHaveAttribute("aria-invalid", "true");
  await expect(tokens.field("Embeddings")).toBeChecked();
  await expect(page.getByText("This must be an address or a network")).toBeVisible();

  await tokens.field("Providers").fill("openai");
  await tokens.field("IP ranges").fill("127.0.0.0/8\n::1");
  await tokens.save();
  await expect(page.getByText("Every request from now on follows it.")).toBeVisible();
  await expect.poll(async () => (await furnished.send(`${name} 2`, { token })).body).toContain("may not use the endpoint `native`");
  await tokens.field("All endpoints").check();
  await tokens.save();
  await expect.poll(() => furnished.ask(`${name} 3`, { token })).toBe(200);
  const other = { token, provider: "compat", model: "anthropic/claude-haiku-4-5" };
  expect((await furnished.send(`${name} 4`, other)).body).toContain("may not use the provider `anthropic`");
  await tokens.field("IP ranges").fill("192.0.2.0/24");
  await tokens.save();
  await expect.poll(async () => (await furnished.send(`${name} 5`, { token })).body).toContain("from the address 127.0.0.1");
  await page.goto(tokensOf(furnished.url));
  await expect(tokens.row(name)).toContainText("openai; 192.0.2.0/24");
});

test("a box that is not ticked lets no more through", async ({ page, furnished, signedIn }) => {
  await page.goto(`${tokensOf(furnished.url)}/new`);
  const tokens = new TokensPage(page);
  await tokens.field("Name").fill("no endpoint");
  await tokens.showMore();
  await tokens.field("The ticked ones alone").check();
  await page.getByRole("button", { name: "Issue token" }).click();
  await expect(page.getByText("Tick at least one endpoint, or choose all.")).toBeVisible();
  await expect(tokens.field("The ticked ones alone")).toBeChecked();
});

test("a token gets another secret, and the old one an end", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "rotating" : "rotating-plain";
  const tokens = new TokensPage(page);
  const first = await tokens.issueWith(tokensOf(furnished.url), name);
  await tokens.open(tokensOf(furnished.url), name);
  const second = await tokens.rotate("Works for another 24 hours");
  expect(second).not.toBe(first);
  const notice = page.getByText("still works. It ends");
  await expect(notice).toContainText(/It ends in 2[34] h/);
  expect(await page.content()).not.toContain(second);
  await expect.poll(() => furnished.ask(`${name} 1`, { token: second })).toBe(200);
  expect(await furnished.ask(`${name} 2`, { token: first })).toBe(200);
  await page.goto(tokensOf(furnished.url));
  await expect(tokens.row(name)).toContainText("Old secret works");

  await tokens.open(tokensOf(furnished.url), name);
  await expect(tokens.field("The present secret").locator("option")).toHaveText(["Ends at once"]);
  await page.locator("summary", { hasText: "End the old secret now" }).click();
  await page.getByRole("button", { name: "End it" }).click();
  await expect(page.getByText("The old secret was ended.")).toBeVisible();
  await expect(notice).toHaveCount(0);
  await expect.poll(async () => (await furnished.send(`${name} 3`, { token: first })).body).toContain("was replaced by another one");
  expect(await furnished.ask(`${name} 4`, { token: second })).toBe(200);

  const third = await tokens.rotate("Ends at once");
  await expect.poll(() => furnished.ask(`${name} 5`, { token: third })).toBe(200);
  expect(await furnished.ask(`${name} 6`, { token: second })).toBe(401);
  await page.goto(`${furnished.url}/${owner.slug}/audit`);
  await expect(page.getByText("token.end_previous").first()).toBeVisible();
});

test("a token's own limits are policies that its form keeps", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "limited" : "limited-plain";
  const tokens = new TokensPage(page);
  const limits = { "Requests": "1", "Cost per day": "1234.50" };
  const token = await tokens.issueWith(tokensOf(furnished.url), name, limits);
  await expect.poll(() => furnished.ask(`${name} 1`, { token })).toBe(200);
  const refused = await furnished.send(`${name} 2`, { token });
  expect(refused.status).toBe(429);
  expect(refused.body).toContain("lets 1 request a minute pass");

  await tokens.open(tokensOf(furnished.url), name);
  await expect(tokens.limit(`${name}: requests a minute`)).toContainText("1 of 1 (used up)");
  await expect(tokens.limit(`${name}: cost a day`)).toContainText("At most $1,234.50 a day");
  await expect(tokens.field("Cost per day")).toHaveValue("1234.50");
  await tokens.field("Requests").fill("100000");
  await tokens.field("Cost per day").fill("");
  await tokens.save();
  await expect(tokens.limit(`${name}: requests a minute`)).toContainText("At most 100,000 requests a minute");
  await expect(tokens.limit(`${name}: cost a day`)).toHaveCount(0);
  await expect.poll(() => furnished.ask(`${name} 3`, { token })).toBe(200);

  const policies = new PoliciesPage(page, `${furnished.url}/${owner.slug}/policies`);
  await policies.open();
  await policies.row(`${name}: requests a minute`).getByRole("link", { name: "own limit" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await page.locator("summary", { hasText: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke for good" }).click();
  await expect(page.getByText("The token was revoked.")).toBeVisible();
  await policies.open();
  await expect(policies.row(`${name}: requests a minute`)).toHaveCount(0);
});
