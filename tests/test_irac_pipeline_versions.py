"""Pipeline versions against the tables' own, and the months of the transition."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from pathlib import Path

import pytest

from iracdb.errors import UsageError
from iracdb.irac.pipeline_versions import (
    CRYOGEN_OUT,
    RETIRED_SET_POINTS,
    in_transition,
    mission_of,
    science_exists,
    span_of,
    tables_made_for,
)

DAY_ZERO = date(1858, 11, 17)


def mjd(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - DAY_ZERO).days


@pytest.mark.parametrize(
    ("tables", "made_for", "other"),
    [
        ("warm", ("S19.2", "S19.2.0", "S19.2.1"), ("S19.1.0", "S18.18.0", "S19.20.0", "S20.2.0")),
        (
            "cryo",
            ("S18.18.0", "S18.20.0", "S18.24.0", "S18.24.3"),
            ("S18.7.0", "S18.17.9", "S18.25.0", "S19.2.0", "S8.9.0"),
        ),
        ("hora", ("S8.9.0", "S18.7.0", "S18.7.1", "S17.20.0"), ("S18.18.0", "S18.8.0", "S19.2.0")),
        ("reach", ("S8.9.0", "S18.7.0", "S14.0.0"), ("S18.18.0", "S18.25.0")),
    ],
)
def test_whom_tables_were_made_for(
    tables: str, made_for: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert [tables_made_for(tables, creator) for creator in made_for] == [True] * len(made_for)
    assert [tables_made_for(tables, creator) for creator in other] == [False] * len(other)


@pytest.mark.parametrize("creator", [None, "", "  ", "JPL_FOS SIS", "S", "S18", "J5.3", "18.18.0"])
def test_a_creator_that_tells_nothing(creator: str | None) -> None:
    assert tables_made_for("cryo", creator) is None


def test_creators_of_real_frames(reference: Path) -> None:
    told = {}
    for path in sorted((reference / "headers").glob("*.txt")):
        found = re.search(r"^CREATOR *= *'([^']*)'", path.read_text(errors="replace"), re.MULTILINE)
        if found is None:
            continue
        creator = found.group(1)
        tables = "cryo" if path.name.startswith("cryo") else "warm"
        told[creator.strip()] = tables_made_for(tables, creator)
    # The bunc's creator is the agency that wrote it; S18.25 is not named by the routine.
    assert told == {
        "S18.18.0": False, "S8.9.0": False, "S18.25.0": False, "S19.1.0": False, "S19.2.0": True,
        "JPL_FOS SIS": None,
    }  # fmt: skip


def test_spans_in_words() -> None:
    assert [span_of(tables) for tables in ("warm", "cryo", "hora", "reach")] == [
        "S19.2", "S18.18 to S18.24", "S18.7 and earlier", "S18.7 and earlier",
    ]  # fmt: skip


@pytest.mark.parametrize("tables", ["none", "auto", "Warm"])
def test_no_such_tables(tables: str) -> None:
    with pytest.raises(UsageError, match="no response tables"):
        span_of(tables)
    with pytest.raises(UsageError, match="no response tables"):
        tables_made_for(tables, None)


def test_the_transition_is_whole_days() -> None:
    assert (mjd(2009, 5, 15), mjd(2009, 9, 18) + 1) == RETIRED_SET_POINTS
    start, end = RETIRED_SET_POINTS
    assert [in_transition(t) for t in (start - 1e-6, start, end - 1e-6, end)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not in_transition(math.nan)


def test_no_science_in_channels_3_and_4_without_cryogen() -> None:
    standby = datetime(2009, 5, 15, 22, 11) - datetime(1858, 11, 17)
    assert pytest.approx(standby.total_seconds() / 86400, abs=1e-9) == CRYOGEN_OUT
    for channel in (3, 4):
        assert science_exists(channel, 54457.8)
        assert science_exists(channel, CRYOGEN_OUT - 1e-6)
        assert not science_exists(channel, CRYOGEN_OUT)
        assert not science_exists(channel, math.nan)
    assert all(science_exists(channel, t) for channel in (1, 2) for t in (54457.8, 58689.8))
    with pytest.raises(UsageError, match="no channel 5"):
        science_exists(5, 54457.8)


def test_the_mission_is_the_tables_mission() -> None:
    assert [mission_of(t) for t in (52979.4, 54968.0, 54968.001, 58689.8)] == [
        "cryo", "cryo", "warm", "warm",
    ]  # fmt: skip
