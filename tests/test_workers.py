"""Worker processes, as a user's script meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
