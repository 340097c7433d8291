"""Positions on frames whose coordinate system is a plain one: gnomonic, with or without SIP.

Such are all of IRAC's. They are converted without making an object of wcslib for each frame, which
takes a thousand times as long. Whatever is not known here is left to wcslib.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from iracdb.compiled import compiled
from iracdb.irac.stored_cards import StoredCards, differing_numbers

FloatArray = npt.NDArray[np.float64]

MOST_ITERATIONS = 50
CONVERGED = 1e-8
"""Step in pixels below which the distortion counts as undone: as it is asked of astropy."""

LARGEST_ORDER = 5
"""IRAC's distortions are of the orders 3 and 5."""

_TERMS = [(i, j) for i in range(LARGEST_ORDER + 1) for j in range(LARGEST_ORDER + 1 - i)]
_NUMBERS = (
    ["CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"]
    + ["A_ORDER", "B_ORDER"]
    + [f"A_{i}_{j}" for i, j in _TERMS]
    + [f"B_{i}_{j}" for i, j in _TERMS]
)
_PLACES = {keyword: place for place, keyword in enumerate(_NUMBERS)}
_A, _B = _PLACES["A_0_0"], _PLACES["B_0_0"]
_CHANGING = frozenset(_PLACES) - {"A_ORDER", "B_ORDER"}
"""Whose value decides nothing about the others."""
_FRAME = frozenset(_NUMBERS[:4])
_MATRIX = frozenset(_NUMBERS[4:8])
_SCALED = ("CDELT1", "CDELT2", "PC1_1", "PC1_2", "PC2_1", "PC2_2")
_TEXTS = frozenset(["CTYPE1", "CTYPE2", "RADESYS", "CUNIT1", "CUNIT2"])
_NOT_NEEDED = frozenset(
    ["EQUINOX", "AP_ORDER", "BP_ORDER"]
    + [f"{matrix}_{i}_{j}" for matrix in ("AP", "BP") for i in range(10) for j in range(10)]
)
_CTYPES = {("RA---TAN", "DEC--TAN"): False, ("RA---TAN-SIP", "DEC--TAN-SIP"): True}
_SYSTEMS = frozenset(["ICRS", "FK5"])
_NUMERIC = frozenset([float, int])


def read_plane(cards: Mapping[str, Any]) -> FloatArray | None:
    """Read the numbers of a coordinate system that is known here.

    Parameters
    ----------
    cards : mapping
        A frame's WCS cards by keyword.

    Returns
    -------
    numpy.ndarray or None
        What `on_planes` takes of a frame. None where there is any keyword that is not known here,
        one is missing, or its value is not a finite number; where the projection is not TAN, the
        system neither ICRS nor FK5, or the distortion of another order than 2 to 5.
    """
    layout = _layout(tuple(cards))
    if layout is None or cards["RADESYS"] not in _SYSTEMS:
        return None
    distorted = _CTYPES.get((cards["CTYPE1"], cards["CTYPE2"]))
    if distorted is not layout.distorted:
        return None
    if any(cards[unit] != "deg" for unit in layout.units):
        return None
    values = layout.numbers(cards)
    # No truth value, and no text that looks like a number.
    if not _NUMERIC.issuperset(map(type, values)):
        return None
    plane = np.zeros(len(_NUMBERS))
    plane[layout.places] = values[: len(layout.places)]
    if layout.scaled:
        scaled = dict(zip(layout.scaled, values[len(layout.places) :], strict=True))
        plane[4:8] = [
            scaled[f"CDELT{i}"] * scaled.get(f"PC{i}_{j}", float(i == j))
            for i in (1, 2)
            for j in (1, 2)
        ]
    if distorted and not (
        2 <= plane[_A - 2] <= LARGEST_ORDER and 2 <= plane[_A - 1] <= LARGEST_ORDER
    ):
        return None
    return plane if math.isfinite(sum(values)) and math.isfinite(float(plane[4:8].sum())) else None


