"""The audit of what runs were made of: mixed averages, bad pixels, corrections for other frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_helpers import averages, images, write_frames

from iracdb import Catalogue, flags
from iracdb.export.tables import export_run
from iracdb.irac.handbook import PIXEL_SIZE
from iracdb.irac.pipeline_versions import in_transition
from iracdb.irac.simulate import FrameSpec, companions, file_path, simulate_frame, write_fits
from iracdb.published.audit.finding import Finding
from iracdb.runs.results import Run

LIKE, MIXED, BAD = 91000000, 91000256, 91000512

LOG = """\
Date Reduced     : 2018-12-13T15:34:10.761558 
Input Parameters : python Pipeline.py 'single_deg' '/data/r*' '270.0 66.0' -f 'bcd' -r 10 12 20 \
-a 1.000000 -cp {channel} {pixel} -o -rn 'old' -t 'SIM-STAR' -c 'Made up.' 
Instrument       : IRAC Channel {channel} 
File Type        : BCD 
Target           : SIM-STAR 
Radius Used      : 10, 12, 20 
Problem AORs     : 
Comments         : Made up."""  # noqa: W291


def frames(aorkey: int, *kinds: dict[str, Any], **common: Any) -> list[FrameSpec]:
    """Frames of an AOR, a little apart in time."""
    first = FrameSpec(**({"channel": 1, "aorkey": aorkey, "noise": False} | common))
    return [
        replace(first, **({"expid": n, "mjd": first.mjd + n / 1000} | kind))
        for n, kind in enumerate(kinds)
    ]


def write_all(folder: Path, *specs: FrameSpec) -> None:
    """Write frames with their masks and uncertainties."""
    for spec in specs:
        cards, image = simulate_frame(spec)
        write_fits(file_path(folder, spec.name()), cards, image)
        for kind, (other, data) in companions(spec, image).items():
            if kind in ("bimsk", "bunc"):
                write_fits(file_path(folder, spec.name(kind)), other, data)


@pytest.fixture
def catalogue(any_location: str) -> Iterator[Catalogue]:
    """An empty one, in both kinds of database."""
    with Catalogue(any_location) as opened:
        yield opened


def audited(catalogue: Catalogue, run: Run | int | str) -> dict[str, Finding]:
    found = catalogue.audit(run if isinstance(run, (int, str)) else run.run_id)
    assert len({one.code for one in found}) == len(found)
    return {one.code: one for one in found}


def imported(run: Run, folder: Path, to: Path, *archives: Path) -> dict[str, dict[str, Finding]]:
    """What is found of a run imported as one of 2018, before and after its frames are held."""
    export_run(run, folder, layout="16-14-NY")
    channel = run.row.channel
    log = LOG.format(channel=channel, pixel=f"{PIXEL_SIZE[channel]:f}")
    (folder / "old_log.txt").write_text(log)
    with Catalogue(to) as opened:
        opened.import_runs(folder)
        before = audited(opened, "old")
        opened.ingest(*archives)
        opened.relink()
        return {"before": before, "after": audited(opened, "old")}


UNLIKE = (
    {"creator": "S18.18.0", "header": {"FLUXCONV": 0.11}},
    {"creator": "S19.2.0", "header": {"FLUXCONV": 0.10, "MISSDATA": True}},
    {"creator": "S19.2.0", "frame_time": 12.0, "hdr": "long", "header": {"FLUXCONV": 0.10}},
)
"""Frames that should not be averaged: two calibrations, a bad one, a longer one."""


def test_averages_over_unlike_frames(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path / "archive", *frames(MIXED, *UNLIKE), *frames(LIKE, {}, {}))
    catalogue.ingest(tmp_path / "archive")
    run = catalogue.run(name="old", recipe="published-2018", rejection="none")
    found = audited(catalogue, run)
    assert "FULL 2 s" in found["mixed-frames"].rows[0]["frames"]
    assert found["mixed-frames"].rows == [
        {"aorkey": MIXED, "frames": "2 of FULL 2 s, 1 of FULL 12 s long"}
    ]
    assert str(MIXED) in found["mixed-frames"].sentence
    assert found["mixed-creators"].rows == [
        {"aorkey": MIXED, "creators": "1 of S18.18.0, 2 of S19.2.0"}
    ]
    assert found["mixed-fluxconv"].rows == [{"aorkey": MIXED, "fluxconv": "2 of 0.1, 1 of 0.11"}]
    assert found["mixed-fluxconv"].numbers["largest_relative"] == pytest.approx(0.1)
    assert found["marked-headers"].rows == [{"aorkey": MIXED, "frames": 1, "marks": "MISSDATA"}]
    assert found["marked-headers"].numbers["marks"] == ["MISSDATA"]
    assert found["other-version"].numbers["versions"] == ["S18.18.0"]
    assert found["off-aperture"].numbers == {"averages": 2, "radii": "10 12 20"}
    assert found["off-centre"].numbers == {"averages": 2, "centre": "gaussian"}
    marks = {row["aorkey"]: row["marks"].split() for row in averages(catalogue, run)}
    assert ("other-version" in marks[MIXED], "other-version" in marks[LIKE]) == (True, False)

    both = imported(run, tmp_path / "runs", tmp_path / "old.sqlite", tmp_path / "archive")
    told = {"mixed-frames", "mixed-creators", "mixed-fluxconv", "marked-headers", "other-version"}
    assert not told & both["before"].keys()
    assert told <= both["after"].keys()
    for code in told:
        assert both["after"][code].rows == found[code].rows
    assert both["after"]["mixed-creators"].sentence.endswith("by the files held of them")
    assert both["before"]["off-aperture"].rows == found["off-aperture"].rows
    # Its centres are not recorded.
    assert "off-centre" not in both["after"]


def test_a_frame_that_another_file_shows_clean_is_not_accused(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    write_frames(tmp_path / "archive", *frames(MIXED, *UNLIKE))
    catalogue.ingest(tmp_path / "archive")
    run = catalogue.run(name="old", recipe="published-2018", rejection="none")
    clean = {"creator": "S19.2.0", "header": {"FLUXCONV": 0.10}, "version": 2}
    write_frames(tmp_path / "newer", *(one for one in frames(MIXED, clean, clean) if one.expid < 2))
    both = imported(
        run, tmp_path / "runs", tmp_path / "old.sqlite", tmp_path / "archive", tmp_path / "newer"
    )
    assert "mixed-frames" in both["after"]
    gone = {"mixed-creators", "mixed-fluxconv", "marked-headers", "other-version"}
    assert not gone & both["after"].keys()


def test_calibrations_mixed_by_leave_and_made_one(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path / "archive", *frames(MIXED, *UNLIKE[:2]))
    catalogue.ingest(tmp_path / "archive")
    asked = {"recipe": "handbook", "allow_mixed_calibration": True, "mask": False,
             "uncertainties": False}  # fmt: skip
    run = catalogue.run(**asked, header_marks=False)
    found = audited(catalogue, run)
    assert {"mixed-creators", "mixed-fluxconv", "marked-headers"} <= found.keys()
    assert not {"mixed-frames", "off-aperture", "off-centre"} & found.keys()
    one = audited(catalogue, catalogue.run(**asked, header_marks=False, fluxconv=0.1))
    assert "mixed-creators" in one
    assert "mixed-fluxconv" not in one
    # The marked frame is left out of the mean, which is then of one kind.
    left_out = audited(catalogue, catalogue.run(**asked))
    assert not {"mixed-creators", "mixed-fluxconv", "marked-headers"} & left_out.keys()


def test_bad_pixels(catalogue: Catalogue, tmp_path: Path) -> None:
    at = {"x": 127.2, "y": 127.1}
    write_all(
        tmp_path / "archive",
        *frames(
            BAD, at, at | {"mask_bits": ((14, 127, 129),)}, at | {"mask_bits": ((9, 132, 127),)}
        ),
        *frames(LIKE, at, at | {"flux_mjy": 300.0}),
    )  # fmt: skip
    # Without a mask.
    write_frames(tmp_path / "archive", *frames(MIXED, at, at | {"nan_pixels": ((129, 127),)}))
    catalogue.ingest(tmp_path / "archive")
    run = catalogue.run(recipe="handbook", rejection="none")
    found = audited(catalogue, run)
    stored = images(catalogue, run)

    def count(bit: int) -> int:
        return sum(bool(row["flags"] & bit) for row in stored)

    assert (count(flags.NAN_IN_APERTURE), count(flags.FATAL_IN_APERTURE)) == (1, 1)
    assert found["bad-pixels"].rows == [
        {"aorkey": MIXED, "images": 2, "nan_in_aperture": 1, "fatal_in_aperture": 0,
         "left_out_of_annulus": 0},
        {"aorkey": BAD, "images": 3, "nan_in_aperture": 0, "fatal_in_aperture": 1,
         "left_out_of_annulus": 1},
    ]  # fmt: skip
    assert found["bad-pixels"].severity == "note"
    assert count(flags.SATURATED) == found["saturated"].numbers["images"] == 1
    assert found["saturated"].rows == [{"aorkey": LIKE, "images": 1}]
    assert found["no-mask"].rows == [{"aorkey": MIXED, "images": 1}]


def test_the_transition_and_channels_that_saw_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    during = frames(MIXED, {}, {}, mjd=54999.0, channel=3)
    write_frames(
        tmp_path / "archive", *during, *frames(LIKE, {}, {}, channel=3),
        *frames(BAD, {}, mjd=54900.0, channel=3),
    )  # fmt: skip
    catalogue.ingest(tmp_path / "archive")
    run = catalogue.run(name="old", recipe="published-2018")
    assert [in_transition(spec.mjd) for spec in during] == [True, True]
    both = imported(run, tmp_path / "runs", tmp_path / "old.sqlite", tmp_path / "archive")
    for found in (audited(catalogue, run), both["before"], both["after"]):
        assert found["transition"].rows == [{"aorkey": MIXED, "frames": 2}]
        assert found["no-cryogen"].numbers == {"frames": 4, "averages": 2}
        assert {row["aorkey"] for row in found["no-cryogen"].rows} == {MIXED, LIKE}
        assert found["no-cryogen"].severity == "error"
    marked = {row["aorkey"] for row in averages(catalogue, run) if "transition" in row["marks"]}
    assert marked == {MIXED}


def test_corrections_of_the_other_mission(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(
        tmp_path / "archive", *frames(LIKE, {}, {}, channel=2),
        *frames(MIXED, {}, channel=2, mjd=54000.0),
    )  # fmt: skip
    catalogue.ingest(tmp_path / "archive")
    radius = (3, 3, 7)
    cold = audited(catalogue, catalogue.run(response="cryo", radius=radius))
    assert cold["wrong-mission-tables"].rows == [{"aorkey": LIKE, "frames": 2}]
    assert cold["wrong-mission-tables"].numbers["tables"] == "cryo"
    warm = audited(catalogue, catalogue.run(response="warm", radius=radius))
    assert warm["wrong-mission-tables"].rows == [{"aorkey": MIXED, "frames": 1}]
    none = audited(catalogue, catalogue.run(response="none", radius=(10, 12, 20)))
    assert not {"wrong-mission-tables", "other-version", "off-aperture"} & none.keys()
    # The manual's factor is the cryogenic one for both missions.
    assert cold["aperture-correction"].rows == [
        {"aorkey": LIKE, "applied": 1.12, "of_table": 1.1336}
    ]
    right = audited(catalogue, catalogue.run(recipe="handbook", mask=False, uncertainties=False))
    assert not {"wrong-mission-tables", "aperture-correction", "off-aperture"} & right.keys()
    typed = catalogue.run(radius=(7, 12, 20), aperture_correction=1.02)
    (finding,) = [f for f in catalogue.audit(typed.run_id) if f.code == "aperture-correction"]
    assert {row["of_table"] for row in finding.rows} == {None}
    assert "where no table has any" in finding.sentence
