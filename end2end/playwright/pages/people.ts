// Setting up, signing in and out, one's own account.

import { type Locator, type Page, expect } from "@playwright/test";

import { type Installation, owner } from "../lib/installation.ts";

export class SetupPage {
  constructor(private readonly page: Page) {}

  async claim(link: string, person = owner) {
    await this.page.goto(link);
    await this.page.getByLabel("Name", { exact: true }).fill(person.name);
    await this.page.getByLabel("E-mail").fill(person.email);
    await this.page.getByLabel("Password").fill(person.password);
    await this.page.getByLabel("Team name").fill(person.team);
    await this.page.getByLabel("Short name").fill(person.slug);
    await this.page.getByRole("button", { name: "Create and sign in" }).click();
  }
}

export class SignInPage {
  constructor(
    private readonly page: Page,
    private readonly installation: Installation,
  ) {}

  async enter(email = owner.email, password = owner.password) {
    await this.page.goto(`${this.installation.url}/sign-in`);
    await this.send(email, password);
    await expect(this.page.getByRole("button", { name: "Sign out" })).toBeVisible();
  }

  /** Fills the form that is on the screen. */
  async send(email: string, password: string) {
    await this.page.getByLabel("E-mail").fill(email);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  get throttled(): Locator {
    return this.page.getByText(/Too many attempts\. Try again in (a second|\d+ seconds)\./);
  }

  get refusal(): Locator {
    return this.page.getByText("E-mail or password is wrong");
  }
}

export class AccountPage {
  constructor(private readonly page: Page) {}

  /** The sessions, this browser's included. */
  get sessions(): Locator {
    return this.page.getByRole("table", { name: "Sessions" }).locator("tbody tr");
  }

  /** What happened to the account, newest first. */
  get activity(): Locator {
    return this.page.getByRole("table", { name: "Activity, newest first" }).locator("tbody tr");
  }

  /** Ends a session that is not this browser's. */
  async endOther() {
    const row = this.sessions.filter({ hasNotText: "This browser" }).first();
    await row.locator("summary", { hasText: "Sign out" }).click();
    await row.getByRole("button").click();
  }

  async changePassword(current: string, next: string, repeat = next) {
    await this.page.getByLabel("Present password").fill(current);
    await this.page.getByLabel("New password", { exact: true }).fill(next);
    await this.page.getByLabel("New password again").fill(repeat);
    await this.page.getByRole("button", { name: "Change password" }).click();
  }
}
