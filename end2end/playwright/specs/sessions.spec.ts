// Signing in and out, and sessions elsewhere.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { AccountPage, SetupPage, SignInPage } from "../pages/people.ts";

test("a page asks a stranger to sign in, and leads on afterwards", async ({ page, furnished }) => {
  await page.goto(`${furnished.url}/${owner.slug}/gateways`);
  await expect(page).toHaveURL(/\/sign-in/);
  await new SignInPage(page, furnished).send(owner.email, owner.password);
  await expect(page.getByRole("heading", { name: "Gateways" })).toBeVisible();
});

test("signing out ends the session", async ({ page, furnished, signedIn }) => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
  await page.goto(`${furnished.url}/${owner.slug}`);
  await expect(page).toHaveURL(/\/sign-in/);
});

test("a wrong password and an unknown person are refused with the same words", async ({ page, furnished }) => {
  const signIn = new SignInPage(page, furnished);
  await page.goto(`${furnished.url}/sign-in`);
  await signIn.send(owner.email, "not the right password");
  await expect(signIn.refusal).toBeVisible();
  await signIn.send("nobody@example.com", "not the right password");
  await expect(signIn.refusal).toBeVisible();
});

test("guessing a password is slowed down, and its owner gets in once the wait is over", async ({ page, fresh }) => {
  await new SetupPage(page).claim(fresh.setupLink());
  await page.getByRole("button", { name: "Sign out" }).click();
  const signIn = new SignInPage(page, fresh);
  // The first wait is a second: how many attempts it takes to meet one depends on how fast they come.
  let attempts = 0;
  while ((await signIn.throttled.count()) === 0) {
    expect((attempts += 1), "attempts that were looked at").toBeLessThan(12);
    await signIn.send(owner.email, `a guess ${attempts}`);
    await expect(signIn.throttled.or(signIn.refusal)).toBeVisible();
  }
  expect(attempts).toBeGreaterThan(5);
  await expect(async () => {
    await signIn.send(owner.email, owner.password);
    await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible({ timeout: 500 });
  }).toPass({ intervals: [500], timeout: 20_000 });
});

test("a session elsewhere can be ended", async ({ browser, page, fresh, scripted }) => {
  await new SetupPage(page).claim(fresh.setupLink());
  const other = await browser.newContext({ javaScriptEnabled: scripted });
  const otherPage = await other.newPage();
  await new SignInPage(otherPage, fresh).enter();
  await page.goto(`${fresh.url}/account`);
  const account = new AccountPage(page);
  await expect(account.sessions).toHaveCount(2);
  await account.endOther();
  await expect(page.getByText("That session was signed out.")).toBeVisible();
  await expect(account.sessions).toHaveCount(1);
  await otherPage.goto(`${fresh.url}/${owner.slug}`);
  await expect(otherPage).toHaveURL(/\/sign-in/);
  await other.close();
});

test("a password is changed, and the old one no longer works", async ({ page, fresh }) => {
  await new SetupPage(page).claim(fresh.setupLink());
  await page.goto(`${fresh.url}/account`);
  const account = new AccountPage(page);
  const next = "another walk by the river";
  await account.changePassword("wrong in every way", next);
  await expect(page.getByLabel("Present password")).toHaveAttribute("aria-invalid", "true");
  await account.changePassword(owner.password, next);
  await expect(page.getByText("Your password was changed.")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  const signIn = new SignInPage(page, fresh);
  await signIn.send(owner.email, owner.password);
  await expect(signIn.refusal).toBeVisible();
  await signIn.send(owner.email, next);
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
});

test("signing in again leaves one session in the browser", async ({ page, fresh }) => {
  await new SetupPage(page).claim(fresh.setupLink());
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
  const signIn = new SignInPage(page, fresh);
  await signIn.enter();
  await signIn.enter();
  await page.goto(`${fresh.url}/account`);
  await expect(new AccountPage(page).sessions).toHaveCount(1);
});

test("what happens to an account is told on its page and in the audit log", async ({ page, fresh }) => {
  await new SetupPage(page).claim(fresh.setupLink());
  await page.getByRole("button", { name: "Sign out" }).click();
  const signIn = new SignInPage(page, fresh);
  for (const attempt of ["a first guess", "a second guess"]) {
    await signIn.send(owner.email, attempt);
    await expect(signIn.refusal).toBeVisible();
  }
  await signIn.enter();
  await page.goto(`${fresh.url}/account`);
  const rows = new AccountPage(page).activity;
  const told = async () => (await rows.locator("td:nth-child(2)").allInnerTexts()).slice(0, 3);
  expect(await told()).toEqual(["Signed in", "Sign-in refused", "Sign-in refused"]);
  await expect(rows.nth(1)).toContainText("1 wrong password");
  await page.goto(`${fresh.url}/${owner.slug}/audit`);
  const audit = page.getByRole("table", { name: "Changes, newest first" }).locator("tbody tr");
  await expect(audit.filter({ hasText: "session.refuse" })).toHaveCount(2);
  await expect(audit.first()).toContainText("session.open");
});
