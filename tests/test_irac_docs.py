"""docs/irac.md: its numbers are those of the code, and of the headers it says to have seen."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from astropy.time import Time
from docs_helpers import table, text_of

from iracdb.catalogue import obscore
from iracdb.irac import aperture_corrections, files, pipeline_versions
from iracdb.irac.handbook import (
    APERTURE_CORRECTION,
    LAST_CRYOGENIC_MJD,
    PIXEL_SIZE,
    SUBARRAY_PLANES,
)
from iracdb.irac.header_marks import HEADER_MARKS
from iracdb.irac.mask_bits import FATAL, MASK_BITS
from iracdb.irac.names import KINDS
from iracdb.irac.simulate.companions import MISSING
from iracdb.irac.zero_points import VEGA
from iracdb.photometry import combine, response
from iracdb.photometry.planes import FIRST_STEADY_PLANE

PAGE = text_of("docs/irac.md")


def test_channels() -> None:
    rows = table(PAGE, "channel", "wavelength")
    assert [int(row[0]) for row in rows] == list(PIXEL_SIZE)
    for number, *cells in rows:
        channel = int(number)
        *others, warm, pixel = cells
        wavelength, bandwidth, cryogenic = map(float, others)
        assert (wavelength, bandwidth) == obscore.BANDS[channel]
        assert (cryogenic, float(warm) if warm else None) == obscore.RESOLUTION[channel]
        assert float(pixel) == PIXEL_SIZE[channel]


def test_mission() -> None:
    said = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE))
    day, _, mjd = said["last day with helium"].partition(", MJD ")
    assert Time(day).mjd == float(mjd)
    assert float(said["largest MJD_OBS with cryogenic tables"]) == LAST_CRYOGENIC_MJD
    assert 0 <= LAST_CRYOGENIC_MJD - float(mjd) < 3
    warm = {channel for channel in PIXEL_SIZE if response_moves("warm", channel)}
    assert said["channels of the warm mission"] == " and ".join(map(str, sorted(warm)))

    when, _, mjd = said["helium ran out"].partition(", MJD ")
    assert Time(when).mjd == pytest.approx(pipeline_versions.CRYOGEN_OUT, abs=1e-9)
    assert f"{pipeline_versions.CRYOGEN_OUT:.4f}" == mjd
    start, last = said["set points changed"].split(" to ")
    changed = (Time(start).mjd, Time(last).mjd + 1)
    assert changed == pipeline_versions.RETIRED_SET_POINTS

    full, sub = (tuple(map(int, said[name].split(" x "))) for name in ("full array", "subarray"))
    planes = int(said["planes of a subarray cube"])
    assert {full, sub, (planes, *sub)} == files._SHAPES
    assert planes == SUBARRAY_PLANES
    first, last = map(int, said["planes reduced to one image"].split(" to "))
    assert (first, last) == (FIRST_STEADY_PLANE, planes - 1)
    for channels in ((1, 2), (3, 4)):
        place = said["place of the subarray, channels {} and {}".format(*channels)]
        for channel in channels:
            assert tuple(map(float, place.split(", "))) == response._SUBARRAY_OFFSET[channel]
    assert f"about pixel {response._ARRAY_CENTRE:g}" in PAGE
    assert full == (response._ARRAY_SIZE,) * 2


def response_moves(mission: str, channel: int) -> bool:
    places = np.array([3.2, 200.7])
    factors = response.response_factors(places, places, channel, mission=mission)
    return any((factor != 1).any() for factor in factors)


def test_kinds() -> None:
    rows = table(PAGE, "kind", "role")
    assert rows == [
        [kind.name, kind.role, "yes" if kind.collapsed else "no", kind.sentence]
        for kind in KINDS.values()
    ]
    (bit,) = re.findall(r"bit\n?(\d+) of the simulated masks", PAGE)
    assert 1 << int(bit) == MISSING


def test_aperture_corrections() -> None:
    rows = [tuple(map(float, row)) for row in table(PAGE, "r", "r_in", "r_out", "channel 1")]
    assert {row[:3]: row[3:] for row in rows} == APERTURE_CORRECTION
    tables = aperture_corrections.TABLES
    assert tables["manual"].factors["warm"] == tables["manual"].factors["cryo"]
    assert tables["handbook"].factors["cryo"] == APERTURE_CORRECTION
    warm = [tuple(map(float, row)) for row in table(PAGE, "r", "r_in", "r_out", "warm channel 1")]
    assert {row[:3]: (*row[3:], None, None) for row in warm} == tables["handbook"].factors["warm"]
    assert aperture_corrections.RESPONSE_RADII == (3, 3, 7)
    assert "derived through 3, 3-7" in PAGE


def test_mask_bits() -> None:
    assert f"the pattern {FATAL} that" in PAGE
    assert table(PAGE, "bit", "name", "fatal") == [
        [str(each.bit), each.name, "yes" if FATAL & each.value else "", each.sentence]
        for each in MASK_BITS
    ]


def test_header_marks() -> None:
    assert table(PAGE, "bit", "card", "set by") == [
        [
            str(mark.bit), mark.card, "yes" if mark.bad else "no",
            "unusable" if mark.unusable else "advisory", mark.sentence,
        ]
        for mark in HEADER_MARKS
    ]  # fmt: skip


def test_pipeline_versions() -> None:
    listed = dict(table(PAGE, "tables", "versions"))
    assert listed == {name: pipeline_versions.span_of(name) for name in response.MISSIONS}
    assert pipeline_versions.tables_made_for("cryo", "S18.25.0") is False
    assert "calls itself S18.25. " in PAGE


def test_zero_points() -> None:
    assert {int(c): float(jy) for c, jy in table(PAGE, "channel", "Jy")} == VEGA


def test_response() -> None:
    rows = table(PAGE, "mission", "channel", "location, least")
    assert [(row[0], int(row[1])) for row in rows] == [
        (mission, channel)
        for mission in ("cryo", "warm")
        for channel in PIXEL_SIZE
        if response_moves(mission, channel)
    ]
    y, x = np.indices((256, 256)).astype(float)
    steps = np.arange(-50, 51) / 100
    for mission, channel, *told in rows:
        location, _ = response.response_factors(
            x, y, int(channel), mission=mission, pixel_phase=False
        )
        _, phase = response.response_factors(
            127 + steps[:, None], 127 + steps, int(channel), mission=mission, array_location=False
        )
        extremes = [location.min(), location.max(), phase.min(), phase.max()]
        assert [f"{value:.4f}" for value in extremes] == told


def test_conversion() -> None:
    assert f"with {combine.ARCSEC_PER_RADIAN:g} arcsec to the radian" in PAGE
    exact = np.degrees(1) * 3600
    assert round(((combine.ARCSEC_PER_RADIAN / exact) ** 2 - 1) * 1e6) == 2


# --- What headers tell ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def headers(reference: Path) -> list[dict[str, str]]:
    """Cards of real headers, as printed: those beside the archive, which are of all its kinds."""
    found = []
    for path in sorted((reference / "headers").glob("*.txt")):
        if not path.name.startswith("SIMULATED"):
            text = path.read_text(encoding="latin-1")
            cards = re.findall(r"^([A-Z_0-9]+) *= *'?([^'/\n]*)", text, re.MULTILINE)
            found.append({keyword: value.strip() for keyword, value in cards})
    assert len(found) > 10
    return found


def test_calibration_is_what_headers_tell(headers: list[dict[str, str]]) -> None:
    seen = {
        (int(cards["CHNLNUM"]), cards["CREATOR"], float(cards["FLUXCONV"]), float(cards["GAIN"]))
        for cards in headers
        if "FLUXCONV" in cards and "CREATOR" in cards and "CHNLNUM" in cards
    }
    told = {
        (int(channel), creator, float(fluxconv), float(gain))
        for channel, creator, fluxconv, gain in table(PAGE, "channel", "CREATOR")
    }
    assert told == seen


def test_frame_times_are_what_headers_tell(headers: list[dict[str, str]]) -> None:
    seen = defaultdict(set)
    for cards in headers:
        if {"READMODE", "FRAMTIME", "EXPTIME"} <= set(cards):
            exposure = float(cards["EXPTIME"])
            seen[cards["READMODE"], float(cards["FRAMTIME"])].add(exposure)
    told = {
        (mode, float(frame)): set(map(float, exposure.split(" or ")))
        for mode, frame, exposure in table(PAGE, "read mode", "FRAMTIME")
    }
    assert told == seen


def test_time_cards_are_in_headers(headers: list[dict[str, str]]) -> None:
    names = [name for name, _ in table(PAGE, "card", "what it is")]
    assert len(names) > 5
    assert all(any(name in cards for cards in headers) for name in names)
