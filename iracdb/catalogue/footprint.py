"""Where a file's array lies on the sky, as SQL over the cards of its coordinate system.

The one projection of IRAC's frames: gnomonic (TAN) with a distortion polynomial (SIP, Shupe et al.
2005). Written with the four operations alone: SQLite may lack sine and square root, and sums and
products give the same bits in both databases. The series end where the next term would be below
the last bit, for arrays of some arcminutes up to 89.5 degrees of declination; beyond there is no
footprint. Nor is there where a card is missing, is no number, or is one that no frame has: what
overflows would be an error in PostgreSQL, and one bad file must not spoil the view.
"""

# ruff: noqa: S608 (the SQL is put together from words of our own)
from __future__ import annotations

import math

from iracdb.irac.handbook import PIXEL_SIZE

CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""In parts of the axes: around the array as its pixels count."""

CENTRE = (0.5, 0.5)

_HIGHEST_ORDER = 5
_MOST_NORTHERN = 89.5
_FARTHEST = 0.0015
"""Radians from the reference point: half as much again as an array's corner."""
_LEAST, _MOST = 1e-30, 1e6
"""Sizes of a card's number, if it is not zero."""
_NUMBERS = ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
_TEXTS = ("CTYPE1", "CTYPE2", "RADESYS", "RADECSYS", "CUNIT1", "CUNIT2")
_DECIMALS = 8

_DEGREE = repr(math.radians(1))
_RADIAN = repr(math.degrees(1))


def centre_sql(dialect: str, axis: str) -> str:
    """Write the position of the array's centre.

    Parameters
    ----------
    dialect : {'sqlite', 'postgresql'}
        The database.
    axis : {'ra', 'dec'}
        Which coordinate.

    Returns
    -------
    str
        SQL of ICRS degrees over the alias f, the file.
    """
    return f"(WITH {_positions(dialect, (CENTRE,))} SELECT {axis} FROM position)"


def region_sql(dialect: str) -> str:
    """Write the outline of the array.

    Parameters
    ----------
    dialect : {'sqlite', 'postgresql'}
        The database.

    Returns
    -------
    str
        SQL over the alias f: an STC-S polygon in ICRS, its corners counter-clockwise as seen from
        below the sky, to 36 microarcseconds.
    """
    corners = [
        f"MAX(CASE WHEN point = {point} THEN {_printed(dialect, 'ra')} || ' ' || "
        f"{_printed(dialect, 'dec')} END)"
        for point in range(len(CORNERS))
    ]
    # Where the pixels are not mirrored against the sky, the other way round.
    second, fourth = (
        f"CASE WHEN MAX(mirrored) = 1 THEN {here} ELSE {there} END"
        for here, there in ((corners[1], corners[3]), (corners[3], corners[1]))
    )
    outline = " || ' ' || ".join((corners[0], second, corners[2], fourth))
    return (
        f"(WITH {_positions(dialect, CORNERS)} SELECT 'POLYGON ICRS ' || {outline} FROM position)"
    )


def extent_sql(dialect: str) -> str:
    """Write the diameter of the circle around the array.

    Parameters
    ----------
    dialect : {'sqlite', 'postgresql'}
        The database.

    Returns
    -------
    str
        SQL of degrees over the alias f.
    """
    # The longer diagonal, on the tangent plane.
    ends = ", ".join(
        f"MAX(CASE WHEN point = {point} THEN {axis} END) AS {axis}{point}"
        for point in range(len(CORNERS))
        for axis in ("xi", "eta")
    )
    diagonals = ", ".join(
        f"(xi{here} - xi{there}) * (xi{here} - xi{there}) "
        f"+ (eta{here} - eta{there}) * (eta{here} - eta{there})"
        for here, there in ((0, 2), (1, 3))
    )
    steps = [
        _planes(dialect, CORNERS),
        f"ends AS MATERIALIZED (SELECT {ends}, MAX(guess) AS guess FROM near "
        f"HAVING COUNT(*) = {len(CORNERS)})",
        f"root0 AS MATERIALIZED (SELECT {_larger(dialect)}({diagonals}) AS square, guess AS x "
        f"FROM ends)",
    ]
    # The guess is right to a few per cent: three steps of Newton's leave nothing.
    steps += [
        f"root{step} AS MATERIALIZED (SELECT square, 0.5 * (x + square / x) AS x "
        f"FROM root{step - 1})"
        for step in (1, 2, 3)
    ]
    return f"(WITH {', '.join(steps)} SELECT x * {_RADIAN} FROM root3)"


def _larger(dialect: str) -> str:
    return "MAX" if dialect == "sqlite" else "GREATEST"


def _diagonal() -> str:
    """Write what the array's diagonal should be, radians."""
    sizes = " ".join(f"WHEN {channel} THEN {size!r}" for channel, size in PIXEL_SIZE.items())
    return f"{math.sqrt(2)!r} * naxis1 * CASE channel {sizes} END / 3600.0 * {_DEGREE}"


