"""Planes of real cubes in runs, against a loop of its own; and all that is done with such runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from handbook_helpers import by_hand, handbook, write_with_companions
from helpers import spec
from run_helpers import averages, command, content, cut_short, images
from verify_helpers import only, read_ecsv, read_votable, run_digest

from iracdb import Catalogue
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec

FIRST, SECOND = 91_000_000, 91_000_256


# ---- real cubes against a plain loop -------------------------------------------------------------


@pytest.fixture(scope="module")
def real(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Two exposures of each of two AORs."""
    folder = tmp_path_factory.mktemp("planes")
    for aorkey in (46466816, 24649984):
        for path in (reference / "archive" / f"r{aorkey}").rglob("*_000[12]_0000_*.fits"):
            to = folder / path.relative_to(reference)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    with Catalogue(folder / "iracdb.sqlite") as catalogue:
        catalogue.ingest(folder / "archive")
        yield catalogue


def cube_of(reference: Path, name: str) -> np.ndarray:
    return fits.getdata(next((reference / "archive").rglob(name))).astype(np.float64)


@pytest.mark.parametrize(("aorkey", "channel"), [(46466816, 2), (24649984, 4)])
@pytest.mark.parametrize("how", ["each", "median", "mean"])
def test_planes_of_real_cubes(
    real: Catalogue, reference: Path, aorkey: int, channel: int, how: str
) -> None:
    dropped = "0,57" if how == "each" else "0-13"
    run = handbook(
        real,
        kind="bcd",
        channel=channel,
        aors=[aorkey],
        planes=how,
        drop_planes=dropped,
        mask=False,
    )
    found = images(real, run)
    kept = [p for p in range(64) if p not in ((0, 57) if how == "each" else range(14))]
    assert (
        run.parameters["subarray_planes"] == f"{how} {'1-56,58-63' if how == 'each' else '14-63'}"
    )
    wanted = kept if how == "each" else [-1]
    assert [(row["expid"], row["plane"]) for row in found] == [
        (expid, plane) for expid in (1, 2) for plane in wanted
    ]
    measured = 0
    for row in found:
        cube = cube_of(reference, row["file_name"])
        if how == "each":
            image = cube[row["plane"]]
        else:
            with np.errstate(all="ignore"):
                image = getattr(np, f"nan{how}")(cube[14:][:, 1:], axis=0)
                # No plane has a value in the first row of some cubes.
                image = np.vstack([np.full((1, 32), np.nan), image])
        if row["raw"] is None:
            continue
        measured += 1
        expected = by_hand(image, row["x"], row["y"])
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (row["plane"], name)
    assert measured > 0.9 * len(found)
    assert real.verify(run.run_id).verdict == "exact"


@pytest.mark.parametrize(("dropped", "count"), [(None, 62), ("none", 64)])
def test_how_many_planes(real: Catalogue, dropped: str | None, count: int) -> None:
    run = handbook(
        real, kind="bcd", channel=4, aors=[24649984], planes="each", drop_planes=dropped, mask=False
    )
    found = images(real, run)
    assert len(found) == 2 * count
    lacking = set(range(64)) - {row["plane"] for row in found}
    assert lacking == ({0, 57} if dropped is None else set())
    assert averages(real, run)[0]["n_total"] == 2 * count


# ---- simulated: rows, times, resuming, jobs ------------------------------------------------------


