"""Times against the cards of every real header, and against accounts of their own."""

from __future__ import annotations

import functools
import math
import socket
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import erfa
import numpy as np
import pytest
from astropy.coordinates import get_body_barycentric
from astropy.io import fits
from astropy.time import Time

from iracdb.irac.times import (
    KNOWN,
    bjd_tdb,
    heliocentric_light_time,
    light_time,
    middle,
    middle_of_each,
    start_of,
    tdb_minus_utc,
)

# Since when UTC is how far behind TAI (IERS Bulletin C).
LEAPS = (
    (datetime(1999, 1, 1), 32), (datetime(2006, 1, 1), 33), (datetime(2009, 1, 1), 34),
    (datetime(2012, 7, 1), 35), (datetime(2015, 7, 1), 36), (datetime(2017, 1, 1), 37),
)  # fmt: skip
PRINTED = 0.5e-7 * 86400  # seconds by which a card of 7 decimals is rounded


def mjd_of(moment: datetime) -> float:
    return (moment - datetime(1858, 11, 17)).total_seconds() / 86400


def leaps(mjd: float) -> float:
    return 32.184 + next(tai for since, tai in reversed(LEAPS) if mjd >= mjd_of(since))


def wave(mjd: float) -> float:
    """TDB minus TT by the two greatest terms, s (Explanatory Supplement to the Almanac)."""
    g = math.radians(357.53 + 0.985_600_28 * (mjd - 51544.5))
    return 0.001_658 * math.sin(g) + 0.000_014 * math.sin(2 * g)


@functools.cache
def real_headers(reference: Path) -> tuple[dict, ...]:
    """Cards of every real header with a time to 1 ms, each frame once a kind."""
    found = [
        fits.Header.fromstring(path.read_text(errors="replace"), sep="\n")
        for path in sorted((reference / "headers").glob("*.txt"))
        if not path.name.startswith("SIMULATED")
    ]
    for path in sorted((reference / "archive").rglob("*.fits")):
        with path.open("rb") as stream:
            found.append(fits.Header.fromfile(stream))
    found = [header for header in found if "ET_OBS" in header and "MJD_OBS" in header]
    assert len(found) > 60
    return tuple(found)


def test_starts_of_real_frames(reference: Path) -> None:
    for header in real_headers(reference):
        start = start_of(header["UTCS_OBS"])
        assert abs(start - header["MJD_OBS"]) * 86400 < PRINTED + 0.0005
        if "DATE_OBS" in header:
            told = mjd_of(datetime.fromisoformat(header["DATE_OBS"]))
            assert abs(start - told) * 86400 < 0.001


def test_tdb_of_real_frames(reference: Path) -> None:
    """ET_OBS is TDB with its wave, rounded to 1 ms like UTCS_OBS: TT alone fits it worse."""
    off, without = [], []
    for header in real_headers(reference):
        told = header["ET_OBS"] - header["UTCS_OBS"]
        off.append(told - tdb_minus_utc(start_of(header["UTCS_OBS"])))
        without.append(told - leaps(header["MJD_OBS"]))
    assert np.abs(off).max() < 0.001
    assert np.std(off) < 0.8 * np.std(without)
    assert np.abs(np.mean(off)) < 0.0003


def test_tdb_by_an_account_of_its_own() -> None:
    days = np.arange(52876.3, 58880.0, 7.7)
    told = np.array([leaps(mjd) + wave(mjd) for mjd in days])
    assert np.abs(tdb_minus_utc(days) - told).max() < 0.000_05
    # A leap second comes at the end of its day, not by and by.
    last = mjd_of(datetime(2016, 12, 31))
    assert tdb_minus_utc(last + 0.999) == pytest.approx(68.184, abs=0.002)
    assert tdb_minus_utc(last + 1.0) == pytest.approx(69.184, abs=0.002)


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    assert np.isfinite(bjd_tdb(56248.1, light_time([1.5e8, 0, 0], 65.0, 57.0, 56248.1)))


def test_light_times_of_real_frames(reference: Path) -> None:
    """HMJD_OBS and BMJD_OBS to the rounding of the card; their mean over all to 1 ms."""
    by_sun, by_barycentre = [], []
    for header in real_headers(reference):
        if "SPTZR_X" not in header or "RA_RQST" not in header:
            continue
        place = [header[f"SPTZR_{axis}"] for axis in "XYZ"]
        where, start = (header["RA_RQST"], header["DEC_RQST"]), start_of(header["UTCS_OBS"])
        sun = start + heliocentric_light_time(place, *where)
        barycentre = start + light_time(place, *where, header["MJD_OBS"])
        by_sun.append(86400 * float(header["HMJD_OBS"] - sun))
        by_barycentre.append(86400 * float(header["BMJD_OBS"] - barycentre))
        assert header["SPTZR_LT"] == pytest.approx(math.hypot(*place) / 299792.458, abs=1e-6)
    for off in (by_sun, by_barycentre):
        assert len(off) > 40
        assert np.abs(off).max() < PRINTED + 0.0006
        assert abs(np.mean(off)) < 0.001
    # They are not each other, by far.
    assert max(abs(s - b) for s, b in zip(by_sun, by_barycentre, strict=True)) < 0.01


