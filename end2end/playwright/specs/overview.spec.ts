// The overview's figures and time range.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";

const minute = (at: Date) => at.toISOString().slice(0, 16);
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

test("a span of one's own is shown, stays in the address and leads on", async ({ page, furnished, signedIn }) => {
  for (const text of ["one", "two", "three"]) expect(await furnished.ask(`span ${text}`)).toBe(200);
  const overview = `${furnished.url}/${owner.slug}`;
  await page.goto(overview);
  await expect.poll(async () => (await page.reload(), page.locator("main svg").count())).toBeGreaterThan(0);

  const choose = async (from: Date, to: Date) => {
    await page.locator(".range summary").click();
    await page.getByLabel("From (UTC)").fill(minute(from));
    await page.getByLabel("To (UTC)").fill(minute(to));
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page).toHaveURL(/from=.+to=/);
  };
  const from = hoursAgo(2);
  await choose(from, hoursAgo(-1));
  await expect(page.locator(".range summary")).toHaveAttribute("aria-current", "true");
  await expect(page.locator(".range summary")).not.toContainText("Custom");
  await expect(page.locator("main")).toContainText("gpt-4o-mini");
  // The form shows the span that is chosen.
  await page.locator(".range summary").click();
  await expect(page.getByLabel("From (UTC)")).toHaveValue(minute(from));
  await page.locator(".range summary").click();

  await choose(hoursAgo(400), hoursAgo(300));
  await expect(page.locator("main")).not.toContainText("gpt-4o-mini");
  await page.getByRole("link", { name: "24h" }).click();
  await expect(page.locator("main")).toContainText("gpt-4o-mini");
});

test("no figure runs into the next", async ({ page, furnished, signedIn }) => {
  // A fraction of a cent is the longest of them.
  expect(await furnished.ask("a figure")).toBe(200);
  await page.goto(`${furnished.url}/${owner.slug}`);
  const figures = page.locator(".figures > div");
  await expect.poll(async () => (await page.reload(), figures.filter({ hasText: /Cost\$0\.\d{5}/ }).count())).toBe(1);
  for (const width of [1440, 1280, 1100, 1024, 768, 390]) {
    await page.setViewportSize({ width, height: 900 });
    const wider = (all: Element[]) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent);
    expect(await figures.evaluateAll(wider), `${width} px`).toEqual([]);
  }
});
