// Prices: the book is searched, and prices of the team's own are added, changed and deleted.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { PricesPage } from "../pages/prices.ts";

const pricesOf = (url: string) => `${url}/${owner.slug}/prices`;

test("the book is searched by provider and model, and every search has an address", async ({ page, furnished, signedIn }) => {
  const prices = new PricesPage(page, pricesOf(furnished.url));
  await prices.open();
  expect(await prices.book().count()).toBe(100);
  await expect(page.getByText("The first 100 of")).toBeVisible();
  await prices.search("openai", "GPT-4o-mini");
  await expect(page).toHaveURL(/provider=openai&model=GPT-4o-mini/);
  const found = prices.book().filter({ has: page.getByText("openai/gpt-4o-mini", { exact: true }) });
  await expect(found).toContainText("$0.15");
  await prices.search("openai", "no such model");
  await expect(page.getByText("The price book has no such model")).toBeVisible();
  await page.getByRole("link", { name: "Clear" }).click();
  expect(await prices.book().count()).toBe(100);
});

test("a model of the book gets a price of the team's own, which is changed and deleted", async ({ page, furnished, signedIn, scripted }) => {
  const model = scripted ? "gpt-4o-mini" : "gpt-4o";
  const prices = new PricesPage(page, pricesOf(furnished.url));
  await prices.open(`?provider=openai&model=${model}`);
  await page.getByRole("link", { name: `Override openai/${model}`, exact: true }).click();
  await expect(prices.field("Provider")).toHaveValue("openai");
  await expect(prices.field("Model")).toHaveValue(model);
  await prices.field("Discount").fill("15");
  await prices.save();
  await expect(page.getByText("The price was added.")).toBeVisible();
  await expect(prices.own(`openai/${model}`)).toContainText("15 % off the price book");
  await expect(prices.own(`openai/${model}`)).toContainText("In force");

  await prices.own(`openai/${model}`).getByRole("link").click();
  await prices.field("Discount").fill("");
  await prices.field("Input").fill("0.10");
  await prices.field("Output").fill("0.40");
  await prices.field("From (UTC)").fill("2999-01-01T00:00");
  await prices.save();
  await expect(prices.own(`openai/${model}`)).toContainText("input $0.10, output $0.40");
  await expect(prices.own(`openai/${model}`)).toContainText("from 2999-01-01");
  await expect(prices.own(`openai/${model}`)).toContainText("To come");

  await prices.own(`openai/${model}`).getByRole("link").click();
  await prices.delete();
  await expect(page.getByText("The price was deleted.")).toBeVisible();
  await expect(prices.own(`openai/${model}`)).toHaveCount(0);
});

test("what is wrong is said beside its field, and nothing is lost", async ({ page, furnished, signedIn }) => {
  const prices = new PricesPage(page, pricesOf(furnished.url));
  await prices.open("/new");
  await prices.field("Provider").fill("nobody");
  await prices.field("Model").fill("gpt-5*");
  await prices.field("Input").fill("a lot");
  await prices.save();
  expect(await prices.problemOf("Input")).toContain("must be an amount of dollars");
  await prices.field("Input").fill("1");
  await prices.save();
  expect(await prices.problemOf("Provider")).toContain("does not exist");
  await expect(prices.field("Model")).toHaveValue("gpt-5*");
  await prices.field("Provider").fill("openai");
  await prices.field("Discount").fill("5");
  await prices.save();
  expect(await prices.problemOf("Discount")).toContain("does not go with");
});

test("a text says everything, and what is wrong with it is told by its place", async ({ page, furnished, signedIn, scripted }) => {
  const model = scripted ? "as-text" : "as-text-plain";
  const prices = new PricesPage(page, pricesOf(furnished.url));
  await prices.open("/new?as=text");
  const row = { provider: "openai", model, rates: { input: 1, output: "2" }, batch: { rates: { input: "0.5", output: "1" } } };
  await prices.field("Price").fill(JSON.stringify(row));
  await prices.save();
  await expect(page.getByRole("alert")).toContainText("rates.input must be a decimal number in quotes");
  await expect(prices.field("Price")).toHaveValue(JSON.stringify(row));
  await prices.field("Price").fill(JSON.stringify({ ...row, rates: { input: "1", output: "2" } }));
  await prices.save();
  await prices.own(model).getByRole("link").click();
  await expect(page.getByText("This price says more than the form has fields for")).toBeVisible();
  await prices.delete();
});