def test_light_times_of_arrays() -> None:
    places = np.array([[1.5e8, 0.0, 0.0], [0.0, 1.5e8, 0.0], [0.0, 0.0, -1.5e8]])
    stars = np.array([0.0, 90.0, 10.0]), np.array([0.0, 0.0, 90.0])
    days = 1.5e8 / 299792.458 / 86400
    assert heliocentric_light_time(places, *stars) == pytest.approx([days, days, -days], rel=1e-12)
    assert heliocentric_light_time(places, 90.0, 0.0) == pytest.approx([0, days, 0], abs=1e-15)
    when = np.array([53000.5, 55000.5, 58000.5])
    sun = get_body_barycentric("sun", Time(when, format="mjd", scale="tdb"), ephemeris="builtin")
    towards = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    of_sun = (sun.xyz.to_value("km").T * towards).sum(axis=1) / 299792.458
    # Up to 2.5 s, of which the 69 s between UTC and TDB are nothing.
    more = 86400 * (light_time(places, *stars, when) - heliocentric_light_time(places, *stars))
    assert more == pytest.approx(of_sun, abs=1e-5)
    one = light_time(places[0], stars[0][0], stars[1][0], when[0])
    assert one.shape == ()
    assert one == light_time(places, *stars, when)[0]


def test_middles() -> None:
    start = np.array([56248.1438296, 56249.0])
    assert 86400 * (middle(start, 100.0) - start) == pytest.approx([50, 50], abs=1e-5)
    cube = middle(start[0], 2.0, range(64))
    assert 86400 * (cube - start[0]) == pytest.approx(64.0, abs=1e-5)
    # The mean of what is used, which need not be the middle of the cube.
    assert 86400 * (middle(start[0], 0.4, [1, 2, 9]) - start[0]) == pytest.approx(1.8, abs=1e-5)
    assert 86400 * (middle(start[0], 2.0, 63) - start[0]) == pytest.approx(127.0, abs=1e-5)
    assert middle(start, [2.0, 0.4], [0, 1]).shape == (2,)
    each = middle_of_each(start[:, np.newaxis], 2.0, np.arange(64))
    assert each.shape == (2, 64)
    assert each.mean(axis=1) == pytest.approx(middle(start, 2.0, range(64)), abs=1e-10)
    assert 86400 * np.diff(each[0]) == pytest.approx(np.full(63, 2.0), abs=2e-6)


def test_barycentric_julian_dates() -> None:
    found = bjd_tdb([55333.75, 57754.25], [300.0 / 86400, -200.0 / 86400])
    told = [2455334.25 + (66.184 + 300) / 86400, 2457754.75 + (69.184 - 200) / 86400]
    assert 86400 * (found - told) == pytest.approx([0, 0], abs=0.002)


def test_what_is_not_known_is_nan() -> None:
    wrong = np.array([np.nan, np.inf, KNOWN[0] - 1, KNOWN[1], -1e9])
    assert np.isnan(tdb_minus_utc(wrong)).all()
    assert np.isnan(light_time([1.5e8, 0, 0], 1.0, 2.0, wrong)).all()
    assert np.isnan(bjd_tdb(wrong, 0.0)).all()
    assert np.isnan(light_time([np.nan, 0, 0], 1.0, 2.0, 55000.0))
    assert np.isnan(middle(55000.0, 2.0, []))
    assert np.isnan(middle(np.nan, 2.0))
    assert np.isfinite(tdb_minus_utc([KNOWN[0], KNOWN[1] - 1])).all()


def test_what_the_stamps_of_the_camera_tell(reference: Path) -> None:
    """One plane of a cube lies outside of AINTBEG to ATIMEEND; no room for a 65th in 2 s."""
    by_aor: dict[tuple, list[float]] = {}
    for header in real_headers(reference):
        if "FRAMTIME" not in header or "AREADMOD" not in header:
            continue
        frame_time = header["FRAMTIME"]
        # IRAC's clock counts 3e-4 too few.
        lasted = (header["ATIMEEND"] - header["AINTBEG"]) * (1 + 3.3e-4)
        if header["AREADMOD"] == 1:
            assert lasted == pytest.approx(63 * frame_time, abs=0.012)
        else:
            assert frame_time - 0.06 < lasted < frame_time
        if header["NAXIS"] == 3 and "FOVNAME" in header:
            by_aor.setdefault((header["AORKEY"], frame_time), []).append(header["UTCS_OBS"])
    spare: dict[float, list[float]] = {}
    for (_, frame_time), starts in by_aor.items():
        if len(set(starts)) > 5:
            # Without the first cube, whose start may be off by itself.
            between = np.diff(sorted(set(starts))[1:]) - 64 * frame_time
            spare.setdefault(frame_time, []).extend(between.tolist())
    assert len(spare[2.0]) > 8
    assert len(spare[0.4]) > 18
    assert 1.2 < min(spare[2.0]) < max(spare[2.0]) < 1.5
    assert 1.5 < min(spare[0.4]) < max(spare[0.4]) < 1.95


def test_between_moments_nothing_is_lost() -> None:
    """Sun and wave are computed every 90 minutes: ERFA asked at each time says the same."""
    rng = np.random.default_rng(7)
    mjd = rng.uniform(52_900, 58_900, 400)
    tdb = mjd + tdb_minus_utc(mjd) / 86400
    of_earth, from_barycentre = erfa.epv00(2_400_000.5, tdb)
    sun = (from_barycentre["p"] - of_earth["p"]) * 149_597_870.7
    place = rng.normal(0, 1e8, (400, 3))
    direct = heliocentric_light_time(place + sun, 65.0, 57.0)
    assert np.abs(light_time(place, 65.0, 57.0, mjd) - direct).max() * 86400 < 1e-8
    tt = mjd + np.array([leaps(day) for day in mjd]) / 86400
    wave_of_each = erfa.dtdb(2_400_000.5, tt, 0.0, 0.0, 0.0, 0.0)
    assert np.abs(tdb_minus_utc(mjd) - (tt - mjd) * 86400 - wave_of_each).max() < 2e-6
    # Whichever times are asked about together.
    assert tdb_minus_utc(mjd)[7] == tdb_minus_utc(mjd[7])
