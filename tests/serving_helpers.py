"""A served catalogue in tests: without a socket, and as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docs_helpers import IRACDB
from starlette.testclient import TestClient

from iracdb.api import Catalogue
from iracdb.web.app import application
from iracdb.web.guard import LOOPBACK_NAMES, Guard


def client(catalogue: Catalogue, *, token: str | None = None, **settings: Any) -> TestClient:
    """Ask the application directly, as a browser on this machine would."""
    guard = Guard(frozenset(LOOPBACK_NAMES), token)
    app = application(catalogue, guard, **{"sql_role": None, **settings})
    return TestClient(app, base_url="http://127.0.0.1:8613", follow_redirects=False)


@contextmanager
def served(location: str | Path, *options: str) -> Iterator[str]:
    """Run ``iracdb serve`` over a catalogue; give its address; end it by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", IRACDB, "serve", "--db", str(location), "--port", "0",
         *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise AssertionError(f"it did not begin: {process.communicate(timeout=30)[1]}")
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert said.endswith("Stopped\n"), said
