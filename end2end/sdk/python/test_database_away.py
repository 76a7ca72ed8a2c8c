"""PostgreSQL hangs, crashes and comes back under load: the data plane answers all the while, supervisors are answered at
once, no row of an answer is lost or doubled, and nobody has to do anything."""

import time

import pytest

from harness import World, get_json
from postgres import Postgres, program
from test_crash import WORKERS, Load, check

PATIENCE_SECONDS = 60
# The server asks its database once a second; what it knows it tells without asking.
PROMPT_SECONDS = 0.9
PROGRESS = 40


@pytest.fixture
def away():
    """An installation on a PostgreSQL server of its own, and that server."""
    if program("initdb") is None:
        pytest.skip("needs PostgreSQL's server programs")
    postgres = Postgres()
    world = None
    try:
        world = World(database_url=postgres.url)
        yield world, postgres
    finally:
        if world is not None:
            world.stop()
        postgres.remove()


def until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def says(world, database):
    """Whether /readyz says that of the database. It says so promptly, and wants traffic all the while."""
    begin = time.monotonic()
    readiness = get_json(f"{world.url}/readyz")
    assert time.monotonic() - begin < PROMPT_SECONDS
    assert readiness["ready"], readiness
    return readiness["database"] == database


def progress(load):
    """Waits until answers have come that were asked for after the call."""
    before = sum(len(worker.completed) for worker in load)
    until(lambda: sum(len(worker.completed) for worker in load) >= before + WORKERS + PROGRESS)


def test_a_database_that_hangs_and_crashes_under_load_costs_no_row(away):
    world, postgres = away
    load = [Load(world, f"away-{number}") for number in range(WORKERS)]
    for worker in load:
        worker.start()
    progress(load)
    assert says(world, database=True)

    postgres.freeze()
    until(lambda: says(world, database=False))
    progress(load)
    postgres.thaw()
    until(lambda: says(world, database=True))
    progress(load)

    postgres.crash()
    until(lambda: says(world, database=False))
    progress(load)
    assert get_json(f"{world.url}/readyz")["ledger_backlog_bytes"] > 0
    postgres.start()
    until(lambda: says(world, database=True))
    progress(load)

    for worker in load:
        worker.stopping.set()
    for worker in load:
        # A refusal would have ended the thread before it was asked to.
        worker.join(30)
        assert not worker.is_alive()
        assert worker.failed is None, worker.failed
    check(world, [key for worker in load for key in worker.completed])
