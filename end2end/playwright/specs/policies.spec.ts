// Policies: drafted with a form or as text, tried, switched on and off; and where the money went.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { PoliciesPage } from "../pages/policies.ts";
import { TokensPage } from "../pages/resources.ts";

const policiesOf = (url: string) => `${url}/${owner.slug}/policies`;

test("a budget is drafted, tried, switched on and off, and deleted", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "Budget of app" : "Budget of app, plain";
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open();
  await page.getByRole("link", { name: "New policy" }).click();
  await policies.field("Name").fill(name);
  await policies.field("Amount").fill("0.50");
  await policies.field("Within").selectOption("day");
  await policies.field("Tokens").fill("app");
  await policies.field("Token").check();
  await policies.field("Warn from").fill("80");
  await policies.saveAsDraft();
  await expect(page.getByText("The policy is a draft and limits nothing yet.")).toBeVisible();
  await expect(page.locator(".facts").first()).toContainText("At most $0.50 a day for each token; warns from 80 %");
  await expect(page.locator(".facts").first()).toContainText("token app");
  await expect(policies.field("Amount")).toHaveValue("0.50");

  await page.getByRole("link", { name: "See what it would have done" }).click();
  await expect(page.getByRole("heading", { name: "What would it have done?" })).toBeVisible();
  await page.getByRole("link", { name: "30 days" }).click();
  await expect(page.getByRole("link", { name: "30 days" })).toHaveAttribute("aria-current", "true");
  await policies.switchTo("on");
  await expect(page.getByText("The policy is on.")).toBeVisible();

  await policies.open();
  await expect(policies.row(name)).toContainText("On");
  await policies.row(name).getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByText("The policy is off.")).toBeVisible();
  await policies.delete();
  await expect(page.getByText("The policy was deleted.")).toBeVisible();
  await expect(policies.row(name)).toHaveCount(0);
});

test("a draft that was tried on the past refuses once it is on and over", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "tried" : "tried-plain";
  const token = await new TokensPage(page).issueWith(`${furnished.url}/${owner.slug}/tokens`, name);
  for (const text of ["one", "two", "three"]) expect(await furnished.ask(`${name} ${text}`, { token })).toBe(200);
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open("/new");
  await policies.field("Name").fill(`Two for ${name}`);
  await policies.field("Rule").selectOption("requests");
  await policies.field("Amount").fill("2");
  await policies.field("Within").selectOption("day");
  await policies.field("Tokens").fill(name);
  await policies.saveAsDraft();
  await page.getByRole("link", { name: "See what it would have done" }).click();
  // The ledger's rows are on their way for a moment.
  await expect.poll(async () => (await page.reload(), page.locator(".verdict").innerText())).toMatch(/^It would have refused 1 of/);
  expect(await furnished.ask(`${name} four`, { token })).toBe(200);

  await policies.switchTo("on");
  await expect(page.getByText("The policy is on.")).toBeVisible();
  await expect.poll(() => furnished.ask(`${name} five`, { token })).toBe(429);
  const refused = await furnished.send(`${name} six`, { token });
  expect(refused.body).toContain(`Two for ${name}`);
  await expect(page.locator(".facts").first()).toContainText(/[34] of 2 \(used up\)/);
  expect(await furnished.ask(`${name} for others`)).toBe(200);
  await policies.delete();
  await expect.poll(() => furnished.ask(`${name} seven`, { token })).toBe(200);
});

test("gauges show the use", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "gauged" : "gauged-plain";
  const token = await new TokensPage(page).issueWith(`${furnished.url}/${owner.slug}/tokens`, name);
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open("/new");
  await policies.field("Name").fill(`Five for ${name}`);
  await policies.field("Rule").selectOption("requests");
  await policies.field("Amount").fill("5");
  await policies.field("Within").selectOption("day");
  await policies.field("Tokens").fill(name);
  await page.getByRole("button", { name: "Save and switch on" }).click();
  await expect(page.getByText("The policy is on.")).toBeVisible();
  for (const text of ["one", "two"]) expect(await furnished.ask(`${name} ${text}`, { token })).toBe(200);
  // An answer from the cache takes nothing.
  expect((await furnished.send(`${name} two`, { token })).cache).toBe("HIT");
  await policies.open();
  await expect.poll(async () => (await page.reload(), policies.row(`Five for ${name}`).innerText())).toContain("2 of 5");
  expect(await furnished.ask(`${name} three`, { token })).toBe(200);
  await policies.open();
  await expect(policies.row(`Five for ${name}`)).toContainText("3 of 5");
  await policies.row(`Five for ${name}`).getByRole("link", { name: `Five for ${name}` }).click();
  await expect(page.locator(".facts").first()).toContainText("3 of 5");
  await policies.delete();
});

