// Prices: the list with the search, the form, the text.

import { type Locator, type Page, expect } from "@playwright/test";

export class PricesPage {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  async open(end = "") {
    await this.page.goto(this.address + end);
  }

  own(name: string): Locator {
    return this.page.getByRole("table", { name: "Your team's own prices" }).locator("tbody tr").filter({ hasText: name });
  }

  book(): Locator {
    return this.page.getByRole("table", { name: "Price book" }).locator("tbody tr");
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  async search(provider: string, model: string) {
    const form = this.page.getByRole("search", { name: "Prices" });
    await form.getByLabel("Provider").selectOption(provider);
    await form.getByLabel("Model").fill(model);
    await form.getByRole("button", { name: "Search" }).click();
  }

  async save() {
    await this.page.getByRole("button", { name: "Save", exact: true }).click();
  }

  /** What is said beside a field, found as a screen reader finds it. */
  async problemOf(label: string): Promise<string> {
    const field = this.field(label);
    await expect(field).toHaveAttribute("aria-invalid", "true");
    const ids = ((await field.getAttribute("aria-describedby")) ?? "").split(" ").filter(Boolean);
    const texts = await Promise.all(ids.map((id) => this.page.locator(`[id="${id}"]`).innerText()));
    return texts.join(" ");
  }

  async delete() {
    await this.page.locator("summary", { hasText: "Delete" }).click();
    await this.page.getByRole("button", { name: "Delete the price" }).click();
  }
}
