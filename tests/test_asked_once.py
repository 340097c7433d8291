"""What a run asks of its catalogue once, however many AORs and blocks there are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_helpers import averages, write_frames
from test_run import PLAIN

from iracdb import Catalogue
from iracdb.catalogue import targets
from iracdb.runs import execute, making


@pytest.fixture
def asked(monkeypatch):
    """Count the files that each question names, and the targets looked for."""
    counts = {"places": [], "targets": []}
    places, find = execute.frame_files, targets.find_or_add

    def ask_places(connection, numbers):
        counts["places"].append(len(numbers))
        return places(connection, numbers)

    def ask_target(connection, position, **others):
        counts["targets"].append(position)
        return find(connection, position, **others)

    monkeypatch.setattr(execute, "frame_files", ask_places)
    monkeypatch.setattr(targets, "find_or_add", ask_target)
    return counts


def test_places_and_targets(any_location, tmp_path, asked, monkeypatch):
    """Seven frames in blocks of two, asked for in pieces of four; two AORs of one position."""
    monkeypatch.setattr(making, "BLOCK", 2)
    monkeypatch.setattr(making, "_ASKED_AT_ONCE", 4)
    specs = [
        replace(PLAIN, aorkey=PLAIN.aorkey + aor, expid=n, mjd=PLAIN.mjd + aor + n / 1000)
        for aor in range(2)
        for n in range(7)
    ]
    write_frames(tmp_path, *specs)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path)
        run = catalogue.run(channel=1, radius=(10, 12, 20), coord=f"{PLAIN.ra} {PLAIN.dec}")
        found = averages(catalogue, run)
    assert [row["n_workable"] for row in found] == [7, 7]
    assert len({row["target_id"] for row in found}) == 1
    assert asked["places"] == [4, 3, 4, 3]
    assert len(asked["targets"]) == 1
