// The people of a team, and the way in for somebody new.

import { type Locator, type Page, expect } from "@playwright/test";

export class MembersPage {
  constructor(
    private readonly page: Page,
    private readonly address: string,
  ) {}

  async open() {
    await this.page.goto(this.address);
  }

  get members(): Locator {
    return this.page.getByRole("table", { name: "Members" }).locator("tbody tr");
  }

  get invitations(): Locator {
    return this.page.getByRole("table", { name: "Invitations, the latest first" }).locator("tbody tr");
  }

  /** Invites somebody, and reads the link from the page that shows it once. */
  async invite(email: string, role: string): Promise<string> {
    await this.open();
    await this.page.getByRole("link", { name: "Invite a member" }).click();
    await this.page.getByLabel("E-mail").fill(email);
    await this.page.getByLabel("Role").selectOption(role);
    await this.page.getByRole("button", { name: "Make the link" }).click();
    const shown = this.page.getByRole("group", { name: "Invitation link" }).locator("code");
    await expect(shown).toHaveText(/\/account\/join\//);
    const link = await shown.innerText();
    await this.page.getByRole("link", { name: "I have passed it on" }).click();
    await expect(this.page.getByRole("heading", { name: "Members" })).toBeVisible();
    return link;
  }

  async withdraw(email: string) {
    const row = this.invitations.filter({ hasText: email });
    await row.locator("summary", { hasText: "Withdraw" }).click();
    await row.getByRole("button", { name: "Withdraw" }).click();
  }

  async openMember(email: string) {
    await this.open();
    await this.members.filter({ hasText: email }).locator("a.row-link").click();
  }

  async setRole(role: string) {
    await this.page.getByLabel("Role").selectOption(role);
    await this.page.getByRole("button", { name: "Save" }).click();
  }

  /** Removes the member whose page is open. */
  async remove() {
    await this.page.locator("summary", { hasText: "Remove" }).click();
    await this.page.getByRole("button", { name: "Remove from the team" }).click();
  }
}

export class JoinPage {
  constructor(private readonly page: Page) {}

  async join(link: string, name: string, password: string) {
    await this.page.goto(link);
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Join" }).click();
  }
}