def _positions(dialect: str, points: tuple[tuple[float, float], ...]) -> str:
    """Write the steps up to ICRS degrees of points given in parts of the axes."""
    # On the tangent plane at declination d: up = cos d - eta sin d, and the hypotenuse of xi and
    # up is longer than up by rise.
    up, rise = "cosine - eta * sine", "up * " + _root_less_one("(slope * slope)")
    steps = [
        _planes(dialect, points),
        f"raised AS MATERIALIZED (SELECT point, mirrored, xi, eta, sine, cosine, crval1, crval2, "
        f"{up} AS up FROM near)",
        "sloped AS MATERIALIZED (SELECT raised.*, xi / up AS slope FROM raised)",
        f"risen AS MATERIALIZED (SELECT sloped.*, {rise} AS rise FROM sloped)",
        "turned AS MATERIALIZED (SELECT risen.*, (eta - rise * sine) / (1.0 + rise * cosine) "
        "AS tilt FROM risen)",
        f"free AS MATERIALIZED (SELECT point, mirrored, "
        f"crval1 + {_arctangent('slope')} * {_RADIAN} AS ra, "
        f"crval2 + {_arctangent('tilt')} * {_RADIAN} AS dec FROM turned)",
        "position AS MATERIALIZED (SELECT point, mirrored, CASE WHEN ra < 0.0 THEN ra + 360.0 "
        "WHEN ra >= 360.0 THEN ra - 360.0 ELSE ra END AS ra, dec FROM free)",
    ]
    return ", ".join(steps)


def _planes(dialect: str, points: tuple[tuple[float, float], ...]) -> str:
    """Write the steps up to the tangent plane, in radians."""
    corners = " UNION ALL ".join(
        f"SELECT {number} AS point, {a!r} AS a, {b!r} AS b" for number, (a, b) in enumerate(points)
    )
    sine, cosine = _sine_and_cosine("d")
    kept = "point, crval1, crval2, cd1_1, cd1_2, cd2_1, cd2_2, d, guess"
    return (
        f"{_cards(dialect)}, "
        f"pixel AS MATERIALIZED (SELECT card.*, point, a * naxis1 + 0.5 - crpix1 AS u, "
        f"b * naxis2 + 0.5 - crpix2 AS v, crval2 * {_DEGREE} AS d, {_diagonal()} AS guess "
        f"FROM card CROSS JOIN ({corners}) AS corner), "
        f"straight AS MATERIALIZED (SELECT {kept}, u + {_polynomial('a')} AS x, "
        f"v + {_polynomial('b')} AS y FROM pixel), "
        f"plane AS MATERIALIZED (SELECT point, crval1, crval2, guess, "
        f"{sine} AS sine, {cosine} AS cosine, "
        f"CASE WHEN cd1_1 * cd2_2 < cd1_2 * cd2_1 THEN 1 ELSE 0 END AS mirrored, "
        f"(cd1_1 * x + cd1_2 * y) * {_DEGREE} AS xi, "
        f"(cd2_1 * x + cd2_2 * y) * {_DEGREE} AS eta FROM straight), "
        f"near AS MATERIALIZED (SELECT * FROM plane "
        f"WHERE ABS(xi) <= {_FARTHEST} AND ABS(eta) <= {_FARTHEST})"
    )


def _cards(dialect: str) -> str:
    """Write the step that reads the cards: no row unless all are as IRAC's files have them."""
    numbers = ", ".join(f"{_number(dialect, key)} AS {key.lower()}" for key in _NUMBERS)
    terms = ", ".join(
        f"COALESCE({_number(dialect, f'{axis.upper()}_{p}_{q}')}, 0.0) AS {axis}_{p}_{q}"
        for axis in "ab"
        for p, q in _terms()
    )
    present = " AND ".join(f"{key.lower()} IS NOT NULL" for key in _NUMBERS)
    orders = (f"COALESCE({_number(dialect, f'{axis}_ORDER')}, 0)" for axis in "AB")
    highest = f"{_larger(dialect)}({', '.join(orders)})"
    return (
        f"usable AS MATERIALIZED (SELECT {_usable(dialect)} AS wcs, f.naxis1 AS naxis1, "
        f"f.naxis2 AS naxis2, e.channel AS channel), "
        f"read_card AS MATERIALIZED (SELECT naxis1, naxis2, channel, {numbers}, {terms} "
        f"FROM usable WHERE {_text(dialect, 'CTYPE1')} IN ('RA---TAN', 'RA---TAN-SIP') "
        f"AND {_text(dialect, 'CTYPE2')} IN ('DEC--TAN', 'DEC--TAN-SIP') "
        f"AND COALESCE({_text(dialect, 'RADESYS')}, {_text(dialect, 'RADECSYS')}) = 'ICRS' "
        f"AND COALESCE({_number(dialect, 'LONPOLE')}, 180.0) = 180.0 "
        f"AND {highest} <= {_HIGHEST_ORDER}), "
        f"card AS MATERIALIZED (SELECT * FROM read_card WHERE {present} "
        f"AND crval2 BETWEEN -{_MOST_NORTHERN} AND {_MOST_NORTHERN})"
    )


