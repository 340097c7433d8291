"""Worker processes, as a user's script meets them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from iracdb import workers

# Nothing keeps it from being carried out once more by whoever imports it.
SCRIPT = """
print("the script")
from pathlib import Path
from iracdb.workers import make_ready, worker_pool

if {ready}:
    make_ready("json")
with worker_pool(2, ready={ready}) as pool:
    print(list(pool.map(abs, [-1, -2])))
"""


@pytest.mark.parametrize("ready", [True, False])
def test_a_script_without_a_guard_is_not_carried_out_again(ready: bool, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(ready=ready))
    found = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines() == ["the script", "[1, 2]"]


def test_threads_start_processes_one_after_the_other() -> None:
    script = sys.modules["__main__"]
    begun, go_on, inside = threading.Event(), threading.Event(), []

    def first() -> None:
        with workers._main_left_alone():
            begun.set()
            go_on.wait(10)

    def second() -> None:
        with workers._main_left_alone():
            inside.append(True)

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(10)
    other = threading.Thread(target=second)
    other.start()
    other.join(0.2)
    assert inside == []
    go_on.set()
    one.join(10)
    other.join(10)
    assert inside == [True]
    assert sys.modules["__main__"] is script
