"""Imported images find their frames once the frames are ingested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from published_helpers import copy_run, differing_files
from run_helpers import select, write_frames

from iracdb import Catalogue
from iracdb.errors import RunRefused
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec
from iracdb.published.relinking import could_rise

LOG = """\
Date Reduced     : 2018-12-13T15:34:10.761558 
Input Parameters : python Pipeline.py 'single_deg' '/data/r*' '270.0 66.0' -f 'bcd' -r 10 12 20 \
-a 1.000000 -cp 1 1.221000 -o -rn 'old' -t 'SIM-STAR' -c 'Made up.' 
Instrument       : IRAC Channel 1 
File Type        : BCD 
Target           : SIM-STAR 
Radius Used      : 10, 12, 20 
Problem AORs     : 
Comments         : Made up."""  # noqa: W291

FIRST, SECOND = 91000000, 91000256


def frames(aorkey: int, count: int, channel: int = 1) -> list[FrameSpec]:
    start = FrameSpec(channel=channel, aorkey=aorkey, noise=False, mjd=56000 + aorkey % 1000)
    return [replace(start, expid=n, mjd=start.mjd + n / 1000) for n in range(count)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames, and in ``runs`` the run ``old`` over those of channel 1, as one of 2018."""
    folder = tmp_path_factory.mktemp("relink")
    write_frames(folder / "first", *frames(FIRST, 3), *frames(FIRST, 3, channel=2))
    write_frames(folder / "second", *frames(SECOND, 2))
    with Catalogue(folder / "ours.sqlite") as catalogue:
        catalogue.ingest(folder / "first", folder / "second")
        run = catalogue.run(channel=1, name="old", recipe="published-2018")
        export_run(run, folder / "runs", layout="16-14-NY")
    (folder / "runs" / "old_log.txt").write_text(LOG)
    return folder


@pytest.fixture
def catalogue(files: Path, any_location: str) -> Iterator[Catalogue]:
    """A catalogue of the imported run alone, in both kinds of database."""
    with Catalogue(any_location) as opened:
        opened.import_runs(files / "runs")
        yield opened


def links(catalogue: Catalogue) -> list[tuple[object, ...]]:
    rows = select(
        catalogue,
        "SELECT i.row_number, i.frame_id, i.link_grade, i.link_evidence FROM image_result i "
        "ORDER BY i.row_number",
    )
    return [tuple(row.values()) for row in rows]


def rising(catalogue: Catalogue) -> int:
    with catalogue._database.read() as connection:
        return could_rise(connection)


def test_ingesting_changes_no_link_and_relink_raises_them(
    catalogue: Catalogue, files: Path, tmp_path: Path
) -> None:
    assert catalogue.get("old").link_grades == {"B": 5}
    assert rising(catalogue) == 0
    before = links(catalogue)
    catalogue.ingest(files / "first")
    assert links(catalogue) == before
    # Channel 2 has the same times: its three frames raise nothing.
    assert rising(catalogue) == 3
    done = catalogue.relink()
    assert done.raised == {("old", "B", "A"): 3}
    assert done.total == 3
    assert catalogue.get("old").link_grades == {"A": 3, "B": 2}
    shown = select(
        catalogue,
        "SELECT i.row_number, e.channel, e.aorkey, e.expid FROM image_result i "
        "JOIN frame e ON e.id = i.frame_id WHERE i.link_grade = 'A' ORDER BY i.row_number",
    )
    assert [tuple(row.values()) for row in shown] == [(n + 1, 1, FIRST, n) for n in range(3)]
    assert {row[3] for row in links(catalogue)[:3]} == {
        "channel, AORKEY and time of a frame that files show"
    }
    assert links(catalogue)[3:] == before[3:]
    export_run(catalogue.get("old"), tmp_path / "out")
    assert differing_files(files / "runs", tmp_path / "out") == []


def test_a_second_relink_does_nothing(catalogue: Catalogue, files: Path) -> None:
    catalogue.ingest(files / "first", files / "second")
    assert catalogue.relink().total == 5
    acts = "SELECT kind, run_id, outcome FROM activity ORDER BY id"
    after, told = links(catalogue), select(catalogue, acts)
    assert [row["kind"] for row in told] == ["import", "relink"]
    assert told[1] == {"kind": "relink", "run_id": 1001, "outcome": "5 links raised"}
    assert rising(catalogue) == 0
    assert catalogue.relink().total == 0
    assert (links(catalogue), select(catalogue, acts)) == (after, told)


