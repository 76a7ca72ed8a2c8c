// Forms and questions without a pointer, with scripts and without.

import type { Page } from "@playwright/test";

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";

/** Presses Tab until the focus is on what is meant; fails where no Tab leads there. */
async function tabTo(page: Page, target: ReturnType<Page["locator"]>) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  await expect(target).toBeFocused();
}

/** Whether the browser draws a ring around what has the focus. */
const ringed = (target: ReturnType<Page["locator"]>) =>
  target.evaluate((element) => getComputedStyle(element).outlineStyle !== "none" && element.matches(":focus-visible"));

test("signing in, issuing a token and revoking it", async ({ page, furnished, scripted }) => {
  await page.goto(`${furnished.url}/sign-in?next=/${owner.slug}/tokens/new`);
  await tabTo(page, page.getByLabel("E-mail"));
  await page.keyboard.type(owner.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(owner.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "New token" })).toBeVisible();
  const name = scripted ? "by-keyboard" : "by-keyboard-plain";
  await tabTo(page, page.getByLabel("Name", { exact: true }));
  await page.keyboard.type(name);
  // Radio buttons are one stop; the arrows choose among them.
  await tabTo(page, page.getByLabel("All gateways, later ones too"));
  await page.keyboard.press("ArrowDown");
  await expect(page.getByLabel("Only these")).toBeChecked();
  await tabTo(page, page.getByLabel("Main", { exact: true }));
  await page.keyboard.press("Space");
  const issue = page.getByRole("button", { name: "Issue token" });
  await tabTo(page, issue);
  expect(await ringed(issue)).toBe(true);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("group", { name: "New token" })).toBeVisible();

  await page.goto(`${furnished.url}/${owner.slug}/tokens`);
  const row = page.getByRole("link", { name, exact: true });
  await tabTo(page, row);
  await page.keyboard.press("Enter");
  const summary = page.locator("summary", { hasText: "Revoke" });
  await tabTo(page, summary);
  expect(await ringed(summary)).toBe(true);
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("button", { name: "Revoke for good" }));
  await page.keyboard.press("Enter");
  await expect(page.getByText("The token was revoked.")).toBeVisible();
});

test("the time range is chosen", async ({ page, furnished, signedIn }) => {
  // Before the first request there is nothing to choose a range of.
  expect(await furnished.ask("hello")).toBe(200);
  await page.goto(`${furnished.url}/${owner.slug}`);
  const custom = page.locator("summary", { hasText: "Custom" });
  await expect.poll(async () => (await page.reload(), custom.count())).toBe(1);
  await tabTo(page, custom);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.locator(".range .popup input").first()).toBeFocused();
});
