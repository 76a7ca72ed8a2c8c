// Gateways, provider keys and tokens.

import { type Locator, type Page, expect } from "@playwright/test";

export class GatewayForm {
  constructor(private readonly page: Page) {}

  async create(name: string, slug: string) {
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("Short name").fill(slug);
    await this.page.getByRole("button", { name: "Create gateway" }).click();
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  async save() {
    await this.page.getByRole("button", { name: "Save settings" }).click();
  }

  /** Saves, and sees that it was taken. */
  async saved() {
    await this.save();
    await expect(this.page.getByText(/Saved, and live since version|Saved as version/)).toBeVisible();
  }

  /** What is said beside a field, found as a screen reader finds it. */
  async problemOf(label: string): Promise<string> {
    const field = this.field(label);
    await expect(field).toHaveAttribute("aria-invalid", "true");
    const ids = ((await field.getAttribute("aria-describedby")) ?? "").split(" ").filter(Boolean);
    const texts = await Promise.all(ids.map((id) => this.page.locator(`[id="${id}"]`).innerText()));
    return texts.join(" ");
  }
}

export class KeysPage {
  constructor(private readonly page: Page) {}

  /** The form of a stored key; the one below it adds a provider. */
  private get form(): Locator {
    return this.page.locator("form").filter({ has: this.page.getByRole("button", { name: "Store key" }) });
  }

  async store(provider: string, secret: string, address: string, alias = "default") {
    await this.form.getByRole("combobox", { name: "Provider" }).selectOption(provider);
    await this.form.locator('input[name="secret"]').fill(secret);
    await this.form.locator('input[name="alias"]').fill(alias);
    await this.form.locator('input[name="base_url"]').fill(address);
    await this.form.getByRole("button", { name: "Store key" }).click();
  }

  /** Adds a provider of the team's own. */
  async addProvider(name: string, slug: string, address: string) {
    await this.page.locator("summary", { hasText: "Add a provider of your own" }).click();
    await this.sendProvider(name, slug, address);
  }

  /** Fills the form that is open already. */
  async sendProvider(name: string, slug: string, address: string) {
    const form = this.page.locator("form").filter({ has: this.page.getByRole("button", { name: "Add provider" }) });
    await form.getByLabel("Name", { exact: true }).fill(name);
    await form.getByLabel("Short name").fill(slug);
    await form.getByLabel("Address").fill(address);
    await form.getByLabel("Speaks").selectOption("openai");
    await form.getByRole("button", { name: "Add provider" }).click();
  }

  /** The rows of the team's own providers. */
  get own(): Locator {
    return this.page.getByRole("table", { name: "Your own providers" }).locator("tbody tr");
  }

  async rotate(secret: string, overlap: string) {
    await this.page.getByLabel("New key").fill(secret);
    await this.page.getByLabel("The old key", { exact: true }).selectOption({ label: overlap });
    await this.page.getByRole("button", { name: "Rotate" }).click();
  }

  async test() {
    await this.page.getByRole("button", { name: "Test connection" }).click();
  }
}

export class TokensPage {
  constructor(private readonly page: Page) {}

  /** The page of a new token, with a field filled in before it is issued. */
  async issueWith(address: string, name: string, fields: Record<string, string> = {}): Promise<string> {
    await this.page.goto(`${address}/new`);
    for (const [label, value] of Object.entries(fields)) await this.field(label).fill(value);
    return this.issue(name);
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  /** Opens a token's page from the list. */
  async open(address: string, name: string) {
    await this.page.goto(address);
    await this.page.getByRole("link", { name, exact: true }).click();
  }

  /** A token's row in the list. */
  row(name: string): Locator {
    return this.page.locator("tbody tr").filter({ has: this.page.getByRole("link", { name, exact: true }) });
  }

  async showMore() {
    await this.page.locator("summary", { hasText: "Providers, endpoints and addresses" }).click();
  }

  async save() {
    await this.page.getByRole("button", { name: "Save", exact: true }).click();
  }

  /** Makes another secret, and reads it from the page that shows it once. */
  async rotate(present: string): Promise<string> {
    await this.field("The present secret").selectOption({ label: present });
    await this.page.getByRole("button", { name: "Make a new secret" }).click();
    const shown = this.page.getByRole("group", { name: "New secret" }).locator("code");
    await expect(shown).toHaveText(/^weir_/);
    const secret = await shown.innerText();
    await this.page.getByRole("link", { name: "I have stored it" }).click();
    return secret;
  }

  /** A row of the policies that name the token. */
  limit(name: string): Locator {
    return this.page.getByRole("table", { name: "Policies that name this token" }).locator("tbody tr").filter({ hasText: name });
  }

  /** Issues a token on the form that is on the screen, and reads it from the page that shows it once. */
  async issue(name: string): Promise<string> {
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByRole("button", { name: "Issue token" }).click();
    const shown = this.page.getByRole("group", { name: "New token" }).locator("code");
    await expect(shown).toHaveText(/^weir_/);
    return shown.innerText();
  }
}
