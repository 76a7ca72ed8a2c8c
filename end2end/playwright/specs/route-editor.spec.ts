// The editor of a route: by mouse, by keyboard alone, with a made-up request, in narrow windows, and for those who see little.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { EditorPage } from "../pages/editor.ts";
import { RoutesPage } from "../pages/routes.ts";

const pictures = resolve(import.meta.dirname, "../../output/pictures");
const routesOf = (url: string) => `${url}/${owner.slug}/gateways/main/routes`;

async function created(page: Page, url: string, name: string, elements = RoutesPage.elements("gpt-4o", "gpt-4o-mini")) {
  await new RoutesPage(page, routesOf(url)).create(name, elements);
  return new EditorPage(page, `${routesOf(url)}/${name}`);
}

test("a route is edited by mouse, undone, and saved as a version", async ({ page, furnished, signedIn, scripted }) => {
  const editor = await created(page, furnished.url, scripted ? "drawn" : "drawn-plain");
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await editor.choose("first");
  await expect(page).toHaveURL(/element=first#box-1$/);
  await expect(editor.box("first")).toHaveAttribute("aria-current", "true");
  await editor.field("Model").fill("gpt-5");
  await editor.field("Retries").fill("2");
  await editor.press("Apply");
  await expect(editor.text()).toHaveValue(/"model": "gpt-5", "retries": 2/);
  await expect(page.getByText("Not saved yet.")).toBeVisible();

  await editor.field("A new element of the type").selectOption("conditional");
  await editor.press("Insert before");
  expect(await editor.ways()).toMatchObject({ start: { next: "conditional" }, conditional: { true: "first", false: "first" } });
  await expect(editor.box("conditional")).toBeFocused();
  await editor.field("Field").fill("metadata.plan");
  await editor.field("Comparison").selectOption("is one of");
  await editor.field("Value").fill("free, trial");
  await editor.field("Where it holds (true)").selectOption("second");
  await editor.press("Apply");
  expect(await editor.ways()).toMatchObject({ conditional: { true: "second", false: "first" } });
  await expect(editor.text()).toHaveValue(/"\$in": \["free", "trial"\]/);

  // What is taken out is joined; the way back brings it back.
  await editor.choose("first");
  await editor.press("Remove this element");
  expect(await editor.ways()).toMatchObject({ conditional: { true: "second", false: "second" } });
  await page.getByRole("link", { name: "Undo", exact: true }).click();
  expect(await editor.ways()).toMatchObject({ conditional: { true: "second", false: "first" }, first: { fallback: "second" } });

  await page.getByLabel("Comment", { exact: true }).fill("by plan");
  await editor.press("Save version");
  await expect(page.getByText("Saved. What answers requests")).toBeVisible();
  await expect(page.getByRole("table", { name: "Versions" })).toContainText("by plan");
  await expect(page.getByRole("button", { name: "Deploy version 2" }).first()).toBeVisible();
});

test("a route is edited by keyboard alone", async ({ page, furnished, signedIn, scripted }) => {
  const editor = await created(page, furnished.url, scripted ? "typed" : "typed-plain");
  await editor.open();
  const tabTo = async (what: () => Promise<boolean>) => {
    for (let presses = 0; presses < 80; presses++) {
      if (await what()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("not reached by keyboard");
  };
  const at = (selector: string) => () => page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector);
  const named = (name: string) => () => page.evaluate((wanted) => document.activeElement?.textContent?.trim() === wanted, name);
  await tabTo(at("a.route-box#box-1"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/element=first#box-1$/);
  await expect(editor.box("first")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#inspector$/);
  await expect(editor.inspector()).toBeFocused();
  await tabTo(at('[name="fields[model]"]'));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("gpt-5");
  // Enter takes what was typed, and comes back to the box.
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#box-1$/);
  await expect(editor.box("first")).toBeFocused();
  await expect(editor.text()).toHaveValue(/"gpt-5"/);
  await page.keyboard.press("Enter");
  await tabTo(at('select[name="kind"]'));
  await page.keyboard.press("r");
  await tabTo(named("Insert before"));
  await page.keyboard.press("Enter");
  await expect(editor.box("rate")).toBeFocused();
  expect(await editor.ways()).toMatchObject({ start: { next: "rate" }, rate: { success: "first" } });
  await tabTo(named("Save version"));
  await page.keyboard.press("Enter");
  await expect(page.getByText("Saved. What answers requests")).toBeVisible();
});

test("faults stand at their element, in the drawing and at the field", async ({ page, furnished, signedIn, scripted }) => {
  const editor = await created(page, furnished.url, scripted ? "faults" : "faults-plain");
  await editor.open();
  await editor.choose("second");
  await editor.field("Provider").fill("opnai");
  await editor.press("Apply");
  await expect(editor.box("second")).toContainText("1 error");
  await expect(editor.field("Provider")).toHaveAttribute("aria-invalid", "true");
  await expect(editor.inspector()).toContainText("This names opnai, which is no provider here.");
  await expect(page.getByRole("alert")).toContainText("second properties.provider names opnai");
  // What is no number is kept, shown, and named.
  await editor.field("Timeout").fill("soon");
  await editor.press("Apply");
  await expect(editor.field("Timeout")).toHaveValue("soon");
  await expect(editor.field("Timeout")).toHaveAttribute("aria-invalid", "true");
  // An output without a target, named where it is.
  await editor.choose("start");
  await editor.field("Leads to (next)").selectOption("nowhere");
  await editor.press("Apply");
  await expect(editor.inspector()).toContainText("This is missing: requests that come here could not go on.");
  // A text that cannot be read stays to be corrected.
  await editor.text().fill("[ not yet");
  await editor.press("Show in the drawing");
  await expect(editor.text()).toHaveValue("[ not yet");
  await expect(page.getByRole("alert")).toContainText("is no JSON that can be read");
});

test("the text and the drawing are edited together, in Cloudflare's spelling too", async ({ page, furnished, signedIn, scripted }) => {
  const editor = await created(page, furnished.url, scripted ? "spelled" : "spelled-plain");
  await editor.open();
  const text = JSON.stringify({
    id: "r1",
    name: "x",
    elements: [
      { id: "s", type: "start", outputs: { next: { elementId: "l" } } },
      {
        id: "l",
        type: "rate_limit",
        properties: { limitType: "count", limit: 5, interval: 60, technique: "fixed" },
        outputs: { success: { elementId: "m" } },
      },
      { id: "m", type: "model", properties: { provider: "openai", model: "gpt-4o" } },
    ],
  });
  await editor.text().fill(text);
  await editor.press("Show in the drawing");
  await editor.choose("l");
  await expect(editor.field("Window")).toHaveValue("60");
  await editor.field("Window").fill("90");
  await editor.press("Apply");
  expect(JSON.parse(await editor.text().inputValue())).toEqual(JSON.parse(text.replace('"interval":60', '"interval":90')));
});

test("a made-up request lights its way", async ({ page, furnished, signedIn, scripted }) => {
  const elements = JSON.stringify([
    { id: "start", type: "start", outputs: { next: { elementId: "plan" } } },
    {
      id: "plan",
      type: "conditional",
      properties: { conditions: { "metadata.plan": "free" } },
      outputs: { true: { elementId: "rate" }, false: { elementId: "large" } },
    },
    {
      id: "rate",
      type: "rate",
      properties: { limit: 5, window: 60 },
      outputs: { success: { elementId: "large" }, fallback: { elementId: "small" } },
    },
    {
      id: "large",
      type: "model",
      properties: { provider: "openai", model: "gpt-4o" },
      outputs: { success: { elementId: "end" }, fallback: { elementId: "small" } },
    },
    { id: "small", type: "model", properties: { provider: "openai", model: "gpt-4o-mini" }, outputs: { success: { elementId: "end" } } },
    { id: "end", type: "end" },
  ]);
  const name = scripted ? "lit" : "lit-plain";
  const editor = await created(page, furnished.url, name, elements);
  await page.getByRole("link", { name: "Test with a sample request" }).click();
  await page.getByLabel("Metadata").fill('{"plan": "free"}');
  await editor.press("Show the way");
  await expect(page.getByText("It would ask openai/gpt-4o, then openai/gpt-4o-mini, in this order")).toBeVisible();
  for (const [id, number] of Object.entries({ start: "1", plan: "2", rate: "3", large: "4" })) {
    await expect(editor.box(id)).toHaveClass(/ lit/);
    await expect(editor.box(id).locator(".route-number")).toHaveText(number);
  }
  await expect(editor.box("small")).toHaveClass(/ then/);
  await expect(editor.box("end")).toHaveClass(/ dim/);
  await expect(page.locator(".route-arrow.lit .route-line")).toHaveCount(3);
  await expect(page.getByRole("list", { name: "Steps" })).toContainText("plan metadata.plan is free: it holds, on to rate");

  await page.getByLabel("rate is used up").check();
  await editor.press("Show the way");
  await expect(page.getByText("It would ask openai/gpt-4o-mini.")).toBeVisible();
  await expect(page.getByLabel("Metadata")).toHaveValue('{"plan": "free"}');
  await expect(page.getByRole("list", { name: "Steps" })).toContainText("used up, on to small");
  // Another request, which is wrong at first.
  await page.getByLabel("Metadata").fill("paid");
  await editor.press("Show the way");
  await expect(page.getByText("This must be a JSON object")).toBeVisible();
  await page.getByLabel("Metadata").fill("");
  await editor.press("Show the way");
  await expect(page.getByRole("list", { name: "Steps" })).toContainText("it does not hold, on to large");

  // What is being edited is tested before it is saved.
  await editor.open();
  await editor.choose("plan");
  await editor.field("Value").fill("paid");
  await editor.press("Test with a sample request");
  await page.getByLabel("Metadata").fill('{"plan": "paid"}');
  await editor.press("Show the way");
  await expect(page.getByLabel("Version")).toHaveValue("draft");
  await expect(page.getByRole("list", { name: "Steps" })).toContainText("plan metadata.plan is paid: it holds, on to rate");
  // Nobody was asked, and nothing was counted.
  await page.goto(`${furnished.url}/${owner.slug}/requests?model=dynamic/${name}`);
  await expect(page.locator("a.row-link")).toHaveCount(0);
});

/** A bit of everything, with names that are long, rings that are not allowed, and faults. */
const rich = JSON.stringify([
  { id: "start", type: "start", outputs: { next: { elementId: "who-asks-and-for-which-of-our-many-customers" } } },
  {
    id: "who-asks-and-for-which-of-our-many-customers",
    type: "conditional",
    properties: { conditions: { "metadata.customer_contract_kind": { $in: ["enterprise", "enterprise-plus"] } } },
    outputs: { true: { elementId: "pool" }, false: { elementId: "canary" } },
  },
  {
    id: "canary",
    type: "percentage",
    properties: { key: "metadata.user_id" },
    outputs: { "10% new": { elementId: "rate" }, "0.5%": { elementId: "money" }, else: { elementId: "small" } },
  },
  {
    id: "rate",
    type: "rate",
    properties: { limit: 100, window: 3600, key: "metadata.user_id" },
    outputs: { success: { elementId: "large" }, fallback: { elementId: "small" } },
  },
  { id: "money", type: "budget", properties: { limit: "25.00", window: 86400 }, outputs: { success: { elementId: "large" } } },
  {
    id: "pool",
    type: "balance",
    properties: { strategy: "weighted", weights: { east: 3 } },
    outputs: { east: { elementId: "m-east" }, west: { elementId: "m-west" }, fallback: { elementId: "small" } },
  },
  { id: "m-east", type: "model", properties: { provider: "openai", model: "gpt-4o" }, outputs: { success: { elementId: "end" } } },
  { id: "m-west", type: "model", properties: { provider: "anthropic", model: "claude-sonnet-4-5-20250929" }, outputs: { success: { elementId: "end" } } },
  {
    id: "large",
    type: "model",
    properties: { provider: "openai", model: "gpt-5", timeout: 20000, retries: 1 },
    outputs: { success: { elementId: "end" }, fallback: { elementId: "small" } },
  },
  { id: "small", type: "model", properties: { provider: "openai", model: "gpt-4o-mini" }, outputs: { success: { elementId: "end" } } },
  { id: "end", type: "end" },
]);

test("editor and test are accessible, fit a narrow window, and look the part", async ({ page, furnished, signedIn, scripted }) => {
  test.slow();
  mkdirSync(pictures, { recursive: true });
  const check = async (name: string) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      if (scripted) {
        const { violations } = await new AxeBuilder({ page }).analyze();
        const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
        const told = grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
        expect.soft(told, `${name}, ${colorScheme}`).toEqual([]);
      }
      await page.screenshot({ path: `${pictures}/${name}-${colorScheme}.png`, fullPage: true });
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 390, height: 844 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect.soft(overflow, `${name} at 390 px scrolls sideways`).toBeLessThanOrEqual(0);
    await page.screenshot({ path: `${pictures}/${name}-390.png`, fullPage: true });
    await page.setViewportSize({ width: 1280, height: 900 });
  };
  const name = scripted ? "rich" : "rich-plain";
  const editor = await created(page, furnished.url, name, rich);
  await editor.open();
  await check("route-edit");
  for (const [id, picture] of Object.entries({ canary: "percentage", pool: "balance", large: "model", rate: "rate" })) {
    await editor.choose(id);
    await expect(editor.box(id)).toBeInViewport();
    await check(`route-edit-${picture}`);
  }
  // A ring, a fault, and a name that says something else.
  await editor.choose("small");
  await editor.field("Provider").fill("opnai");
  await editor.field("Where it fails (fallback)").selectOption("rate");
  await editor.press("Apply");
  await check("route-edit-faults");
  await page.goto(`${routesOf(furnished.url)}/${name}/test`);
  await page.getByLabel("Metadata").fill('{"user_id": "ann"}');
  await editor.press("Show the way");
  await check("route-test");
});
