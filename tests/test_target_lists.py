"""Lists of AORs and targets: read whole, in time, and what of them is not here is told."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from helpers import put
from iracdb_cli.main import main
from run_helpers import averages, command, content, cut_short, images, select, write_frames
from test_docs import blocks, console, the_same

from iracdb import Catalogue
from iracdb.catalogue.targets import Motion, separation_arcsec
from iracdb.errors import BadTargetList, RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.target_lists import TITLES, FromList, read_target_list

TITLE = "AOR Filepath,Target Coordinates"
ALL = (
    "AOR Filepath,Target Coordinates,PM RA (mas/yr),PM Dec (mas/yr),Parallax (mas),Epoch,"
    "Target Name"
)
# Rows of the published lists, as `wc -l` counts them, less the title.
LISTS = {"michaela": 1444, "ngc2420": 72, "ngc2506": 6, "taurus": 523, "upperSco": 87}
SMALL = FrameSpec(
    channel=1, aorkey=91000000, subarray=True, noise=False, response=False, background=0.0,
    flux_mjy=30.0, frame_time=0.4, x=15.5, y=15.0,
)  # fmt: skip
RADIUS = (3, 3, 7)
PAGE = Path(__file__).parents[1] / "docs" / "targets.md"


@pytest.fixture
def catalogue(any_location: str) -> Iterator[Catalogue]:
    """An empty catalogue, in both kinds of database."""
    with Catalogue(any_location) as opened:
        yield opened


def write(folder: Path, *lines: str, name: str = "targets.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([*lines, ""]))
    return path


def read_apart(path: Path) -> tuple[list[int], SkyCoord]:
    """Keys and positions of a list, by another reader and astropy."""
    with path.open(newline="") as stream:
        _, *rows = csv.reader(stream)
    keys = [int(place.rstrip("/").rsplit("/r", 1)[1]) for place, _ in rows]
    typed = [text.split() for _, text in rows]
    places = np.empty((len(rows), 2))
    for half, unit in ((3, (u.hourangle, u.deg)), (1, (u.deg, u.deg))):
        mine = [n for n, words in enumerate(typed) if len(words) == 2 * half]
        ra, dec = (
            [" ".join(typed[n][part]) for n in mine] for part in (slice(half), slice(half, None))
        )
        if mine:
            stars = SkyCoord(ra, dec, unit=unit)
            places[mine] = np.transpose([stars.ra.deg, stars.dec.deg])
    assert {len(words) for words in typed} <= {2, 6}
    return keys, SkyCoord(*places.T, unit="deg")


# --- The published lists -------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_the_published_lists_whole(reference: Path, name: str) -> None:
    path = reference / "coordinates" / f"{name}_skyCrd.csv"
    keys, stars = read_apart(path)
    started = time.perf_counter()
    found = read_target_list(path)
    seconds = time.perf_counter() - started
    assert len(keys) == LISTS[name] == len(found.rows) + len(found.repeats)
    assert seconds < 2
    assert Counter(dict.fromkeys(keys)) == Counter(dict.fromkeys(found.aors))
    # Every row is there, or within 0.1 arcsec of an earlier one of its AOR.
    kept = {key: [(p.ra, p.dec) for p in found.of(key)] for key in found.aors}
    assert sum(map(len, kept.values())) == len(found.rows)
    repeats = 0
    seen: dict[int, list[tuple[float, float]]] = {}
    for key, ra, dec in zip(keys, stars.ra.deg.tolist(), stars.dec.deg.tolist(), strict=True):
        mine = seen.setdefault(key, [])
        if any(separation_arcsec(ra, dec, *other) <= 0.1 for other in mine):
            repeats += 1
            continue
        mine.append((ra, dec))
        apart = np.subtract(kept[key][len(mine) - 1], (ra, dec))
        assert np.abs(apart).max() <= 1e-12
    assert repeats == len(found.repeats)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_reading_is_linear_in_the_rows(tmp_path: Path) -> None:
    """Thousands of targets of one AOR, many on one parallel, are no matter of all pairs."""

    def seconds(rows: int) -> tuple[float, FromList]:
        lines = [f"r91000000,{10 + n * 0.01!r} 20.0" for n in range(rows)]
        path = write(tmp_path, TITLE, *lines)
        started = time.process_time()
        found = read_target_list(path)
        assert sum(len(found.of(key)) for key in found.aors) == rows
        return time.process_time() - started, found

    few, _ = seconds(1000)
    many, found = seconds(16000)
    assert many < 48 * few and many < 8
    started = time.process_time()
    for _ in range(16000):
        found.of(91000000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("dec", [0.0, 45.0, -89.99999, 90.0])
@pytest.mark.parametrize("ra", [0.0, 359.99999999, 123.4])
def test_near_rows_are_one_wherever_they_lie(tmp_path: Path, ra: float, dec: float) -> None:
    """The grid misses no near position, and joins none that is not: by all pairs."""
    rng = np.random.default_rng(5)
    places = [(ra, dec)]
    for _ in range(60):
        angle, far = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.25) / 3600
        near = SkyCoord(ra, dec, unit="deg").directional_offset_by(angle * u.rad, far * u.deg)
        places.append((float(near.ra.deg) % 360, float(near.dec.deg)))
    path = write(tmp_path, TITLE, *(f"r1,{a:.12f} {d:.12f}" for a, d in places))
    kept: list[tuple[float, float]] = []
    for a, d in ((float(f"{a:.12f}"), float(f"{d:.12f}")) for a, d in places):
        if not any(separation_arcsec(a, d, *other) <= 0.1 for other in kept):
            kept.append((a, d))
    found = read_target_list(path)
    assert [(p.ra, p.dec) for p in found.of(1)] == kept
    assert len(found.repeats) > 5


# --- Columns -------------------------------------------------------------------------------------


def test_columns_by_their_titles(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "target name,EPOCH,PM Dec (mas/yr), PM RA (mas/yr),AORKEY,Target  Coordinates",
        "Barnard's star,2016,10362.394,-801.551,91000000,269.448502525 4.7394200511",
        ",,,,91000000,17 00 00 -10 00 00",
    )
    moving, still = read_target_list(path).of(91000000)
    assert (moving.name, moving.motion) == (
        "Barnard's star", Motion(-801.551, 10362.394, None, 2016.0)
    )  # fmt: skip
    assert (still.name, still.motion) == ("17 00 00 -10 00 00", None)
    assert read_target_list(path, "all").of(91000000)[0].name == "all"
    bare = write(tmp_path, "91000000,255 -10", "/x/r91000000/,255.1 -10")
    assert len(read_target_list(bare).of(91000000)) == 2


def test_a_moving_row_repeats_only_itself(tmp_path: Path) -> None:
    star = "r1,10 20,5.0,6.0,,2016,"
    path = write(tmp_path, ALL, star, "r1,10 20,,,,,", star, "r1,10 20,5.0,6.0,,2015.5,")
    found = read_target_list(path)
    assert len(found.of(1)) == 3
    assert found.repeats == (f"row 4 of {path} repeats row 2: measured once",)


@pytest.mark.parametrize("lines, message", [
    ((f"{TITLE},Proper Motion", "r1,10 20,3"),
     r"Row 1 of .* title 'Proper Motion'; the titles known are: AOR Filepath, .*Target Name"),
    ((f"{TITLE},PM RA (arcsec/yr)", "r1,10 20,3"), "title 'PM RA"),
    ((f"{TITLE},aorkey", "r1,10 20,r1"), "two columns of one meaning"),
    (("AOR Filepath,Epoch", "r1,2016"), "lacks one of the titles"),
    ((ALL, "r1,10 20,,,,,", "r1,10 20,1,2,,,x"), "Row 3 of .*needs the epoch"),
    ((ALL, "r1,10 20,1,,,2016,"), "Row 2 of .*two parts"),
    ((ALL, "r1,10 20,fast,1,,2016,"), "Row 2 of .*'fast' is no number"),
    ((ALL, "r1,10 20,1,1,,nan,"), "Row 2 of .*Julian year"),
    ((ALL, "r1,10 20,1,1"), "Row 2 of .* 4 columns, not 7"),
    ((ALL, "r1,10 20,,,,2016,"), "Row 2 of .*epoch alone"),
])  # fmt: skip
def test_columns_that_cannot_be(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadTargetList, match=message):
        read_target_list(write(tmp_path, *lines))


def test_the_titles_are_those_of_the_docs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{title}`" in page for title in TITLES)


def test_the_page_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    (example,) = blocks(page, "text")
    (tmp_path / "list.csv").write_text(example)
    commands = console(page)
    assert sum(bool(expected) for _, expected in commands) >= 3
    for words, expected in commands:
        assert main(words[1:]) == 0
        printed = capsys.readouterr().out
        if expected:
            assert the_same(expected, printed), f"{words}\n{printed}"


# --- Runs over lists -----------------------------------------------------------------------------


def test_five_of_1444_rows_are_here(reference: Path, tmp_path: Path) -> None:
    """The five run, and the others are told of in a line, all of them in JSON."""
    location = str(tmp_path / "iracdb.sqlite")
    path = reference / "coordinates" / "michaela_skyCrd.csv"
    whole = read_target_list(path)
    chosen = whole.aors[10:1400:300]
    stars = [whole.of(key)[0] for key in chosen]
    frames = tmp_path / "frames"
    write_frames(frames, *(
        replace(SMALL, aorkey=key, ra=star.ra, dec=star.dec)
        for key, star in zip(chosen, stars, strict=True)
    ))  # fmt: skip
    with Catalogue(location) as catalogue:
        catalogue.ingest(frames)
    words = ["run", "--targets", str(path), "--radius", "3", "3", "7", "--no-tables"]
    dry = command(location, *words, "--dry-run", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert len(dry.stdout.splitlines()) < 80
    plan = json.loads(command(location, *words, "--dry-run", "--json", folder=tmp_path).stdout)
    absent = {row["aorkey"] for row in plan["averages"] if row["problem"] is not None}
    assert absent == set(whole.aors) - set(chosen)
    done = command(location, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) < 20
    (said,) = [line for line in lines if line.startswith("Problem AOR")]
    count = f"{len(absent):,}"
    assert f"Problem AORs, {count} in all: not in this catalogue: " in said
    assert said.endswith(f"and {len(absent) - 5:,} more AORs (--json lists all)")
    with Catalogue(location) as catalogue:
        run = catalogue.get(1)
        kept = [row for row in averages(catalogue, run) if row["flux"] is not None]
        assert [row["aorkey"] for row in kept] == sorted(chosen)
        assert {key for key, _ in run.problems} == absent
        assert catalogue.verify(1).exact
    shown = command(location, "show", "1", folder=tmp_path)
    assert len(shown.stdout.splitlines()) < 60


def test_a_list_of_which_nothing_is_here(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, SMALL)
    catalogue.ingest(tmp_path)
    with pytest.raises(RunRefused, match=r"none of its 2 AORs is in this catalogue"):
        catalogue.run(targets=write(tmp_path, "r17,10 20", "r18,10 20"), channel=1)
    with pytest.raises(RunRefused, match=r"its AOR is not in this catalogue"):
        catalogue.run(targets=write(tmp_path, "r17,10 20"))


def test_aors_picked_from_a_list(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, SMALL, replace(SMALL, aorkey=91000256))
    catalogue.ingest(tmp_path)
    path = write(tmp_path, "r91000000,270 66", "r17,10 20")
    plan = catalogue.plan(targets=path, aors=[91000000], radius=RADIUS)
    assert plan.aors == (91000000,)
    with pytest.raises(RunRefused, match="AOR 91000256 is not in the target list"):
        catalogue.run(targets=path, aors=[91000256])
    with pytest.raises(RunRefused, match="AOR 91000256 is not in the target list"):
        catalogue.run(targets=path, aors=[91000000, 91000256])


def test_a_motion_belongs_to_one_position(catalogue: Catalogue, tmp_path: Path) -> None:
    write_frames(tmp_path, SMALL)
    catalogue.ingest(tmp_path)
    path = write(tmp_path, "r91000000,270 66")
    for options in ({}, {"targets": path}):
        with pytest.raises(UsageError, match="belongs to one position"):
            catalogue.run(pm=(1, 2), epoch=2016, **options)
    with pytest.raises(UsageError, match="needs the epoch"):
        catalogue.run(coord="270 66", pm=(1, 2))


def test_the_list_of_taurus_over_simulated_aors(
    any_location: str, reference: Path, tmp_path: Path
) -> None:
    """Tens of targets to an AOR; a run that is killed goes on to the same numbers."""
    published = reference / "coordinates" / "taurus_skyCrd.csv"
    whole = read_target_list(published)
    most = sorted(whole.aors, key=lambda key: len(whole.of(key)))[-2:]
    # Of the others a few stand for all: they are not here.
    title, *lines = published.read_text().splitlines()
    theirs = [line for line in lines if any(f"r{key}" in line for key in most)]
    others = [line for line in lines if line not in theirs][::10]
    assert len(others) > 30
    path = write(tmp_path, title, *theirs, *others)
    whole = read_target_list(path)
    frames = tmp_path / "frames"
    full = replace(SMALL, subarray=False, frame_time=12.0, x=127.0, y=127.0)
    first = {key: whole.of(key)[0] for key in most}
    write_frames(frames, *(
        replace(full, aorkey=key, expid=expid, mjd=full.mjd + expid / 1000, ra=star.ra,
                dec=star.dec)
        for key, star in first.items() for expid in range(2)
    ))  # fmt: skip
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(frames)
        run = catalogue.run(run_id=1, targets=path)
        rows = averages(catalogue, run)
        mine = [row for row in rows if row["aorkey"] in most]
        assert len(mine) == sum(len(whole.of(key)) for key in most) > 40
        assert len(rows) == len(whole.rows)
        found = {(row["aorkey"], row["target_ra"]): row for row in mine}
        for key, star in first.items():
            row = found[key, star.ra]
            assert (row["n_workable"], row["state"]) == (2, "measured")
            assert row["flux"] == pytest.approx(30.0, rel=0.05)
        assert len(images(catalogue, run)) == 2 * len(mine)
        (held,) = select(catalogue, "SELECT * FROM target_list")
        kept = held["rows"] if isinstance(held["rows"], list) else json.loads(held["rows"])
        assert len(kept) == len(whole.rows)
        numbers = content(catalogue, run)
    words = ["run", "--run-id", "2", "--targets", str(path), "--no-tables"]
    assert cut_short("kill", any_location, *words, folder=tmp_path).returncode != 0
    done = command(any_location, *words, "--jobs", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with Catalogue(any_location) as catalogue:
        assert content(catalogue, catalogue.get(2)) == numbers


def test_many_repeats_are_told_in_few_lines(any_location: str, tmp_path: Path) -> None:
    write_frames(tmp_path, SMALL)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path)
    path = write(tmp_path, TITLE, *["r91000000,270 66"] * 40)
    words = ["run", "--targets", str(path), "--radius", "3", "3", "7", "--no-tables"]
    done = command(any_location, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "and 34 more repeated rows" in done.stderr
    assert done.stderr.count(" repeats row 2") == 5


def test_frames_without_the_place_of_an_aor(tmp_path: Path) -> None:
    """A frame in a list's AOR may be of another kind: the AOR is told of, the rest runs."""
    put(tmp_path, replace(SMALL, aorkey=91000256), kind="sub2d")
    write_frames(tmp_path, SMALL)
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        catalogue.ingest(tmp_path)
        path = write(tmp_path, "r91000000,270 66", "r91000256,270 66", "r17,270 66")
        run = catalogue.run(targets=path, radius=RADIUS)
        assert [reason for _, reason in run.problems] == [
            "not in this catalogue", "no bcd file of channel 1, only sub2d",
        ]  # fmt: skip