def star(aorkey: int, expid: int) -> FrameSpec:
    return spec(
        aorkey=aorkey, expid=expid, mjd=56_000 + expid / 100, frame_time=0.4, flux_mjy=60.0,
        x=15.0 + expid / 10, y=15.2, noise=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cubes") / "archive"
    for aorkey in (FIRST, SECOND):
        for expid in (0, 1):
            write_with_companions(folder, star(aorkey, expid), "bcd")
    return folder


@pytest.fixture
def catalogue(any_location: str, archive: Path) -> Iterator[Catalogue]:
    with Catalogue(any_location) as opened:
        opened.ingest(archive)
        yield opened


EACH = {"kind": "bcd", "planes": "each", "drop_planes": "4-63"}
"""A few planes are enough where it is not the numbers that matter."""

WORDS = ("--recipe", "handbook", "--planes", "each", "--drop-planes", "4-63")


@pytest.fixture
def location(any_location: str, archive: Path) -> str:
    with Catalogue(any_location) as opened:
        opened.ingest(archive)
    return any_location


def test_rows_of_planes(catalogue: Catalogue) -> None:
    run = handbook(catalogue, **EACH)
    found = images(catalogue, run)
    names = ("aorkey", "expid", "plane", "file_number", "row_number")
    assert [tuple(row[name] for name in names) for row in found] == [
        (aorkey, expid, plane, expid + 1, 8 * place + 4 * expid + plane + 1)
        for place, aorkey in enumerate((FIRST, SECOND))
        for expid in (0, 1)
        for plane in range(4)
    ]
    for row in found:
        seconds = 86400 * (row["mjd_mid"] - 56_000 - row["expid"] / 100)
        assert seconds == pytest.approx(0.4 * (row["plane"] + 0.5), abs=1e-3)
        assert 86400 * (row["mjd_mid"] - row["mjd_start"]) == pytest.approx(0.2, abs=1e-5)
    assert [row["n_total"] for row in averages(catalogue, run)] == [8, 8]
    assert (run.counts.images, len(run.img_data)) == (16, 16)
    parallel = catalogue.run(**EACH, recipe="handbook", jobs=2)
    assert content(catalogue, parallel) == content(catalogue, run)
    assert parallel.result_digest == run.result_digest
    assert catalogue.verify(run.run_id).verdict == "exact"
    sampled = catalogue.verify(run.run_id, sample=1, seed=3)
    assert sampled.verdict == "exact"
    assert 0 < sampled.compared.images.same < 16


def test_a_run_of_planes_that_was_killed_goes_on(location: str, tmp_path: Path) -> None:
    words = ("run", "--run-id", "5", *WORDS, "--no-tables")
    ended = cut_short("kill", location, *words, folder=tmp_path)
    assert ended.returncode == -9
    with Catalogue(location) as catalogue:
        assert len(images(catalogue, catalogue.get(5))) == 8
    again = command(location, *words, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    whole = command(location, "run", "--run-id", "6", *WORDS, "--no-tables", folder=tmp_path)
    assert whole.returncode == 0, whole.stderr
    with Catalogue(location) as catalogue:
        five, six = catalogue.get(5), catalogue.get(6)
        assert content(catalogue, five) == content(catalogue, six)
        assert five.row.result_digest == six.row.result_digest


# ---- radius tests --------------------------------------------------------------------------------


def test_a_radius_test_of_planes(catalogue: Catalogue, tmp_path: Path) -> None:
    """Each run is the one that stands alone, its factors and its warnings included."""
    radii = ((2, 2, 6), (3, 3, 7))
    chosen = tmp_path / "radii.csv"
    chosen.write_text("2 2 6\n3 3 7\n")
    study = catalogue.radius_test(200, combinations=chosen, recipe="handbook", **EACH)
    assert [member.run_id for member in study.results.members] == [200, 201]
    for number, each in zip((200, 201), radii, strict=True):
        alone = catalogue.run(number + 100, recipe="handbook", radius=each, **EACH)
        mine = catalogue.get(number)
        assert mine.parameters == alone.parameters
        assert mine.parameters["aperture_correction_from"] == "handbook 1"
        assert mine.warnings == alone.warnings
        assert content(catalogue, mine) == content(catalogue, alone)
        assert mine.row.result_digest == alone.row.result_digest
    factors = [averages(catalogue, catalogue.get(n))[0]["aperture_correction"] for n in (200, 201)]
    assert factors == [1.2322, 1.1336]
    assert [sum("off its aperture" in w for w in catalogue.get(n).warnings) for n in (200, 201)] \
        == [1, 0]  # fmt: skip
    plan = catalogue.plan_radius_test(500, combinations=chosen, recipe="handbook", **EACH)
    # Those of all runs are told beforehand.
    assert sum("off its aperture" in said for said in plan.warnings) == 1


# ---- comparing, freezing, exporting --------------------------------------------------------------


def test_two_runs_of_planes_compared(catalogue: Catalogue) -> None:
    one = handbook(catalogue, **EACH)
    other = handbook(catalogue, **EACH, sky="mean")
    fewer = handbook(catalogue, **{**EACH, "drop_planes": "0,4-63"})
    found = catalogue.compare(one.run_id, other.run_id)
    assert len(found.images) == 16 and len(found.aors) == 2
    assert found.differs
    assert not catalogue.compare(one.run_id, handbook(catalogue, **EACH).run_id).differs
    # Plane by plane: what is left of each AOR is that of three planes of four.
    less = catalogue.why(one.run_id, FIRST, fewer.run_id)
    assert (less.a.images, less.b.images) == (8, 6)
    shares = {share.cause: share.mjy for share in less.shares}
    flux = [averages(catalogue, run)[0]["flux"] for run in (one, fewer)]
    assert sum(shares.values()) == pytest.approx(flux[1] - flux[0], abs=1e-12)
    assert shares["images gained and lost"] == pytest.approx(flux[1] - flux[0], abs=1e-9)


def test_planes_frozen_and_thawed(catalogue: Catalogue, tmp_path: Path) -> None:
    run = handbook(catalogue, **EACH, radius=(2, 2, 6))
    catalogue.freeze(run.run_id, tmp_path / "run.iracdb")
    with Catalogue(tmp_path / "other.sqlite") as other:
        other.thaw(tmp_path / "run.iracdb", number=run.run_id)
        thawed = other.get(run.run_id)
        assert content(other, thawed) == content(catalogue, run)
        assert thawed.warnings == run.warnings
        assert thawed.digest == run.digest
        assert other.verify(run.run_id).verdict == "exact"


@pytest.mark.parametrize(("form", "read"), [("ecsv", read_ecsv), ("votable", read_votable)])
def test_the_digest_of_exported_tables(
    catalogue: Catalogue, tmp_path: Path, form: str, read: Callable[[Path], Any]
) -> None:
    run = handbook(catalogue, **EACH)
    assert run.row.layout == "iracdb-1"
    export_run(run, tmp_path, formats=(form,))
    parts = {}
    for which, what in (("aor", "averages"), ("img", "images")):
        (path,) = tmp_path.glob(f"{run.name}_{which}_data.*")
        meta, table = read(path)
        parts[what] = only(table, meta[f"{what}_columns"].split(", "))
    assert run_digest(parts["averages"], parts["images"]) == run.result_digest
    # The columns of this layout are told, and what stands there is what is stored.
    ((_, _, planes),) = only(parts["images"], ["Plane"])
    assert list(planes) == 4 * list(range(4))
    ((_, _, errors), (_, _, scatter)) = only(parts["averages"], ["Error (mJy)", "Scatter (mJy)"])
    stored = averages(catalogue, run)
    assert list(errors) == [row["standard_error"] for row in stored]
    assert list(scatter) == [row["error"] for row in stored]
