// From the link on the console to the first request in log and chart.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { SetupPage } from "../pages/people.ts";
import { GatewayForm, KeysPage, TokensPage } from "../pages/resources.ts";

test.describe("first run", () => {
  test.use({ expectedMessages: [/410 \(Gone\)/] });

  test("a stranger sets Weir up and sees their first request", async ({ page, fresh, scripted }) => {
    await new SetupPage(page).claim(fresh.setupLink());

    await expect(page.getByRole("heading", { name: "New gateway" })).toBeVisible();
    await new GatewayForm(page).create("Main", "main");

    await expect(page.getByRole("status")).toContainText("The gateway was created");
    await new KeysPage(page).store("OpenAI", "sk-a-provider-key-1234", fresh.mock);
    await expect(page.getByRole("status")).toContainText("The key is stored");
    await expect(page.locator("body")).not.toContainText("sk-a-provider-key-1234");
    await new KeysPage(page).test();
    await expect(page.getByRole("status")).toContainText("OpenAI accepted the key");

    await page.getByRole("list", { name: "First steps" }).getByRole("link", { name: "Token" }).click();
    const token = await new TokensPage(page).issue("shop");
    const shownAt = page.url();
    await page.getByRole("link", { name: "I have stored it" }).click();

    // Without scripts every provider's notices show beside it.
    await expect(page.getByRole("status").filter({ hasText: "Waiting for the first request" })).toBeVisible();
    await expect(page.getByText(`${fresh.url}/v1/acme/main/openai/chat/completions`)).toBeVisible();
    expect(await fresh.ask("What is a weir?", { token })).toBe(200);
    // The page notices by itself; without scripts it says so when it is loaded again.
    if (!scripted) await expect.poll(async () => (await page.reload(), page.getByText("Connected.").count())).toBe(1);
    await expect(page.getByText("Connected.")).toBeVisible();
    await page.getByRole("link", { name: "Look at it" }).click();
    await expect(page.getByText("gpt-4o-mini").first()).toBeVisible();

    await page.goto(`${fresh.url}/${owner.slug}/requests`);
    const rows = page.getByRole("table", { name: "Requests, newest first" }).locator("tbody tr");
    await expect(rows).toHaveCount(1);
    await expect(rows.first()).toContainText("shop");
    await expect(rows.first()).toContainText("$0.0000");

    await page.goto(`${fresh.url}/${owner.slug}`);
    await expect(page.locator("main svg").first()).toBeVisible();
    await expect(page.locator("main")).toContainText("gpt-4o-mini");

    await page.goto(shownAt);
    await expect(page.getByRole("heading", { name: "Already shown" })).toBeVisible();
  });
});

test.describe("a used link", () => {
  test.use({ expectedMessages: [/410 \(Gone\)/] });

  test("sets nothing up again", async ({ page, fresh }) => {
    const link = fresh.setupLink();
    await new SetupPage(page).claim(link);
    await expect(page.getByRole("heading", { name: "New gateway" })).toBeVisible();
    await page.context().clearCookies();
    await page.goto(link);
    await expect(page.getByText("This set-up link was used already")).toBeVisible();
  });
});

test("what is wrong with an account is said beside the field", async ({ page, fresh }) => {
  await new SetupPage(page).claim(fresh.setupLink(), { ...owner, slug: "setup" });
  await expect(page.getByLabel("Short name")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("is a reserved word")).toBeVisible();
  // What was typed stays, the password excepted.
  await expect(page.getByLabel("E-mail")).toHaveValue(owner.email);
  await expect(page.getByLabel("Password")).toHaveValue("");
});
