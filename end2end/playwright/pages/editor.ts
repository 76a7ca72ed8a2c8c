// The editor of a route, and the page of a made-up request.

import { type Locator, type Page } from "@playwright/test";

export class EditorPage {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  async open() {
    await this.page.goto(`${this.address}/edit`);
  }

  /** A box of the drawing, by the id it shows. */
  box(id: string): Locator {
    return this.page.locator("a.route-box").filter({ has: this.page.locator("text.route-id", { hasText: new RegExp(`^${id}$`) }) });
  }

  inspector(): Locator {
    return this.page.locator("#inspector");
  }

  field(label: string | RegExp): Locator {
    return this.inspector().getByLabel(label, { exact: true });
  }

  async choose(id: string) {
    await this.box(id).click();
  }

  async press(name: string | RegExp) {
    await this.page.getByRole("button", { name }).click();
  }

  text(): Locator {
    return this.page.getByRole("textbox", { name: "Elements" });
  }

  /** The route as it stands in the text: for each id, where its outputs lead. */
  async ways(): Promise<Record<string, Record<string, string>>> {
    const elements = JSON.parse(await this.text().inputValue()) as { id: string; outputs?: Record<string, { elementId: string }> }[];
    return Object.fromEntries(
      elements.map(({ id, outputs }) => [
        id,
        Object.fromEntries(Object.entries(outputs ?? {}).map(([name, { elementId }]) => [name, elementId])),
      ]),
    );
  }
}
