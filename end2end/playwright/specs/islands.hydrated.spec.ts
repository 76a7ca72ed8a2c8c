// What moves only where scripts run: copy buttons, theme, keyboard.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";

test("a snippet is copied", async ({ page, context, furnished, signedIn }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: furnished.url });
  await page.goto(`${furnished.url}/${owner.slug}/gateways/main/connect`);
  await page.getByRole("button", { name: /Copy/ }).first().click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("curl");
});

test("the whole page can be reached by keyboard", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}`);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#content$/);
});

test("the theme stays", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}`);
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect.poll(background).not.toBe(light);
  await page.goto(`${furnished.url}/account`);
  await expect.poll(background).not.toBe(light);
});