def test_frames_that_no_row_shows_any_more_are_forgotten(catalogue: Catalogue, files: Path) -> None:
    catalogue.ingest(files / "first", files / "second")
    assert select(catalogue, "SELECT count(*) AS n FROM frame")[0]["n"] == 13
    catalogue.relink()
    assert select(catalogue, "SELECT count(*) AS n FROM frame")[0]["n"] == 8


def test_frames_held_before_the_import(files: Path, any_location: str) -> None:
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(files / "first")
        catalogue.import_runs(files / "runs")
        assert catalogue.get("old").link_grades == {"A": 3, "B": 2}
        assert rising(catalogue) == 0


def test_another_aor_at_the_same_time_is_no_rise(files: Path, tmp_path: Path) -> None:
    """Its key is another's: the link would only be other, not surer."""
    other = [replace(spec, aorkey=93000000) for spec in frames(FIRST, 3)]
    write_frames(tmp_path / "other", *other)
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(files / "runs")
        before = links(catalogue)
        catalogue.ingest(tmp_path / "other")
        assert rising(catalogue) == 0
        assert catalogue.relink().total == 0
        assert links(catalogue) == before


def test_a_better_file_changes_no_imported_time(
    catalogue: Catalogue, files: Path, tmp_path: Path
) -> None:
    """After a relink the frame is one with files; a newer version may tell another time."""
    catalogue.ingest(files / "first", files / "second")
    catalogue.relink()
    again = [replace(spec, version=2, mjd=spec.mjd + 1e-6) for spec in frames(FIRST, 3)]
    write_frames(tmp_path / "reprocessed", *again)
    assert catalogue.ingest(tmp_path / "reprocessed").counts["newer version"] == 3
    export_run(catalogue.get("old"), tmp_path / "out")
    assert differing_files(files / "runs", tmp_path / "out") == []


