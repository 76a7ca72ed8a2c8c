"""Load with payload logging and retries, `kill -9`, restart: the ledger holds every attempt behind every answer that was
completed to a client, and none twice. On SQLite and on PostgreSQL."""

import collections
import http.client
import json
import os
import threading
import time
import uuid
from urllib.parse import urlsplit

import pytest

from harness import World, get_json, psql

WORKERS = 8
KILLS = 2
BEFORE_KILL_SECONDS = 1.5
SETTLE_SECONDS = 30
# What SQLite and PostgreSQL print for true.
TRUE = {"1", "t"}


class Load(threading.Thread):
    """Sends requests until the server is gone or `stopping` is set; remembers the log id of each answer it has read to the end. Every third
    is a stream, every eighth fails once or twice before it succeeds: fewer than what the budget for repeated attempts allows."""

    def __init__(self, world, name):
        super().__init__(daemon=True)
        self.address = urlsplit(world.url).netloc
        self.token = world.environment["APP_TOKEN"]
        self.name = name
        self.completed = []
        self.stopping = threading.Event()
        self.failed = None

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        count = 0
        while not self.stopping.is_set():
            count += 1
            stream = count % 3 == 0
            fails = f"mock-fail-first-{1 + count % 16 // 8} mock-key-{self.name}-{count}" if count % 8 == 0 else ""
            question = {"role": "user", "content": f"{self.name} {count} {fails}"}
            body = {"model": "gpt-4o-mini", "stream": stream, "messages": [question]}
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            try:
                connection.request("POST", "/v1/acme/durable/openai/chat/completions", json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed = error
                return
            if answer.status != 200:
                self.failed = f"{answer.status}: {text}"
            assert answer.status == 200, text
            if b"data: [DONE]" in text if stream else json.loads(text)["usage"]["total_tokens"] > 0:
                self.completed.append(uuid.UUID(answer.headers["cf-aig-log-id"]).hex)


def keys(world, table, columns="attempt"):
    """The rows of a table by request, in the order of their attempts."""
    request = "replace(CAST(request_id AS text), '-', '')" if world.database_url else "lower(hex(request_id))"
    found = collections.defaultdict(list)
    for key, *values in world.select(f"SELECT {request}, {columns} FROM {table} ORDER BY request_id, attempt"):
        found[key].append(tuple(values))
    return found


def rows_of_ledger(world):
    """The ledger's rows by request, once nothing waits for the database: a request's attempts may come in different
    transactions, and those that a kill cut short come last."""
    until = time.monotonic() + SETTLE_SECONDS
    while get_json(f"{world.url}/readyz")["ledger_backlog_bytes"] > 0:
        assert time.monotonic() < until, "rows still wait for the database"
        time.sleep(0.1)
    return keys(world, "requests", "attempt, last, status")


def crash_under_load(world):
    """The ids of the answers that were completed, over several crashes: the second finds a spool replayed once."""
    completed = []
    for kill in range(KILLS):
        load = [Load(world, f"{kill}-{number}") for number in range(WORKERS)]
        for worker in load:
            worker.start()
        time.sleep(BEFORE_KILL_SECONDS)
        world.server.kill()
        for worker in load:
            worker.join(30)
            assert not worker.is_alive()
            completed += worker.completed
        world.start_server()
    assert len(completed) > 100
    assert len(set(completed)) == len(completed)
    return completed


def check(world, completed):
    rows = rows_of_ledger(world)
    assert set(completed) - set(rows) == set()
    for key in completed:
        attempts = [int(attempt) for attempt, _, _ in rows[key]]
        assert attempts == list(range(1, len(attempts) + 1)), rows[key]
        assert [last in TRUE for _, last, _ in rows[key]] == [False] * (len(attempts) - 1) + [True], rows[key]
        assert {status for _, _, status in rows[key][:-1]} <= {"503"} and rows[key][-1][2] == "200", rows[key]
    assert {len(rows[key]) for key in completed} == {1, 2, 3}
    # What was under way at the kill may have been written down without its last byte arriving.
    assert len(rows) <= len(completed) + KILLS * WORKERS
    assert world.server.stop() == 0
    # Stopping has brought everything into the database: nothing was added, nothing is there twice.
    assert keys(world, "requests", "attempt, last, status") == rows
    # What was under way at a kill has a row that says so, and no body.
    settled = keys(world, "requests WHERE COALESCE(error_code, '') <> 'gateway_killed'")
    assert set(completed) <= set(settled)
    assert keys(world, "request_bodies") == settled
    attempts = [row for request in rows.values() for row in request]
    counted = (str(sum(last in TRUE for _, last, _ in attempts)), str(len(attempts)))
    for table in ("rollup_minute", "rollup_hour", "rollup_day"):
        sums = world.select(f"SELECT CAST(SUM(requests) AS bigint), CAST(SUM(attempts) AS bigint) FROM {table}")
        assert sums == [counted], table
    assert world.select("SELECT COUNT(*) FROM dead_letters") == [("0",)]


@pytest.fixture(params=["sqlite", "postgres"])
def crashing(request):
    """An installation of its own on each database."""
    server = os.environ.get("TEST_POSTGRES_URL")
    database = f"weir_crash_{uuid.uuid4().hex[:12]}"
    url = None
    if request.param == "postgres":
        if not server:
            pytest.skip("needs TEST_POSTGRES_URL")
        psql(server, f"CREATE DATABASE {database}")
        url = urlsplit(server)._replace(path=f"/{database}").geturl()
    running = World(database_url=url)
    yield running
    running.stop()
    if url is not None:
        psql(server, f"DROP DATABASE {database} WITH (FORCE)")


def test_a_crash_loses_no_attempt_of_a_completed_answer_and_doubles_none(crashing):
    check(crashing, crash_under_load(crashing))
