// Every walk runs twice: with the islands hydrated, and with JavaScript switched off.

import { existsSync } from "node:fs";

import { defineConfig } from "@playwright/test";

const system = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const executablePath = process.env.CHROMIUM ?? system;

export default defineConfig({
  testDir: "specs",
  outputDir: "../output/failures",
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    // Without one of the system's, Playwright's own browser is used.
    launchOptions: { executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] },
    viewport: { width: 1280, height: 900 },
    locale: "en-GB",
    timezoneId: "UTC",
    trace: "retain-on-failure",
  },
  projects: [
    { name: "with JavaScript" },
    { name: "without JavaScript", use: { javaScriptEnabled: false }, testIgnore: "**/*.hydrated.spec.ts" },
  ],
});
