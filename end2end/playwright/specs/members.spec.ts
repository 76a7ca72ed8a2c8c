// People come into a team through a link, get another role, and go.

import { owner } from "../lib/installation.ts";
import { expect, test } from "../lib/test.ts";
import { JoinPage, MembersPage } from "../pages/members.ts";
import { SetupPage } from "../pages/people.ts";

const guest = { name: "Gus Guest", email: "gus@example.com", password: "a boat below the weir" };

test.describe("members", () => {
  test.use({ expectedMessages: [/403 \(Forbidden\)|404 \(Not Found\)|410 \(Gone\)/] });

  test("a person is invited, joins, is promoted and removed", async ({ browser, page, fresh, scripted }) => {
    await new SetupPage(page).claim(fresh.setupLink());
    await expect(page.getByRole("heading", { name: "New gateway" })).toBeVisible();
    const team = `${fresh.url}/${owner.slug}`;
    const members = new MembersPage(page, `${team}/members`);
    const link = await members.invite(guest.email, "viewer");
    await expect(members.invitations).toContainText(guest.email);

    const other = await browser.newContext({ javaScriptEnabled: scripted });
    const theirs = await other.newPage();
    await new JoinPage(theirs).join(link, guest.name, "short");
    await theirs.locator("form").evaluate((form) => form.setAttribute("novalidate", ""));
    await theirs.getByLabel("Password").fill("short");
    await theirs.getByRole("button", { name: "Join" }).click();
    await expect(theirs.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
    await expect(theirs.getByLabel("Name", { exact: true })).toHaveValue(guest.name);
    await theirs.getByLabel("Password").fill(guest.password);
    await theirs.getByRole("button", { name: "Join" }).click();
    await expect(theirs.getByRole("heading", { name: "Overview" })).toBeVisible();
    await theirs.goto(link);
    await expect(theirs.getByText("This invitation is over.")).toBeVisible();
    await theirs.goto(`${team}/members`);
    await expect(theirs.getByRole("link", { name: "Invite a member" })).toHaveCount(0);

    await members.openMember(guest.email);
    await members.setRole("admin");
    await expect(page.getByText("The new role counts from their next request on.")).toBeVisible();
    await theirs.reload();
    await expect(theirs.getByRole("link", { name: "Invite a member" })).toBeVisible();

    await members.openMember(guest.email);
    await members.remove();
    await expect(page.getByText("They are no member any more.")).toBeVisible();
    await expect(members.members).toHaveCount(1);
    await theirs.reload();
    await expect(theirs.getByRole("heading", { name: "Not found" })).toBeVisible();
    await theirs.goto(fresh.url);
    await expect(theirs.getByText("You are not a member of a team")).toBeVisible();
    await other.close();

    await page.goto(`${team}/audit`);
    const audit = page.getByRole("table", { name: "Changes, newest first" });
    for (const event of ["member.invite", "member.join", "member.set", "member.remove"]) await expect(audit).toContainText(event);
  });

  test("a withdrawn link opens nothing, and the last owner stays", async ({ page, fresh }) => {
    await new SetupPage(page).claim(fresh.setupLink());
    await expect(page.getByRole("heading", { name: "New gateway" })).toBeVisible();
    const members = new MembersPage(page, `${fresh.url}/${owner.slug}/members`);
    const link = await members.invite(guest.email, "editor");
    await members.withdraw(guest.email);
    await expect(page.getByText("The invitation was withdrawn.")).toBeVisible();
    await page.goto(link);
    await expect(page.getByText("This invitation is over.")).toBeVisible();
    await members.openMember(owner.email);
    await members.setRole("viewer");
    await expect(page.getByText("This would leave the team without an owner")).toBeVisible();
  });
});
