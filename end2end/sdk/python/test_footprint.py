"""What the binary takes when nothing happens. The bounds are wide, so that only a change in kind fails: figures to judge by come
from script/bench."""

import sys
import time
import urllib.request
from pathlib import Path

import pytest

from harness import World

START_SECONDS = 5
IDLE_MEGABYTES = 96


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the resident memory")
def test_a_fresh_start_is_quick_and_small(capsys):
    world = World()
    try:
        world.server.stop()
        begun = time.monotonic()
        world.start_server()
        took = time.monotonic() - begun
        with urllib.request.urlopen(f"{world.url}/sign-in", timeout=10) as page:
            assert page.status == 200
        status = Path(f"/proc/{world.server.child.pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    finally:
        world.stop()
    with capsys.disabled():
        print(f"\nready {took * 1000:.0f} ms after the start, {resident:.0f} MB resident")
    assert took < START_SECONDS
    assert resident < IDLE_MEGABYTES
