// A running Weir on a fresh data directory, with a mock provider beside it: the real binary, started and stopped.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const startMilliseconds = 30_000;

export const owner = {
  name: "Olga Owner",
  email: "olga@example.com",
  password: "a long walk by the river",
  team: "Acme Works",
  slug: "acme",
};

/** The tokens of the configuration. */
export const appToken = "weir_browser_test_app_token_01";
export const batchToken = "weir_browser_test_batch_token_02";

const configuration = (mock: string) => `
teams:
  - slug: ${owner.slug}
    name: ${owner.team}
    gateways:
      - { slug: main, name: Main, settings: { cache_ttl: 300 } }
      - { slug: second, name: Second, settings: { rate_limiting_limit: 1000, rate_limiting_interval: 60 } }
    provider_keys:
      - { provider: openai, alias: default, key: "env:PROVIDER_KEY", base_url: "${mock}" }
      - { provider: anthropic, alias: default, key: "env:PROVIDER_KEY", base_url: "${mock}" }
    tokens:
      - { name: app, token: "env:APP_TOKEN" }
      - { name: batch, token: "env:BATCH_TOKEN" }
    policies:
      - { name: Monthly budget, limit: { cost: 1000, per: month, warn_at: 80 } }
      - { name: For batch alone, state: draft, when: { any: [{ token: [batch] }] }, group_by: [token], limit: { requests: 100000, per: minute } }
    members:
      - { email: ${owner.email}, name: ${owner.name}, role: owner, password: "env:OWNER_PASSWORD" }
`;

function binary(): string {
  const path = process.env.WEIR_BIN ?? join(root, "target/release/weir");
  if (!existsSync(path)) throw new Error(`${path} is missing; run script/build`);
  return path;
}

/** Starts a command and waits for the line that says where it listens. */
async function start(args: string[], env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn(binary(), args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const url = await new Promise<string>((found, failed) => {
    const give = (why: string) => failed(new Error(`weir ${args[0]} ${why}:\n${output}`));
    const timer = setTimeout(() => give("did not start in time"), startMilliseconds);
    const read = (data: Buffer) => {
      output += data.toString();
      // The set-up link is printed after the address: give it time to arrive.
      const match = /listening on (http:\S+)[\s\S]*?(\n(?:Dashboard|http)|Mock provider|\(a test tool\))/.exec(output);
      const mock = args[0] === "mock-provider" ? /listening on (http:\S+)\n/.exec(output) : null;
      const address = (mock ?? match)?.[1];
      if (address) {
        clearTimeout(timer);
        found(address);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => give(`stopped with ${code}`));
  });
  return { child, url, output: () => output };
}

async function stop(child: ChildProcess) {
  if (child.exitCode !== null) return;
  const gone = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await gone;
}

/** How a request departs from the usual one. */
export type Asked = {
  token?: string;
  gateway?: string;
  /** `compat` stands for whichever the model names. */
  provider?: string;
  model?: string;
  team?: string;
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
};

export class Installation {
  private constructor(
    readonly url: string,
    readonly mock: string,
    private readonly children: ChildProcess[],
    private readonly folder: string,
    readonly console: () => string,
  ) {}

  /** Starts an installation that nobody owns, or one that has the team above. */
  static async start(configured: boolean): Promise<Installation> {
    const folder = mkdtempSync(join(tmpdir(), "weir-browser-"));
    const env = {
      PATH: process.env.PATH,
      WEIR_DATA_DIR: join(folder, "data"),
      WEIR_LISTEN: "127.0.0.1:0",
      WEIR_ALLOW_PRIVATE_UPSTREAMS: "true",
      PROVIDER_KEY: "sk-browser-test-provider-key",
      APP_TOKEN: appToken,
      BATCH_TOKEN: batchToken,
      OWNER_PASSWORD: owner.password,
    };
    const mock = await start(["mock-provider", "--listen", "127.0.0.1:0"], env, folder);
    if (configured) {
      const file = join(folder, "weir.yaml");
      writeFileSync(file, configuration(mock.url));
      execFileSync(binary(), ["apply", file], { env, cwd: folder, stdio: "pipe" });
    }
    const server = await start(["serve"], env, folder);
    return new Installation(server.url, mock.url, [server.child, mock.child], folder, server.output);
  }

  /** The one-time link that the server printed on its console. */
  setupLink(): string {
    const link = /http:\/\/\S+\/setup\/\S+/.exec(this.console())?.[0];
    if (!link) throw new Error(`no set-up link on the console:\n${this.console()}`);
    return link;
  }

  /** Sends a chat request as an application would; returns its status. */
  async ask(text: string, how: Asked = {}) {
    return (await this.send(text, how)).status;
  }

  /** Sends a chat request, and reads the answer to its end. */
  async send(text: string, how: Asked = {}) {
    const { token = appToken, gateway = "main", provider = "openai", model = "gpt-4o-mini", team = owner.slug } = how;
    const path = provider === "compat" ? "compat/chat/completions" : `${provider}/chat/completions`;
    const answer = await fetch(`${this.url}/v1/${team}/${gateway}/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...how.headers },
      body: JSON.stringify({ model, messages: [{ role: "user", content: text }], ...how.body }),
    });
    // A stream that breaks off ends with an error.
    const body = await answer.text().catch(() => "");
    return { status: answer.status, body, cache: answer.headers.get("cf-aig-cache-status"), headers: answer.headers };
  }

  /** The credential that the mock provider was called with last. */
  async lastCredential(): Promise<string | undefined> {
    const [last] = await (await fetch(`${this.mock}/mock/requests?last=1`)).json();
    return new Map<string, string>(last.headers).get("authorization")?.replace("Bearer ", "");
  }

  async stop() {
    for (const child of this.children) await stop(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
