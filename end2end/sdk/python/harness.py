"""Starts what the tests talk to: a mock provider, a configured installation and the server, all from the real binary.

As a program it starts the same and runs a command with the addresses in its environment:

    python harness.py node --test ../node/
"""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30

TOKENS = {
    "APP_TOKEN": "weir_test_app_0000000000000001",
    "SINGLE_TOKEN": "weir_test_single_00000000000002",
    "OTHER_TOKEN": "weir_test_other_000000000000003",
    "MODEL_TOKEN": "weir_test_models_00000000000005",
    "PROVIDER_TOKEN": "weir_test_provider_000000000006",
    "ENDPOINT_TOKEN": "weir_test_endpoint_000000000007",
    "ADDRESS_TOKEN": "weir_test_address_0000000000008",
}

CONFIG = """
teams:
  - slug: acme
    gateways:
      - {{ slug: main, settings: {{ collect_logs: true, collect_log_payloads: true }} }}
      - {{ slug: cached, settings: {{ cache_ttl: 300 }} }}
      - {{ slug: fixed, settings: {{ rate_limiting_limit: 7, rate_limiting_interval: 86400, rate_limiting_technique: fixed }} }}
      - {{ slug: sliding, settings: {{ rate_limiting_limit: 9, rate_limiting_interval: 3600, rate_limiting_technique: sliding }} }}
      - {{ slug: retrying, settings: {{ retry_max_attempts: 3, retry_delay: 10, retry_backoff: constant }} }}
      - {{ slug: durable, settings: {{ collect_logs: true, collect_log_payloads: true, retry_max_attempts: 3, retry_delay: 1, retry_backoff: constant }} }}
      - {{ slug: frugal, settings: {{ cache_ttl: 300, rate_limiting_limit: 12, rate_limiting_interval: 86400, rate_limiting_technique: fixed }} }}
      - {{ slug: smooth, settings: {{ cache_ttl: 300, rate_limiting_limit: 12, rate_limiting_interval: 86400, rate_limiting_technique: sliding }} }}
      - {{ slug: hasty, settings: {{ request_timeout: 300 }} }}
      - {{ slug: closed, enabled: false }}
      - {{ slug: open, settings: {{ authentication: false }} }}
    provider_keys:
      - {{ provider: openai, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: anthropic, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: google-ai-studio, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: mistral, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: cohere, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: voyage, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: ollama, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
      - {{ provider: groq, alias: default, key: "env:PROVIDER_KEY", base_url: "{nowhere}" }}
      - {{ provider: custom-local, alias: default, key: "env:PROVIDER_KEY" }}
    custom_providers:
      - {{ slug: local, name: Local model, base_url: "{mock}/v1", dialect: openai, auth: bearer }}
    tokens:
      - {{ name: app, token: "env:APP_TOKEN" }}
      - {{ name: single, token: "env:SINGLE_TOKEN", gateways: [main] }}
      - {{ name: models, token: "env:MODEL_TOKEN", gateways: [main], models: [gpt-4o-mini] }}
      - {{ name: provider, token: "env:PROVIDER_TOKEN", providers: [mistral] }}
      - {{ name: endpoint, token: "env:ENDPOINT_TOKEN", endpoints: [rerank] }}
      - {{ name: address, token: "env:ADDRESS_TOKEN", ip_ranges: ["192.0.2.0/24", "2001:db8::/32"] }}
  - slug: other
    gateways:
      - {{ slug: cached, settings: {{ cache_ttl: 300 }} }}
    provider_keys:
      - {{ provider: openai, alias: default, key: "env:PROVIDER_KEY", base_url: "{mock}" }}
    tokens:
      - {{ name: app, token: "env:OTHER_TOKEN" }}
"""


def binary():
    """The binary under test: $WEIR_BIN, else what script/build left."""
    path = Path(os.environ.get("WEIR_BIN") or ROOT / "target/release/weir")
    if not path.exists():
        raise SystemExit(f"{path} is missing; run script/build")
    return str(path)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get_json(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def psql(url, sql):
    """What PostgreSQL answers to a statement."""
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--command", sql, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"psql failed: {done.stderr}")
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


class Process:
    """A child whose output goes to a file, with a line of it telling where it listens."""

    def __init__(self, arguments, log, environment, announcement):
        self.log = Path(log)
        with self.log.open("ab") as output:
            start = self.log.stat().st_size
            self.child = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=self.log.parent)
        self.url = self._wait_for(announcement, start)

    def _wait_for(self, announcement, start):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            text = self.log.read_bytes()[start:].decode(errors="replace")
            found = re.search(announcement, text)
            if found:
                return found.group(1)
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.child.args} stopped with {self.child.returncode}:\n{text}")
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.child.args} did not start in {START_SECONDS} s:\n{self.log.read_text()}")

    def stop(self):
        """Asks it to stop, and waits."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(40)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait()

    def kill(self):
        """Ends it as a power cut would."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()


class World:
    """A mock provider, a data directory with the teams above, and a server on it. Its database is a file in the data
    directory, or the PostgreSQL database that a URL names."""

    def __init__(self, mock_arguments=(), database_url=None):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-sdk-")
        base = Path(self.folder.name)
        self.data = base / "data"
        listening = r"listening on (http://\S+)"
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "WEIR_DATA_DIR": str(self.data),
            "WEIR_LISTEN": "127.0.0.1:0",
            "WEIR_ALLOW_PRIVATE_UPSTREAMS": "true",
            "PROVIDER_KEY": "sk-provider-key-of-the-tests",
            **TOKENS,
        }
        self.database_url = database_url
        if database_url is not None:
            self.environment["DATABASE_URL"] = database_url
        arguments = [binary(), "mock-provider", "--listen", "127.0.0.1:0", *mock_arguments]
        self.mock = Process(arguments, base / "mock.log", self.environment, listening)
        self.server = None
        config = base / "weir.yaml"
        config.write_text(CONFIG.format(mock=self.mock.url, nowhere=f"http://127.0.0.1:{unused_port()}"))
        applied = subprocess.run([binary(), "apply", str(config)], env=self.environment, cwd=base, capture_output=True, text=True)
        if applied.returncode != 0:
            self.stop()
            raise RuntimeError(f"weir apply failed:\n{applied.stdout}{applied.stderr}")
        self.log = base / "weir.log"
        self.start_server()

    def start_server(self):
        self.server = Process([binary(), "serve"], self.log, self.environment, r"listening on (http://\S+)")
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @property
    def url(self):
        return self.server.url

    def path(self, team, gateway, rest):
        return f"{self.url}/v1/{team}/{gateway}/{rest}"

    def received(self, last=256):
        """What the mock provider received, the newest last."""
        return get_json(f"{self.mock.url}/mock/requests?last={last}")

    def select(self, sql):
        """The rows of a query, each value as the database writes it as text."""
        if self.database_url is not None:
            return psql(self.database_url, sql)
        with contextlib.closing(sqlite3.connect(f"file:{self.data / 'weir.db'}?mode=ro", uri=True)) as database:
            return [tuple("" if value is None else str(value) for value in row) for row in database.execute(sql)]

    def stop(self):
        for process in (self.server, self.mock):
            if process is not None:
                process.stop()
        self.folder.cleanup()


def main():
    world = World()
    try:
        environment = {**os.environ, **TOKENS, "WEIR_URL": world.url, "MOCK_URL": world.mock.url}
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
    finally:
        world.stop()


if __name__ == "__main__":
    main()
