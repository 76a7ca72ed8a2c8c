"""Load, `kill -9`, restart: the ledger holds every answer that was completed to a client, and none twice."""

import http.client
import json
import sqlite3
import threading
import time
import uuid
from urllib.parse import urlsplit

from harness import World

WORKERS = 8
BEFORE_KILL_SECONDS = 1.5
SETTLE_SECONDS = 30


class Load(threading.Thread):
    """Sends requests until the server is gone; remembers the log id of each answer it has read to the end."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.address = urlsplit(world.url).netloc
        self.token = world.environment["APP_TOKEN"]
        self.number = number
        self.completed = []

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        count = 0
        while True:
            count += 1
            stream = count % 3 == 0
            body = {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": f"{self.number} {count}"}]}
            headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
            try:
                connection.request("POST", "/v1/acme/main/openai/chat/completions", json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                return
            complete = b"data: [DONE]" in text if stream else json.loads(text)["usage"]["total_tokens"] > 0
            if answer.status == 200 and complete:
                self.completed.append(answer.headers["cf-aig-log-id"])


def ledger(world):
    """The request ids of the ledger, one for each row."""
    with sqlite3.connect(f"file:{next(world.data.glob('*.db'))}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT request_id FROM requests").fetchall()
    return [str(uuid.UUID(bytes=row[0]) if isinstance(row[0], bytes) else uuid.UUID(row[0])) for row in rows]


def wait_for_ledger(world, wanted):
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        rows = ledger(world)
        if wanted <= set(rows) or time.monotonic() > until:
            return rows
        time.sleep(0.1)


def test_a_crash_loses_no_completed_answer_and_doubles_none():
    world = World()
    try:
        completed = []
        # Twice: the second crash finds a spool that has been replayed once.
        for _ in range(2):
            load = [Load(world, number) for number in range(WORKERS)]
            for worker in load:
                worker.start()
            time.sleep(BEFORE_KILL_SECONDS)
            world.server.kill()
            for worker in load:
                worker.join(30)
                completed += worker.completed
            world.start_server()
        assert len(completed) > 100
        wanted = {str(uuid.UUID(log_id)) for log_id in completed}
        assert len(wanted) == len(completed)
        rows = wait_for_ledger(world, wanted)
        assert wanted - set(rows) == set()
        assert len(rows) == len(set(rows))
        # What was under way when the power went may have been written down without its last byte arriving.
        assert len(rows) <= len(completed) + 2 * WORKERS
        assert world.server.stop() == 0
        assert sorted(ledger(world)) == sorted(rows)
    finally:
        world.stop()
