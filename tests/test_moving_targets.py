"""Targets that move: where they are at each frame's time, by an account of its own, and after."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from astropy.io import fits
from run_helpers import averages, command, content, cut_short, images, select, write_frames
from sqlalchemy import text

from iracdb import Catalogue
from iracdb.catalogue.database import Database
from iracdb.catalogue.targets import Motion, Position, find_or_add, separation_arcsec
from iracdb.compare.matching import TargetKey, same_targets
from iracdb.errors import UsageError
from iracdb.irac.motion import apparent, place_of
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.coordinates import motion_of

# Gaia DR3, epoch 2016.0: source_id 4472832130942575872 and 5853498713190525696.
STARS = {
    "Barnard's star": (269.44850252543836, 4.739420051112412, -801.551, 10362.394, 546.9759),
    "Proxima Centauri": (217.39232147200883, -62.67607511676666, -3781.741, 769.465, 768.0665),
}
EPOCH = 2016.0
AU_KM = 149_597_870.7

# Keplerian elements of J2000 (Standish, "Approximate Positions of the Planets"): semi-major axis
# in au, eccentricity, inclination, node, perihelion and mean longitude in degrees, its change in
# degrees a century; and the Sun's mass over the planet's.
PLANETS = (
    (5.2029, 0.0484, 1.304, 100.474, 14.728, 34.396, 3034.746, 1047.35),
    (9.5367, 0.0539, 2.486, 113.662, 92.599, 49.954, 1222.494, 3497.9),
    (19.1892, 0.0473, 0.773, 74.017, 170.954, 313.238, 428.482, 22903.0),
    (30.0699, 0.0086, 1.770, 131.784, 44.965, 304.880, 218.459, 19412.0),
)


def from_barycentre(mjd: float) -> np.ndarray:
    """The Sun's place from the barycentre, au, by the four great planets; ICRS axes."""
    centuries = (mjd - 51544.5) / 36525
    place = np.zeros(3)
    for a, e, inclination, node, perihelion, longitude, rate, mass in PLANETS:
        anomaly = math.radians(longitude + rate * centuries - perihelion)
        eccentric = anomaly
        for _ in range(20):
            eccentric = anomaly + e * math.sin(eccentric)
        x, y = a * (math.cos(eccentric) - e), a * math.sqrt(1 - e * e) * math.sin(eccentric)
        w, o, i = map(math.radians, (perihelion - node, node, inclination))
        along, across = x * math.cos(w) - y * math.sin(w), x * math.sin(w) + y * math.cos(w)
        place -= np.array([
            along * math.cos(o) - across * math.sin(o) * math.cos(i),
            along * math.sin(o) + across * math.cos(o) * math.cos(i),
            across * math.sin(i),
        ]) / mass  # fmt: skip
    tilt = math.radians(23.43928)
    x, y, z = place
    return np.array(
        [x, y * math.cos(tilt) - z * math.sin(tilt), y * math.sin(tilt) + z * math.cos(tilt)]
    )


def seen(
    star: Sequence[float], mjd: float, place: Sequence[float] | None, epoch: float = EPOCH
) -> tuple[float, float]:
    """Where a star is seen: a straight line in space, looked at from a place, all in vectors."""
    ra, dec = map(math.radians, star[:2])
    pm_ra, pm_dec, parallax = (math.radians(part / 3.6e6) for part in star[2:])
    towards = np.array([math.cos(ra) * math.cos(dec), math.sin(ra) * math.cos(dec), math.sin(dec)])
    east = np.array([-math.sin(ra), math.cos(ra), 0.0])
    north = np.cross(towards, east)
    years = 2000.0 + (mjd - 51544.5) / 365.25 - epoch
    line = towards + (pm_ra * east + pm_dec * north) * years
    line /= np.linalg.norm(line)
    if place is not None:
        line = line - parallax * (np.array(place) / AU_KM + from_barycentre(mjd))
    x, y, z = line / np.linalg.norm(line)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.asin(z))


