"""What a long command tells of itself: as measured, and not too often."""

from __future__ import annotations

from pathlib import Path

import pytest
from iracdb_cli.output import lines_of_progress
from iracdb_cli.pace import Pace

from iracdb import Catalogue
from iracdb.irac.simulate import simulate_archive
from iracdb.runs import measuring
from iracdb.runs.execute import Written


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    "seconds, done, words",
    [
        (10.0, 5000, "500 a second, 30 s left"),
        (10.0, 50, "5 a second, 1 h 6 min left"),
        (60.0, 30, "30.0 a minute, 11 h 6 min left"),
        (10.0, 600, "60 a second, 5 min left"),
        (10.0, 20000, "2,000 a second"),
        (0.0, 10, ""),
    ],
)
def test_words(clock: Clock, seconds: float, done: int, words: str) -> None:
    pace = Pace("frames", clock)
    clock.now += seconds
    pace.reach(done, 20000, "90000256")
    assert pace.count() == f"{done:,} of 20,000 frames"
    assert pace.words() == words


def test_the_rate_is_that_of_the_last_minute(clock: Clock) -> None:
    """Whatever took long at first, such as compiling, is forgotten."""
    pace = Pace("", clock)
    clock.now += 100
    pace.reach(100, 10000, "a")
    for done in range(200, 1001, 100):
        clock.now += 10
        pace.reach(done, 10000, "a")
    assert pace.words() == "10 a second, 15 min left"
    assert pace.count() == "1,000 of 10,000"


def test_what_was_there_already_is_no_rate(clock: Clock) -> None:
    pace = Pace("frames", clock)
    clock.now += 10
    pace.reach(9000, 10000, Written("", "1 problem AOR"))
    assert pace.words() == "1 problem AOR"
    clock.now += 10
    pace.reach(9100, 10000, Written("1", "2 without a flux, 1 problem AOR"))
    assert pace.words() == "10 a second, 2 min left, 2 without a flux, 1 problem AOR"


def test_lines_where_there_is_no_terminal(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    tell = lines_of_progress("Measuring", Pace("frames", clock), clock)
    for done in range(1, 31):
        clock.now += 1
        tell(done * 100, 3000, Written(str(done), "5 without a flux" if done > 15 else ""))
    out, err = capsys.readouterr()
    assert out == ""
    # None at the end: the command tells then what it did.
    assert err.splitlines() == [
        "Measuring: 1,000 of 3,000 frames, 100 a second, 20 s left",
        "Measuring: 2,000 of 3,000 frames, 100 a second, 10 s left, 5 without a flux",
    ]


def test_a_run_begins_to_be_timed_once_all_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_archive(tmp_path / "archive", frames=1, full_frames=2, bad_files=False)
    told: list[object] = []
    monkeypatch.setattr(measuring, "compile_all", lambda _: told.append("compiled"))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "archive")
        tell = lambda done, total, item: told.append((done, total, str(item)))  # noqa: E731
        catalogue.run(channel=1, aors=(90000256,), progress=tell)
    total = len(list((tmp_path / "archive" / "r90000256").rglob("*_bcd.fits")))
    assert told == ["compiled", (0, total, ""), (total, total, "90000256")]


def test_a_run_tells_what_is_wrong_so_far(tmp_path: Path) -> None:
    simulate_archive(tmp_path / "archive", frames=3, full_frames=12, bad_files=False)
    location = str(tmp_path / "iracdb.sqlite")
    # The last of them has no frames of this channel.
    asked = {"channel": 1, "aors": (90000256, 90000512, 90001536)}
    told: list[tuple[int, int, str, str]] = []

    def tell(done: int, total: int, item: str) -> None:
        told.append((done, total, str(item), getattr(item, "problems", "none")))
        if len(told) == 3:
            raise KeyboardInterrupt

    with Catalogue(location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        with pytest.raises(KeyboardInterrupt):
            catalogue.run(**asked, coord="10.0 -80.0", progress=tell)
        run = catalogue.run(**asked, coord="10.0 -80.0", progress=tell)
        averages = run.averages()
    images = [row.n_total for row in averages]
    first, second, problems = sum(images[:1]), sum(images[:2]), [row.aorkey for row in averages]
    frames = [told[1][0], told[2][0]]
    assert told == [
        (0, frames[1], "", ""),
        (frames[0], frames[1], str(problems[0]), f"{first} without a flux, 1 problem AOR"),
        (frames[1], frames[1], str(problems[1]), f"{second} without a flux, 2 problem AORs"),
        (frames[1], frames[1], "", f"{second} without a flux, 2 problem AORs"),
        (frames[1], frames[1], str(problems[2]), f"{second} without a flux, 3 problem AORs"),
    ]
