"""One running installation for all tests."""

import uuid

import pytest

from harness import World


@pytest.fixture(scope="session")
def world():
    running = World()
    yield running
    running.stop()


@pytest.fixture
def unique():
    """A text that no other test and no earlier run has sent."""
    return f"question {uuid.uuid4().hex}"