def moved(star: Sequence[float], mjd: float, place: Any, epoch: float = EPOCH) -> tuple[Any, Any]:
    ra, dec, pm_ra, pm_dec, parallax = star
    (found,) = apparent(
        ra, dec, pm_ra=pm_ra, pm_dec=pm_dec, parallax=parallax, epoch=epoch, mjd=[mjd],
        places=[place],
    ).tolist()  # fmt: skip
    return tuple(found)


def real_places(reference: Path) -> list[tuple[float, tuple[float, ...]]]:
    """MJD_OBS and the spacecraft's place of real headers, read as text."""
    found = []
    pattern = re.compile(r"^(SPTZR_[XYZ]|MJD_OBS) *= *(\S+)", re.MULTILINE)
    for path in sorted((reference / "headers").glob("*bcd.txt")):
        cards = dict(pattern.findall(path.read_text()))
        if len(cards) == 4:
            place = tuple(float(cards[f"SPTZR_{axis}"]) for axis in "XYZ")
            found.append((float(cards["MJD_OBS"]), place))
    assert len(found) >= 5
    return found


# --- The position itself -------------------------------------------------------------------------


@pytest.mark.parametrize("name", STARS)
def test_a_star_seen_from_where_spitzer_was(reference: Path, name: str) -> None:
    star = STARS[name]
    for mjd, place in real_places(reference):
        assert separation_arcsec(*moved(star, mjd, place), *seen(star, mjd, place)) < 0.001
        # The motion is far more than what is asked of its account, and so is the parallax.
        assert separation_arcsec(*star[:2], *seen(star, mjd, place)) > 5
        assert separation_arcsec(*seen(star, mjd, None), *seen(star, mjd, place)) > 0.2


def test_without_a_place_there_is_proper_motion_and_no_parallax() -> None:
    star = STARS["Barnard's star"]
    assert separation_arcsec(*moved(star, 54000.0, None), *seen(star, 54000.0, None)) < 1e-6
    here = (*star[:2], 0.0, 0.0, star[4])
    assert moved(here, 54000.0, None) == star[:2]


def test_the_sun_is_where_the_headers_say(reference: Path) -> None:
    """BMJD_OBS less HMJD_OBS is the light time from the Sun to the barycentre."""
    path = reference / "headers" / "warm_full_ch1_S19.1.0_48765440_100s_bcd.txt"
    pattern = re.compile(r"^([BH]?MJD_OBS|RA_REF|DEC_REF) *= *(\S+)", re.MULTILINE)
    cards = {name: float(value) for name, value in pattern.findall(path.read_text())}
    ra, dec = (math.radians(cards[key]) for key in ("RA_REF", "DEC_REF"))
    towards = np.array([math.cos(ra) * math.cos(dec), math.sin(ra) * math.cos(dec), math.sin(dec)])
    seconds = float(from_barycentre(cards["MJD_OBS"]) @ towards) * 499.004784
    assert (cards["BMJD_OBS"] - cards["HMJD_OBS"]) * 86400 == pytest.approx(seconds, abs=0.02)


def test_the_same_bits_alone_and_among_others() -> None:
    ra, dec, pm_ra, pm_dec, parallax = STARS["Proxima Centauri"]
    times = [53000.0 + 17.3 * n for n in range(301)]
    places = [(1e8 * math.cos(n), 1e8 * math.sin(n), 1e7 * n / 300) for n in range(301)]
    motion = {"pm_ra": pm_ra, "pm_dec": pm_dec, "parallax": parallax, "epoch": EPOCH}
    together = apparent(ra, dec, **motion, mjd=times, places=places)
    # Every seventh: each place in a vector of eight is among them.
    for n in range(0, 301, 7):
        alone = apparent(ra, dec, **motion, mjd=times[n : n + 1], places=places[n : n + 1])
        assert (alone == together[n]).all()


def test_no_table_is_fetched_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert moved(STARS["Barnard's star"], 58849.0, (1e8, 1e8, 1e7))


