"""Positions on frames without wcslib, held against wcslib; and frames read only near a star."""

from __future__ import annotations

import json
import math
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from run_helpers import write_frames

from iracdb.errors import InputsChanged
from iracdb.irac import frames, tan_sip
from iracdb.irac.files import read_irac_file
from iracdb.irac.frames import FrameFile, make_wcs, read_pixels, sky_to_pixel, sky_to_pixels
from iracdb.irac.near import NearBlocks
from iracdb.irac.simulate import FrameSpec
from iracdb.irac.stored_cards import stored_cards
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.measure import measure_block

CARDS = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "RADESYS": "ICRS", "EQUINOX": 2000.0,
    "CRPIX1": 128.0, "CRPIX2": 128.5, "CRVAL1": 359.99, "CRVAL2": 65.4,
    "CD1_1": -0.00024279, "CD1_2": 0.00023775, "CD2_1": 0.00023776, "CD2_2": 0.00024278,
    "A_ORDER": 3, "A_0_2": 2.9656e-06, "A_1_1": 2.1886e-05, "A_2_0": -2.3863e-05,
    "A_0_3": 3.7e-09, "A_1_2": -1.6847e-07, "A_2_1": -8.6e-09, "A_3_0": -1.4172e-07,
    "B_ORDER": 3, "B_0_2": 2.31e-05, "B_1_1": -2.4386e-05, "B_2_0": 2.1197e-06,
    "B_0_3": -1.6168e-07, "B_1_2": -5.8e-09, "B_2_1": -1.6583e-07, "B_3_0": -2.0e-08,
    "AP_ORDER": 3, "AP_1_0": -1.6e-05, "BP_ORDER": 3, "BP_0_1": -1.8e-05,
}  # fmt: skip
PLAIN = {k: v for k, v in CARDS.items() if k[1:2] != "_" and k[2:3] != "_"}
PLAIN |= {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"} | {k: CARDS[k] for k in CARDS if "CD" in k}
SCALED = {k: v for k, v in PLAIN.items() if "CD" not in k}
SCALED |= {"CDELT1": -0.00034, "CDELT2": 0.00033, "PC1_2": 0.2, "CUNIT1": "deg", "CUNIT2": "deg"}
SOUTH = CARDS | {"CRVAL1": 12.0, "CRVAL2": -89.2, "A_ORDER": 2, "B_2_2": 1e-9, "B_ORDER": 5}


@pytest.mark.parametrize("cards", [CARDS, PLAIN, SCALED, SOUTH])
@pytest.mark.parametrize("system", ["ICRS", "FK5"])
def test_positions_are_wcslibs(cards, system, monkeypatch):
    cards = cards | {"RADESYS": system}
    assert tan_sip.read_plane(cards) is not None
    x, y = np.random.default_rng(6).uniform(-100, 356, (2, 60))
    ra, dec = make_wcs(cards).all_pix2world(x, y, 0)
    want = frames._by_wcslib(cards, ra, dec)
    monkeypatch.setattr(frames, "_by_wcslib", None)
    found = sky_to_pixel(cards, ra, dec)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-8)
    if system == "ICRS":
        np.testing.assert_allclose(found, np.transpose([x, y]), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "change",
    [
        {"CTYPE1": "RA---SIN-SIP", "CTYPE2": "DEC--SIN-SIP"}, {"CTYPE1": "RA---TAN"},
        {"PV1_1": 0.0}, {"LONPOLE": 170.0}, {"CROTA2": 1.0}, {"CD1_1": "0.1"}, {"CD1_1": math.nan},
        {"CRVAL1": True}, {"RADESYS": "FK4"}, {"A_ORDER": 9}, {"CDELT1": 1.0}, {"CUNIT1": "arcsec"},
    ],
)  # fmt: skip
def test_what_is_not_known_is_left_to_wcslib(change, monkeypatch):
    assert tan_sip.read_plane(CARDS | change) is None
    asked = []
    monkeypatch.setattr(frames, "_by_wcslib", lambda *given: asked.append(given) or "wcslib")
    assert sky_to_pixel(CARDS | change, [0.0], [65.4]) == "wcslib"
    assert len(asked) == 1


@pytest.mark.parametrize("missing", ["CD1_2", "CRVAL1", "B_ORDER", "RADESYS", "AP_ORDER", "CTYPE2"])
def test_a_missing_card_is_left_to_wcslib(missing):
    assert tan_sip.read_plane({k: v for k, v in CARDS.items() if k != missing}) is None


def test_positions_far_away_are_judged_by_wcslib():
    ra, dec = [0.0, 180.0, math.nan, 1.0, 3.0], [65.4, -65.4, 65.4, math.inf, 64.0]
    found = sky_to_pixel(CARDS, ra, dec)
    want = frames._by_wcslib(CARDS, np.array(ra), np.array(dec))
    assert np.array_equal(np.isnan(found), np.isnan(want))
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-8)
    assert np.isnan(found[1:4]).all()


def test_frames_of_a_block_are_as_each_alone():
    """Of whatever kind, in any company: also those that are left to wcslib, or have no system."""
    sine = {"CTYPE1": "RA---SIN-SIP", "CTYPE2": "DEC--SIN-SIP"}
    strange = [sine, {"CRVAL1": True}, {"CD1_1": "0.1"}, {"A_ORDER": 9}, {"CD1_1": math.nan}]
    strange.append({"RADESYS": "FK4"})
    fk5 = {"RADESYS": "FK5"}
    alike = [CARDS, CARDS | {"CRPIX1": 100}, CARDS | fk5, SOUTH]
    mixed = [*alike, PLAIN, SCALED, None, PLAIN | fk5, *(CARDS | one for one in strange)]
    ra = np.array([[0.0, 0.01 * k, 180.0, math.nan] for k in range(len(mixed))])
    dec = np.full(ra.shape, 65.4)
    for many in (alike, mixed, mixed[::-1]):
        found = sky_to_pixels(many, ra[: len(many)], dec[: len(many)])
        each = [sky_to_pixel(*one) for one in zip(many, ra, dec, strict=False)]
        np.testing.assert_array_equal(found, np.stack(each))
        assert np.isfinite(found[:, 0]).any()
    same = sky_to_pixels(alike, ra[1], dec[1])
    np.testing.assert_array_equal(same[3], sky_to_pixel(SOUTH, ra[1], dec[1]))