def read_planes(
    many: Sequence[Mapping[str, Any] | None],
) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Read the numbers of the coordinate systems of a block of frames.

    Parameters
    ----------
    many : sequence of mapping or None
        The cards of each of n frames by keyword.

    Returns
    -------
    planes : numpy.ndarray
        What `read_plane` tells of each (n, m); 0 where it tells nothing.
    known : numpy.ndarray of bool
        Of which it tells anything (n,).
    fk5 : numpy.ndarray of bool
        Which of these are in FK5, and not in ICRS (n,).
    """
    planes = np.zeros((len(many), len(_NUMBERS)))
    known, fk5 = np.zeros(len(many), dtype=bool), np.zeros(len(many), dtype=bool)
    stored = [(k, cards) for k, cards in enumerate(many) if isinstance(cards, StoredCards)]
    if stored:
        places, texts = [k for k, _ in stored], [cards for _, cards in stored]
        together = _read_stored(texts)
        if together is not None:
            planes[places], known[places] = together, True
            fk5[places] = texts[0]["RADESYS"] == "FK5"
    others = {
        k: cards.read() if isinstance(cards, StoredCards) else cards
        for k, cards in enumerate(many)
        if cards is not None and not known[k]
    }
    alike: dict[tuple[str, ...], list[int]] = {}
    for k, cards in others.items():
        alike.setdefault(tuple(cards), []).append(k)
    for keywords, group in alike.items():
        layout = _layout(keywords)
        if layout is None:
            continue
        together = _read_alike([others[k] for k in group], layout)
        for i, k in enumerate(group):
            cards = others[k]
            plane = read_plane(cards) if together is None else together[i]
            if plane is not None:
                planes[k], known[k], fk5[k] = plane, True, cards["RADESYS"] == "FK5"
    return planes, known, fk5


def _read_stored(many: Sequence[StoredCards]) -> FloatArray | None:
    """Read cards that differ in few numbers at once; None where they differ in more."""
    plane, differing = read_plane(many[0].read()), differing_numbers(many)
    if plane is None or differing is None:
        return None
    planes = np.repeat(plane[np.newaxis], len(many), axis=0)
    for keyword, values in differing:
        if keyword in _NOT_NEEDED:
            continue
        if keyword not in _CHANGING:
            return None
        planes[:, _PLACES[keyword]] = values
    return planes if np.isfinite(planes).all() else None


def _read_alike(many: Sequence[Mapping[str, Any]], layout: _Layout) -> FloatArray | None:
    """Read cards of the same keywords at once; None where they must be looked at one by one."""
    if layout.scaled:
        return None
    for texts in set(map(layout.texts, many)):
        ctypes, system, units = texts[:2], texts[2], texts[3:]
        if _CTYPES.get(ctypes) is not layout.distorted or system not in _SYSTEMS:
            return None
        if any(unit != "deg" for unit in units):
            return None
    values = list(map(layout.numbers, many))
    if not _NUMERIC.issuperset(map(type, chain.from_iterable(values))):
        return None
    planes = np.zeros((len(many), len(_NUMBERS)))
    planes[:, layout.places] = values
    orders = planes[:, _A - 2 : _A]
    if layout.distorted and not ((orders >= 2) & (orders <= LARGEST_ORDER)).all():
        return None
    return planes if np.isfinite(planes).all() else None


class _Layout(NamedTuple):
    """Which numbers there are among cards of these keywords, and where each belongs."""

    texts: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    numbers: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    places: npt.NDArray[np.intp]
    scaled: list[str]
    units: list[str]
    distorted: bool


@lru_cache(maxsize=256)
def _layout(keywords: tuple[str, ...]) -> _Layout | None:
    """Sort keywords, which are the same for very many frames; None where they are not known."""
    there = frozenset(keywords)
    if not there <= _TEXTS | _NOT_NEEDED | set(_PLACES) | set(_SCALED):
        return None
    scaled = [keyword for keyword in _SCALED if keyword in there]
    matrix = {"CDELT1", "CDELT2"} if scaled else _MATRIX
    if not there >= _FRAME | matrix | {"CTYPE1", "CTYPE2", "RADESYS"}:
        return None
    if scaled and there & _MATRIX:
        return None
    distorted = bool(there & set(_NUMBERS[_A - 2 :]))
    if distorted and not {"A_ORDER", "B_ORDER"} <= there:
        return None
    if ("AP_ORDER" in there) != ("BP_ORDER" in there):
        return None
    taken = [keyword for keyword in _PLACES if keyword in there]
    units = sorted(there & {"CUNIT1", "CUNIT2"})
    return _Layout(
        itemgetter("CTYPE1", "CTYPE2", "RADESYS", *units),
        itemgetter(*taken, *scaled),
        np.array([_PLACES[keyword] for keyword in taken], dtype=np.intp),
        scaled,
        units,
        distorted,
    )


@lru_cache(maxsize=1)
def icrs_to_fk5() -> FloatArray:
    """Give the matrix that turns ICRS directions into FK5 of J2000.

    Returns
    -------
    numpy.ndarray, shape (3, 3)
        As astropy turns them.
    """
    # It takes long to import, and IRAC's own frames are all in ICRS.
    from astropy.coordinates import SkyCoord

    axes = SkyCoord(x=[1, 0, 0], y=[0, 1, 0], z=[0, 0, 1], representation_type="cartesian")
    return np.array(axes.transform_to("fk5").cartesian.xyz.value, dtype=np.float64)


def to_fk5(ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn ICRS positions into FK5 of J2000.

    Parameters
    ----------
    ra, dec : numpy.ndarray
        Degrees; NaN stays NaN.

    Returns
    -------
    ra, dec : numpy.ndarray
        Degrees.
    """
    lon, lat = np.radians(ra), np.radians(dec)
    direction = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    x, y, z = icrs_to_fk5() @ direction
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


