// Dynamic routes: the list, the form, the versions.

import { type Locator, type Page } from "@playwright/test";

export class RoutesPage {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  async open(end = "") {
    await this.page.goto(this.address + end);
  }

  /** One model behind another. */
  static elements(first: string, second: string): string {
    return JSON.stringify([
      { id: "start", type: "start", outputs: { next: { elementId: "first" } } },
      {
        id: "first",
        type: "model",
        properties: { provider: "openai", model: first },
        outputs: { success: { elementId: "end" }, fallback: { elementId: "second" } },
      },
      { id: "second", type: "model", properties: { provider: "openai", model: second }, outputs: { success: { elementId: "end" } } },
      { id: "end", type: "end" },
    ]);
  }

  async create(name: string, elements: string) {
    await this.open("/new");
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.save(elements);
  }

  async save(elements: string, comment = "") {
    await this.page.getByRole("textbox", { name: "Elements" }).fill(elements);
    await this.page.getByLabel("Comment", { exact: true }).fill(comment);
    await this.page.getByRole("button", { name: "Save as a draft" }).click();
  }

  row(table: "Routes" | "Versions" | "Elements" | "Differences", text: string): Locator {
    return this.page.getByRole("table", { name: table }).locator("tbody tr").filter({ hasText: text });
  }

  /** The first of the buttons that put a version live. */
  async press(name: string) {
    await this.page.getByRole("button", { name, exact: true }).first().click();
  }
}
