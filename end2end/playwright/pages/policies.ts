// Policies: the list, the form, the text.

import { type Locator, type Page, expect } from "@playwright/test";

export class PoliciesPage {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  async open(end = "") {
    await this.page.goto(this.address + end);
  }

  row(name: string): Locator {
    return this.page.getByRole("table", { name: "Policies" }).locator("tbody tr").filter({ hasText: name });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  async saveAsDraft() {
    await this.page.getByRole("button", { name: "Save as a draft" }).click();
  }

  async switchTo(word: "on" | "off") {
    await this.page.getByRole("button", { name: `Switch ${word}`, exact: true }).click();
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
    await this.page.getByRole("button", { name: "Delete the policy" }).click();
  }
}