def test_a_frame_of_another_aor_is_not_a_rows_frame(files: Path, tmp_path: Path) -> None:
    """Whatever the order: a frame with the row's time, and another AOR than its table says."""
    stranger = replace(frames(FIRST, 1)[0], aorkey=91000512)
    write_frames(tmp_path / "strange", stranger)
    with Catalogue(tmp_path / "catalogue.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "strange")
        catalogue.import_runs(files / "runs")
        keys = select(
            catalogue,
            "SELECT DISTINCT a.aorkey AS row_key, e.aorkey AS frame_key FROM image_result i "
            "JOIN aor_result a ON a.id = i.aor_result_id JOIN frame e ON e.id = i.frame_id",
        )
        assert keys
        assert all(row["row_key"] == row["frame_key"] for row in keys)
        catalogue.ingest(files / "first")
        assert rising(catalogue) == 3
        assert catalogue.relink().total == 3


# AORs that nothing in a run's own tables tells


@pytest.fixture
def without_a_row(files: Path, tmp_path: Path) -> Path:
    """The run ``bare``: ``old`` in the layout of run 5, its second AOR without row and flux."""
    copy_run(files / "runs", tmp_path / "bare", "old", "bare")
    with Catalogue(tmp_path / "making.sqlite") as catalogue:
        catalogue.import_runs(files / "runs")
        export_run(catalogue.get("old"), tmp_path / "old", layout="11-13-XO")
    for which in ("aor", "img"):
        lines = (tmp_path / "old" / f"old_{which}_data.csv").read_text().splitlines()
        if which == "aor":
            lines = [line for line in lines if not line.startswith(str(SECOND))]
        else:
            lines[4:] = [
                ",".join([*line.split(",")[:5], *["nan"] * 4, line.split(",")[9], *["nan"] * 3])
                for line in lines[4:]
            ]
        (tmp_path / "bare" / f"bare_{which}_data.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "bare"


def joins(catalogue: Catalogue) -> list[tuple[object, ...]]:
    rows = select(
        catalogue,
        "SELECT a.aorkey, i.link_grade, i.link_evidence, e.aorkey AS frames, e.expid "
        "FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
        "JOIN run r ON r.run_id = a.run_id JOIN frame e ON e.id = i.frame_id "
        "WHERE r.name = 'bare' AND NOT a.listed ORDER BY i.row_number",
    )
    return [tuple(row.values()) for row in rows]


BY_TIME = "channel and time; no file shows the frame"
SHOWN = "channel and time of a frame that files show; its AOR is not told by the table"


def test_an_unknown_aor_is_found_in_another_run(
    files: Path, without_a_row: Path, any_location: str, tmp_path: Path
) -> None:
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(without_a_row)
        assert catalogue.get("bare").aor_grades == {"A": 1, "D": 1}
        assert [row[0] for row in joins(catalogue)] == [0, 0]
        assert rising(catalogue) == 0
        assert catalogue.relink().total == 0
        catalogue.import_runs(files / "runs")
        assert rising(catalogue) == 2
        done = catalogue.relink()
        assert done.raised == {("bare", "AOR 0", f"AOR {SECOND}"): 2}
        note = f"{BY_TIME}; AOR (grade B): its frames are of that AOR in old"
        assert joins(catalogue) == [(SECOND, "B", note, SECOND, None)] * 2
        assert catalogue.get("bare").aor_grades == {"A": 1, "B": 1}
        told = select(catalogue, "SELECT r.name, a.outcome FROM activity a JOIN run r ON "
                                 "r.run_id = a.run_id WHERE a.kind = 'relink'")  # fmt: skip
        assert told == [{"name": "bare", "outcome": "2 links raised"}]
        assert (rising(catalogue), catalogue.relink().total) == (0, 0)
        export_run(catalogue.get("bare"), tmp_path / "out")
        assert differing_files(without_a_row, tmp_path / "out") == []
        # The frames themselves then say the same.
        catalogue.ingest(files / "second")
        assert catalogue.relink().raised == {("bare", "B", "A"): 2, ("old", "B", "A"): 2}
        assert catalogue.get("bare").aor_grades == {"A": 2}


def test_an_unknown_aor_is_found_in_files(
    files: Path, without_a_row: Path, any_location: str, tmp_path: Path
) -> None:
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(without_a_row)
        catalogue.ingest(files / "second")
        assert catalogue.relink().raised == {("bare", "AOR 0", f"AOR {SECOND}"): 2}
        note = f"{SHOWN}; AOR (grade B): its frames are of that AOR in their files"
        assert joins(catalogue) == [(SECOND, "B", note, SECOND, number) for number in (0, 1)]
        assert select(catalogue, "SELECT count(*) AS n FROM frame")[0]["n"] == 5
        assert catalogue.relink().total == 0
        export_run(catalogue.get("bare"), tmp_path / "out")
        assert differing_files(without_a_row, tmp_path / "out") == []


def test_an_aor_told_in_two_ways_stays_unknown(
    files: Path, without_a_row: Path, tmp_path: Path
) -> None:
    """One frame of the block is of one AOR, the other of another."""
    first, second = frames(SECOND, 2)
    write_frames(tmp_path / "files", first, replace(second, aorkey=SECOND + 256))
    with Catalogue(tmp_path / "catalogue.sqlite") as catalogue:
        catalogue.import_runs(without_a_row)
        catalogue.ingest(tmp_path / "files")
        before = joins(catalogue)
        assert rising(catalogue) == 0
        assert catalogue.relink().total == 0
        assert joins(catalogue) == before


def test_the_unknown_aor_of_run6(reference: Path, any_location: str, tmp_path: Path) -> None:
    """All 200 frames of its block without an AOR are those of one AOR in hd_warm_final."""
    for name in ("run6", "hd_warm_final"):
        copy_run(reference / "published_runs", tmp_path / "in", name)
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(tmp_path / "in")
        assert catalogue.relink().raised == {("run6", "AOR 0", "AOR 45709312"): 200}
        assert catalogue.get("run6").aor_grades == {"A": 195, "B": 1, "C": 1}
        for name in ("run6", "hd_warm_final"):
            export_run(catalogue.get(name), tmp_path / "out")
        assert differing_files(tmp_path / "in", tmp_path / "out") == []


def test_a_run_is_over_what_can_be_measured(catalogue: Catalogue, files: Path) -> None:
    """The AORs that only an imported table knows are not planned, and alone are none at all."""
    with pytest.raises(RunRefused, match="holds no frames yet"):
        catalogue.plan()
    catalogue.ingest(files / "second")
    plan = catalogue.plan()
    assert (plan.aors, plan.parameters["channel"]) == ((SECOND,), 1)
