// Dynamic routes: drafted, corrected, deployed, rolled back, compared, renamed, deleted.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { RoutesPage } from "../pages/routes.ts";

const routesOf = (url: string) => `${url}/${owner.slug}/gateways/main/routes`;

test("a route is drafted, deployed, changed, rolled back, renamed and deleted", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "support" : "support-plain";
  const routes = new RoutesPage(page, routesOf(furnished.url));
  await routes.create(name, RoutesPage.elements("gpt-4o", "gpt-4o-mini"));
  await expect(page.getByText("Saved. What answers requests")).toBeVisible();
  await expect(page.locator(".state")).toContainText("Not deployed");
  await routes.press("Deploy version 1");
  await expect(page.getByText("Deployed. Requests from now on")).toBeVisible();
  await expect(page.locator(".state")).toContainText(/Version 1 is live|Version 1, not live yet/);

  await routes.save(RoutesPage.elements("gpt-5", "gpt-4o-mini"), "the newer model");
  await expect(page.locator(".state")).toContainText("Draft: version 2");
  await page.getByRole("link", { name: "Version 2", exact: true }).click();
  await expect(routes.row("Differences", "first.properties.model")).toContainText("gpt-4o");
  await expect(routes.row("Differences", "first.properties.model")).toContainText("gpt-5");
  await routes.press("Deploy version 2");
  await routes.press("Roll back to version 1");
  await expect(page.locator(".state")).toContainText(/Version 1 is live|Version 1, not live yet/);
  await expect(routes.row("Versions", "the newer model")).toContainText("can be deployed");

  await page.getByLabel("New name").fill(`${name}-now`);
  await page.getByRole("button", { name: "Rename" }).click();
  await expect(page.getByText("Renamed. Applications must use")).toBeVisible();
  await page.getByLabel(`Type ${name}-now to confirm`).fill(`${name}-now`);
  await page.getByRole("button", { name: "Delete this route" }).click();
  await expect(page.getByText("The route was deleted.")).toBeVisible();
  await expect(routes.row("Routes", `${name}-now`)).toHaveCount(0);
});

test("what is wrong with a route is told with its element, and leads there", async ({ page, furnished, signedIn, scripted }) => {
  const name = scripted ? "wrong" : "wrong-plain";
  const routes = new RoutesPage(page, routesOf(furnished.url));
  await routes.create(name, RoutesPage.elements("gpt-4o", "gpt-4o-mini").replace('"provider":"openai"', '"provider":"opnai"'));
  await expect(page.getByRole("alert")).toContainText("first properties.provider names opnai, which is no provider here");
  await expect(page.getByRole("button", { name: /^Deploy version/ })).toHaveCount(0);
  await page.getByRole("alert").getByRole("link", { name: "first" }).click();
  await expect(page).toHaveURL(/#element-1$/);
  // From the keyboard, a box of the drawing leads to its element.
  await page.locator("a.route-box").filter({ hasText: "second" }).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#element-2$/);
});

test("what is no JSON is kept for its correction", async ({ page, furnished, signedIn }) => {
  const routes = new RoutesPage(page, routesOf(furnished.url));
  await routes.create("kept", "{ not yet");
  await expect(page.getByText("Nothing was saved")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Elements" })).toHaveValue("{ not yet");
  await expect(page.getByRole("textbox", { name: "Elements" })).toHaveAttribute("aria-invalid", "true");
});