@pytest.mark.parametrize(
    ("change", "read_at_once"),
    [
        ({}, True), ({"CRVAL1": 0.001, "CD1_1": -0.00024, "A_0_2": 3e-06}, True),
        ({"CRPIX1": 100}, True), ({"EQUINOX": 1950.0}, True), ({"RADESYS": "FK5"}, False),
        ({"A_ORDER": 2}, False), ({"B_ORDER": 9}, False), ({"CD1_1": "0.1"}, False),
        ({"CRVAL1": True}, False), ({"CRVAL1": math.nan}, False), ({"CRPIX1": 1e400}, False),
        ({"CTYPE1": "RA---TAN"}, False), ({"PV1_1": 0.0}, False),
        ({"EQUINOX": [1, {"CRVAL1": 5.0, "B": 2}]}, False), ({"EQUINOX": 'a, "CRVAL1": 5'}, False),
    ],
)  # fmt: skip
def test_stored_cards_are_as_those_read_one_by_one(change, read_at_once, monkeypatch):
    """Whatever differs between the frames of a block, in whatever order they stand."""
    block = [CARDS, CARDS | change, CARDS | {"CRVAL2": 65.41}]
    asked = []
    one_by_one = tan_sip._read_alike
    monkeypatch.setattr(tan_sip, "_read_alike", lambda *a: asked.append(a) or one_by_one(*a))
    for many in (block, block[::-1], [*block[1:], *block[1:]]):
        want = tan_sip.read_planes(many)
        asked.clear()
        found = tan_sip.read_planes([stored_cards(json.dumps(cards)) for cards in many])
        for one, other in zip(want, found, strict=True):
            np.testing.assert_array_equal(one, other)
        assert (not asked) is read_at_once


def test_stored_cards_beside_others():
    stored = [stored_cards(json.dumps(CARDS | {"CRVAL1": 0.01 * k})) for k in range(3)]
    many = [None, stored[0], CARDS, stored[1], stored_cards("null"), PLAIN, stored[2]]
    planes, known, _ = tan_sip.read_planes(many)
    assert known.tolist() == [False, True, True, True, False, True, True]
    np.testing.assert_array_equal(planes[[1, 3, 6], 2], [0.0, 0.01, 0.02])


def test_stored_cards_are_a_mapping_that_travels_as_text():
    stored = stored_cards(json.dumps(CARDS))
    assert stored == CARDS
    assert pickle.loads(pickle.dumps(stored)) == stored
    assert repr(stored).startswith("StoredCards('{")
    np.testing.assert_array_equal(
        sky_to_pixel(stored, [0.0], [65.4]), sky_to_pixel(CARDS, [0.0], [65.4])
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("near")
    specs = [FrameSpec(channel=1, aorkey=90009728, expid=k) for k in range(4)]
    found = []
    for path in write_frames(folder, *specs):
        file = read_irac_file(path)
        offset = len(file.header.verbatim)
        given = (file.size, file.mtime_ns, file.bitpix, file.shape, offset, False, file.wcs)
        found.append(FrameFile(str(path), *given))
    return found


def test_what_is_near_is_enough(files):
    target = read_irac_file(files[0].path).facts
    at = np.concatenate([sky_to_pixel(f.wcs, target["ra_ref"], target["dec_ref"]) for f in files])
    whole = np.stack([read_pixels(f) for f in files])
    room = NearBlocks(5, (256, 256))
    room.read(files[::-1], at[:, :1] - 40, at[:, 1:] + 30, 20.0)  # leaves nothing behind
    near = room.read(files, at[:, :1], at[:, 1:], 24.0)
    held = np.isfinite(near)
    assert 49**2 <= np.count_nonzero(held[0]) <= 52**2
    assert np.array_equal(near[held], whole[held])
    for centre in ("gaussian", "moment", "quadratic"):
        one = measure_block(whole, *at.T, Aperture(10, 12, 20), centre=centre)
        other = measure_block(near, *at.T, Aperture(10, 12, 20), centre=centre)
        assert np.isfinite(one.fluxes.net).any()
        np.testing.assert_array_equal(one.fluxes.net, other.fluxes.net)
        np.testing.assert_array_equal(one.centres.x, other.centres.x)
    nowhere = room.read(files, np.full((4, 1), math.nan), at[:, 1:], 24.0)
    assert np.isnan(nowhere).all()


def test_a_file_that_is_another_is_refused(files, tmp_path):
    room = NearBlocks(1, (256, 256))
    at = np.full((1, 1), 128.0)
    with pytest.raises(InputsChanged, match="is not the file that was ingested"):
        room.read([replace(files[0], mtime_ns=1)], at, at, 24.0)
    with pytest.raises(InputsChanged, match="cannot be read"):
        room.read([replace(files[0], path=str(tmp_path / "gone"))], at, at, 24.0)
    cut = tmp_path / "cut.fits"
    cut.write_bytes(b" " * 3000)
    status = os.stat(cut)
    short = replace(files[0], path=str(cut), size=3000, mtime_ns=status.st_mtime_ns)
    with pytest.raises(InputsChanged, match="bytes are missing"):
        room.read([short], at, at, 24.0)