def _usable(dialect: str) -> str:
    """Write the cards, or NULL where one that must be a number is none, or an absurd one."""
    texts = ", ".join(f"'{key}'" for key in _TEXTS)
    # The inverse polynomials are not needed.
    needed = f"key NOT IN ({texts}) AND key NOT LIKE 'AP%' AND key NOT LIKE 'BP%'"
    absurd = f"size <> 0.0 AND (size < {_LEAST} OR size > {_MOST})"
    if dialect == "sqlite":
        entries = (
            # Where there is no coordinate system at all, the one entry has no key.
            "SELECT COALESCE(c.key, '') AS key, "
            "CASE WHEN c.type IN ('real', 'integer') THEN ABS(c.value) END AS size "
            "FROM json_each(f.wcs) AS c"
        )
        usable = "f.wcs IS NOT NULL"
    else:
        entries = (
            "SELECT c.key AS key, CASE WHEN jsonb_typeof(c.value) = 'number' "
            "THEN ABS(CAST(c.value AS DOUBLE PRECISION)) END AS size "
            "FROM jsonb_each(CASE WHEN jsonb_typeof(f.wcs) = 'object' THEN f.wcs END) AS c"
        )
        usable = "jsonb_typeof(f.wcs) = 'object'"
    return (
        f"CASE WHEN {usable} AND NOT EXISTS (SELECT 1 FROM ({entries}) AS entry "
        f"WHERE {needed} AND (size IS NULL OR {absurd})) THEN f.wcs END"
    )


def _number(dialect: str, key: str) -> str:
    if dialect == "sqlite":
        return f"CAST(json_extract(wcs, '$.{key}') AS REAL)"
    return f"CAST(wcs ->> '{key}' AS DOUBLE PRECISION)"


def _text(dialect: str, key: str) -> str:
    return f"json_extract(wcs, '$.{key}')" if dialect == "sqlite" else f"wcs ->> '{key}'"


def _terms() -> list[tuple[int, int]]:
    orders = range(_HIGHEST_ORDER + 1)
    return [(p, q) for p in orders for q in orders if p + q <= _HIGHEST_ORDER]


def _polynomial(axis: str) -> str:
    """Write the distortion of u and v, by Horner's rule in both."""
    in_u = [
        _horner([f"{axis}_{p}_{q}" for q in range(_HIGHEST_ORDER + 1 - p)], "v")
        for p in range(_HIGHEST_ORDER + 1)
    ]
    return _horner(in_u, "u")


def _horner(coefficients: list[str], variable: str) -> str:
    """Write c0 + x (c1 + x (c2 + ...))."""
    written = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        written = f"({coefficient} + {variable} * {written})"
    return written


def _series(coefficients: list[float], variable: str) -> str:
    return _horner([f"({value!r})" for value in coefficients], variable)


def _sine_and_cosine(variable: str) -> tuple[str, str]:
    square = f"({variable} * {variable})"
    sine = [(-1) ** k / math.factorial(2 * k + 1) for k in range(12)]
    cosine = [(-1) ** k / math.factorial(2 * k) for k in range(13)]
    return f"{variable} * {_series(sine, square)}", _series(cosine, square)


def _arctangent(variable: str) -> str:
    """Write the arctangent of what is smaller than a quarter."""
    terms = [(-1) ** k / (2 * k + 1) for k in range(11)]
    return f"{variable} * {_series(terms, f'({variable} * {variable})')}"


def _root_less_one(variable: str) -> str:
    """Write sqrt(1 + s) - 1 for s smaller than a twentieth."""
    terms, last = [], 1.0
    for k in range(1, 11):
        last *= (1.5 - k) / k
        terms.append(last)
    return f"{variable} * {_series(terms, variable)}"


def _printed(dialect: str, variable: str) -> str:
    """Write degrees as text with a fixed number of decimals, the same in both databases."""
    scale = 10**_DECIMALS
    size = f"ABS({variable}) * {scale}.0 + 0.5"
    # Either database truncates here; a cast alone would round in PostgreSQL.
    whole = f"CAST({size} AS INTEGER)" if dialect == "sqlite" else f"CAST(TRUNC({size}) AS BIGINT)"
    # What rounds up to a full turn is where the turn begins.
    whole = f"({whole} % {360 * scale})"
    return (
        f"CASE WHEN {variable} < 0.0 THEN '-' ELSE '' END || CAST({whole} / {scale} AS TEXT) "
        f"|| '.' || SUBSTR(CAST({whole} % {scale} + {scale} AS TEXT), 2)"
    )