test("what is wrong with a form is said beside its field, and nothing is lost", async ({ page, furnished, signedIn }) => {
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open("/new");
  await policies.field("Name").fill("Wrong");
  await policies.field("Amount").fill("a lot");
  await policies.field("Tokens").fill("app\nnobody");
  await policies.field("Message").fill("Ask Olga.");
  await policies.saveAsDraft();
  expect(await policies.problemOf("Amount")).toContain("must be an amount of dollars");
  await policies.field("Amount").fill("5");
  await policies.saveAsDraft();
  expect(await policies.problemOf("Tokens")).toContain("does not exist");
  await expect(policies.field("Message")).toHaveValue("Ask Olga.");
  await expect(policies.field("Tokens")).toHaveValue("app\nnobody");
  await page.locator("summary", { hasText: "Window and time zone" }).click();
  await policies.field("Tokens").fill("app");
  await policies.field("Time zone").fill("Mars/Olympus");
  await policies.saveAsDraft();
  expect(await policies.problemOf("Time zone")).toContain("is no time zone");
});

test("what does not apply is not asked for", async ({ page, furnished, signedIn }) => {
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open("/new");
  await expect(policies.field("Amount")).toBeVisible();
  await expect(policies.field("Other model")).toBeHidden();
  await policies.field("At the limit, or where denied").selectOption("fallback");
  await expect(policies.field("Other model")).toBeVisible();
  await policies.field("Rule").selectOption("concurrency");
  await expect(policies.field("Within")).toBeHidden();
  await policies.field("Rule").selectOption("deny");
  await expect(policies.field("Amount")).toBeHidden();
});

test("a text says everything, and what is wrong with it is told by its place", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "As text" : "As text, plain";
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await policies.open("/new?as=text");
  await policies.field("Name").fill(name);
  const wrong = JSON.stringify({ when: { country: ["de"], note: "x".repeat(4_000) }, limit: { cost: 0.5, per: "day" } });
  await policies.field("Policy").fill(wrong);
  await policies.saveAsDraft();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("when unknown field `note`");
  await expect(alert).toContainText("in quotes");
  await expect(policies.field("Policy")).toHaveValue(wrong);
  await expect(policies.field("Policy")).toHaveAttribute("aria-invalid", "true");

  await policies.field("Policy").fill(JSON.stringify({ when: { token: ["nobody"] }, deny: true }));
  await policies.saveAsDraft();
  await expect(alert).toContainText("when.token does not exist");

  await policies.field("Policy").fill(JSON.stringify({ when: { not: { token: ["app"] }, user: ["ann"] }, deny: true }));
  await policies.saveAsDraft();
  await expect(page.getByText("The policy is a draft and limits nothing yet.")).toBeVisible();
  await expect(page.getByText("This policy says more than the form has fields for")).toBeVisible();
  await expect(page.locator(".facts").first()).toContainText("user ann, not (token app)");
  await policies.delete();
});

test("a token shows the policies that name it, and leads to another", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "For app" : "For app, plain";
  await page.goto(`${furnished.url}/${owner.slug}/tokens`);
  await page.getByRole("link", { name: "app", exact: true }).click();
  await page.getByRole("link", { name: "Limit this token" }).click();
  const policies = new PoliciesPage(page, policiesOf(furnished.url));
  await expect(policies.field("Tokens")).toHaveValue("app");
  await policies.field("Name").fill(name);
  await policies.field("Rule").selectOption("requests");
  await policies.field("Amount").fill("1000");
  await policies.field("Within").selectOption("minute");
  await policies.saveAsDraft();
  await page.goto(`${furnished.url}/${owner.slug}/tokens`);
  await page.getByRole("link", { name: "app", exact: true }).click();
  const row = page.getByRole("table", { name: "Policies that name this token" }).locator("tbody tr").filter({ hasText: name });
  await expect(row).toContainText("At most 1,000 requests a minute");
  await row.getByRole("link", { name }).click();
  await policies.delete();
});

test("the cost is told apart by any two of what it has", async ({ page, furnished, signedIn }) => {
  for (const text of ["one", "two"]) expect(await furnished.ask(`cost ${text}`)).toBe(200);
  const costs = `${furnished.url}/${owner.slug}/costs`;
  await page.goto(costs);
  const pairs = page.getByRole("table", { name: "By model and token" });
  await expect.poll(async () => (await page.reload(), pairs.locator("tbody tr").count())).toBeGreaterThan(0);
  const row = pairs.locator("tbody tr").filter({ hasText: "gpt-4o-mini" }).filter({ hasText: "app" });
  await expect(row).toContainText("$");
  await page.getByLabel("By", { exact: true }).selectOption("day");
  await page.getByLabel("And by").selectOption("gateway");
  await page.getByRole("button", { name: "Show" }).last().click();
  await expect(page).toHaveURL(/by=day&and=gateway/);
  await expect(page.getByRole("img", { name: /^Cost by day/ })).toBeVisible();
  await expect(page.getByRole("table", { name: "By day and gateway" })).toContainText("main");
  await page.getByRole("link", { name: "7d" }).click();
  await expect(page.getByRole("table", { name: "By day and gateway" })).toContainText("main");
});
