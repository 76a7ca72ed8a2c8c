// What moves only where scripts run: copy buttons, theme, keyboard.

import AxeBuilder from "@axe-core/playwright";

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
  const root = page.locator("html");
  const light = await root.evaluate((element) => getComputedStyle(element).backgroundColor);
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(root).not.toHaveCSS("background-color", light);
  await page.goto(`${furnished.url}/account`);
  await expect(root).not.toHaveCSS("background-color", light);
});

test("a menu opens by keyboard, and Escape closes it where one was", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}`);
  const menu = page.locator("details.team");
  await menu.locator("summary").focus();
  await page.keyboard.press("Enter");
  await expect(menu).toHaveAttribute("open", "");
  await page.keyboard.press("Tab");
  await expect(menu.getByRole("link", { name: owner.team })).toBeFocused();
  // The island listens from the moment it is hydrated.
  await expect(async () => {
    await page.keyboard.press("Escape");
    await expect(menu).not.toHaveAttribute("open", "", { timeout: 500 });
  }).toPass();
  await expect(menu.locator("summary")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(menu).toHaveAttribute("open", "");
  await page.locator("main h1").click();
  await expect(menu).not.toHaveAttribute("open", "");
});

test("the palette goes to a page by keyboard", async ({ page, furnished, signedIn }) => {
  await page.goto(`${furnished.url}/${owner.slug}`);
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await expect(async () => {
    await page.keyboard.press("Control+k");
    await expect(palette).toBeVisible({ timeout: 500 });
  }).toPass();
  const { violations } = await new AxeBuilder({ page }).include("dialog[open]").analyze();
  expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
  await page.keyboard.type("members");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Members" })).toBeVisible();
});