@compiled
def on_planes(
    planes: FloatArray, ra: FloatArray, dec: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Find where positions fall on frames, each frame alone.

    Parameters
    ----------
    planes : numpy.ndarray
        Of each frame what `read_plane` tells (n, m).
    ra, dec : numpy.ndarray
        Degrees (n, t), in the frame's system.

    Returns
    -------
    pixels : numpy.ndarray
        x and y (n, t, 2), 0-based; NaN for a position that is not finite, infinite for one that
        wcslib must judge: far from the frame, or where the distortion does not soon converge.
    unsure : numpy.ndarray of bool
        Which frames have any that is infinite (n,).
    """
    n, positions = ra.shape
    pixels = np.full((n, positions, 2), np.nan)
    unsure = np.zeros(n, dtype=np.bool_)
    for k in range(n):
        for t in range(positions):
            if math.isfinite(ra[k, t]) and math.isfinite(dec[k, t]):
                x, y = _place(planes[k], ra[k, t], dec[k, t])
                pixels[k, t, 0], pixels[k, t, 1] = x, y
                unsure[k] |= not math.isfinite(x)
    return pixels, unsure


@compiled
def _place(plane: FloatArray, ra: float, dec: float) -> tuple[float, float]:
    """Find where one position falls; infinite where it is not sure."""
    to_radians = math.pi / 180.0
    lat0 = plane[3] * to_radians
    sin0, cos0 = math.sin(lat0), math.cos(lat0)
    determinant = plane[4] * plane[7] - plane[5] * plane[6]
    east, lat = (ra - plane[2]) * to_radians, dec * to_radians
    sin, cos = math.sin(lat), math.cos(lat)
    depth = sin * sin0 + cos * cos0 * math.cos(east)
    if abs(dec) > 90.0 or abs(plane[3]) >= 90.0 or determinant == 0.0 or not depth > 0.1:
        return np.inf, np.inf
    xi = cos * math.sin(east) / depth / to_radians
    eta = (sin * cos0 - cos * sin0 * math.cos(east)) / depth / to_radians
    u0 = (plane[7] * xi - plane[5] * eta) / determinant
    v0 = (plane[4] * eta - plane[6] * xi) / determinant
    u, v = u0, v0
    before, done = np.inf, plane[_A - 2] == 0.0
    for _ in range(MOST_ITERATIONS):
        if done:
            break
        du, dv = u - u0 + _distortion(plane, _A, u, v), v - v0 + _distortion(plane, _B, u, v)
        square = du * du + dv * dv
        if not square < before:
            break
        u, v, before = u - du, v - dv, square
        done = square < CONVERGED * CONVERGED
    if not done:
        return np.inf, np.inf
    return u + (plane[0] - 1.0), v + (plane[1] - 1.0)


@compiled
def _distortion(plane: FloatArray, first: int, u: float, v: float) -> float:
    """Sum one SIP polynomial at a place counted from the reference pixel."""
    order = int(plane[_A - 2] if first == _A else plane[_A - 1])
    total, place, power = 0.0, first, 1.0
    for i in range(LARGEST_ORDER + 1):
        along_v = 0.0
        for j in range(LARGEST_ORDER - i, -1, -1):
            # A coefficient beyond the order that the header tells counts for nothing.
            along_v = along_v * v + (plane[place + j] if i + j <= order else 0.0)
        total += power * along_v
        power *= u
        place += LARGEST_ORDER + 1 - i
    return total