@pytest.mark.parametrize("cards", [
    {"SPTZR_X": 1.0, "SPTZR_Y": 2.0}, {}, {"SPTZR_X": 1.0, "SPTZR_Y": 2.0, "SPTZR_Z": None},
])  # fmt: skip
def test_a_place_is_known_whole_or_not_at_all(cards: dict[str, float | None]) -> None:
    assert place_of(cards) is None
    assert place_of({"SPTZR_X": 1.0, "SPTZR_Y": 2.0, "SPTZR_Z": 3.0}) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("given, message", [
    ((1.0, None, None, 2016.0), "two parts"),
    ((1.0, 2.0, None, None), "needs the epoch"),
    ((None, None, 3.0, None), "needs the epoch"),
    ((None, None, None, 2016.0), "An epoch alone"),
    ((20000.0, 0.0, None, 2016.0), "at most 15000"),
    ((math.nan, 0.0, None, 2016.0), "at most 15000"),
    ((0.0, 0.0, -1.0, 2016.0), "from 0 to 1000"),
    ((0.0, 0.0, math.inf, 2016.0), "from 0 to 1000"),
    ((0.0, 0.0, None, 57388.0), "Julian year"),
])  # fmt: skip
def test_a_motion_that_cannot_be(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        motion_of(*given)


def test_a_motion_as_given() -> None:
    assert motion_of(None, None, None, None) is None
    assert motion_of(-0.0, 2, None, 2016) == Motion(0.0, 2.0, None, 2016.0)
    assert motion_of(None, None, 5, 2000) == Motion(None, None, 5.0, 2000.0)


# --- Runs over simulated frames ------------------------------------------------------------------

BARNARD = STARS["Barnard's star"]
TIMES = (53100.0, 54700.5, 56300.25, 57900.75, 58800.0)
ASKED = {
    "coord": f"{BARNARD[0]!r} {BARNARD[1]!r}", "target": "Barnard's star", "pm": BARNARD[2:4],
    "parallax": BARNARD[4], "epoch": EPOCH, "radius": (3, 3, 7),
}  # fmt: skip
PLAIN = FrameSpec(
    channel=1, aorkey=91000000, subarray=True, noise=False, response=False, background=0.0,
    flux_mjy=300.0, frame_time=0.4, x=15.5, y=15.0,
)  # fmt: skip


@pytest.fixture
def catalogue(any_location: str) -> Iterator[Catalogue]:
    """An empty catalogue, in both kinds of database."""
    with Catalogue(any_location) as opened:
        yield opened


def frames_of_barnard(folder: Path, times: Sequence[float] = TIMES) -> list[Path]:
    """Write frames that point at where the star is, each an AOR of its own."""
    specs = [replace(PLAIN, aorkey=PLAIN.aorkey + 256 * n, mjd=mjd) for n, mjd in enumerate(times)]
    pointed = []
    for spec, path in zip(specs, write_frames(folder, *specs), strict=True):
        header = fits.getheader(path)
        place = [header[f"SPTZR_{axis}"] for axis in "XYZ"]
        ra, dec = seen(BARNARD, header["MJD_OBS"], place)
        pointed.append(replace(spec, ra=ra, dec=dec))
    return write_frames(folder, *pointed)


def test_barnards_star_is_found_in_all_frames(catalogue: Catalogue, tmp_path: Path) -> None:
    frames_of_barnard(tmp_path)
    catalogue.ingest(tmp_path)
    run = catalogue.run(**ASKED)
    assert run.problems == []
    rows = images(catalogue, run)
    assert [row["kept"] for row in rows] == [True] * len(TIMES)
    for row, mjd in zip(rows, TIMES, strict=True):
        # 1 mas is 0.0008 pixels.
        assert (row["x_wcs"], row["y_wcs"]) == pytest.approx((15.5, 15.0), abs=0.0008)
        assert (row["x"], row["y"]) == pytest.approx((15.5, 15.0), abs=0.05)
        shift = separation_arcsec(*BARNARD[:2], *moved(BARNARD, mjd, None)) / 1.221
        assert math.hypot(row["motion_x"], row["motion_y"]) == pytest.approx(shift, rel=0.05)
    fluxes = [row["raw"] - row["background"] for row in rows]
    assert max(fluxes) / min(fluxes) < 1.001
    for row in averages(catalogue, run):
        assert (row["target_ra"], row["target_dec"]) == BARNARD[:2]
        assert (row["target_pm_ra"], row["target_pm_dec"]) == BARNARD[2:4]
        assert (row["target_parallax"], row["target_epoch"]) == (BARNARD[4], EPOCH)
    (held,) = select(catalogue, "SELECT * FROM target")
    assert (held["pm_ra"], held["pm_dec"], held["parallax"], held["epoch"]) == (*BARNARD[2:], EPOCH)
    assert run.parameters["target_pm_dec"] == BARNARD[3]
    shown = run.aor_data
    assert set(shown["Target RA"].value) == {BARNARD[0]}


def test_barnards_star_is_lost_when_it_is_not_moved(catalogue: Catalogue, tmp_path: Path) -> None:
    frames_of_barnard(tmp_path)
    catalogue.ingest(tmp_path)
    still = {name: ASKED[name] for name in ("coord", "target", "radius")}
    run = catalogue.run(**still)
    rows = images(catalogue, run)
    assert [row["kept"] for row in rows] == [False] * len(TIMES)
    assert {row["motion_x"] for row in rows} == {None}
    assert len(run.problems) == len(TIMES)
    # Nor is parallax nothing: a star moved without it is beside its place by up to half a pixel.
    flat = catalogue.run(**{**ASKED, "parallax": None})
    beside = [math.hypot(row["x_wcs"] - 15.5, row["y_wcs"] - 15) for row in images(catalogue, flat)]
    assert 0.3 < max(beside) < 0.5


def test_frames_that_do_not_tell_where_the_telescope_was(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    path = frames_of_barnard(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b"SPTZR_Y =", b"SOMETHIN="))
    catalogue.ingest(tmp_path)
    plan = catalogue.plan(**ASKED)
    (warning,) = plan.warnings
    assert "1 of 5 files do not tell where the telescope was" in warning
    rows = images(catalogue, catalogue.run(**ASKED))
    off = [math.hypot(row["x_wcs"] - 15.5, row["y_wcs"] - 15.0) for row in rows]
    assert off[0] > 0.05 > 0.0008 > max(off[1:])


def test_targets_that_do_not_move_keep_their_bits(catalogue: Catalogue, tmp_path: Path) -> None:
    """A target beside one that moves is measured as if it were alone."""
    frames_of_barnard(tmp_path, TIMES[:2])
    catalogue.ingest(tmp_path)
    alone = tmp_path / "alone.csv"
    place = seen(BARNARD, TIMES[0], None)
    alone.write_text(f"r91000000,{place[0]!r} {place[1]!r}\n")
    both = tmp_path / "both.csv"
    ra, dec, pm_ra, pm_dec, parallax = BARNARD
    both.write_text(
        "Epoch,Target Coordinates,PM Dec (mas/yr),PM RA (mas/yr),AOR Filepath,Parallax (mas),"
        "Target Name\n"
        f"{EPOCH},{ra!r} {dec!r},{pm_dec},{pm_ra},r91000000,{parallax},moving\n"
        f",{place[0]!r} {place[1]!r},,,r91000000,,\n"
    )
    first = content(catalogue, catalogue.run(targets=alone, radius=(3, 3, 7)))
    run = catalogue.run(targets=both, radius=(3, 3, 7))
    second = content(catalogue, run)
    names = [row["target_name"] for row in averages(catalogue, run)]
    assert names == ["moving", f"{place[0]!r} {place[1]!r}"]
    order = [c for c in range(len(first[0])) if first[0][c] != second[1][c]]
    # Only the numbers of the rows differ.
    assert [(first[0][c], second[1][c]) for c in order] == [(1, 2), (1, 2)]
    assert images(catalogue, run)[0]["motion_x"] is not None
    (held,) = select(catalogue, "SELECT * FROM target_list WHERE path LIKE '%both%'")
    assert "10362.394" in str(held["rows"])


def test_ra_ref_is_never_moved(catalogue: Catalogue, tmp_path: Path) -> None:
    """Whatever PM_RA says."""
    header = {"PM_RA": 10.0, "PM_DEC": -5.0}
    write_frames(tmp_path, replace(PLAIN, mjd=58000.0, header=header))
    catalogue.ingest(tmp_path)
    run = catalogue.run(radius=(3, 3, 7))
    (row,) = images(catalogue, run)
    assert (row["x_wcs"], row["y_wcs"]) == pytest.approx((15.5, 15.0), abs=1e-6)
    assert (row["motion_x"], row["target_epoch"], row["kept"]) == (None, None, True)


def test_hd_209458_follows_by_itself(reference: Path, tmp_path: Path) -> None:
    """RA_REF of two observations two years apart differs by the star's motion; ours stay there."""
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        for aorkey in (24649984, 38703360):
            catalogue.ingest(reference / "archive" / f"r{aorkey}")
        rows = []
        for aorkey, channel in ((24649984, 4), (38703360, 2)):
            run = catalogue.run(aors=[aorkey], channel=channel, radius=(3, 3, 7))
            rows.append(images(catalogue, run)[0])
            header = catalogue.header(rows[-1]["file_name"])
            assert rows[-1]["target_ra"] == header.number("RA_REF")
            assert rows[-1]["target_dec"] == header.number("DEC_REF")
            assert rows[-1]["motion_x"] is None and rows[-1]["target_pm_ra"] is None
            # Moved from J2000 by what a later header of the star says, it would be elsewhere.
            star = (header.number("RA_REF"), header.number("DEC_REF"))
            options = {"pm": (29.0, -18.0), "epoch": 2000.0, "radius": (3, 3, 7)}
            other = catalogue.run(
                aors=[aorkey], channel=channel, coord=f"{star[0]!r} {star[1]!r}", **options
            )
            (shifted, *_) = images(catalogue, other)
            pixels = math.hypot(shifted["motion_x"], shifted["motion_y"])
            years = (rows[-1]["mjd"] - 51544.5) / 365.25
            assert pixels == pytest.approx(math.hypot(0.029, 0.018) * years / 1.22, rel=0.02)
            assert pixels > 0.22
        years = (rows[1]["mjd"] - rows[0]["mjd"]) / 365.25
        dec = math.radians(rows[0]["target_dec"])
        motion = (rows[1]["target_ra"] - rows[0]["target_ra"]) * math.cos(dec) * 3.6e6 / years
        assert motion == pytest.approx(29.8, abs=1.0)  # mas/yr; Gaia DR3: 29.77


# --- What follows --------------------------------------------------------------------------------


def test_a_run_over_a_moving_target_is_done_again(catalogue: Catalogue, tmp_path: Path) -> None:
    frames_of_barnard(tmp_path)
    catalogue.ingest(tmp_path)
    run = catalogue.run(**ASKED)
    again = catalogue.run(**ASKED, jobs=2)
    assert content(catalogue, run) == content(catalogue, again)
    verified = catalogue.verify(run.run_id)
    assert verified.exact, verified.summary()
    # What is stored of the motion is part of what is checked, and of the digest.
    with catalogue._database.write() as connection:
        connection.execute(text("UPDATE aor_result SET target_epoch = 2015.5 WHERE run_id = 1"))
    assert not catalogue.verify(run.run_id).exact
    assert not catalogue.check_digest(run.run_id).agrees


def test_a_moving_run_is_gone_on_with(any_location: str, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames_of_barnard(frames)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(frames)
        whole = content(catalogue, catalogue.run(run_id=1, **ASKED))
    words = [
        "run", "--run-id", "2", "--coord", ASKED["coord"], "--target", "Barnard's star",
        "--pm", *map(str, BARNARD[2:4]), "--parallax", str(BARNARD[4]), "--epoch", "2016",
        "--radius", "3", "3", "7", "--no-tables",
    ]  # fmt: skip
    assert cut_short("kill", any_location, *words, folder=tmp_path).returncode != 0
    other = [*words, "--comment", "x"]
    other[other.index("2016")] = "2015.5"
    refused = command(any_location, *other, folder=tmp_path)
    assert refused.returncode == 3 and "target_epoch is 2016.0, now 2015.5" in refused.stderr
    done = command(any_location, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "goes on with" in done.stderr
    with Catalogue(any_location) as catalogue:
        assert content(catalogue, catalogue.get(2)) == whole


def test_why_and_compare_tell_of_the_motion(any_location: str, tmp_path: Path) -> None:
    frames_of_barnard(tmp_path)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path)
        catalogue.run(run_id=1, **ASKED)
        catalogue.run(run_id=2, **{**ASKED, "parallax": None})
        catalogue.run(run_id=3, **{**ASKED, "pm": None, "parallax": None, "epoch": None})
        for other, name in ((2, "target_parallax"), (3, "target_pm_dec")):
            found = catalogue.compare(1, other)
            (told,) = [each for each in found.made_by.parameters if each.name == name]
            assert told.is_cause and "moves the position" in told.sentence
            # They are about the same star: all images have their counterpart.
            assert len(found.parts[0].matched.pairs) == len(TIMES)
    words = ["why", "1", "--aor", "91000000", "--against"]
    said = command(any_location, *words, "3", folder=tmp_path)
    assert said.returncode in (0, 1), said.stderr
    assert "moved from 2016.0 by -801.551 10362.394 mas/yr, with a parallax" in said.stderr
    said = command(any_location, *words, "2", folder=tmp_path)
    assert "moved from 2016.0 by -801.551 10362.394 mas/yr in run2" in said.stderr


def key(number: int, name: str, ra: float, dec: float, *motion: float | None) -> TargetKey:
    return TargetKey(number, name, ra, dec, *motion)


def test_which_targets_are_the_same_star() -> None:
    still = key(1, "A star", 10.0, 20.0)
    moving = (100.0, -50.0, None, 2016.0)

    def same(other: TargetKey, first: TargetKey = still) -> bool:
        numbers = same_targets([first], [other])
        return numbers[first] == numbers[other]

    assert same(key(2, "Another name", 10.0, 20.0, *moving))
    assert same(key(2, "a_star", 10.01, 20.0, *moving))
    assert not same(key(2, "Another name", 10.01, 20.0, *moving))
    # Where neither moves, a name is no proof.
    assert not same(key(2, "A star", 10.01, 20.0))
    assert same(key(3, "B", 10.0, 20.0, *moving), key(2, "C", 10.0, 20.0, 1.0, 2.0, 3.0, 2000.0))


def test_identity_is_position_motion_and_epoch(any_database: Database) -> None:
    star = Position("A star", 10.0, 20.0, Motion(100.0, -50.0, None, 2016.0))
    others = [
        replace(star, motion=None),
        replace(star, motion=Motion(100.0, -50.0, None, 2015.5)),
        replace(star, motion=Motion(100.0, -50.0, 3.0, 2016.0)),
        replace(star, motion=Motion(None, None, 3.0, 2016.0)),
        replace(star, dec=20.0 + 1e-9),
    ]
    with any_database.write() as connection:
        number = find_or_add(connection, star)
        assert find_or_add(connection, replace(star, name="Another name")) == number
        numbers = {find_or_add(connection, other) for other in others}
        assert len(numbers | {number}) == 6
        # One as observed is never taken for one that moves.
        assert find_or_add(connection, Position("x", 10.0, 20.0)) in numbers - {number}


def test_a_moving_target_travels(any_location: str, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames_of_barnard(frames, TIMES[:2])
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(frames)
        run = catalogue.run(run_id=1, **ASKED)
        whole, digest = content(catalogue, run), run.result_digest
        catalogue.freeze(1, tmp_path / "one.sqlite")
        lineage = catalogue.lineage(1, aor=91000000)
        (target,) = lineage.of_kind("target")
        assert target["attributes"]["pm_dec"] == BARNARD[3]
    with Catalogue(tmp_path / "other.sqlite") as other:
        # There a target as observed lies at the same position: it is another.
        other.ingest(frames)
        other.run(run_id=5, **{name: ASKED[name] for name in ("coord", "target", "radius")})
        other.thaw(tmp_path / "one.sqlite")
        assert content(other, other.get(1)) == whole
        assert other.get(1).result_digest == digest
        held = select(other, "SELECT epoch FROM target ORDER BY id")
        assert [row["epoch"] for row in held] == [None, EPOCH]
        assert other.verify(1).exact
    said = command(any_location, "lineage", "1", "--aor", "91000000", folder=tmp_path)
    assert "moving by -801.551 10362.4 mas/yr and parallax 546.976 mas from 2016.0" in said.stdout
    shown = command(any_location, "show", "1", folder=tmp_path)
    assert shown.returncode == 0
